// An option is misspelt.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(permision = ["files.add_file"])]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
