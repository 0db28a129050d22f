// A field does not convert by itself.
use psd_core::proto::common::sfiles as pb;
use psd_core::IntoMessage;

#[derive(IntoMessage)]
#[message(pb::UploadProgress)]
struct Progress {
    n_bytes: u64,
    key: String,
    local_key: String,
}

fn main() {}
