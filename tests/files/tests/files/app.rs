use std::{net::SocketAddr, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{FutureExt as _, TryStreamExt as _};
use psd_core::{
    Error, Identity, Server, ServerBuilder, Settings, Unhandled,
    auth::StaticTokens,
    files::{
        FileHooks, Files, NewUpload, Slot, Storage, StoredFile,
        object_store::{ObjectStore as _, ObjectStoreExt as _, memory::InMemory},
    },
    proto::common::sfiles::UploadedFile,
};
use psd_tests::{DEADLINE, Running};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::s3::{self, S3};

pub(crate) const CHUNK: &str = "application/offset+octet-stream";

/// Lets the client's metadata decide.
pub(crate) struct App;

impl FileHooks for App {
    async fn on_request(&self, identity: Option<&Identity>, _: &Server) -> Result<(), Error> {
        match identity {
            Some(identity) if identity.username() == "eve" => Err(Error::new(403, "you bring nothing here")),
            _ => Ok(()),
        }
    }

    async fn on_upload_start(&self, upload: &NewUpload, _: &Server) -> Result<Slot, Error> {
        let said = |key: &str| upload.metadata.get(key).cloned();
        if said("refuse").is_some() {
            return Err(Error::new(422, "no more of these"));
        }
        assert!(said("panic").is_none(), "as the client wishes");
        let mut slot = Slot::new();
        // Classic clients say nothing else.
        match upload.local_key.split_once('=').unwrap_or((&upload.local_key, "")) {
            ("keyed", _) => slot = slot.key(format!("pictures/{}", upload.id)),
            ("key", key) => slot = slot.key(key),
            ("images", _) => slot = slot.types(["image/*"]),
            _ => {}
        }
        if let Some(key) = said("key") {
            slot = slot.key(key);
        }
        if let Some(types) = said("types") {
            slot = slot.types([types]);
        }
        if let Some(most) = said("most") {
            slot = slot.max_bytes(most.parse()?);
        }
        Ok(if said("public").is_some() { slot.public() } else { slot })
    }

    async fn on_upload_done(&self, file: &StoredFile, server: &Server) -> Result<UploadedFile, Error> {
        if file.metadata.contains_key("reject") {
            return Err(Error::new(422, "there is a virus in it"));
        }
        // For the first server that comes to it.
        if let Some(mark) = file.metadata.get("hang")
            && std::fs::File::create_new(mark).is_ok()
        {
            std::future::pending::<()>().await;
        }
        let mut uploaded = server.files()?.uploaded_file(file).await?;
        uploaded.thumb_url = file.metadata.get("thumb").cloned().unwrap_or_default();
        Ok(uploaded)
    }
}

/// A server with files in a storage of its own.
pub(crate) struct FileApp {
    pub(crate) running: Running,
    settings: Settings,
    /// Where files are, if that is a folder.
    pub(crate) folder: Option<TempDir>,
    s3: Option<S3>,
    /// Where they are otherwise.
    memory: InMemory,
}

pub(crate) fn tokens() -> StaticTokens {
    StaticTokens::new()
        .token("ann", Identity::new("1", "ann"))
        .token("bob", Identity::new("2", "bob"))
        .token("eve", Identity::new("4", "eve"))
        .token("root", Identity::new("3", "root").superuser(true))
}

pub(crate) fn builder(storage: Storage, settings: Settings) -> ServerBuilder {
    Server::builder()
        .authenticator(tokens())
        .unhandled(Unhandled::Allow)
        .settings(settings)
        .files(Files::in_storage(storage).hooks(App))
}

impl FileApp {
    pub(crate) async fn in_memory() -> Self {
        Self::start(Settings::default(), None, None).await
    }

    pub(crate) async fn in_folder() -> Self {
        Self::with(Settings::default()).await
    }

    /// In a folder.
    pub(crate) async fn with(settings: Settings) -> Self {
        Self::start(settings, Some(tempfile::tempdir().unwrap()), None).await
    }

    /// One of each storage.
    pub(crate) async fn all() -> [Self; 3] {
        Self::all_with(Settings::default()).await
    }

    pub(crate) async fn all_with(settings: Settings) -> [Self; 3] {
        let folder = Some(tempfile::tempdir().unwrap());
        [
            Self::start(settings.clone(), None, None).await,
            Self::start(settings.clone(), folder, None).await,
            Self::start(settings, None, Some(S3::start().await)).await,
        ]
    }

    async fn start(settings: Settings, folder: Option<TempDir>, s3: Option<S3>) -> Self {
        let memory = InMemory::new();
        let storage = storage_of(folder.as_ref(), s3.as_ref(), &memory);
        let running = Running::start(builder(storage, settings.clone())).await;
        Self { running, settings, folder, s3, memory }
    }

    /// Around a server that has its files elsewhere.
    pub(crate) fn of(running: Running) -> Self {
        Self { running, settings: Settings::default(), folder: None, s3: None, memory: InMemory::new() }
    }

    /// Another server of the same files.
    pub(crate) async fn another(&self) -> Running {
        Running::start(builder(self.storage(), self.settings.clone())).await
    }

    /// Another server of the same files, with hooks of its own.
    pub(crate) async fn another_with(&self, hooks: impl FileHooks) -> Running {
        let files = Files::in_storage(self.storage()).hooks(hooks);
        Running::start(builder(self.storage(), self.settings.clone()).files(files)).await
    }

    fn storage(&self) -> Storage {
        storage_of(self.folder.as_ref(), self.s3.as_ref(), &self.memory)
    }

    /// Ends the server, and starts another in its place.
    pub(crate) async fn restart(&mut self) {
        self.running = self.another().await;
    }

    /// Lets the time of an upload be over.
    pub(crate) async fn expire(&self, id: &str) {
        let name = format!("uploads/{id}.json");
        let expired = |record: &[u8]| {
            let mut record: serde_json::Value = serde_json::from_slice(record).unwrap();
            record["expires"] = 1.into();
            record.to_string()
        };
        let root = match (&self.folder, &self.s3) {
            (Some(folder), _) => folder.path().to_owned(),
            (_, Some(s3)) => s3.bucket(),
            _ => {
                let path = psd_core::files::object_store::path::Path::from(name);
                let record = self.memory.get(&path).await.unwrap().bytes().await.unwrap();
                self.memory.put(&path, expired(&record).into()).await.unwrap();
                return;
            }
        };
        let record = expired(&std::fs::read(root.join(&name)).unwrap());
        std::fs::write(root.join(name), record).unwrap();
    }

    /// Everything in the storage but for the key, unfinished multipart uploads included.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut left = match (&self.folder, &self.s3) {
            (Some(folder), _) => files_in(folder.path()),
            (_, Some(s3)) => {
                let incomplete = s3.incomplete().into_iter().map(|path| path.display().to_string());
                files_in(&s3.bucket()).into_iter().chain(incomplete).collect()
            }
            _ => {
                let objects = self.memory.list(None).try_collect::<Vec<_>>().now_or_never().unwrap().unwrap();
                objects.into_iter().map(|object| object.location.to_string()).collect()
            }
        };
        left.retain(|name| name != "key");
        left.sort();
        left
    }

    pub(crate) async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        request(&self.running, method, path, headers, body).await
    }

    /// As ann, by tus.
    pub(crate) async fn tus(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.tus_as("ann", method, path, headers, body).await
    }

    pub(crate) async fn tus_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        tus_at(self.running.address(), token, method, path, headers, body).await
    }

    /// Begins an upload; its path.
    pub(crate) async fn create(&self, length: usize, said: &[(&str, &str)]) -> String {
        let (length, metadata) = (length.to_string(), metadata(said));
        let answer =
            self.tus("POST", "/uploads", &[("Upload-Length", &length), ("Upload-Metadata", &metadata)], b"").await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.header("location").unwrap().to_owned()
    }

    pub(crate) async fn patch(&self, path: &str, offset: usize, body: &[u8]) -> Answer {
        let offset = offset.to_string();
        self.tus("PATCH", path, &[("Upload-Offset", &offset), ("Content-Type", CHUNK)], body).await
    }

    /// Uploads a file in one request after its beginning; the answer to the last.
    pub(crate) async fn upload(&self, bytes: &[u8], said: &[(&str, &str)]) -> Answer {
        let path = self.create(bytes.len(), said).await;
        self.patch(&path, 0, bytes).await
    }

    pub(crate) async fn offset(&self, path: &str) -> Option<usize> {
        let answer = self.tus("HEAD", path, &[], b"").await;
        answer.header("upload-offset").map(|offset| offset.parse().unwrap())
    }
}

