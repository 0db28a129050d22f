use base64::{Engine as _, engine::general_purpose::STANDARD};
use psd_core::Settings;
use sha1::Digest as _;

use crate::app::{CHUNK, FileApp, metadata, noise};

#[tokio::test]
async fn the_server_says_what_it_can() {
    let app = FileApp::in_folder().await;
    // Without a token, and whatever version the client speaks.
    for path in ["/uploads", "/uploads/", "/uploads/00000000000000000000000000000000"] {
        let answer = app.request("OPTIONS", path, &[("Tus-Resumable", "0.2.2")], b"").await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("tus-version"), Some("1.0.0"));
        assert_eq!(answer.header("tus-max-size"), Some("104857600"));
        assert_eq!(answer.header("tus-checksum-algorithm"), Some("sha1,sha256,md5,crc32"));
        let extensions = answer.header("tus-extension").unwrap();
        for extension in ["creation", "expiration", "checksum", "termination", "concatenation", "creation-with-upload"]
        {
            assert!(extensions.split(',').any(|one| one == extension), "{extension}");
        }
    }
    for version in ["", "0.2.2", "1.0.0, 2.0.0"] {
        let bearer = ("Authorization", "Bearer ann");
        let answer =
            app.request("POST", "/uploads", &[bearer, ("Tus-Resumable", version), ("Upload-Length", "5")], b"").await;
        assert_eq!((answer.status, answer.header("tus-version")), (412, Some("1.0.0")));
    }
}

#[tokio::test]
async fn a_file_comes_in_pieces() {
    for app in FileApp::all().await {
        let bytes = noise(700_000);
        let said = metadata(&[("filename", "über.bin"), ("local_key", "k1")]);
        let created =
            app.tus("POST", "/uploads/", &[("Upload-Length", "700000"), ("Upload-Metadata", &said)], b"").await;
        assert_eq!((created.status, created.header("upload-offset")), (201, Some("0")));
        assert!(created.header("upload-expires").unwrap().ends_with("GMT"));
        let path = created.header("location").unwrap();
        assert!(path.starts_with("/uploads/"));

        let mut offset = 0;
        for piece in [1, 299_999, 0, 300_000, 99_999] {
            let answer = app.patch(path, offset, &bytes[offset..offset + piece]).await;
            offset += piece;
            assert_eq!((answer.status, answer.header("tus-resumable")), (204, Some("1.0.0")), "{answer:?}");
            assert_eq!(answer.header("upload-offset").unwrap(), offset.to_string());
            assert!(answer.header("upload-expires").is_some());
            assert_eq!(answer.header("content-location"), None);
            let head = app.tus("HEAD", path, &[], b"").await;
            assert_eq!((head.status, head.header("cache-control")), (200, Some("no-store")));
            assert_eq!(head.header("upload-offset").unwrap(), offset.to_string());
            assert_eq!((head.header("upload-length"), head.header("upload-metadata")), (Some("700000"), Some(&*said)));
        }
        let last = app.patch(path, offset, &bytes[offset..]).await;
        assert_eq!((last.status, last.header("upload-offset")), (204, Some("700000")));
        let file = app.request("GET", last.header("content-location").unwrap(), &[], b"").await;
        assert_eq!(file.status, 200);
        assert!(file.body == bytes);
        assert_eq!(file.header("content-type"), Some("application/octet-stream"));
        assert!(file.header("content-disposition").unwrap().contains("filename*=UTF-8''%C3%BCber.bin"));

        // A client that has not heard of it asks again.
        let head = app.tus("HEAD", path, &[], b"").await;
        assert_eq!((head.status, head.header("upload-offset")), (200, Some("700000")));
        assert!(head.header("content-location").unwrap().starts_with("/files/"));
        let again = app.patch(path, 700_000, b"").await;
        assert_eq!((again.status, again.header("content-location")), (204, last.header("content-location")));
        let asked = [("Upload-Offset", "700000"), ("Content-Type", CHUNK), ("Prefer", "wait=1, return=representation")];
        let told = app.tus("PATCH", path, &asked, b"").await;
        assert_eq!((told.status, told.header("preference-applied")), (200, Some("return=representation")));
        let told: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
        assert!(told["name"] == "über.bin" && told["localKey"] == "k1" && told["mime"] == "application/octet-stream");
        assert_eq!(told["url"], last.header("content-location").unwrap());
        assert_eq!(app.patch(path, 0, b"x").await.status, 409);
    }
}

