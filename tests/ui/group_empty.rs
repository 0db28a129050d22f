// A user group has no name.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(whitelist_groups = ["staff", ""])]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
