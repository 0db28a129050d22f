// The server sends what only clients send.
use psd_core::proto::common::sfiles as pb;
use psd_core::{Connection, receive};

#[receive]
async fn upload_end(message: pb::UploadEnd, connection: Connection) {
    let _ = connection.send(&message);
}

fn main() {}
