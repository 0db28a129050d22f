// The consumer is named by its path on the wire.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(consumer = "/admin")]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
