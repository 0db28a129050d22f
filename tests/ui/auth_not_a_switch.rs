// `auth` is a string.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(auth = "yes")]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
