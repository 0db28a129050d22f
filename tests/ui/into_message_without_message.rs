// The derive does not say which message.
use psd_core::IntoMessage;

#[derive(IntoMessage)]
struct Progress {
    n_bytes: i64,
}

fn main() {}
