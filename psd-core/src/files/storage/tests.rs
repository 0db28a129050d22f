//! One suite for every storage.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartId, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
    memory::InMemory,
    multipart::{MultipartStore, PartId},
    path::Path,
};

use super::{Backend, Storage, read};
use crate::{
    Settings,
    files::{
        UploadId,
        hash::HashState,
        record::{Record, Role, Stage, file_path},
    },
};

fn record() -> Record {
    Record {
        id: UploadId::random(),
        owner: None,
        key: format!("a/{}", UploadId::random()),
        name: String::new(),
        declared_mime: String::new(),
        local_key: String::new(),
        metadata: Default::default(),
        raw_metadata: String::new(),
        length: None,
        limit: u64::MAX / 2,
        types: Vec::new(),
        public: false,
        role: Role::Whole,
        expires: 0,
        hash: HashState::default(),
        head: Vec::new(),
        mime: None,
        hold: None,
        parts: None,
        stage: Stage::Open,
    }
}

/// Begins an upload whose parts are small, where there are parts.
async fn begin(backend: &dyn Backend) -> Record {
    let mut record = record();
    backend.create(&mut record).await.expect("it begins");
    if let Some(parts) = &mut record.parts {
        parts.size = 10;
    }
    record
}

async fn append(backend: &dyn Backend, record: &mut Record, bytes: &'static [u8]) {
    let mut sink = backend.append(record).await.expect("it goes on");
    sink.write(vec![Bytes::from_static(bytes)]).await.expect("it is written");
    if let Some(parts) = sink.sync().await.expect("it is synchronised") {
        record.parts = Some(parts);
    }
}

async fn content(backend: &dyn Backend, path: &Path) -> Option<Vec<u8>> {
    let size = backend.objects().get_opts(path, GetOptions { head: true, ..Default::default() }).await.ok()?.meta.size;
    let bytes = read(backend.objects(), path, 0..size).await.expect("it is read")?;
    Some(
        bytes
            .try_fold(Vec::new(), |mut all, chunk| async move {
                all.extend_from_slice(&chunk);
                Ok(all)
            })
            .await
            .expect("it is read"),
    )
}

async fn objects(backend: &dyn Backend) -> Vec<String> {
    let all: Vec<ObjectMeta> = backend.objects().list(None).try_collect().await.expect("it lists");
    all.into_iter().map(|object| object.location.to_string()).collect()
}

async fn suite(backend: &dyn Backend) {
    // In pieces that are no parts, by one writer and by many.
    let mut record = begin(backend).await;
    for (piece, offset) in [(&b"hello"[..], 5), (b", world", 12), (b"", 12), (b"! And all the rest of it.", 37)] {
        append(backend, &mut record, piece).await;
        assert_eq!(backend.offset(&record).await.expect("it is there"), offset);
        assert_eq!(content(backend, &file_path(&record.key)).await, None, "half a file is not seen");
    }
    backend.publish(&record).await.expect("it is published");
    let expected = b"hello, world! And all the rest of it.";
    assert_eq!(content(backend, &file_path(&record.key)).await.as_deref(), Some(&expected[..]));
    backend.publish(&record).await.expect("it may be published twice, as after a crash");
    assert_eq!(content(backend, &file_path(&record.key)).await.as_deref(), Some(&expected[..]));
    assert_eq!(objects(backend).await, [file_path(&record.key).to_string()], "nothing else is left");
    let path = file_path(&record.key);
    let part: Vec<Bytes> = read(backend.objects(), &path, 7..12)
        .await
        .expect("it is read")
        .expect("it is there")
        .try_collect()
        .await
        .expect("it is read");
    assert_eq!(part.concat(), b"world");
    backend
        .objects()
        .delete_stream(Box::pin(futures_util::stream::iter([Ok(path)])))
        .try_collect::<Vec<_>>()
        .await
        .expect("it goes");

    // Exactly parts, and nothing.
    for bytes in [&b"0123456789"[..], b"01234567890123456789", b""] {
        let mut record = begin(backend).await;
        append(backend, &mut record, bytes).await;
        backend.publish(&record).await.expect("it is published");
        assert_eq!(content(backend, &file_path(&record.key)).await.as_deref(), Some(bytes));
    }

    // What is forgotten.
    let mut record = begin(backend).await;
    append(backend, &mut record, b"kept").await;
    let mut sink = backend.append(&record).await.expect("it goes on");
    sink.write(vec![Bytes::from_static(b" forgotten, of several parts")]).await.expect("it is written");
    assert_eq!(sink.offset(), 32);
    sink.rewind().await.expect("it is forgotten");
    assert_eq!(sink.offset(), 4);
    sink.write(vec![Bytes::from_static(b" and more, of several parts..")]).await.expect("it is written");
    if let Some(parts) = sink.sync().await.expect("it is synchronised") {
        record.parts = Some(parts);
    }
    drop(sink);
    // A crash in a chunk that is not verified.
    record.hold = Some(4);
    assert!(backend.offset(&record).await.expect("it is there") >= 4);
    record.hold = None;
    backend.publish(&record).await.expect("it is published");
    let expected = b"kept and more, of several parts..";
    assert_eq!(content(backend, &file_path(&record.key)).await.as_deref(), Some(&expected[..]));

    // What is discarded leaves nothing.
    let before = objects(backend).await.len();
    let mut record = begin(backend).await;
    append(backend, &mut record, b"of no use, in several parts").await;
    backend.discard(&record).await.expect("it is discarded");
    backend.discard(&record).await.expect("twice, too");
    assert_eq!(objects(backend).await.len(), before);
}

