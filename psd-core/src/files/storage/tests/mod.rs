//! One suite for every storage.

mod faulty;

use std::sync::Arc;

use bytes::Bytes;
use faulty::Faulty;
use futures_util::TryStreamExt as _;
use object_store::{GetOptions, ObjectMeta, memory::InMemory, path::Path};

use super::{Backend, Storage, claims::LEASE, objects::Objects, read};
use crate::{
    Server, Settings,
    files::{
        FileService, Files, UploadId,
        hash::HashState,
        record::{Record, Role, Stage, file_path},
        uploads::{Caller, Resumed, Wish},
        work::Work,
        writer::Writer,
    },
};

fn work() -> Arc<Work> {
    Arc::new(Work::new().expect("the system gives threads"))
}

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
    let backend = Storage::memory().open(&Settings::default(), &work()).expect("it opens");
    suite(&*backend).await;
}

#[tokio::test]
async fn folder() {
    for fsync in [true, false] {
        let folder = std::env::temp_dir().join(format!("psd-files-{}", UploadId::random()));
        let backend =
            Storage::folder(&folder).open(&Settings::default().upload_fsync(fsync), &work()).expect("it opens");
        suite(&*backend).await;
        std::fs::remove_dir_all(folder).expect("it is there");
    }
}

/// One writes at a time, whatever process it is in.
#[tokio::test(start_paused = true)]
async fn a_folder_has_one_writer_for_an_upload() {
    let folder = std::env::temp_dir().join(format!("psd-files-{}", UploadId::random()));
    let open = || Storage::folder(&folder).open(&Settings::default(), &work()).expect("it opens");
    let (one, other) = (open(), open());
    let record = begin(&*one).await;
    let sink = one.append(&record).await.expect("nobody writes");
    assert_eq!(other.append(&record).await.err().and_then(|error| error.code()), Some(423));
    drop(sink);
    assert!(other.append(&record).await.is_ok());
    std::fs::remove_dir_all(folder).expect("it is there");
}

async fn is_claimed(backend: &dyn Backend, id: UploadId) -> bool {
    match backend.claim(id).await.expect("it answers") {
        Some(claim) => {
            claim.release(false).await;
            false
        }
        None => true,
    }
}

