// A field cannot be cloned, which sending by reference does.
use psd_core::proto::common::sfiles as pb;
use psd_core::IntoMessage;

struct Bytes(i64);

impl From<Bytes> for i64 {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

#[derive(IntoMessage)]
#[message(pb::UploadProgress)]
struct Progress {
    n_bytes: Bytes,
    key: String,
    local_key: String,
}

fn main() {}
