use psd_core::{
    Settings,
    proto::{
        common::{
            psd::v1::UploadOpen,
            sfiles::{UploadStart, UploadedFile},
        },
        prost::Message as _,
    },
};
use serde_json::json;

use crate::app::{FileApp, noise};
use client::{Client, Said, chunk, crc32c, new, resume};

pub(crate) mod client;
/// What clients do wrong, on purpose or not: the stream ends with a clear error, and the connection goes on.
mod hostile;

const DIALECTS: [&str; 2] = ["psd.v1.proto", "psd.v1.json"];

impl FileApp {
    async fn assert_file(&self, file: Option<&UploadedFile>, bytes: &[u8]) {
        let file = file.expect("there is a file");
        let answer = self.request("GET", &file.url, &[], b"").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body == bytes, "{} bytes are {} others", answer.body.len(), bytes.len());
    }
}

#[test]
fn the_checksum_is_the_one_that_is_specified() {
    assert_eq!((crc32c(b"123456789"), crc32c(b"")), (0xe306_9283, 0));
}

#[tokio::test]
async fn whole_files_in_every_storage_and_encoding() {
    for app in FileApp::all().await {
        for dialect in DIALECTS {
            let mut client = Client::connect(&app.running, dialect, "ann").await;
            for (number, length) in [1, 65_536, 100_000, 700_000].into_iter().enumerate() {
                let bytes = noise(length);
                let done = client.upload(new(number as u32 + 1, length), &bytes).await;
                let file = done.file.as_ref().unwrap();
                assert_eq!((file.id.as_str(), file.name.as_str()), (done.upload_id.as_str(), "a.bin"), "{dialect}");
                app.assert_file(Some(file), &bytes).await;
            }
            client.open(new(9, 0)).await;
            app.assert_file(client.done().await.file.as_ref(), b"").await;
        }
    }
}

#[tokio::test]
async fn a_size_that_is_said_at_the_end() {
    let app = FileApp::in_folder().await;
    let mut client = Client::ann(&app.running).await;
    let bytes = noise(150_000);
    for (stream, has_bytes) in [(1, true), (2, false)] {
        client.open(UploadOpen { size: None, ..new(stream, 0) }).await;
        let opened = client.opened().await;
        let most = u64::from(opened.chunk_bytes);
        client.chunk(chunk(stream, &bytes, 0, most)).await;
        client.chunk(chunk(stream, &bytes, most, 2 * most)).await;
        let (mut last, end) = (2 * most, bytes.len() as u64);
        if !has_bytes {
            client.chunk(chunk(stream, &bytes, last, end)).await;
            last = end;
        }
        let mut chunk = chunk(stream, &bytes, last, end);
        chunk.last = true;
        client.chunk(chunk).await;
        app.assert_file(client.done().await.file.as_ref(), &bytes).await;
    }
}

#[tokio::test]
async fn several_at_once_and_messages_between_their_chunks() {
    let app = FileApp::in_folder().await;
    for dialect in DIALECTS {
        let mut client = Client::connect(&app.running, dialect, "ann").await;
        let bytes = noise(256 * 1024);
        let mut streams = Vec::new();
        for stream in 1..=4 {
            client.open(new(stream, bytes.len())).await;
            streams.push(client.opened().await);
        }
        let chunks = bytes.len() as u64 / u64::from(streams[0].chunk_bytes);
        for number in 0..chunks {
            for opened in &streams {
                let offset = number * u64::from(opened.chunk_bytes);
                client.chunk(chunk(opened.stream, &bytes, offset, offset + u64::from(opened.chunk_bytes))).await;
            }
            let uuid = format!("m{number}");
            let start = UploadStart { local_key: uuid.clone(), ..UploadStart::default() };
            client.send_as("upload-start", &uuid, json!({"localKey": uuid}), start.encode_to_vec()).await;
        }
        let (mut answered, mut done) = (0, Vec::new());
        while answered < chunks || done.len() < 4 {
            match client.answer().await {
                Said::Other(message_type, uuid) => {
                    assert_eq!((message_type.as_str(), uuid), ("upload-start", format!("m{answered}")));
                    answered += 1;
                }
                Said::Done(finished) => done.push(finished),
                other => panic!("{other:?}"),
            }
        }
        for finished in done {
            app.assert_file(finished.file.as_ref(), &bytes).await;
        }
    }
}

/// Sends some of a file; the upload's id, and what the server has said is safe.
async fn half(client: &mut Client, bytes: &[u8]) -> (String, u64) {
    client.open(new(1, bytes.len())).await;
    let opened = client.opened().await;
    let safe = client.send_up_to(&opened, bytes, bytes.len() / 2).await;
    (opened.upload_id, safe)
}

