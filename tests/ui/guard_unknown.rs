// There is no such guard.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(guard = is_own)]
async fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
