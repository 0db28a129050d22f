// A guard needs an identity that `auth = false` does not ask for.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(auth = false, permissions = ["files.add_file"])]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