/// One server at a time, and another when that one lets go, by saying so or by forgetting it.
async fn claims(one: &dyn Backend, other: &dyn Backend) {
    let (id, free) = (UploadId::random(), UploadId::random());
    for is_over in [false, true] {
        let claim = one.claim(id).await.expect("it answers").expect("nobody has it");
        assert!(is_claimed(one, id).await && is_claimed(other, id).await && !is_claimed(other, free).await);
        claim.release(is_over).await;
        assert!(!is_claimed(one, id).await);
    }
    drop(other.claim(id).await.expect("it answers").expect("nobody has it"));
    while is_claimed(one, id).await {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    one.claim(id).await.expect("it answers").expect("nobody has it").release(true).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_has_claimed_an_upload_is_alone() {
    let folder = std::env::temp_dir().join(format!("psd-files-{}", UploadId::random()));
    let open = || Storage::folder(&folder).open(&Settings::default(), &work()).expect("it opens");
    claims(&*open(), &*open()).await;
    std::fs::remove_dir_all(folder).expect("it is there");
    let store = Arc::new(InMemory::new());
    let open = || Objects::shared(store.clone());
    claims(&open(), &open()).await;
    assert_eq!(objects(&open()).await, [""; 0]);
}

/// Which in a store shows by its saying nothing more.
#[tokio::test(start_paused = true)]
async fn a_claim_of_a_server_that_is_gone_is_taken_over() {
    let store = Arc::new(InMemory::new());
    let open = || Objects::shared(store.clone());
    let (one, other, id) = (open(), open(), UploadId::random());
    let ghost = Path::from(format!("uploads/{id}/0.claim"));
    one.put(&ghost, b"somebody 7".to_vec()).await.expect("it is written");
    for says in [&b"somebody 8"[..], b"somebody 9", b"somebody 9"] {
        assert!(is_claimed(&one, id).await, "it is there still");
        tokio::time::sleep(LEASE).await;
        one.put(&ghost, says.to_vec()).await.expect("it is written");
    }
    let claim = one.claim(id).await.expect("it answers").expect("it has said the same for too long");
    for _ in 0..5 {
        assert!(is_claimed(&other, id).await, "one is there, and says so");
        tokio::time::sleep(LEASE).await;
    }
    claim.release(true).await;
    assert_eq!(objects(&one).await, [""; 0], "nothing of either is left");
}

/// The files of a server that keeps them in a store, for everybody.
fn files_in(storage: Storage) -> FileService {
    let settings = Settings::default().default_auth(false);
    let server = Server::builder().settings(settings).files(Files::in_storage(storage)).build().expect("it starts");
    server.files().expect("it has them")
}

fn wish() -> Wish {
    Wish {
        name: "a.txt".into(),
        mime: "text/plain".into(),
        length: Some(1000),
        local_key: String::new(),
        metadata: Default::default(),
        raw_metadata: String::new(),
        role: Role::Whole,
        counted: 0,
    }
}

/// Writes what is missing of the file.
async fn complete(mut writer: Writer) -> Result<(), crate::Error> {
    let missing = 1000 - usize::try_from(writer.offset()).expect("it is small");
    writer.write(Bytes::from(vec![b'x'; missing])).await?;
    writer.finish().await.map(drop)
}

/// Whatever the last byte is for that there is room for: the client hears that there is no room, and nothing is left.
#[tokio::test]
async fn a_full_disk_leaves_nothing_behind() {
    let mut refused = 0;
    for room in (0..4000).step_by(100) {
        let store = Faulty::new(room, usize::MAX);
        let (files, caller) = (files_in(store.storage()), Caller::default());
        let upload = async {
            let id = files.start(&caller, wish()).await?.id;
            let Resumed::Open(writer) = files.resume(&caller, id).await? else { panic!("it is open") };
            complete(*writer).await
        };
        if let Err(error) = upload.await {
            assert_eq!(error.code(), Some(507), "room for {room}: {error}");
            refused += 1;
            store.heal();
            let mut left = objects(&*files.core.backend).await;
            left.retain(|object| object != "key"); // It is the storage's.
            assert_eq!(left, Vec::<String>::new(), "room for {room}");
        }
    }
    assert!(refused > 5, "{refused}");
}

/// Whatever the storage did last before it did no more: the client hears that it does not answer, and goes on when it does.
#[tokio::test]
async fn a_storage_that_does_not_answer_loses_nothing() {
    let (mut refused, mut resumed) = (0, 0);
    for answers in 0..40 {
        let store = Faulty::new(usize::MAX, answers);
        let (files, caller) = (files_in(store.storage()), Caller::default());
        let id = match files.start(&caller, wish()).await {
            Ok(record) => record.id,
            Err(error) => {
                assert_eq!(error.code(), Some(503), "{answers} answers: {error}");
                refused += 1;
                store.heal();
                assert_eq!(objects(&*files.core.backend).await, Vec::<String>::new(), "{answers} answers");
                continue;
            }
        };
        let upload = async {
            let Resumed::Open(writer) = files.resume(&caller, id).await? else { panic!("it is open") };
            complete(*writer).await
        };
        let uploaded = upload.await;
        store.heal();
        if let Err(error) = uploaded {
            assert_eq!(error.code(), Some(503), "{answers} answers: {error}");
            resumed += 1;
            match files.resume(&caller, id).await.expect("it is there") {
                Resumed::Open(writer) => complete(*writer).await.expect("it goes on"),
                Resumed::Done(..) => {}
            }
        }
        let key = id.to_string();
        let size = files.find(&key).await.expect("it answers").expect("it is there").size;
        assert_eq!(size, 1000, "{answers} answers");
        let content = content(&*files.core.backend, &file_path(&key)).await.expect("it is there");
        assert_eq!(content, [b'x'; 1000], "{answers} answers");
        let mut left = objects(&*files.core.backend).await;
        left.retain(|object| object != "key");
        left.sort();
        let expected = [format!("files/{key}"), format!("infos/{key}"), format!("uploads/{key}.json")];
        assert_eq!(left, expected, "{answers} answers");
    }
    assert!(refused > 1 && resumed > 5, "{refused}, {resumed}");
}

/// What a process wrote that was killed before it gave it its name.
#[tokio::test]
async fn what_was_on_its_way_to_a_name_is_swept() {
    let folder = std::env::temp_dir().join(format!("psd-files-{}", UploadId::random()));
    let files = files_in(Storage::folder(&folder));
    let id = files.start(&Caller::default(), wish()).await.expect("it begins").id;
    let (old, new) = (folder.join("uploads/old.tmp"), folder.join("uploads/new.tmp"));
    for path in [&old, &new] {
        std::fs::write(path, "half").expect("it is written");
    }
    let file = std::fs::File::options().write(true).open(&old).expect("it is there");
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(7200)).expect("it is old");
    assert_eq!(files.sweep().await.expect("it answers"), 1);
    assert!(!old.exists() && new.exists() && folder.join(format!("uploads/{id}.json")).exists());
    std::fs::remove_dir_all(folder).expect("it is there");
}
