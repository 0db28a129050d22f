// An `async fn` is sent to the sync workers.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(blocking)]
async fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
