// The mistakes of one handler are reported in one run.
use psd_core::proto::common::sfiles as pb;
use psd_core::{Connection, receive};

#[receive(permision = ["files.add_file"], auth = 1, concurrent)]
fn end_upload(message: pb::UploadEnd, connection: &Connection) {
    drop((message, connection));
}

fn main() {}
