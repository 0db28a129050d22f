// One function is to be two handlers.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(auth)]
#[receive(auth = false)]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
