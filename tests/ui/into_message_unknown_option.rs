// An option of a field is misspelt.
use psd_core::proto::common::sfiles as pb;
use psd_core::IntoMessage;

#[derive(IntoMessage)]
#[message(pb::UploadProgress)]
struct Progress {
    #[message(renamed = "n_bytes")]
    n_bytes: i64,
    key: String,
    local_key: String,
}

fn main() {}
