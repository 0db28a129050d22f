use std::time::Duration;

use psd_core::{Rate, Settings};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::app::{CHUNK, FileApp, answer, metadata, noise};

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn nothing_is_stored_of_what_is_refused_at_the_beginning() {
    let app = FileApp::with(Settings::default().upload_max_bytes(1000)).await;
    let create = async |length: &str, said: &[(&str, &str)]| {
        let headers = [("Upload-Length", length), ("Upload-Metadata", &*metadata(said))];
        app.tus("POST", "/uploads", &headers, b"").await
    };
    create("1001", &[]).await.expect(413, "1000 are allowed");
    create("11", &[("most", "10")]).await.expect(413, "10 are allowed");
    create("9223372036854775808", &[]).await.expect(400, "no number of bytes");
    for wrong in ["-1", "+5", "5.0", "0x10", "1 0", "five"] {
        create(wrong, &[]).await.expect(400, "no number of bytes");
    }
    create("", &[]).await.expect(400, "say either");
    create("5", &[("refuse", "")]).await.expect(422, "no more of these");
    create("5", &[("panic", "")]).await.expect(500, "internal error");
    create("5", &[("filetype", "application/zip"), ("types", "image/*")]).await.expect(415, "image/*");
    for key in ["../../etc/passwd", "/etc/passwd", "a//b", "..", "a/../../b", "a\\b", ".hidden", "%2e%2e/x", ""] {
        create("5", &[("key", key)]).await.expect(500, "internal error");
    }
    let broken = [("Upload-Length", "5"), ("Upload-Metadata", "filename !!!")];
    app.tus("POST", "/uploads", &broken, b"").await.expect(400, "no text in base64");
    for token in ["", "nobody's", "ann.."] {
        let answer = app.tus_as(token, "POST", "/uploads", &[("Upload-Length", "5")], b"").await;
        assert_eq!(answer.status, 401, "{token}");
    }
    let typed = [("Upload-Length", "5"), ("Content-Type", "application/json")];
    app.tus("POST", "/uploads", &typed, b"hello").await.expect(415, CHUNK);
    assert_eq!(app.left(), NOTHING);
}

#[tokio::test]
async fn nobody_elses_upload() {
    let app = FileApp::in_folder().await;
    let path = app.create(5, &[]).await;
    let chunk = [("Upload-Offset", "0"), ("Content-Type", CHUNK)];
    app.tus_as("bob", "PATCH", &path, &chunk, b"hello").await.expect(403, "somebody else's");
    for (token, status) in [("bob", 403), ("nobody's", 401)] {
        assert_eq!(app.tus_as(token, "HEAD", &path, &[], b"").await.status, status);
        assert_eq!(app.tus_as(token, "DELETE", &path, &[], b"").await.status, status);
    }
    for path in [
        "/uploads/0",
        "/uploads/..%2fkey",
        "/uploads/00000000000000000000000000000000.json",
        "/files/..%2fkey",
        "/files/../key",
        "/files/..",
        "/files/%2e%2e/key",
        "/files/infos",
        "/files/.",
        "/files//etc/passwd",
    ] {
        let method = if path.starts_with("/files") { "GET" } else { "HEAD" };
        assert_eq!(app.tus(method, path, &[], b"").await.status, 404, "{path}");
    }
    assert_eq!(app.offset(&path).await, Some(0));
}

#[tokio::test]
async fn wrong_offsets_lengths_and_types_of_chunks() {
    let app = FileApp::in_folder().await;
    let path = app.create(10, &[]).await;
    app.patch(&path, 1, b"x").await.expect(409, "the upload is at 0, not at 1");
    assert_eq!(app.patch(&path, 0, b"hello").await.status, 204);
    for offset in [0, 4, 6, 10, 99] {
        app.patch(&path, offset, b"x").await.expect(409, "the upload is at 5");
    }
    app.patch(&path, 5, b"world!").await.expect(413, "10 bytes");
    let chunk = [("Upload-Offset", "5"), ("Content-Type", "text/plain")];
    app.tus("PATCH", &path, &chunk, b"world").await.expect(415, CHUNK);
    app.tus("PATCH", &path, &[("Content-Type", CHUNK)], b"world").await.expect(400, "`Upload-Offset` is missing");
    let twice = [("Upload-Offset", "5"), ("Upload-Offset", "5"), ("Content-Type", CHUNK)];
    app.tus("PATCH", &path, &twice, b"world").await.expect(400, "there twice");
    let other = [("Upload-Offset", "5"), ("Content-Type", CHUNK), ("Upload-Length", "11")];
    app.tus("PATCH", &path, &other, b"world").await.expect(400, "was said to have 10");
    assert_eq!(app.offset(&path).await, Some(5));
    assert_eq!(app.patch(&path, 5, b"world").await.status, 204, "it has done no harm");
}

