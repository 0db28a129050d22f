// The first parameter is a tuple.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive]
fn upload_end((message, size): (pb::UploadEnd, u32)) {
    drop((message, size));
}

fn main() {}
