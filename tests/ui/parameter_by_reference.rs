// An extractor is borrowed.
use psd_core::proto::common::sfiles as pb;
use psd_core::{Connection, receive};

#[receive]
async fn upload_end(message: pb::UploadEnd, connection: &Connection) {
    drop((message, connection));
}

fn main() {}
