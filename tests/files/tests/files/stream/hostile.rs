use std::time::Duration;

use psd_core::{Server, Settings, Unhandled, proto::common::psd::v1::UploadOpen};
use psd_tests::{Running, eventually};
use serde_json::json;

use super::{
    DIALECTS,
    client::{Client, Said, chunk, new, resume, saying},
};
use crate::app::{FileApp, noise};

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn a_chunk_that_is_wrong_ends_its_stream_and_no_other() {
    let app = FileApp::in_folder().await;
    let bytes = noise(300_000);
    for dialect in DIALECTS {
        let mut client = Client::connect(&app.running, dialect, "ann").await;
        client.open(new(1, bytes.len())).await;
        let other = client.opened().await;
        client.open(new(2, bytes.len())).await;
        let opened = client.opened().await;
        let mut damaged = chunk(2, &bytes, 0, 1000);
        damaged.data[500] ^= 1;
        client.chunk(damaged).await;
        client.expect_failed(460, "checksum", true).await;
        let mut open = resume(3, &opened.upload_id);
        client.open(open.clone()).await;
        assert_eq!(client.opened().await.offset, 0, "nothing of it is kept");
        client.chunk(chunk(3, &bytes, 0, 1000)).await;
        client.chunk(chunk(3, &bytes, 1001, 2000)).await;
        client.expect_failed(409, "the one before ended at 1000", true).await;
        open.stream = 4;
        client.open(open.clone()).await;
        let offset = client.opened().await.offset;
        assert!(offset <= 1000, "{offset}");
        let most = u64::from(opened.chunk_bytes);
        client.chunk(chunk(4, &bytes, offset, offset + most + 1)).await;
        client.expect_failed(400, "65536 are allowed", true).await;
        open.stream = 5;
        client.open(open).await;
        let opened = client.opened().await;
        client.send_up_to(&opened, &bytes, bytes.len()).await;
        app.assert_file(client.done().await.file.as_ref(), &bytes).await;
        client.send_up_to(&other, &bytes, bytes.len()).await;
        app.assert_file(client.done().await.file.as_ref(), &bytes).await;
    }
}

/// All chunks of a frame are heard before anything is written.
#[tokio::test]
async fn whoever_ignores_credit_loses_the_stream() {
    let app = FileApp::with(Settings::default().upload_window(1000)).await;
    let bytes = noise(5000);
    let mut client = Client::ann(&app.running).await;
    client.open(new(1, bytes.len())).await;
    let opened = client.opened().await;
    assert_eq!((opened.until, opened.chunk_bytes), (1000, 1000));
    let chunks: Vec<_> = (0..5).map(|number| chunk(1, &bytes, number * 600, (number + 1) * 600)).collect();
    client.chunks(&chunks).await;
    client.expect_failed(400, "wait for `psd.upload-credit`", true).await;
    client.open(resume(2, &opened.upload_id)).await;
    let opened = client.opened().await;
    client.send_up_to(&opened, &bytes, bytes.len()).await;
    app.assert_file(client.done().await.file.as_ref(), &bytes).await;
}

#[tokio::test]
async fn a_connection_has_so_many_streams() {
    let app = FileApp::in_folder().await;
    let mut client = Client::ann(&app.running).await;
    let mut last = String::new();
    for stream in 1..=4 {
        client.open(new(stream, 10)).await;
        last = client.opened().await.upload_id;
    }
    client.open(new(5, 10)).await;
    client.expect_failed(429, "4 upload streams", false).await;
    client.open(resume(6, &last)).await;
    client.expect_failed(429, "4 upload streams", true).await;
    client.cancel(1, false).await;
    client.expect_failed(499, "cancelled", false).await;
    client.open(new(7, 10)).await;
    client.opened().await;
    let mut other = Client::ann(&app.running).await;
    other.open(new(1, 10)).await;
    other.opened().await;
}