/// A body without a length may be longer than it may be, or end early.
#[tokio::test]
async fn bodies_that_lie_about_their_length() {
    let app = FileApp::in_folder().await;
    let path = app.create(600_000, &[]).await;
    let head = |rest: &str| {
        format!(
            "PATCH {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer ann\r\n\
             Tus-Resumable: 1.0.0\r\nContent-Type: {CHUNK}\r\nUpload-Offset: 0\r\n{rest}\r\n\r\n",
            app.running.address()
        )
    };
    let mut stream = TcpStream::connect(app.running.address()).await.unwrap();
    stream.write_all(head("Transfer-Encoding: chunked").as_bytes()).await.unwrap();
    let chunk = noise(700_000);
    stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await.unwrap();
    let _ = stream.write_all(&chunk).await;
    let _ = stream.write_all(b"\r\n0\r\n\r\n").await;
    answer(&mut stream, "PATCH").await.expect(413, "more have come");
    let offset = app.offset(&path).await.unwrap();
    assert!(offset <= 600_000, "{offset}");
    assert_eq!(app.tus("DELETE", &path, &[], b"").await.status, 204);

    let (path, stream) = half_an_upload(&app, &noise(600_000)).await;
    drop(stream);
    // What had come when the server saw that no more would is kept.
    assert!(app.offset(&path).await.unwrap() >= 256 * 1024);
}

/// Sends half of a file, which then hangs; when it returns, some of it has been written.
async fn half_an_upload(app: &FileApp, bytes: &[u8]) -> (String, TcpStream) {
    let path = app.create(bytes.len(), &[]).await;
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\nTus-Resumable: 1.0.0\r\n\
         Content-Type: {CHUNK}\r\nUpload-Offset: 0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    );
    let mut stream = TcpStream::connect(app.running.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&bytes[..bytes.len() / 2]).await.unwrap();
    let file = app.folder.as_ref().unwrap().path().join(format!("{}.data", &path[1..]));
    psd_tests::eventually("it is being written", || std::fs::metadata(&file).is_ok_and(|file| file.len() > 0)).await;
    (path, stream)
}

/// Whoever comes back takes over from a request that still waits for bytes.
#[tokio::test]
async fn a_connection_that_hangs_holds_nobody_up() {
    let app = FileApp::in_folder().await;
    let bytes = noise(600_000);
    let (path, mut stream) = half_an_upload(&app, &bytes).await;
    let offset = app.offset(&path).await.unwrap();
    answer(&mut stream, "PATCH").await.expect(423, "another request");
    let done = app.patch(&path, offset, &bytes[offset..]).await;
    assert_eq!(done.status, 204);
    assert!(app.request("GET", done.header("content-location").unwrap(), &[], b"").await.body == bytes);
}

#[tokio::test]
async fn who_sends_nothing_for_too_long_is_told_so() {
    let app = FileApp::with(Settings::default().upload_idle_timeout(Duration::from_millis(50))).await;
    let path = app.create(10, &[]).await;
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\nTus-Resumable: 1.0.0\r\n\
         Content-Type: {CHUNK}\r\nUpload-Offset: 0\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhel"
    );
    let mut stream = TcpStream::connect(app.running.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    answer(&mut stream, "PATCH").await.expect(408, "too long");
    assert_eq!(app.offset(&path).await, Some(3));
}

