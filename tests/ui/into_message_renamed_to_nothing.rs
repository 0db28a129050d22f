// A field is renamed to one that the message does not have.
use psd_core::proto::common::sfiles as pb;
use psd_core::IntoMessage;

#[derive(IntoMessage)]
#[message(pb::UploadProgress)]
struct Progress {
    #[message(rename = "bytes")]
    n_bytes: i64,
    key: String,
    local_key: String,
}

fn main() {}
