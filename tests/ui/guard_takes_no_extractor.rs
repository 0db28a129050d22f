// The guard takes a file name, which nothing can be extracted to.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

fn is_own(_: &pb::UploadEnd, name: String) -> bool {
    name.is_empty()
}

#[receive(guard = is_own)]
async fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
