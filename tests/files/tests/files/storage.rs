use std::time::Duration;

use psd_core::Settings;

use crate::app::{FileApp, noise, request};

/// More than a part of an object store.
const LENGTH: usize = (8 << 20) + 700_000;

/// Each piece goes to a server of its own; nobody sees anything of the file before the last.
#[tokio::test]
async fn an_upload_outlives_its_servers_and_is_seen_when_it_is_whole() {
    let bytes = noise(LENGTH);
    for mut app in FileApp::all().await {
        let path = app.create(LENGTH, &[("key", "a/b"), ("public", "yes")]).await;
        let mut offset = 0;
        for piece in [300_000, 8 << 20, 1] {
            assert_eq!(app.patch(&path, offset, &bytes[offset..offset + piece]).await.status, 204);
            offset += piece;
            app.restart().await;
            assert_eq!(app.offset(&path).await, Some(offset));
            for path in ["/files/a/b", "/files/a"] {
                assert_eq!(app.request("GET", path, &[], b"").await.status, 404);
            }
            assert!(app.running.server().files().unwrap().find("a/b").await.unwrap().is_none());
            assert!(app.left().iter().all(|object| !object.starts_with("files/") && !object.starts_with("infos/")));
        }
        assert_eq!(app.patch(&path, offset, &bytes[offset..]).await.status, 204);
        app.restart().await;
        let file = app.request("GET", "/files/a/b", &[], b"").await;
        assert!(file.status == 200 && file.body == bytes);
        let range = format!("bytes={}-{}", (8 << 20) - 2, (8 << 20) + 1);
        let part = app.request("GET", "/files/a/b", &[("Range", &range)], b"").await;
        assert!(part.status == 206 && part.body == bytes[(8 << 20) - 2..(8 << 20) + 2]);
        let id = path.rsplit('/').next().unwrap();
        let left = app.left();
        assert!(left.contains(&"files/a/b".to_owned()) && left.contains(&"infos/a/b".to_owned()), "{left:?}");
        // Besides whose it is.
        assert!(left.len() == 4 && left.contains(&format!("uploads/{id}.json")), "{left:?}");

        app.running.server().files().unwrap().delete("a/b").await.unwrap();
        assert_eq!(app.request("GET", "/files/a/b", &[], b"").await.status, 404);
        assert_eq!(app.left(), [format!("uploads/{id}.json")], "what a client is told that did not hear of it");
    }
}

/// With a part of an object store, with less, and with nothing.
const SENT: [usize; 3] = [LENGTH - 1, 5, 0];

#[tokio::test]
async fn what_is_given_up_leaves_nothing() {
    let bytes = noise(LENGTH);
    for app in FileApp::all().await {
        for sent in SENT {
            let path = app.create(LENGTH, &[]).await;
            assert_eq!(app.patch(&path, 0, &bytes[..sent]).await.status, 204);
            assert!(!app.left().is_empty());
            assert_eq!(app.tus("DELETE", &path, &[], b"").await.status, 204);
            assert_eq!(app.left(), [""; 0], "after {sent} bytes");
        }
    }
}

#[tokio::test]
async fn what_is_forgotten_is_swept() {
    let bytes = noise(LENGTH);
    for app in FileApp::all_with(Settings::default().upload_expiry(Duration::from_secs(1))).await {
        for sent in SENT {
            let path = app.create(LENGTH, &[]).await;
            // It may have expired by now.
            let answer = app.patch(&path, 0, &bytes[..sent]).await;
            assert!(matches!(answer.status, 204 | 404 | 410), "{answer:?}");
        }
        let files = app.running.server().files().unwrap();
        let swept = async {
            while !app.left().is_empty() {
                files.sweep().await.unwrap();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(psd_tests::DEADLINE, swept).await.unwrap();
    }
}

/// Whoever comes back too late hears so, and nothing is left.
#[tokio::test]
async fn an_expired_slot_is_refused() {
    for app in FileApp::all_with(Settings::default().upload_expiry(Duration::from_secs(1))).await {
        let path = app.create(10, &[]).await;
        let answered = async {
            loop {
                tokio::time::sleep(Duration::from_millis(1100)).await;
                let answer = app.patch(&path, 0, b"x").await;
                if answer.status != 409 && answer.status != 204 {
                    return answer;
                }
            }
        };
        let answer = tokio::time::timeout(psd_tests::DEADLINE, answered).await.unwrap();
        match answer.status {
            410 => answer.expect(410, "has expired"),
            // It has been swept.
            _ => answer.expect(404, "no such upload"),
        }
        let files = app.running.server().files().unwrap();
        files.sweep().await.unwrap();
        assert_eq!(app.left(), [""; 0]);
    }
}

#[tokio::test]
async fn links_are_good_at_every_server_of_the_storage() {
    for app in FileApp::all().await {
        app.upload(b"one", &[("key", "one")]).await;
        let other = app.another().await;
        let link = async |server: &psd_core::Server| {
            server.files().unwrap().link("one", Duration::from_secs(60)).await.unwrap()
        };
        // Both make the key, and one of them wins.
        let (here, there) = tokio::join!(link(app.running.server()), link(other.server()));
        for (server, url) in [(&other, here), (&app.running, there)] {
            assert_eq!(request(server, "GET", &url, &[], b"").await.text(), "one");
        }
    }
}

#[tokio::test]
async fn a_quota_counts_what_other_servers_have_stored() {
    for mut app in FileApp::all_with(Settings::default().upload_quota(100)).await {
        app.upload(&noise(60), &[("key", "sixty")]).await;
        let path = app.create(30, &[]).await;
        app.restart().await;
        let create = async |length: &str| app.tus("POST", "/uploads", &[("Upload-Length", length)], b"").await;
        create("11").await.expect(413, "room for 10 of 100 bytes");
        assert_eq!(app.tus("DELETE", &path, &[], b"").await.status, 204);
        create("41").await.expect(413, "room for 40 of 100 bytes");
        app.running.server().files().unwrap().delete("sixty").await.unwrap();
        assert_eq!(create("100").await.status, 201);
    }
}
