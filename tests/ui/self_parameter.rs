// The handler is a method.
use psd_core::proto::common::sfiles as pb;
use psd_core::receive;

struct Uploads;

impl Uploads {
    #[receive]
    async fn upload_end(&self, message: pb::UploadEnd) {
        drop(message);
    }
}

fn main() {}