#[tokio::test]
async fn streams_that_cannot_be_are_protocol_errors() {
    let app = FileApp::in_folder().await;
    for dialect in DIALECTS {
        let mut client = Client::connect(&app.running, dialect, "ann").await;
        client.open(new(0, 10)).await;
        assert!(client.protocol_error().await.contains("the number 0"), "{dialect}");
        client.open(new(7, 10)).await;
        client.opened().await;
        for stream in [7, 6] {
            client.open(new(stream, 10)).await;
            assert!(client.protocol_error().await.contains("is above 7"), "{dialect}");
        }
        client.chunk(chunk(8, b"x", 0, 1)).await;
        assert!(client.protocol_error().await.contains("no upload stream 8"), "{dialect}");
        client.cancel(8, false).await;
        assert!(client.protocol_error().await.contains("no upload stream 8"), "{dialect}");
        client.send("psd.upload-chunk", json!({"stream": "x"}), vec![0xff]).await;
        assert!(client.protocol_error().await.contains("`psd.upload-chunk`: body"), "{dialect}");
        client.chunk(chunk(7, &noise(10), 0, 10)).await;
        client.done().await;
    }
}

#[tokio::test]
async fn uploads_that_may_not_be() {
    let app = FileApp::with(Settings::default().upload_max_bytes(1000)).await;
    let mut client = Client::ann(&app.running).await;
    let mut stream = 0;
    let mut next = |open: UploadOpen| {
        stream += 1;
        UploadOpen { stream, ..open }
    };
    for (open, code, text) in [
        (new(0, 1001), 413, "1000 are allowed"),
        (saying(new(0, 11), &[("most", "10")]), 413, "10 are allowed"),
        (saying(new(0, 5), &[("refuse", "")]), 422, "no more of these"),
        (saying(new(0, 5), &[("much", &"x".repeat(20_000))]), 400, "16384 are allowed"),
        (saying(new(0, 5), &[("panic", "")]), 500, "internal error"),
        (resume(0, "00000000000000000000000000000000"), 404, "no such upload"),
        (resume(0, "../../../etc/passwd"), 404, "no such upload"),
    ] {
        client.open(next(open)).await;
        client.expect_failed(code, text, false).await;
    }
    assert_eq!(app.left(), NOTHING);
    // More than was said, in all and by a chunk that says it is not the last.
    let bytes = noise(2000);
    let open = next(UploadOpen { size: None, ..new(0, 0) });
    client.open(open.clone()).await;
    let opened = client.opened().await;
    client.chunk(chunk(open.stream, &bytes, 0, 1001)).await;
    client.expect_failed(413, "1000 bytes at most", true).await;
    let open = next(UploadOpen { size: Some(900), ..resume(0, &opened.upload_id) });
    client.open(open.clone()).await;
    let opened = client.opened().await;
    let mut early = chunk(open.stream, &bytes, opened.offset, 800);
    early.last = true;
    client.chunk(early).await;
    client.expect_failed(409, "said to have 900 bytes, and 800 have come", true).await;
    client.open(next(UploadOpen { size: Some(901), ..resume(0, &opened.upload_id) })).await;
    client.expect_failed(400, "said to have 900", true).await;
    // What it is, not what it is said to be.
    let open = next(UploadOpen { mime: "image/png".into(), ..new(0, 300) });
    client.open(open.clone()).await;
    client.opened().await;
    client.chunk(chunk(open.stream, &bytes, 0, 300)).await;
    client.expect_failed(415, "not `image/png`", false).await;
    let open = next(saying(new(0, 5), &[("reject", "")]));
    client.open(open.clone()).await;
    client.opened().await;
    client.chunk(chunk(open.stream, b"virus", 0, 5)).await;
    client.expect_failed(422, "a virus", false).await;
}

