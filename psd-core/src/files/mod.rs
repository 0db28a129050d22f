//! Files: uploads that survive a bad network, and downloads.
//!
//! `service` is the one core; it knows nothing of transports. `http` (tus and downloads) and `receivers` (the common
//! messages) call it, and whatever else brings bytes does: `start` makes an upload, `resume` gives the `writer`, which is
//! the only one of its upload, and `finish` publishes the file. `storage` alone knows where bytes are kept; it alone, and
//! what reads finished files, names object_store.

mod builder;
mod hash;
mod hooks;
mod http;
mod id;
mod index;
mod kind;
mod link;
mod locks;
mod name;
mod receivers;
mod record;
mod service;
mod storage;
mod stored;
mod writer;

pub use builder::Files;
pub use hooks::{FileHooks, NewUpload, Slot};
pub use id::UploadId;
pub use object_store;
pub use service::FileService;
pub use storage::Storage;
pub use stored::StoredFile;

pub(crate) use service::Core;
