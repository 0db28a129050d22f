// The handler is for another language.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive]
extern "C" fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
