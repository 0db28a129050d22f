//! Files: uploads that survive a bad network, and downloads.
//!
//! `uploads` is the one core; it knows nothing of transports. `http` (tus and downloads), `stream` (chunks on a connection
//! of v1), `classic` (a socket of its own) and `receivers` (the common messages) call it: `start` makes an upload, `resume`
//! gives the `writer`, which is the only one of its upload, and its `finish` has the file published. `storage` alone knows
//! where bytes are kept; it alone, and what reads finished files, names object_store.

mod builder;
mod classic;
mod core;
mod done;
mod hash;
mod hooks;
mod http;
mod id;
mod index;
mod kind;
mod link;
mod locks;
mod name;
mod publish;
mod receivers;
mod record;
mod room;
mod service;
mod slots;
mod storage;
mod stored;
mod stream;
mod sweep;
mod uploads;
mod work;
mod writer;

pub use builder::Files;
pub use hooks::{FileHooks, NewUpload, Slot};
pub use id::UploadId;
pub use object_store;
pub use service::FileService;
pub use storage::Storage;
pub use stored::StoredFile;

pub(crate) use self::{core::Core, stream::Streams};
