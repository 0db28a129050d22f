// The function of `with` takes something else.
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

fn length(text: String) -> i64 {
    text.len() as i64
}

fn main() {}