#[tokio::test]
async fn an_upload_goes_on_after_its_connection_was_lost() {
    for app in FileApp::all().await {
        for dialect in DIALECTS {
            let bytes = noise(1_500_000);
            let mut client = Client::connect(&app.running, dialect, "ann").await;
            let (id, safe) = half(&mut client, &bytes).await;
            // Whoever comes back need not wait until the server knows.
            let mut again = Client::connect(&app.running, dialect, "ann").await;
            drop(client);
            again.open(resume(1, &id)).await;
            let opened = again.opened().await;
            assert!(opened.offset >= safe && opened.upload_id == id, "{safe}: {opened:?}");
            again.send_up_to(&opened, &bytes, bytes.len()).await;
            app.assert_file(again.done().await.file.as_ref(), &bytes).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_restarts_ends_streams_and_takes_them_up_again() {
    let mut app = FileApp::in_folder().await;
    let bytes = noise(1_500_000);
    let mut client = Client::ann(&app.running).await;
    let (id, safe) = half(&mut client, &bytes).await;
    app.running.server().shut_down();
    let ended = async {
        loop {
            match client.next().await {
                Said::Failed(failed) => return failed,
                Said::Closed => panic!("nothing was said"),
                _ => {}
            }
        }
    };
    let failed = ended.await;
    assert_eq!((failed.error_code, failed.kept), (503, true));
    app.restart().await;
    let mut client = Client::ann(&app.running).await;
    let mut stream = 0;
    let opened = loop {
        stream += 1;
        client.open(resume(stream, &id)).await;
        match client.answer().await {
            Said::Opened(opened) => break opened,
            // The server before, in the same process here, has not let go of the file yet.
            Said::Failed(failed) if failed.error_code == 423 => {}
            other => panic!("{other:?}"),
        }
    };
    // What had come was written before the stream ended.
    assert!(opened.offset >= safe, "{safe}: {opened:?}");
    client.send_up_to(&opened, &bytes, bytes.len()).await;
    app.assert_file(client.done().await.file.as_ref(), &bytes).await;
}

#[tokio::test]
async fn streams_and_tus_go_on_with_each_others_uploads() {
    for app in FileApp::all().await {
        let bytes = noise(900_000);
        let mut client = Client::ann(&app.running).await;
        let (id, _) = half(&mut client, &bytes).await;
        let path = format!("/uploads/{id}");
        let offset = app.offset(&path).await.unwrap();
        client.expect_failed(423, "somebody else", true).await;
        let done = app.patch(&path, offset, &bytes[offset..]).await;
        assert_eq!(done.status, 204, "{done:?}");
        assert!(app.request("GET", done.header("content-location").unwrap(), &[], b"").await.body == bytes);

        let path = app.create(bytes.len(), &[("thumb", "/t.png")]).await;
        assert_eq!(app.patch(&path, 0, &bytes[..300_000]).await.status, 204);
        client.open(resume(2, path.rsplit('/').next().unwrap())).await;
        let opened = client.opened().await;
        assert_eq!(opened.offset, 300_000);
        client.send_up_to(&opened, &bytes, bytes.len()).await;
        let done = client.done().await;
        app.assert_file(done.file.as_ref(), &bytes).await;
        assert_eq!(done.file.as_ref().unwrap().thumb_url, "/t.png");

        // Whoever did not hear of it asks again, and is told the same.
        client.open(resume(3, &done.upload_id)).await;
        let again = client.done().await;
        assert_eq!((again.stream, again.file), (3, done.file));
    }
}

#[tokio::test]
async fn a_part_of_a_file_becomes_none() {
    let app = FileApp::in_folder().await;
    let headers = [("Upload-Length", "5"), ("Upload-Concat", "partial")];
    let path = app.tus("POST", "/uploads", &headers, b"").await.header("location").unwrap().to_owned();
    let mut client = Client::ann(&app.running).await;
    let done = client.upload(resume(1, path.rsplit('/').next().unwrap()), b"hello").await;
    assert_eq!(done.file, None);
    let concat = format!("final;{path}");
    let whole = app.tus("POST", "/uploads", &[("Upload-Concat", &concat)], b"").await;
    assert_eq!(whole.status, 201, "{whole:?}");
}

#[tokio::test]
async fn cancelled_streams_let_go_of_their_uploads_or_remove_them() {
    let app = FileApp::in_folder().await;
    let mut client = Client::ann(&app.running).await;
    let bytes = noise(200_000);
    client.open(new(1, bytes.len())).await;
    let opened = client.opened().await;
    client.send_up_to(&opened, &bytes, 100_000).await;
    client.cancel(1, true).await;
    client.expect_failed(499, "cancelled", true).await;
    client.open(resume(2, &opened.upload_id)).await;
    let again = client.opened().await;
    assert_eq!(again.offset, 100_000, "what had come is kept");
    // At once, and again: what comes for a stream that is over means nothing.
    client.cancel(2, false).await;
    client.cancel(2, false).await;
    client.chunk(chunk(2, &bytes, 100_000, 100_001)).await;
    client.expect_failed(499, "cancelled", false).await;
    assert_eq!(app.left(), [""; 0]);
    client.open(new(3, 5)).await;
    client.cancel(3, false).await;
    client.opened().await;
    client.expect_failed(499, "cancelled", false).await;
    client.open(resume(4, &opened.upload_id)).await;
    client.expect_failed(404, "no such upload", false).await;
    assert_eq!(app.left(), [""; 0]);
}

#[tokio::test]
async fn everything_is_let_go_of_with_the_connection() {
    let app = FileApp::with(Settings::default().upload_writers(1)).await;
    let bytes = noise(500_000);
    for _ in 0..3 {
        let mut client = Client::ann(&app.running).await;
        client.open(new(1, bytes.len())).await;
        let opened = client.opened().await;
        client.send_up_to(&opened, &bytes, 200_000).await;
        let other = app.running.server().connections().len();
        drop(client);
        psd_tests::eventually("it is gone", || app.running.server().connections().len() < other).await;
        let mut again = Client::ann(&app.running).await;
        let mut stream = 1;
        // The only place of a writer is free as soon as the stream's task has seen that its client has gone.
        let opened = loop {
            again.open(resume(stream, &opened.upload_id)).await;
            match again.answer().await {
                Said::Opened(opened) => break opened,
                Said::Failed(failed) if failed.error_code == 503 => stream += 1,
                other => panic!("{other:?}"),
            }
        };
        assert!(opened.offset <= 200_000, "{opened:?}");
        again.send_up_to(&opened, &bytes, bytes.len()).await;
        again.done().await;
    }
}
