// A parameter is nothing that a request has.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

struct Clock;

#[receive]
async fn upload_end(message: pb::UploadEnd, clock: Clock) {
    drop((message, clock));
}

fn main() {}
