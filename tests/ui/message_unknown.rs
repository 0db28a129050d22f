// The message is misspelt.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive]
async fn upload_ent(message: pb::UploadEnt) {
    drop(message);
}

fn main() {}