#[tokio::test]
async fn an_upload_may_begin_with_bytes_and_say_its_length_later() {
    for app in FileApp::all().await {
        let whole = app.tus("POST", "/uploads", &[("Upload-Length", "5"), ("Content-Type", CHUNK)], b"hello").await;
        assert_eq!((whole.status, whole.header("upload-offset")), (201, Some("5")));
        assert_eq!(app.request("GET", whole.header("content-location").unwrap(), &[], b"").await.text(), "hello");

        let some = app.tus("POST", "/uploads", &[("Upload-Defer-Length", "1"), ("Content-Type", CHUNK)], b"hel").await;
        assert_eq!((some.status, some.header("upload-offset")), (201, Some("3")));
        let path = some.header("location").unwrap();
        let head = app.tus("HEAD", path, &[], b"").await;
        assert_eq!((head.header("upload-defer-length"), head.header("upload-length")), (Some("1"), None));
        let chunk = [("Upload-Offset", "3"), ("Content-Type", CHUNK), ("Upload-Length", "2")];
        assert_eq!(app.tus("PATCH", path, &chunk, b"lo").await.status, 400, "less than there is");
        let chunk = [("Upload-Offset", "3"), ("Content-Type", CHUNK), ("Upload-Length", "5")];
        let last = app.tus("PATCH", path, &chunk, b"lo").await;
        assert_eq!(last.status, 204);
        assert_eq!(app.request("GET", last.header("content-location").unwrap(), &[], b"").await.text(), "hello");

        let empty = app.tus("POST", "/uploads", &[("Upload-Length", "0")], b"").await;
        assert_eq!((empty.status, empty.header("upload-offset")), (201, Some("0")));
        let file = app.request("GET", empty.header("content-location").unwrap(), &[], b"").await;
        assert_eq!((file.status, file.body.len()), (200, 0));
    }
}

