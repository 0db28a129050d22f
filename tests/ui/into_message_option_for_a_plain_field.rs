// A field may be missing, the message's may not.
use psd_core::proto::common::sfiles as pb;
use psd_core::IntoMessage;

#[derive(IntoMessage)]
#[message(pb::UploadProgress)]
struct Progress {
    n_bytes: Option<i64>,
    key: String,
    local_key: String,
}

fn main() {}
