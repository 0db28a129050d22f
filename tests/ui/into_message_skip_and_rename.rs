// A field is left out and renamed.
use psd_core::proto::common::sfiles as pb;
use psd_core::IntoMessage;

#[derive(IntoMessage)]
#[message(pb::UploadProgress)]
struct Progress {
    #[message(skip, rename = "n_bytes")]
    n_bytes: i64,
    key: String,
    local_key: String,
}

fn main() {}
