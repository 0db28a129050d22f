// A handler returns a number.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive]
async fn upload_end(message: pb::UploadEnd) -> u64 {
    drop(message);
    7
}

fn main() {}
