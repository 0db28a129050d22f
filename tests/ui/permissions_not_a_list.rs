// One permission is given without the list.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(permissions = "files.add_file")]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
