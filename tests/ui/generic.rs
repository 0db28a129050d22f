// The handler is generic.
use psd_core::proto::common::sfiles as pb;
use psd_core::{State, receive};

#[receive]
async fn upload_end<T>(message: pb::UploadEnd, State(state): State<T>) {
    drop((message, state));
}

fn main() {}
