// An error that is neither ours nor a standard one.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

struct Full;

#[receive]
async fn upload_end(message: pb::UploadEnd) -> Result<(), Full> {
    drop(message);
    Err(Full)
}

fn main() {}
