// There is no message.
use psd_core::receive;

#[receive]
fn upload_end() {}

fn main() {}
