// A permission is not `app.codename`.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(permissions = ["add_file"])]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
