// A handler answers with a message that only clients send.
use psd_core::proto::common::sfiles as pb;
use psd_core::{Error, receive};

#[receive]
fn upload_end(message: pb::UploadEnd) -> Result<pb::UploadEnd, Error> {
    Ok(message)
}

fn main() {}
