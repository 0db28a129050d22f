use psd_core::{Settings, files::Storage};
use psd_tests::Running;
use serde_json::{Value, json};

use crate::app::{CHUNK, FileApp, builder, request};

async fn connect(app: &FileApp, token: &str) -> psd_tests::RawClient {
    let bearer = format!("Bearer {token}");
    app.running.connect_with("/ws", &[("Authorization", &bearer)]).await
}

/// The ack's error code; `Null` for success.
fn code(replies: &[Value]) -> &Value {
    &replies.last().unwrap()["errorCode"]
}

#[tokio::test]
async fn an_upload_begins_over_the_socket_and_goes_on_by_tus() {
    let app = FileApp::in_folder().await;
    let mut ann = connect(&app, "ann").await;
    let wish = json!({"localKey": "k1", "name": "note", "extension": "txt", "mime": "text/plain"});
    let slot = ann.request("upload-start", wish).await;
    assert_eq!(slot[0]["localKey"], "k1");
    let path = format!("/uploads/{}", slot[0]["key"].as_str().unwrap());

    let chunk = [("Upload-Offset", "0"), ("Content-Type", CHUNK), ("Upload-Length", "5")];
    assert_eq!(app.tus("PATCH", &path, &chunk, b"hello").await.status, 204);
    // Every connection of the owner hears of it.
    let done = ann.push().await;
    assert_eq!(done["headers"]["messageType"], "upload-done");
    let file = &done["body"]["file"];
    assert_eq!((&done["body"]["key"], &file["localKey"]), (&slot[0]["key"], &json!("k1")));
    assert_eq!((&file["name"], &file["mime"]), (&json!("note.txt"), &json!("text/plain")));
    let url = file["url"].as_str().unwrap().to_owned();
    assert_eq!(app.request("GET", &url, &[], b"").await.text(), "hello");

    let mut bob = connect(&app, "bob").await;
    assert_eq!(code(&bob.request("delete-file", json!({"file": file})).await), 403);
    assert_eq!(code(&ann.request("delete-file", json!({})).await), 422);
    assert_eq!(code(&ann.request("delete-file", json!({"file": {"id": "../key"}})).await), 404);
    assert_eq!(*code(&ann.request("delete-file", json!({"file": file})).await), Value::Null);
    assert_eq!(app.request("GET", &url, &[], b"").await.status, 404);
    assert_eq!(code(&ann.request("delete-file", json!({"file": file})).await), 404);
    assert_eq!(code(&ann.request("upload-end", json!({})).await), 409);
}

#[tokio::test]
async fn a_slot_for_a_file_of_the_application() {
    let app = FileApp::in_memory().await;
    let mut ann = connect(&app, "ann").await;
    let task =
        json!({"fileId": "f1", "task": {"name": "a.png", "mime": "image/png", "metadata": {"types": "image/*"}}});
    let slot = ann.request("upload-ufile", task).await;
    let url = slot[0]["metadata"]["upload_url"].as_str().unwrap().to_owned();
    let (id, src) = (slot[0]["file"]["id"].clone(), slot[0]["file"]["src"].as_str().unwrap().to_owned());
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let length = png.len().to_string();
    let chunk = [("Upload-Offset", "0"), ("Content-Type", CHUNK), ("Upload-Length", &*length)];
    assert_eq!(app.tus("PATCH", &url, &chunk, png).await.status, 204);
    let file = app.tus("GET", &src, &[], b"").await;
    assert_eq!((file.status, file.header("content-type")), (200, Some("image/png")));
    ann.push().await;
    assert_eq!(code(&ann.request("upload-ufile", json!({"fileId": "f1"})).await), 422);
    assert_eq!(*code(&ann.request("delete-ufile", json!({"id": id})).await), Value::Null);
    assert_eq!(app.tus("GET", &src, &[], b"").await.status, 404);
}

#[tokio::test]
async fn whoever_is_nobody_is_refused_before_anything_else() {
    let app = FileApp::in_folder().await;
    let mut nobody = app.running.connect().await;
    for message in ["upload-start", "upload-end", "delete-file", "upload-ufile", "delete-ufile"] {
        assert_eq!(code(&nobody.request(message, json!({"no": "such"})).await), 401, "{message}");
    }
    assert!(app.left().is_empty());
}

#[tokio::test]
async fn paths_that_clash_and_folders_that_cannot_be_are_refused() {
    let files = || psd_core::files::Files::in_storage(Storage::memory());
    for (builder, expected) in [
        (psd_core::Server::builder().files(files().upload_path("/ws")), "files cannot be at `/ws`"),
        (psd_core::Server::builder().files(files().upload_path("uploads")), "files cannot be at `uploads`"),
        (psd_core::Server::builder().files(files().download_path("/f/")), "files cannot be at `/f/`"),
        (builder(Storage::folder("/dev/null/files"), Settings::default()), "files cannot be kept in `/dev/null/files`"),
    ] {
        let error = builder.consumer::<psd_core::DefaultConsumer>().build().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    // Without files there is neither path nor receiver.
    let running = Running::start(psd_core::Server::builder().unhandled(psd_core::Unhandled::Allow)).await;
    assert_eq!(request(&running, "OPTIONS", "/uploads", &[], b"").await.status, 404);
    assert!(running.server().files().is_err());
}
