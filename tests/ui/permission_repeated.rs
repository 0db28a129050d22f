// A permission is named twice.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(permissions = ["files.add_file", "files.view_file", "files.add_file"])]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
