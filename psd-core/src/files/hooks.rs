//! What the application decides about files.

use std::{collections::BTreeMap, future::Future, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use psd_proto::common::sfiles::UploadedFile;

use super::{StoredFile, UploadId};
use crate::{Error, Identity, Server, auth::BoxFuture, continue_::panicked, dispatch::within};

/// What an application decides about its files; given to [`Files::hooks`](super::Files::hooks). Each hook may be left out.
///
/// Hooks reach what handlers take as `State` by [`Server::state`]. They have as long as handlers
/// ([`Settings::handler_timeout`](crate::Settings::handler_timeout)); one that fails or panics answers the client with its
/// error, whatever it came by.
///
/// ```
/// use psd_core::{Error, Server, files::{FileHooks, Files, NewUpload, Slot, StoredFile}, proto::common::sfiles::UploadedFile};
///
/// struct Pictures;
///
/// impl FileHooks for Pictures {
///     async fn on_upload_start(&self, upload: &NewUpload, _: &Server) -> Result<Slot, Error> {
///         let user = upload.identity.as_ref().ok_or_else(|| Error::new(401, "log in first"))?;
///         Ok(Slot::new().key(format!("pictures/{}/{}", user.user_id(), upload.id)).types(["image/*"]).max_bytes(10 << 20))
///     }
///
///     async fn on_upload_done(&self, file: &StoredFile, server: &Server) -> Result<UploadedFile, Error> {
///         Ok(server.files()?.uploaded_file(file).await?)
///     }
/// }
///
/// let builder = Server::builder().files(Files::folder("data").hooks(Pictures));
/// # drop(builder);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what decides about files",
    label = "expected a type that implements `psd_core::files::FileHooks`",
    note = "write `impl FileHooks for {Self} {{}}`, with the hooks you need in it"
)]
pub trait FileHooks: Send + Sync + 'static {
    /// Decides whether somebody may bring and delete files at all, whatever it comes by: at each message and each request
    /// about uploads, and when a stream of a connection opens, once [`Files::guard`](super::Files::guard) has let the caller pass. Default: everybody may.
    ///
    /// # Errors
    /// What the client is answered with.
    fn on_request(
        &self,
        identity: Option<&Identity>,
        server: &Server,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (identity, server);
        std::future::ready(Ok(()))
    }

    /// Decides whether a file may come, and where it goes. Default: everybody whom the guard lets pass may bring one.
    ///
    /// # Errors
    /// What the client is answered with; nothing is stored.
    fn on_upload_start(&self, upload: &NewUpload, server: &Server) -> impl Future<Output = Result<Slot, Error>> + Send {
        let _ = (upload, server);
        std::future::ready(Ok(Slot::new()))
    }

    /// Runs when a file is stored, and makes of it what clients are told: the place for a thumbnail and for the database.
    /// Default: [`FileService::uploaded_file`](super::FileService::uploaded_file).
    ///
    /// Of servers that share a storage one runs it for a file. It runs again for the same file, here or there, if the server
    /// was killed before what it returned was stored: what must not happen twice goes by [`StoredFile::upload`], which is the
    /// same each time.
    ///
    /// # Errors
    /// What the client is answered with; the file is removed. An error of 500 or above keeps it, and it is tried again.
    fn on_upload_done(
        &self,
        file: &StoredFile,
        server: &Server,
    ) -> impl Future<Output = Result<UploadedFile, Error>> + Send {
        async move { server.files()?.uploaded_file(file).await }
    }

    /// Decides whether somebody may fetch a file without a signed link. Default: its owner and superusers may, and
    /// everybody if it is [public](Slot::public).
    ///
    /// # Errors
    /// What the client is answered with.
    fn on_download(
        &self,
        file: &StoredFile,
        identity: Option<&Identity>,
        server: &Server,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = server;
        std::future::ready(if file.public { Ok(()) } else { is_owner(file, identity) })
    }

    /// Decides whether somebody may delete a file. Default: its owner and superusers may.
    ///
    /// # Errors
    /// What the client is answered with.
    fn on_delete(
        &self,
        file: &StoredFile,
        identity: Option<&Identity>,
        server: &Server,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = server;
        std::future::ready(is_owner(file, identity))
    }
}

/// What was not decided otherwise.
impl FileHooks for () {}

