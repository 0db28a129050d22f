// An enum becomes no message.
use psd_core::proto::common::sfiles as pb;
use psd_core::IntoMessage;

#[derive(IntoMessage)]
#[message(pb::UploadProgress)]
enum Progress {
    Started,
}

fn main() {}