fn storage_of(folder: Option<&TempDir>, s3: Option<&S3>, memory: &InMemory) -> Storage {
    match (folder, s3) {
        (Some(folder), _) => Storage::folder(folder.path()),
        (_, Some(s3)) => s3::storage(s3.address()),
        _ => Storage::objects(memory.clone()),
    }
}

/// Every file below a folder, by its path from there.
pub(crate) fn files_in(folder: &Path) -> Vec<String> {
    fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, files);
            } else {
                files.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut files = Vec::new();
    collect(folder, folder, &mut files);
    files.sort();
    files
}

/// `Upload-Metadata`.
pub(crate) fn metadata(said: &[(&str, &str)]) -> String {
    let pairs = said.iter().map(|(key, value)| format!("{key} {}", STANDARD.encode(value)));
    pairs.collect::<Vec<_>>().join(",")
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn expect(&self, status: u16, text: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.text().contains(text), "expected `{text}` in {}", self.text());
    }
}

/// One request on a connection of its own.
pub(crate) async fn request(
    running: &Running,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    request_at(running.address(), method, path, headers, body).await
}

/// A request of tus, by whoever has the token.
pub(crate) async fn tus_at(
    server: SocketAddr,
    token: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut all = vec![("Authorization", bearer.as_str()), ("Tus-Resumable", "1.0.0")];
    all.extend(headers);
    request_at(server, method, path, &all, body).await
}

pub(crate) async fn request_at(
    server: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let has_length = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n");
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !has_length {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let _ = stream.write_all(body).await; // An answer may come before all is sent.
    answer(&mut stream, method).await
}

/// The answer to a handshake, of which nothing more comes.
pub(crate) async fn handshake_at(server: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut head = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // One that is taken is ended; one that is refused ends by itself or not.
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(read).unwrap();
    let length = head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    parsed(&head, body)
}

/// Reads the one answer of a connection.
pub(crate) async fn answer(stream: &mut TcpStream, method: &str) -> Answer {
    let mut bytes = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer to {method}"));
    parsed(std::str::from_utf8(&bytes[..end]).unwrap(), bytes[end + 4..].to_vec())
}

fn parsed(head: &str, mut body: Vec<u8>) -> Answer {
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
        body = unchunked(&body);
    }
    Answer { status, headers, body }
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
}

/// Bytes that look like nothing and repeat nowhere.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}
