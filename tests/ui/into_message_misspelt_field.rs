// A field that the message does not have.
use psd_core::proto::common::sfiles as pb;
use psd_core::IntoMessage;

#[derive(IntoMessage)]
#[message(pb::UploadProgress)]
struct Progress {
    n_byte: i64,
    key: String,
    local_key: String,
}

fn main() {}
