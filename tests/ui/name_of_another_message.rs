// The function is not named like its message.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive]
fn end_upload(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
