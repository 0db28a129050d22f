// The list of permissions is empty.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(permissions = [])]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
