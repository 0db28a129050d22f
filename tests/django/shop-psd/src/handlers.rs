//! What is done about each message, one module for each file of receivers.
// Handlers that are not moved yet use nothing of what they are given.
#![allow(unused_variables)]

mod chat;
mod chat_stock;

use psd_core::Error;

/// What a handler answers with until its Python is moved.
fn not_moved(receiver: &str) -> Error {
    Error::new(501, format!("not moved yet: {receiver}"))
}
