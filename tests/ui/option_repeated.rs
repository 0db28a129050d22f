// An option is given twice.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(auth, permissions = ["files.add_file"], auth)]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
