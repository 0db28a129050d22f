// A user group is let in and kept out.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(whitelist_groups = ["staff", "guests"], blacklist_groups = ["guests"])]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
