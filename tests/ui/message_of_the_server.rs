// The message is one that only the server sends.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive]
async fn upload_progress(message: pb::UploadProgress) {
    drop(message);
}

fn main() {}
