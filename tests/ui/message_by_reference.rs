// The message is borrowed.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive]
async fn upload_end(message: &pb::UploadEnd) {
    let _ = message;
}

fn main() {}
