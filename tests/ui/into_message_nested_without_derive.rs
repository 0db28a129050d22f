// A nested struct is no message.
use psd_core::proto::common::sfiles as pb;
use psd_core::IntoMessage;

#[derive(Clone)]
struct File {
    name: String,
}

#[derive(IntoMessage)]
#[message(pb::UploadDone)]
struct Done {
    key: String,
    file: File,
}

fn main() {}
