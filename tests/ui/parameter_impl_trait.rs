// A parameter does not say its type.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive]
fn upload_end(message: pb::UploadEnd, clock: impl Fn() -> u64) {
    drop((message, clock));
}

fn main() {}
