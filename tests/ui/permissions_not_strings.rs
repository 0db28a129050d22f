// A permission is a constant.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

const ADD_FILE: &str = "files.add_file";

#[receive(permissions = [ADD_FILE])]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