fn is_owner(file: &StoredFile, identity: Option<&Identity>) -> Result<(), Error> {
    match identity {
        None => Err(Error::unauthenticated()),
        Some(identity) if identity.is_superuser() || file.owner.as_deref() == Some(identity.user_id()) => Ok(()),
        Some(_) => Err(Error::forbidden()),
    }
}

/// A file that a client wants to bring.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewUpload {
    /// Its upload.
    pub id: UploadId,
    /// Who brings it.
    pub identity: Option<Identity>,
    /// What the client calls it, without anything harmful; may be empty.
    pub name: String,
    /// The media type that the client says it is; may be empty.
    pub mime: String,
    /// Its bytes, where the client knows.
    pub length: Option<u64>,
    /// The client's own name for it; may be empty.
    pub local_key: String,
    /// What else the client says about it, as it came.
    pub metadata: BTreeMap<String, String>,
}

/// Where a file goes, and what it may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "it is for `on_upload_start` to return"]
pub struct Slot {
    pub(crate) key: Option<String>,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) types: Vec<String>,
    pub(crate) public: bool,
}

impl Slot {
    /// A place under a name that nobody can guess, for files that the settings allow, of any type, for their owner.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the file's name in the storage and in its URL: letters, digits, `.`, `_`, `-`, and `/` between parts. It must
    /// be new. Default: the upload's id, which nobody can guess.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets how many bytes the file may have, in the place of
    /// [`Settings::upload_max_bytes`](crate::Settings::upload_max_bytes).
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Sets which media types the file may be of, such as `image/*`, by its own bytes. Default: all.
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Lets everybody fetch the file who knows its URL. Default: its owner, and who has a signed link.
    pub fn public(mut self) -> Self {
        self.public = true;
        self
    }
}

/// [`FileHooks`] behind a pointer, each within its time and whether it panics or not.
pub(crate) trait AnyHooks: Send + Sync + 'static {
    fn request<'a>(&'a self, identity: Option<&'a Identity>, server: &'a Server) -> BoxFuture<'a, Result<(), Error>>;
    fn start<'a>(&'a self, upload: &'a NewUpload, server: &'a Server) -> BoxFuture<'a, Result<Slot, Error>>;
    fn done<'a>(&'a self, file: &'a StoredFile, server: &'a Server) -> BoxFuture<'a, Result<UploadedFile, Error>>;
    fn download<'a>(
        &'a self,
        file: &'a StoredFile,
        identity: Option<&'a Identity>,
        server: &'a Server,
    ) -> BoxFuture<'a, Result<(), Error>>;
    fn delete<'a>(
        &'a self,
        file: &'a StoredFile,
        identity: Option<&'a Identity>,
        server: &'a Server,
    ) -> BoxFuture<'a, Result<(), Error>>;
}

impl<H: FileHooks> AnyHooks for H {
    fn request<'a>(&'a self, identity: Option<&'a Identity>, server: &'a Server) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(held(server, async move { self.on_request(identity, server).await }))
    }

    fn start<'a>(&'a self, upload: &'a NewUpload, server: &'a Server) -> BoxFuture<'a, Result<Slot, Error>> {
        Box::pin(held(server, async move { self.on_upload_start(upload, server).await }))
    }

    fn done<'a>(&'a self, file: &'a StoredFile, server: &'a Server) -> BoxFuture<'a, Result<UploadedFile, Error>> {
        Box::pin(held(server, async move { self.on_upload_done(file, server).await }))
    }

    fn download<'a>(
        &'a self,
        file: &'a StoredFile,
        identity: Option<&'a Identity>,
        server: &'a Server,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(held(server, async move { self.on_download(file, identity, server).await }))
    }

    fn delete<'a>(
        &'a self,
        file: &'a StoredFile,
        identity: Option<&'a Identity>,
        server: &'a Server,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(held(server, async move { self.on_delete(file, identity, server).await }))
    }
}

async fn held<T>(server: &Server, hook: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let limit: Duration = server.settings().handler_timeout;
    match within(limit, AssertUnwindSafe(hook).catch_unwind()).await {
        Some(Ok(result)) => result,
        Some(Err(panic)) => Err(panicked(&*panic)),
        None => Err(Error::new(408, "it took too long to decide about the file")),
    }
}
