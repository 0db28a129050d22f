// State that cannot be handed to every call.
use psd_core::proto::common::sfiles as pb;
use psd_core::{State, receive};

struct Database;

#[receive]
async fn upload_end(message: pb::UploadEnd, State(database): State<Database>) {
    drop((message, database));
}

fn main() {}
