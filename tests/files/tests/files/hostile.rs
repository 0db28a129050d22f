use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use psd_core::{
    Guard, GuardFunction, Rate, Server, Settings,
    files::{Files, Storage},
};
use psd_tests::Running;
use serde_json::json;
use sha1::Digest as _;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::app::{CHUNK, FileApp, answer, metadata, noise, request, tokens};

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
        assert_eq!(app.left(), NOTHING);
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
        let before = app.left();
        create().await.expect(409, "there is a file");
        assert_eq!(app.left(), before);
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

#[tokio::test]
async fn requests_come_at_a_rate() {
    let app = FileApp::with(Settings::default().file_requests_per_user(Rate::per_hour(4))).await;
    let path = app.create(5, &[("key", "five")]).await;
    assert_eq!(app.patch(&path, 0, b"hello").await.status, 204);
    assert_eq!(app.offset(&path).await, Some(5));
    assert_eq!(app.tus("GET", "/files/five", &[], b"").await.status, 200);
    let refused = app.tus("GET", "/files/five", &[], b"").await;
    refused.expect(429, "too many requests: try again in");
    assert!(refused.header("retry-after").is_some());
    for (method, path) in [("HEAD", &*path), ("DELETE", &path), ("POST", "/uploads")] {
        assert_eq!(app.tus(method, path, &[("Upload-Length", "1")], b"").await.status, 429, "{method}");
    }
    assert_eq!(app.tus_as("root", "GET", "/files/five", &[], b"").await.status, 200);
    let link = app.running.server().files().unwrap().link("five", Duration::from_secs(60)).await.unwrap();
    assert_eq!(app.request("GET", &link, &[], b"").await.status, 200, "whoever has the link is nobody");

    let app = FileApp::with(Settings::default().file_requests_per_address(Rate::per_hour(3))).await;
    app.upload(b"all", &[("key", "all"), ("public", "yes")]).await;
    assert_eq!(app.request("GET", "/files/all", &[], b"").await.status, 200);
    for token in ["ann", "bob", "nobody's"] {
        assert_eq!(app.tus_as(token, "GET", "/files/all", &[], b"").await.status, 429, "{token}");
    }
}

/// What the application decides about every request, and what the guard says, holds for both ways in.
#[tokio::test]
async fn whoever_may_bring_nothing_may_not_by_any_way() {
    let app = FileApp::in_folder().await;
    let path = app.create(5, &[]).await;
    let chunk = [("Upload-Offset", "0"), ("Content-Type", CHUNK), ("Upload-Length", "5")];
    for (method, path) in [("POST", "/uploads"), ("PATCH", &*path), ("HEAD", &path), ("DELETE", &path)] {
        assert_eq!(app.tus_as("eve", method, path, &chunk, b"hello").await.status, 403, "{method}");
    }
    app.tus_as("eve", "POST", "/uploads", &[("Upload-Length", "5")], b"").await.expect(403, "you bring nothing here");
    let mut eve = app.running.connect_with("/ws", &[("Authorization", "Bearer eve")]).await;
    for (message, body) in [
        ("upload-start", json!({"name": "a"})),
        ("upload-ufile", json!({"fileId": "f", "task": {}})),
        ("delete-file", json!({"file": {"id": "a"}})),
        ("delete-ufile", json!({"id": "a"})),
    ] {
        assert_eq!(eve.request(message, body).await[0]["errorCode"], 403, "{message}");
    }
    assert_eq!(app.left().len(), 2, "ann's alone");

    let guard = Guard { permissions: &["files.add"], ..Guard::default() };
    let files = |guard| {
        let files = Files::in_storage(Storage::memory()).guard(guard);
        Server::builder().authenticator(tokens()).unhandled(psd_core::Unhandled::Allow).files(files)
    };
    let running = Running::start(files(guard)).await;
    for (token, status) in [("ann", 403), ("root", 201), ("", 401)] {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Authorization", if token.is_empty() { "" } else { &*bearer }),
            ("Tus-Resumable", "1.0.0"),
            ("Upload-Length", "5"),
        ];
        assert_eq!(request(&running, "POST", "/uploads", &headers, b"").await.status, status, "{token}");
    }
    let mut ann = running.connect_with("/ws", &[("Authorization", "Bearer ann")]).await;
    assert_eq!(ann.request("upload-start", json!({"name": "a"})).await[0]["errorCode"], 403);
    let function = GuardFunction { name: "owns_file", requirements: Vec::new };
    let error = files(Guard { function: Some(function), ..guard }).build().unwrap_err();
    assert!(error.to_string().contains("decide in `FileHooks::on_request`"), "{error}");
}

