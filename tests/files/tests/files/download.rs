use std::time::Duration;

use crate::app::FileApp;

#[tokio::test]
async fn ranges_and_conditions() {
    for app in FileApp::all().await {
        let done = app.upload(b"0123456789", &[("filename", "a.txt"), ("filetype", "text/plain")]).await;
        let url = done.header("content-location").unwrap().to_owned();
        let get = async |headers: &[(&str, &str)]| app.request("GET", &url, headers, b"").await;

        let all = get(&[]).await;
        assert_eq!((all.status, all.text()), (200, "0123456789".into()));
        assert_eq!((all.header("accept-ranges"), all.header("content-length")), (Some("bytes"), Some("10")));
        assert_eq!(all.header("x-content-type-options"), Some("nosniff"));
        assert!(all.header("content-security-policy").unwrap().contains("sandbox"));
        assert!(all.header("content-disposition").unwrap().starts_with("inline; filename=\"a.txt\""));
        let tag = all.header("etag").unwrap().to_owned();

        let head = app.request("HEAD", &url, &[], b"").await;
        assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("10"), 0));

        for (range, expected, content_range) in [
            ("bytes=0-0", "0", "bytes 0-0/10"),
            ("bytes=2-5", "2345", "bytes 2-5/10"),
            ("bytes=8-", "89", "bytes 8-9/10"),
            ("bytes=-3", "789", "bytes 7-9/10"),
            ("bytes=5-99", "56789", "bytes 5-9/10"),
        ] {
            let part = get(&[("Range", range)]).await;
            assert_eq!((part.status, &*part.text()), (206, expected), "{range}");
            assert_eq!(part.header("content-range"), Some(content_range));
        }
        let beyond = get(&[("Range", "bytes=10-")]).await;
        assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */10")));
        // Several at once are not served: all is, as HTTP allows.
        assert_eq!(get(&[("Range", "bytes=0-1,4-5")]).await.status, 200);

        let same = get(&[("If-None-Match", &format!("\"x\", W/{tag}"))]).await;
        assert_eq!((same.status, same.header("etag"), same.body.len()), (304, Some(&*tag), 0));
        assert_eq!(get(&[("If-None-Match", "\"x\"")]).await.status, 200);
        assert_eq!(get(&[("If-Match", "\"x\"")]).await.status, 412);
        assert_eq!(get(&[("If-Range", &tag), ("Range", "bytes=0-1")]).await.status, 206);
        assert_eq!(get(&[("If-Range", "\"x\""), ("Range", "bytes=0-1")]).await.text(), "0123456789");
        let date = all.header("last-modified").unwrap();
        assert_eq!(get(&[("If-Range", date), ("Range", "bytes=0-1")]).await.status, 200);
        for method in ["POST", "PUT", "DELETE"] {
            assert_eq!(app.request(method, &url, &[], b"").await.status, 405, "{method}");
        }
    }
}

#[tokio::test]
async fn links_are_good_for_one_file_and_for_a_while() {
    let app = FileApp::in_folder().await;
    app.upload(b"one", &[("key", "a/one")]).await;
    app.upload(b"two", &[("key", "a/two")]).await;
    let files = app.running.server().files().unwrap();
    let get = async |url: &str| app.request("GET", url, &[], b"").await;

    let link = files.link("a/one", Duration::from_secs(60)).await.unwrap();
    let answer = get(&link).await;
    assert_eq!((answer.status, answer.text()), (200, "one".into()));
    assert!(answer.header("cache-control").unwrap().starts_with("private, max-age="));
    get(&link.replace("a/one", "a/two")).await.expect(403, "not good for this file");
    let (path, query) = link.split_once('?').unwrap();
    let (expires, signature) = query.split_once('&').unwrap();
    get(&format!("{path}?expires=99999999999&{signature}")).await.expect(403, "not good");
    get(&format!("{path}?{signature}")).await.expect(403, "not good");
    get(&format!("{path}?{expires}&signature=")).await.expect(403, "not good");
    get(&format!("{path}?{expires}&signature=%00")).await.expect(403, "not good");
    get(&files.link("a/one", Duration::ZERO).await.unwrap()).await.expect(403, "expired");
    get(&files.link("a/none", Duration::from_secs(60)).await.unwrap()).await.expect(404, "no such file");

    // The key is the storage's: another server of it signs the same.
    let other = crate::app::builder(
        psd_core::files::Storage::folder(app.folder.as_ref().unwrap().path()),
        psd_core::Settings::default(),
    );
    let other = psd_tests::Running::start(other).await;
    assert_eq!(crate::app::request(&other, "GET", &link, &[], b"").await.status, 200);
}

#[tokio::test]
async fn files_are_their_owners_unless_they_are_public() {
    let app = FileApp::in_folder().await;
    app.upload(b"mine", &[("key", "mine")]).await;
    app.upload(b"all", &[("key", "all"), ("public", "yes")]).await;
    let get = async |token: &str, path: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", if token.is_empty() { "" } else { &*bearer })];
        app.request("GET", path, &headers, b"").await
    };
    for (token, status) in [("ann", 200), ("root", 200), ("bob", 403), ("", 401), ("nobody's", 401)] {
        assert_eq!(get(token, "/files/mine").await.status, status, "{token}");
    }
    for (token, status) in [("ann", 200), ("bob", 200), ("", 200)] {
        assert_eq!(get(token, "/files/all").await.status, status, "{token}");
    }
    assert_eq!(get("", "/files/mine").await.header("www-authenticate"), Some("Bearer"));
    let head = app.request("HEAD", "/files/all", &[], b"").await;
    assert_eq!(head.header("cache-control"), Some("public, max-age=86400"));
}

#[tokio::test]
async fn what_could_carry_a_script_is_saved_and_not_shown() {
    let app = FileApp::in_folder().await;
    for (bytes, kind, expected) in [
        (&b"<html><script>alert(1)</script>"[..], "text/html", "attachment"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "attachment"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "text/html", "inline"),
    ] {
        let said = [("filename", "a\".html\r\nX-Evil: 1"), ("filetype", kind)];
        let done = app.upload(bytes, &said).await;
        let file = app.request("GET", done.header("content-location").unwrap(), &[], b"").await;
        let disposition = file.header("content-disposition").unwrap();
        assert!(disposition.starts_with(expected), "{kind}: {disposition}");
        assert!(file.header("x-evil").is_none() && !disposition.contains("\\"), "{disposition}");
    }
}
