// The consumer is some other type.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

struct Admin;

#[receive(consumer = Admin)]
async fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
