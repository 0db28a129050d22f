// The handler has a `where` clause.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

#[receive]
fn upload_end(message: pb::UploadEnd)
where
    String: Clone,
{
    drop(message);
}

fn main() {}
