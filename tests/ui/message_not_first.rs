// An extractor stands where the message should.
use psd_core::proto::common::sfiles as pb;
use psd_core::{State, receive};

#[receive]
async fn upload_end(State(size): State<u32>, message: pb::UploadEnd) {
    drop((size, message));
}

fn main() {}