#[tokio::test]
async fn memory() {
    let backend = Storage::memory().open(&Settings::default()).expect("it opens");
    suite(&*backend).await;
}

#[tokio::test]
async fn folder() {
    for fsync in [true, false] {
        let folder = std::env::temp_dir().join(format!("psd-files-{}", UploadId::random()));
        let backend = Storage::folder(&folder).open(&Settings::default().upload_fsync(fsync)).expect("it opens");
        suite(&*backend).await;
        std::fs::remove_dir_all(folder).expect("it is there");
    }
}

/// One writes at a time, whatever process it is in.
#[tokio::test(start_paused = true)]
async fn a_folder_has_one_writer_for_an_upload() {
    let folder = std::env::temp_dir().join(format!("psd-files-{}", UploadId::random()));
    let open = || Storage::folder(&folder).open(&Settings::default()).expect("it opens");
    let (one, other) = (open(), open());
    let record = begin(&*one).await;
    let sink = one.append(&record).await.expect("nobody writes");
    assert_eq!(other.append(&record).await.err().and_then(|error| error.code()), Some(423));
    drop(sink);
    assert!(other.append(&record).await.is_ok());
    std::fs::remove_dir_all(folder).expect("it is there");
}

/// A store that has no room for the last bytes.
#[derive(Debug)]
struct Full {
    inner: InMemory,
    room: AtomicUsize,
}

impl Full {
    fn take(&self, bytes: usize) -> StoreResult<()> {
        let left = |room: usize| room.checked_sub(bytes);
        match self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) {
            Ok(_) => Ok(()),
            Err(_) => Err(object_store::Error::Generic {
                store: "Full",
                source: io::Error::from(io::ErrorKind::StorageFull).into(),
            }),
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full")
    }
}

#[async_trait]
impl ObjectStore for Full {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        self.take(payload.content_length())?;
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, StoreResult<Path>>) -> BoxStream<'static, StoreResult<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[async_trait]
impl MultipartStore for Full {
    async fn create_multipart(&self, path: &Path) -> StoreResult<MultipartId> {
        self.inner.create_multipart(path).await
    }

    async fn put_part(&self, path: &Path, id: &MultipartId, number: usize, payload: PutPayload) -> StoreResult<PartId> {
        self.take(payload.content_length())?;
        self.inner.put_part(path, id, number, payload).await
    }

    async fn complete_multipart(&self, path: &Path, id: &MultipartId, parts: Vec<PartId>) -> StoreResult<PutResult> {
        self.inner.complete_multipart(path, id, parts).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> StoreResult<()> {
        self.inner.abort_multipart(path, id).await
    }
}

/// Whatever the last byte is for that there is room for: the client hears that there is no room, and nothing is left.
#[tokio::test]
async fn a_full_disk_leaves_nothing_behind() {
    use crate::{
        Server,
        files::{
            Files,
            uploads::{Caller, Resumed, Wish},
        },
    };

    let mut refused = 0;
    for room in (0..4000).step_by(100) {
        let store = Arc::new(Full { inner: InMemory::new(), room: AtomicUsize::new(room) });
        let backend: Arc<dyn Backend> = Arc::new(super::objects::Objects::shared(store.clone()));
        let storage = Storage(super::Kind::Objects(backend, "full".into()));
        let settings = Settings::default().default_auth(false);
        let server = Server::builder().settings(settings).files(Files::in_storage(storage)).build().expect("it starts");
        let (files, caller) = (server.files().expect("it has them"), Caller::default());
        let wish = Wish {
            name: "a.txt".into(),
            mime: "text/plain".into(),
            length: Some(1000),
            local_key: String::new(),
            metadata: Default::default(),
            raw_metadata: String::new(),
            role: Role::Whole,
            counted: 0,
        };
        let upload = async {
            let id = files.start(&caller, wish).await?.id;
            let Resumed::Open(mut writer) = files.resume(&caller, id).await? else { panic!("it is open") };
            let written = writer.write(Bytes::from(vec![b'x'; 1000])).await;
            written.map_err(|error| (error, id)).expect("it waits");
            writer.finish().await.map(drop)
        };
        if let Err(error) = upload.await {
            assert_eq!(error.code(), Some(507), "room for {room}: {error}");
            refused += 1;
            store.room.store(usize::MAX, Ordering::SeqCst);
            let mut left = objects(&*files.core.backend).await;
            left.retain(|object| object != "key"); // It is the storage's.
            assert_eq!(left, Vec::<String>::new(), "room for {room}");
        }
    }
    assert!(refused > 5, "{refused}");
}