#[tokio::test]
async fn files_that_are_not_what_they_are_said_to_be() {
    for app in FileApp::all().await {
        for (bytes, said, text) in [
            (&b"MZ\x90\0\x03"[..], &[("filetype", "image/png")][..], "not `image/png`"),
            (b"<html><script>alert(1)</script>", &[("filetype", "image/jpeg")], "not `image/jpeg`"),
            (b"%PDF-1.7 ...", &[("types", "image/*")], "are not taken here"),
        ] {
            let path = app.create(bytes.len(), said).await;
            app.patch(&path, 0, bytes).await.expect(415, text);
            assert_eq!(app.tus("HEAD", &path, &[], b"").await.status, 404, "it is gone");
        }
        // As soon as it is seen, not when all has come.
        let bytes = noise(1_000_000);
        let path = app.create(bytes.len(), &[("filetype", "image/png")]).await;
        app.patch(&path, 0, &bytes[..500_000]).await.expect(415, "not `image/png`");
        // What the application finds in it.
        let path = app.create(5, &[("reject", "")]).await;
        app.patch(&path, 0, b"virus").await.expect(422, "a virus");
        assert_eq!(app.tus("HEAD", &path, &[], b"").await.status, 404);
        if app.folder.is_some() {
            assert_eq!(app.left(), NOTHING);
        }
    }
}

#[tokio::test]
async fn a_key_is_somebodys_once() {
    for app in FileApp::all().await {
        let open = app.create(5, &[("key", "pictures/1")]).await;
        let create = async || {
            let headers = [("Upload-Length", "5"), ("Upload-Metadata", &*metadata(&[("key", "pictures/1")]))];
            app.tus("POST", "/uploads", &headers, b"").await
        };
        create().await.expect(409, "there is a file");
        assert_eq!(app.patch(&open, 0, b"first").await.status, 204);
        create().await.expect(409, "there is a file");
        assert_eq!(app.tus("GET", "/files/pictures/1", &[], b"").await.text(), "first");
    }
}

#[tokio::test]
async fn quotas_and_numbers() {
    let settings = Settings::default().upload_quota(100).uploads_per_user(3).uploads_unfinished(5);
    let app = FileApp::with(settings).await;
    let create = async |token: &str, length: &str| {
        app.tus_as(token, "POST", "/uploads", &[("Upload-Length", length)], b"").await
    };
    app.upload(&noise(60), &[("key", "sixty")]).await;
    create("ann", "41").await.expect(413, "room for 40 of 100 bytes");
    let path = app.create(30, &[]).await;
    create("ann", "11").await.expect(413, "room for 10 of 100 bytes");
    assert_eq!(create("bob", "100").await.status, 201, "it is each user's own");
    // A length that is said later, or never.
    let later = app.tus("POST", "/uploads", &[("Upload-Defer-Length", "1")], b"").await;
    let later = later.header("location").unwrap();
    let chunk = [("Upload-Offset", "0"), ("Content-Type", CHUNK), ("Upload-Length", "11")];
    app.tus("PATCH", later, &chunk, b"x").await.expect(413, "room for 10 of 100 bytes");
    assert_eq!(app.tus("DELETE", later, &[], b"").await.status, 204);
    app.running.server().files().unwrap().delete("sixty").await.unwrap();
    assert_eq!(create("ann", "70").await.status, 201);
    app.tus("DELETE", &path, &[], b"").await;
    for _ in 0..2 {
        assert_eq!(create("ann", "1").await.status, 201);
    }
    create("ann", "1").await.expect(429, "3 unfinished uploads");
    assert_eq!(create("bob", "0").await.status, 201);
    assert_eq!(create("root", "1").await.status, 201);
    create("root", "1").await.expect(503, "too many unfinished uploads");
}

#[tokio::test]
async fn uploads_begin_at_a_rate() {
    let app = FileApp::with(Settings::default().upload_rate(Rate::per_hour(2))).await;
    for status in [201, 201, 429] {
        let answer = app.tus("POST", "/uploads", &[("Upload-Length", "1")], b"").await;
        assert_eq!((answer.status, answer.header("retry-after").is_some()), (status, status == 429));
    }
    assert_eq!(app.tus_as("bob", "POST", "/uploads", &[("Upload-Length", "1")], b"").await.status, 201);
}
