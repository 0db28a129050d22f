use psd_core::Rate;

use crate::app::{CHUNK, FileApp, noise};

/// The value of a series.
#[track_caller]
fn value(app: &FileApp, series: &str) -> f64 {
    let text = app.running.server().metrics();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no `{series}` in {text}")).parse().unwrap()
}

#[tokio::test]
async fn what_becomes_of_uploads_is_counted() {
    let settings = psd_core::Settings::default().upload_rate(Rate::per_hour(7)).upload_max_bytes(1 << 20);
    let app = FileApp::with(settings).await;
    let done = app.upload(&noise(300_000), &[("key", "a"), ("public", "yes")]).await;
    assert_eq!(done.status, 204);
    assert_eq!(app.request("GET", "/files/a", &[("Range", "bytes=0-99")], b"").await.body.len(), 100);
    let open = app.create(10, &[]).await;
    app.patch(&open, 3, b"x").await.expect(409, "not at 3");
    let given_up = app.create(10, &[]).await;
    assert_eq!(app.tus("DELETE", &given_up, &[], b"").await.status, 204);
    let create = async |length: &str, said: &[(&str, &str)]| {
        let said = crate::app::metadata(said);
        app.tus("POST", "/uploads", &[("Upload-Length", length), ("Upload-Metadata", &said)], b"").await.status
    };
    assert_eq!(create("5", &[("refuse", "")]).await, 422);
    assert_eq!(create("5", &[("key", "a")]).await, 409);
    assert_eq!(create("9999999", &[]).await, 413);
    let lie = app.create(5, &[("filetype", "image/png")]).await;
    assert_eq!(app.patch(&lie, 0, b"hello").await.status, 415);
    assert_eq!(create("5", &[]).await, 429);
    let sum = [("Upload-Offset", "0"), ("Content-Type", CHUNK), ("Upload-Checksum", "crc32 AAAAAA==")];
    assert_eq!(app.tus("PATCH", &open, &sum, b"hello").await.status, 460);

    for (series, expected) in [
        ("psd_uploads_begun_total", 4.0),
        ("psd_uploads_done_total", 1.0),
        ("psd_uploads_failed_total{reason=\"refused\"}", 1.0),
        ("psd_uploads_failed_total{reason=\"key_taken\"}", 1.0),
        ("psd_uploads_failed_total{reason=\"too_large\"}", 1.0),
        ("psd_uploads_failed_total{reason=\"type\"}", 1.0),
        ("psd_uploads_failed_total{reason=\"rate\"}", 1.0),
        ("psd_uploads_failed_total{reason=\"cancelled\"}", 1.0),
        ("psd_uploads_failed_total{reason=\"full\"}", 0.0),
        ("psd_uploads_interrupted_total{reason=\"offset\"}", 1.0),
        ("psd_uploads_interrupted_total{reason=\"checksum\"}", 1.0),
        ("psd_uploads_unfinished", 1.0),
        ("psd_upload_writers", 0.0),
        ("psd_file_received_bytes_total", 300_010.0),
        ("psd_file_sent_bytes_total", 100.0),
    ] {
        assert_eq!(value(&app, series), expected, "{series}");
    }
    let sweeps = value(&app, "psd_upload_sweeps_total");
    app.running.server().files().unwrap().sweep().await.unwrap();
    assert!(value(&app, "psd_upload_sweeps_total") > sweeps);
    for operation in ["write", "sync", "publish", "read", "get", "put"] {
        let count = format!("psd_file_storage_duration_seconds_count{{operation=\"{operation}\"}}");
        assert!(value(&app, &count) >= 1.0, "{operation}");
    }
}
