// The first parameter is a type of the application.
use psd_core::receive;

struct Upload;

#[receive]
fn upload(message: Upload) {
    drop(message);
}

fn main() {}
