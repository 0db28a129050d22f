// The attribute stands on the wrong item.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive]
struct UploadEnd;

#[allow(dead_code)]
fn upload_end(message: pb::UploadEnd) -> UploadEnd {
    drop(message);
    UploadEnd
}

fn main() {}
