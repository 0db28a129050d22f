// Two ways to run at once.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(blocking, concurrent)]
async fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
