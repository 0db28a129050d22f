// The message is misspelt.
use psd_core::proto::common::sfiles as pb;
use psd_core::IntoMessage;

#[derive(IntoMessage)]
#[message(pb::UploadProgres)]
struct Progress {
    n_bytes: i64,
}

fn main() {}
