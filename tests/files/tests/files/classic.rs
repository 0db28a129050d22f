//! The classic upload over real sockets: what the Flutter client of the field sends, byte for byte, and what it must not.

use std::time::Duration;

use psd_core::{
    Settings, Unhandled,
    files::{Files, Storage},
};
use psd_tests::{RawClient, Running, Seen, connect_with};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::app::{App, FileApp, noise, tokens};

/// The first connection of somebody, and the slot it got.
async fn slot(running: &Running, token: &str, local_key: &str) -> (RawClient, String) {
    let mut main = running.connect().await;
    let start = json!({"localKey": local_key, "extension": "bin", "name": "a", "mime": "application/octet-stream"});
    let uuid = main.send_with("upload-start", start, json!({"authHeader": token})).await;
    let slot = main.frame().await;
    assert_eq!((&slot["headers"]["messageType"], &slot["headers"]["uuid"]), (&json!("upload-start"), &json!(uuid)));
    assert_eq!(slot["body"]["localKey"], local_key);
    assert_eq!(main.frame().await["headers"]["messageType"], "ack");
    (main, slot["body"]["key"].as_str().unwrap().to_owned())
}

async fn open(running: &Running, key: &str) -> RawClient {
    running.connect_to(&format!("/uploads/{key}")).await
}

/// Sends the file as the client does: one frame, its answer, the next.
async fn send(socket: &mut RawClient, key: &str, local_key: &str, bytes: &[u8]) {
    let mut sent = 0;
    for frame in bytes.chunks(64 * 1024) {
        socket.send_message(Message::binary(frame.to_vec())).await;
        sent += frame.len();
        let mut body = json!({"nBytes": sent.to_string(), "key": key});
        if !local_key.is_empty() {
            body["localKey"] = local_key.into();
        }
        assert_eq!(socket.frame().await, json!({"headers": {"messageType": "upload-progress"}, "body": body}));
    }
}

/// Ends it with this token; code and text of the ack.
async fn end(socket: &mut RawClient, token: &str) -> (Value, String) {
    let uuid = socket.send_with("upload-end", json!({}), json!({"authHeader": token})).await;
    loop {
        let frame = socket.frame().await;
        if frame["headers"]["messageType"] == "ack" {
            assert_eq!(frame["headers"]["uuid"], uuid);
            let text = frame["body"]["errorMessage"].as_str().unwrap_or_default();
            return (frame["body"]["errorCode"].clone(), text.to_owned());
        }
        assert_eq!(frame["headers"]["messageType"], "token-invalid", "{frame}");
    }
}

async fn ended(socket: &mut RawClient, token: &str) {
    assert_eq!(end(socket, token).await, (Value::Null, String::new()));
}

async fn done(main: &mut RawClient) -> Value {
    let done = main.push().await;
    assert_eq!(done["headers"], json!({"messageType": "upload-done"}));
    done["body"].clone()
}

/// The error that a socket is closed with, and its close code.
async fn refused(socket: &mut RawClient) -> (Value, String, u16) {
    let error = socket.frame().await;
    assert_eq!(error["headers"]["messageType"], "protocol-error", "{error}");
    let text = error["body"]["errorMessage"].as_str().unwrap().to_owned();
    match socket.see().await {
        Seen::Closed(code, _) => (error["body"]["errorCode"].clone(), text, code),
        other => panic!("{other:?}"),
    }
}

