// An option that is its own value is given one.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(blocking = true)]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