#[tokio::test]
async fn checksums_are_checked() {
    for app in FileApp::all().await {
        let bytes = noise(600_000);
        let path = app.create(bytes.len(), &[]).await;
        let sha1 = |bytes: &[u8]| format!("sha1 {}", STANDARD.encode(sha1::Sha1::digest(bytes)));
        let (first, second) = bytes.split_at(300_000);
        let patch = async |offset: &str, sum: &str, body: &[u8]| {
            let headers = [("Upload-Offset", offset), ("Content-Type", CHUNK), ("Upload-Checksum", sum)];
            app.tus("PATCH", &path, &headers, body).await
        };
        patch("0", &sha1(second), first).await.expect(460, "not kept");
        assert_eq!(app.offset(&path).await, Some(0));
        assert_eq!(patch("0", &sha1(first), first).await.status, 204);
        patch("300000", &sha1(first), second).await.expect(460, "not kept");
        assert_eq!(app.offset(&path).await, Some(300_000));
        patch("300000", "sha512 AAAA", second).await.expect(400, "none of sha1,sha256,md5,crc32");
        patch("300000", "sha1 AAAA", second).await.expect(400, "no sha1 digest");
        let last = patch("300000", &sha1(second), second).await;
        assert_eq!(last.status, 204, "{last:?}");
        let file = app.request("GET", last.header("content-location").unwrap(), &[], b"").await;
        assert!(file.body == bytes);
        let tag = format!("\"{}\"", hex(&sha2::Sha256::digest(&bytes)));
        assert_eq!(file.header("etag"), Some(&*tag), "what was forgotten is not hashed either");

        // Of the bytes an upload begins with: nothing is left of it.
        let headers = [("Upload-Length", "5"), ("Content-Type", CHUNK), ("Upload-Checksum", "crc32 AAAAAA==")];
        assert_eq!(app.tus("POST", "/uploads", &headers, b"hello").await.status, 460);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn an_upload_is_terminated() {
    for app in FileApp::all().await {
        let path = app.create(10, &[]).await;
        app.patch(&path, 0, b"hello").await;
        assert_eq!(app.tus("DELETE", &path, &[], b"").await.status, 204);
        assert_eq!(app.tus("HEAD", &path, &[], b"").await.status, 404);
        app.patch(&path, 5, b"world").await.expect(404, "no such upload");
        assert_eq!(app.tus("DELETE", &path, &[], b"").await.status, 404);

        // What it has become goes with it.
        let created = app.tus("POST", "/uploads", &[("Upload-Length", "1"), ("Content-Type", CHUNK)], b"x").await;
        let url = created.header("content-location").unwrap();
        assert_eq!(app.request("GET", url, &[], b"").await.status, 200);
        assert_eq!(app.tus("DELETE", created.header("location").unwrap(), &[], b"").await.status, 204);
        assert_eq!(app.request("GET", url, &[], b"").await.status, 404);
        assert_eq!(app.left(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_file_is_made_of_parts() {
    for app in FileApp::all().await {
        let partial = async |bytes: &'static [u8], sent: usize| {
            let length = bytes.len().to_string();
            let headers = [("Upload-Length", &*length), ("Upload-Concat", "partial")];
            let created = app.tus("POST", "/uploads", &headers, b"").await;
            let path = created.header("location").unwrap().to_owned();
            assert_eq!(app.patch(&path, 0, &bytes[..sent]).await.status, 204);
            path
        };
        let (one, two, open) = (partial(b"hello ", 6).await, partial(b"world", 5).await, partial(b"!!", 1).await);
        let head = app.tus("HEAD", &one, &[], b"").await;
        assert_eq!((head.header("upload-concat"), head.header("upload-offset")), (Some("partial"), Some("6")));
        let concat = async |text: String, more: &[(&str, &str)]| {
            let mut headers = vec![("Upload-Concat", &*text)];
            headers.extend(more);
            app.tus("POST", "/uploads", &headers, b"").await
        };
        concat(format!("final;{one} {open}"), &[]).await.expect(409, "not finished");
        concat(format!("final;{one}"), &[("Upload-Length", "6")]).await.expect(400, "leave `Upload-Length` out");
        concat("final;".into(), &[]).await.expect(400, "names no parts");
        concat("final;/etc/passwd".into(), &[]).await.expect(400, "no upload of this server");
        concat("half".into(), &[("Upload-Length", "6")]).await.expect(400, "neither");
        let whole = app.create(3, &[]).await;
        concat(format!("final;{one} {whole}"), &[]).await.expect(400, "no part of a file");
        assert_eq!(
            app.tus_as("bob", "POST", "/uploads", &[("Upload-Concat", &format!("final;{one}"))], b"").await.status,
            403
        );

        let said = metadata(&[("filename", "greeting.txt"), ("filetype", "text/plain")]);
        let absolute = format!("final;http://{}{one} {two}", app.running.address());
        let made = concat(absolute.clone(), &[("Upload-Metadata", &said)]).await;
        assert_eq!((made.status, made.header("upload-offset")), (201, Some("11")), "{made:?}");
        let file = app.request("GET", made.header("content-location").unwrap(), &[], b"").await;
        assert_eq!((file.text(), file.header("content-type")), ("hello world".into(), Some("text/plain")));
        let path = made.header("location").unwrap();
        let head = app.tus("HEAD", path, &[], b"").await;
        assert_eq!((head.header("upload-concat"), head.header("upload-length")), (Some(&*absolute), Some("11")));
        app.patch(path, 11, b"more").await.expect(403, "takes no bytes");
        // Its client did not hear of it.
        assert_eq!(concat(format!("final;{one} {two}"), &[]).await.status, 201);
    }
}

#[tokio::test]
async fn an_upload_expires() {
    let app = FileApp::with(Settings::default().upload_expiry(std::time::Duration::from_secs(1))).await;
    let path = app.create(10, &[]).await;
    app.patch(&path, 0, b"hello").await;
    let gone = async {
        loop {
            let head = app.tus("HEAD", &path, &[], b"").await;
            if head.status != 200 {
                return head.status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let status = tokio::time::timeout(psd_tests::DEADLINE, gone).await.unwrap();
    assert!(matches!(status, 404 | 410), "{status}");
    app.running.server().files().unwrap().sweep().await.unwrap();
    assert_eq!(app.tus("HEAD", &path, &[], b"").await.status, 404);
    assert_eq!(app.left(), Vec::<String>::new());
}

#[tokio::test]
async fn proxies_that_know_no_patch_get_a_post() {
    let app = FileApp::in_folder().await;
    let path = app.create(5, &[]).await;
    let chunk = [("Upload-Offset", "0"), ("Content-Type", CHUNK), ("X-HTTP-Method-Override", "PATCH")];
    assert_eq!(app.tus("POST", &path, &chunk, b"he").await.status, 204);
    assert_eq!(app.offset(&path).await, Some(2));
    assert_eq!(app.tus("POST", &path, &[("X-HTTP-Method-Override", "DELETE")], b"").await.status, 204);
    assert_eq!(app.tus("POST", &path, &[], b"").await.status, 405);
    assert_eq!(app.tus("GET", "/uploads", &[], b"").await.status, 405);
}

#[tokio::test]
async fn pages_of_allowed_origins_may_upload() {
    let settings = Settings::default().allowed_origins("https://app.example".parse().unwrap());
    let app = FileApp::with(settings).await;
    let origin = ("Origin", "https://app.example");
    let asks =
        [origin, ("Access-Control-Request-Method", "PATCH"), ("Access-Control-Request-Headers", "upload-offset")];
    let answer = app.request("OPTIONS", "/uploads/00000000000000000000000000000000", &asks, b"").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("PATCH"));
    assert!(answer.header("access-control-allow-headers").unwrap().contains("Upload-Offset"));
    assert!(answer.header("access-control-allow-credentials").is_none(), "tokens alone say who asks");
    let created = app.tus("POST", "/uploads", &[origin, ("Upload-Length", "1")], b"").await;
    assert_eq!((created.status, created.header("vary")), (201, Some("Origin")));
    assert!(created.header("access-control-expose-headers").unwrap().contains("Location"));
    let error = app.request("HEAD", created.header("location").unwrap(), &[origin], b"").await;
    assert_eq!((error.status, error.header("access-control-allow-origin")), (412, Some("https://app.example")));
    let foreign = [("Origin", "https://evil.example"), ("Upload-Length", "1")];
    let answer = app.tus("POST", "/uploads", &foreign, b"").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (403, None));
}
