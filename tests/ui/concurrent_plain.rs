// A plain `fn` cannot run beside anything.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive(concurrent)]
fn upload_end(message: pb::UploadEnd) {
    drop(message);
}

fn main() {}
