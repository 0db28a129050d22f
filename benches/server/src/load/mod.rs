//! The clients: one thread, epoll, frames that were made beforehand. They cost less than any server they talk to, and every
//! figure comes with their own share of processor time, which shows it.

mod client;
mod dialog;
pub mod modes;
mod process;

pub use client::Clients;
pub use dialog::{Dialect, Dialog};
pub use process::{Cpu, Server};
