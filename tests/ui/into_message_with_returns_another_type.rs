// The function of `with` returns something else.
use psd_core::proto::common::sfiles as pb;
use psd_core::IntoMessage;

#[derive(IntoMessage)]
#[message(pb::UploadProgress)]
struct Progress {
    #[message(with = length)]
    n_bytes: Vec<u8>,
    key: String,
    local_key: String,
}

fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

fn main() {}
