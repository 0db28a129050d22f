// A handler returns a type of the application that is no message.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

struct Slot;

#[receive]
async fn upload_end(message: pb::UploadEnd) -> Option<Slot> {
    drop(message);
    Some(Slot)
}

fn main() {}