#[tokio::test]
async fn nobody_elses_upload() {
    let app = FileApp::in_folder().await;
    let mut ann = Client::ann(&app.running).await;
    ann.open(new(1, 10)).await;
    let opened = ann.opened().await;
    let mut bob = Client::connect(&app.running, "psd.v1.proto", "bob").await;
    bob.open(resume(1, &opened.upload_id)).await;
    bob.expect_failed(403, "somebody else's", false).await;
    let mut nobody = Client::connect(&app.running, "psd.v1.json", "nobody's").await;
    assert_eq!(nobody.next().await, Said::Other("token-invalid".into(), String::new()));
    nobody.open(resume(1, &opened.upload_id)).await;
    nobody.expect_failed(401, "authentication required", false).await;
    nobody.open(new(2, 10)).await;
    nobody.expect_failed(401, "authentication required", false).await;
    // It has not been disturbed.
    ann.chunk(chunk(1, &noise(10), 0, 10)).await;
    ann.done().await;
}

#[tokio::test]
async fn whoever_is_nobody_any_more_brings_no_more() {
    let app = FileApp::in_folder().await;
    let bytes = noise(10);
    let mut ann = Client::ann(&app.running).await;
    ann.open(new(1, 10)).await;
    let opened = ann.opened().await;
    for connection in app.running.server().connections() {
        connection.deauthenticate();
    }
    ann.chunk(chunk(1, &bytes, 0, 5)).await;
    ann.expect_failed(401, "authentication required", true).await;
    let mut again = Client::ann(&app.running).await;
    again.open(resume(1, &opened.upload_id)).await;
    assert_eq!(again.opened().await.offset, 0);
    // Somebody else takes over.
    let mut other = Client::ann(&app.running).await;
    other.open(resume(1, &opened.upload_id)).await;
    other.opened().await;
    again.expect_failed(423, "somebody else", true).await;
    other.chunk(chunk(1, &bytes, 0, 10)).await;
    other.done().await;
}

#[tokio::test]
async fn who_sends_nothing_for_too_long_is_told_so() {
    let app = FileApp::with(Settings::default().upload_idle_timeout(Duration::from_millis(50))).await;
    let mut client = Client::ann(&app.running).await;
    client.open(new(1, 10)).await;
    client.opened().await;
    client.expect_failed(408, "no chunk came", true).await;
}

#[tokio::test]
async fn an_upload_that_has_expired() {
    let app = FileApp::with(Settings::default().upload_expiry(Duration::from_secs(3600))).await;
    let mut client = Client::ann(&app.running).await;
    client.open(new(1, 10)).await;
    let opened = client.opened().await;
    client.cancel(1, true).await;
    client.expect_failed(499, "cancelled", true).await;
    let record = app.folder.as_ref().unwrap().path().join(format!("uploads/{}.json", opened.upload_id));
    let mut stream = 2;
    loop {
        client.open(resume(stream, &opened.upload_id)).await;
        match client.answer().await {
            Said::Failed(failed) => {
                assert!(matches!(failed.error_code, 404 | 410) && !failed.kept, "{failed:?}");
                break;
            }
            Said::Opened(_) => {}
            other => panic!("{other:?}"),
        }
        client.cancel(stream, true).await;
        client.expect_failed(499, "cancelled", true).await;
        // As if that hour had passed, which begins anew each time that somebody works with it.
        let text = std::fs::read_to_string(&record).unwrap();
        let mut text: serde_json::Value = serde_json::from_str(&text).unwrap();
        text["expires"] = 1.into();
        std::fs::write(&record, text.to_string()).unwrap();
        stream += 1;
    }
}

#[tokio::test]
async fn a_server_without_files_says_so() {
    let running = Running::start(Server::builder().unhandled(Unhandled::Allow)).await;
    for dialect in DIALECTS {
        let mut client = Client::connect(&running, dialect, "ann").await;
        assert_eq!(client.next().await, Said::Other("token-invalid".into(), String::new()));
        client.chunk(chunk(1, b"x", 0, 1)).await;
        client.open(new(1, 1)).await;
        client.expect_failed(404, "takes no files", false).await;
    }
    eventually("they are gone", || running.server().connections().is_empty()).await;
}
