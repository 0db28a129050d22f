// Thirteen parameters.
use psd_core::proto::common::sfiles as pb;
use psd_core::{Connection, receive};

#[receive]
fn upload_end(
    _: pb::UploadEnd,
    _: Connection,
    _: Connection,
    _: Connection,
    _: Connection,
    _: Connection,
    _: Connection,
    _: Connection,
    _: Connection,
    _: Connection,
    _: Connection,
    _: Connection,
    _: Connection,
) {
}

fn main() {}
