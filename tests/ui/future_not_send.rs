// A handler holds something across an await that cannot change threads.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;
use std::rc::Rc;

#[receive]
async fn upload_end(message: pb::UploadEnd) {
    let shared = Rc::new(message);
    std::future::ready(()).await;
    drop(shared);
}

fn main() {}