/// Whatever is wrong with a request: what was good before is as it was, and nothing comes beside it.
#[tokio::test]
async fn mistakes_change_nothing() {
    let sum = |bytes: &[u8]| format!("sha1 {}", STANDARD.encode(sha1::Sha1::digest(bytes)));
    for app in FileApp::all().await {
        let path = app.create(10, &[]).await;
        assert_eq!(app.patch(&path, 0, b"hello").await.status, 204);
        let before = app.left();
        let chunk = |offset: &'static str| [("Upload-Offset", offset), ("Content-Type", CHUNK)];
        let with = |more: (&'static str, String)| {
            let chunk = chunk("5").map(|(name, value)| (name, value.to_owned()));
            chunk.into_iter().chain([more]).collect::<Vec<_>>()
        };
        let plain = |offset| chunk(offset).map(|(name, value)| (name, value.to_owned())).to_vec();
        for (token, headers, body, code, text) in [
            ("ann", plain("4"), &b"world"[..], 409, "the upload is at 5, not at 4"),
            ("ann", plain("6"), b"world", 409, "the upload is at 5, not at 6"),
            ("ann", plain("5"), b"world!", 413, "was said to have 10 bytes"),
            ("ann", with(("Upload-Length", "11".into())), b"world", 400, "was said to have 10 bytes"),
            ("ann", with(("Upload-Length", "4".into())), b"world", 400, "was said to have 10 bytes"),
            ("ann", with(("Upload-Checksum", sum(b"other"))), b"world", 460, "does not match"),
            ("ann", with(("Upload-Checksum", "sha1 AAAA".into())), b"world", 400, "no sha1 digest"),
            ("bob", plain("5"), b"world", 403, "somebody else's"),
            ("nobody's", plain("5"), b"world", 401, "not good"),
        ] {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
            app.tus_as(token, "PATCH", &path, &headers, body).await.expect(code, text);
            assert_eq!((app.offset(&path).await, app.left()), (Some(5), before.clone()), "{text}");
        }
        assert_eq!(app.patch(&path, 5, b"").await.status, 204, "nothing is no mistake");
        let done = app.patch(&path, 5, b"world").await;
        let file = app.request("GET", done.header("content-location").unwrap(), &[], b"").await;
        assert_eq!(file.text(), "helloworld");
        let sha256: String = sha2::Sha256::digest(b"helloworld").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file.header("etag"), Some(&*format!("\"{sha256}\"")));
    }
}

#[tokio::test]
async fn files_of_no_bytes_and_names_that_are_paths() {
    for app in FileApp::all().await {
        let create = async |said: &[(&str, &str)]| {
            let headers = [("Upload-Length", "0"), ("Upload-Metadata", &*metadata(said))];
            app.tus("POST", "/uploads", &headers, b"").await
        };
        create(&[("types", "image/*")]).await.expect(415, "are not taken here");
        create(&[("filetype", "image/png"), ("types", "image/*")]).await.expect(415, "are not taken here");
        assert_eq!(app.left(), NOTHING);
        // Of which nobody can say what it is.
        let empty = create(&[("filetype", "image/png")]).await;
        let file = app.request("GET", empty.header("content-location").unwrap(), &[], b"").await;
        assert_eq!((file.status, file.header("content-type")), (200, Some("application/octet-stream")));
        assert_eq!(app.tus("DELETE", empty.header("location").unwrap(), &[], b"").await.status, 204);

        for (name, shown) in
            [("../../../etc/passwd", "passwd"), ("..\\..\\boot.ini", "boot.ini"), ("/", ""), ("..", "")]
        {
            let done = app.upload(b"hello", &[("filename", name), ("local_key", name), ("other", name)]).await;
            let url = done.header("content-location").unwrap();
            let id = url.split(['/', '?']).nth(2).unwrap();
            let file = app.request("GET", url, &[], b"").await;
            let disposition = file.header("content-disposition").unwrap();
            assert!(disposition.contains(&format!("filename=\"{shown}\"")) || shown.is_empty(), "{disposition}");
            let left = app.left();
            assert!(left.iter().all(|object| object.contains(id) && !object.contains("..")), "{left:?}");
            assert_eq!(app.tus("DELETE", &format!("/uploads/{id}"), &[], b"").await.status, 204);
            assert_eq!(app.left(), NOTHING);
        }
    }
}