/// The status with which a handshake is refused.
async fn status(running: &Running, path: &str, token: Option<&str>) -> u16 {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let headers = format!(
        "{authorization}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    );
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(running.address()).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", running.address());
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    std::str::from_utf8(&status[9..]).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_file_as_the_client_in_the_field_brings_it() {
    for app in FileApp::all().await {
        for (local_key, length) in [("l1", 200_000), ("l2", 0), ("keyed", 1_000_000)] {
            let (mut main, key) = slot(&app.running, "ann", local_key).await;
            let mut socket = open(&app.running, &key).await;
            let bytes = noise(length);
            send(&mut socket, &key, local_key, &bytes).await;
            ended(&mut socket, "ann").await;
            let done = done(&mut main).await;
            assert_eq!((&done["key"], &done["file"]["id"]), (&json!(key), &json!(key)), "{done}");
            assert_eq!((&done["file"]["localKey"], &done["file"]["name"]), (&json!(local_key), &json!("a.bin")));
            let url = done["file"]["url"].as_str().unwrap();
            assert!(app.request("GET", url, &[], b"").await.body == bytes, "{url}");
            socket.close().await;
            // Its id is what the client knows it by, whatever its key in the storage is.
            let answers = main.request("delete-file", json!({"file": done["file"]})).await;
            assert_eq!(answers.last().unwrap()["errorCode"], Value::Null, "{answers:?}");
            assert_eq!(app.request("GET", url, &[], b"").await.status, 404);
        }
    }
}

#[tokio::test]
async fn a_client_that_closes_at_once_and_one_that_asks_for_no_ack() {
    let app = FileApp::in_folder().await;
    let (mut main, key) = slot(&app.running, "ann", "l").await;
    let mut socket = open(&app.running, &key).await;
    send(&mut socket, &key, "l", b"hello").await;
    let envelope = json!({"body": {}, "headers": {"messageType": "upload-end", "authHeader": "ann"}});
    socket.send_text(&envelope.to_string()).await;
    drop(socket);
    assert_eq!(done(&mut main).await["key"], json!(key));
}

#[tokio::test]
async fn a_second_socket_begins_the_file_anew() {
    for app in FileApp::all().await {
        let (mut main, key) = slot(&app.running, "ann", "l").await;
        let bytes = noise(300_000);
        // Dropped, left to hang, and one that had shown its token.
        let mut first = open(&app.running, &key).await;
        send(&mut first, &key, "l", &noise(400_000)).await;
        drop(first);
        let mut hanging = open(&app.running, &key).await;
        send(&mut hanging, &key, "l", &bytes[1..200_000]).await;
        let mut known = app.running.connect_with(&format!("/uploads/{key}"), &[("Authorization", "Bearer ann")]).await;
        send(&mut known, &key, "l", &bytes[2..]).await;
        let (code, text, close) = refused(&mut hanging).await;
        assert_eq!((code, close), (json!(423), 4403), "{text}");
        drop(known);
        let mut last = open(&app.running, &key).await;
        send(&mut last, &key, "l", &bytes).await;
        ended(&mut last, "ann").await;
        let file = done(&mut main).await;
        let url = file["file"]["url"].as_str().unwrap().to_owned();
        assert!(app.request("GET", &url, &[], b"").await.body == bytes);

        // A client that did not hear of it brings it again, which changes nothing.
        let mut again = open(&app.running, &key).await;
        send(&mut again, &key, "l", &bytes).await;
        ended(&mut again, "ann").await;
        assert_eq!(done(&mut main).await, file);
        assert!(app.request("GET", &url, &[], b"").await.body == bytes);
    }
}

#[tokio::test]
async fn nobody_but_the_owner_has_the_file() {
    let app = FileApp::in_folder().await;
    let (_main, key) = slot(&app.running, "ann", "l").await;
    let path = format!("/uploads/{key}");
    for (path, token, expected) in [
        ("/uploads/00000000000000000000000000000000", None, 404),
        ("/uploads/..%2f..%2fkey", None, 404),
        ("/uploads/0", Some("ann"), 404),
        (&path, Some("bob"), 403),
        (&path, Some("nobody's"), 401),
        ("/files/x", None, 404),
    ] {
        assert_eq!(status(&app.running, path, token).await, expected, "{path} {token:?}");
    }
    for (token, code) in [("bob", 403), ("nobody's", 401), ("", 401)] {
        let mut socket = open(&app.running, &key).await;
        send(&mut socket, &key, "l", b"somebody else's bytes").await;
        let (said, text) = end(&mut socket, token).await;
        assert_eq!(said, code, "{text}");
        assert!(matches!(socket.see().await, Seen::Closed(4401 | 4403, _)));
        assert_eq!(app.offset(&path).await, Some(0), "nothing of it counts");
    }
    assert_eq!(app.left(), [format!("uploads/{key}.data"), format!("uploads/{key}.json")]);
}

#[tokio::test]
async fn whoever_is_nobody_hears_of_it_on_the_connection_that_asked() {
    let files = Files::in_storage(Storage::memory()).guard(psd_core::Guard { auth: Some(false), ..Default::default() });
    let server = psd_core::Server::builder().unhandled(Unhandled::Allow).files(files);
    let app = FileApp::of(Running::start(server).await);
    let mut main = app.running.connect().await;
    let answers = main.request("upload-start", json!({"localKey": "l"})).await;
    let key = answers[0]["key"].as_str().unwrap().to_owned();
    let mut other = app.running.connect().await;
    let mut socket = open(&app.running, &key).await;
    send(&mut socket, &key, "l", b"hello").await;
    socket.send_text(&json!({"headers": {"messageType": "upload-end"}}).to_string()).await;
    assert_eq!(done(&mut main).await["key"], json!(key));
    assert_eq!(other.request("upload-start", json!({})).await.len(), 2, "nothing else came");
}

#[tokio::test]
async fn what_has_no_place_on_an_upload_connection() {
    let app = FileApp::with(Settings::default().max_frame_bytes(100_000).upload_max_bytes(150_000)).await;
    let (mut main, key) = slot(&app.running, "ann", "l").await;
    let mut socket = open(&app.running, &key).await;
    // Text that is none of ours, and messages that clients of the field send where they have a connection.
    for _ in 0..10 {
        socket.send_text("hello").await;
        assert_eq!(socket.frame().await["headers"]["messageType"], "protocol-error");
    }
    let answers = socket.request("upload-start", json!({})).await;
    assert_eq!(answers[0]["errorCode"], 404, "{answers:?}");
    send(&mut socket, &key, "l", b"hello").await;
    socket.send_text("{").await;
    assert!(matches!(socket.see().await, Seen::Closed(4400, _)));

    let mut socket = open(&app.running, &key).await;
    socket.send_message(Message::binary(noise(3_000_000))).await;
    let (code, text, close) = refused(&mut socket).await;
    assert_eq!((code, close), (json!(413), 1009), "{text}");

    let mut socket = open(&app.running, &key).await;
    send(&mut socket, &key, "l", &noise(100_000)).await;
    socket.send_message(Message::binary(noise(50_001))).await;
    let (code, text, close) = refused(&mut socket).await;
    assert_eq!((code, close), (json!(413), 4403), "{text}");

    // A length that was said before, by tus.
    let path = app.create(10, &[]).await;
    let sized = path.rsplit('/').next().unwrap();
    let mut socket = open(&app.running, sized).await;
    send(&mut socket, sized, "", b"hello").await;
    let (code, text) = end(&mut socket, "ann").await;
    assert_eq!((code, text.contains("said to have 10 bytes, and 5")), (json!(409), true), "{text}");

    // Not what it is said to be.
    let image = json!({"localKey": "i", "name": "i.png", "mime": "image/png"});
    let answers = main.request("upload-start", image).await;
    let image = answers[0]["key"].as_str().unwrap();
    let mut socket = open(&app.running, image).await;
    send(&mut socket, image, "i", b"MZ this is a program").await;
    let (code, text) = end(&mut socket, "ann").await;
    assert_eq!(code, json!(415), "{text}");

    let record = app.folder.as_ref().unwrap().path().join(format!("uploads/{key}.json"));
    let mut text: Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
    text["expires"] = 1.into();
    std::fs::write(&record, text.to_string()).unwrap();
    assert_eq!(status(&app.running, &format!("/uploads/{key}"), Some("ann")).await, 410);
}

#[tokio::test]
async fn who_sends_nothing_for_too_long_is_told_so() {
    let app = FileApp::with(Settings::default().upload_idle_timeout(Duration::from_millis(50))).await;
    let (_main, key) = slot(&app.running, "ann", "l").await;
    let mut socket = open(&app.running, &key).await;
    let (code, text, close) = refused(&mut socket).await;
    assert_eq!((code, close), (json!(408), 4403), "{text}");
}

/// A file that nobody reads is a pipe: whoever opens it to write waits for ever.
#[tokio::test]
async fn a_storage_that_hangs_is_answered_for() {
    let app = FileApp::with(Settings::default().upload_write_timeout(Duration::from_millis(50))).await;
    let (_main, key) = slot(&app.running, "ann", "l").await;
    let data = app.folder.as_ref().unwrap().path().join(format!("uploads/{key}.data"));
    std::fs::remove_file(&data).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&data).status().unwrap();
    assert!(made.success());
    let mut socket = open(&app.running, &key).await;
    socket.send_message(Message::binary(&b"hello"[..])).await;
    let (code, text, close) = refused(&mut socket).await;
    assert_eq!((code, close), (json!(503), 1011), "{text}");
    // The threads that wait would outlive the test.
    std::fs::OpenOptions::new().read(true).write(true).open(&data).unwrap();
}

#[tokio::test]
async fn the_path_that_a_client_has_built_in() {
    let files = |path: &str| Files::in_storage(Storage::memory()).hooks(App).socket_path(path);
    let server =
        |path| psd_core::Server::builder().authenticator(tokens()).unhandled(Unhandled::Allow).files(files(path));
    let app = FileApp::of(Running::start(server("/ws/upload/{key}/")).await);
    let (mut main, key) = slot(&app.running, "ann", "l").await;
    let mut socket = app.running.connect_to(&format!("/ws/upload/{key}/")).await;
    send(&mut socket, &key, "l", b"hello").await;
    ended(&mut socket, "ann").await;
    done(&mut main).await;
    assert_eq!(app.request("GET", &format!("/ws/upload/{key}/"), &[], b"").await.status, 426);
    for wrong in ["/upload", "upload/{key}", "/{key}/{key}", "/upload/{id}"] {
        let error = server(wrong).build().unwrap_err();
        assert!(error.to_string().contains("upload connections cannot be at"), "{error}");
    }
}

#[tokio::test]
async fn pages_of_others_bring_no_files() {
    let app = FileApp::in_memory().await;
    let (_main, key) = slot(&app.running, "ann", "l").await;
    let url = format!("ws://{}/uploads/{key}", app.running.address());
    let foreign = tokio_tungstenite::connect_async({
        use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
        let mut request = url.clone().into_client_request().unwrap();
        request.headers_mut().insert("Origin", "https://evil.example".parse().unwrap());
        request
    });
    assert!(matches!(foreign.await, Err(Error::Http(answer)) if answer.status() == 403));
    drop(connect_with(&url, &[("Origin", &format!("http://{}", app.running.address()))]).await);
}
