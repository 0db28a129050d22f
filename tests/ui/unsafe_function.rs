// The handler is `unsafe`.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive]
unsafe fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
