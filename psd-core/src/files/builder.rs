//! What the application says about files when it builds its server.

use std::{fmt, path::PathBuf, sync::Arc};

use super::{FileHooks, Storage, hooks::AnyHooks};
use crate::Guard;

/// Switches files on; given to [`ServerBuilder::files`](crate::ServerBuilder::files).
///
/// ```
/// use psd_core::{Server, files::Files};
///
/// let builder = Server::builder().files(Files::folder("data"));
/// # drop(builder);
/// ```
#[must_use = "give it to `Server::builder().files(…)`"]
pub struct Files {
    pub(crate) storage: Storage,
    pub(crate) hooks: Arc<dyn AnyHooks>,
    pub(crate) guard: Guard,
    pub(crate) upload_path: String,
    pub(crate) download_path: String,
    pub(crate) socket_path: Option<String>,
}

impl Files {
    /// Keeps files in a folder of this machine; see [`Storage::folder`].
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self::in_storage(Storage::folder(path))
    }

    /// Keeps files in a storage.
    pub fn in_storage(storage: Storage) -> Self {
        Self {
            storage,
            hooks: Arc::new(()),
            guard: Guard::default(),
            upload_path: "/uploads".into(),
            download_path: "/files".into(),
            socket_path: None,
        }
    }

    /// Sets what decides about files. Default: whoever the guard lets pass may bring files, and has them for themselves.
    pub fn hooks(mut self, hooks: impl FileHooks) -> Self {
        self.hooks = Arc::new(hooks);
        self
    }

    /// Sets who may bring and delete files at all, as at a handler. Default: what
    /// [`Settings::default_auth`](crate::Settings::default_auth) says. A guard function, which sees a message, is refused at
    /// start-up: what decides about every request is [`FileHooks::on_request`].
    pub fn guard(mut self, guard: Guard) -> Self {
        self.guard = guard;
        self
    }

    /// Sets where uploads (tus) are opened. Default: `/uploads`.
    pub fn upload_path(mut self, path: impl Into<String>) -> Self {
        self.upload_path = path.into();
        self
    }

    /// Sets where clients of the classic dialect open their second connection, besides `<upload path>/<key>`: a path that
    /// names `{key}`, as such clients have it built in, such as `/ws/upload/{key}/`.
    pub fn socket_path(mut self, path: impl Into<String>) -> Self {
        self.socket_path = Some(path.into());
        self
    }

    /// Sets under which path files are fetched. Default: `/files`.
    pub fn download_path(mut self, path: impl Into<String>) -> Self {
        self.download_path = path.into();
        self
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("storage", &self.storage).finish_non_exhaustive()
    }
}
