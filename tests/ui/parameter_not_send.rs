// A parameter cannot move to a worker's thread.
use psd_core::proto::common::sfiles as pb;
use psd_core::{Call, Error, Extract, receive};
use std::rc::Rc;

struct Local(Rc<u64>);

impl Extract for Local {
    fn extract(_: &Call<'_>) -> Result<Self, Error> {
        Ok(Self(Rc::new(1)))
    }
}

#[receive(blocking)]
fn upload_end(message: pb::UploadEnd, local: Local) {
    drop((message, local.0));
}

fn main() {}
