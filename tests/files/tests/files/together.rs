use std::{path::Path, sync::Arc, time::Duration};

use psd_core::{
    Error, Server, Settings,
    files::{FileHooks, StoredFile},
    proto::common::sfiles::UploadedFile,
};
use psd_tests::{DEADLINE, Running, eventually};
use tokio::sync::Semaphore;

use crate::{
    app::{Answer, CHUNK, FileApp, files_in, metadata, noise, request},
    killed::Home,
    process::Process,
};

/// Counts how often it is asked, and answers when it may.
#[derive(Clone)]
struct Slow(Arc<Gate>);

struct Gate {
    asked: Semaphore,
    may: Semaphore,
}

impl Slow {
    fn new() -> Self {
        Self(Arc::new(Gate { asked: Semaphore::new(0), may: Semaphore::new(0) }))
    }

    /// Waits until it has been asked.
    async fn is_asked(&self) {
        tokio::time::timeout(DEADLINE, self.0.asked.acquire()).await.expect("nobody asks").unwrap().forget();
    }
}

impl FileHooks for Slow {
    async fn on_upload_done(&self, file: &StoredFile, server: &Server) -> Result<UploadedFile, Error> {
        self.0.asked.add_permits(1);
        self.0.may.acquire().await?.forget();
        match file.name.as_str() {
            "refused" => Err(Error::new(422, "no more of these")),
            _ => server.files()?.uploaded_file(file).await,
        }
    }
}

async fn tus(running: &Running, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut all = vec![("Authorization", "Bearer ann"), ("Tus-Resumable", "1.0.0")];
    all.extend(headers);
    request(running, method, path, &all, body).await
}

/// How often a server has read a small object.
fn records_read(running: &Running) -> u64 {
    let metrics = running.server().metrics();
    let series = "psd_file_storage_duration_seconds_count{operation=\"get\"} ";
    metrics.lines().find_map(|line| line.strip_prefix(series)?.parse().ok()).unwrap_or(0)
}

/// While one server's hook looks at a file, the others leave it alone: those that sweep and those that are asked for it.
#[tokio::test]
async fn a_file_is_done_once_however_many_servers_see_it() {
    let settings = || Settings::default().upload_write_timeout(DEADLINE);
    for app in FileApp::all_with(settings()).await {
        for name in ["kept", "refused"] {
            let hooks = Slow::new();
            let (here, there) = (app.another_with(hooks.clone()).await, app.another_with(hooks.clone()).await);
            let said = metadata(&[("filename", name)]);
            let begin = [("Upload-Length", "5"), ("Upload-Metadata", &*said)];
            let path = tus(&here, "POST", "/uploads", &begin, b"").await.header("location").unwrap().to_owned();
            let chunk = [("Upload-Offset", "0"), ("Content-Type", CHUNK)];
            let ended = tus(&here, "PATCH", &path, &chunk, b"hello");
            let others = async {
                hooks.is_asked().await;
                let files = there.server().files().unwrap();
                let swept = tokio::time::timeout(DEADLINE, files.sweep()).await;
                assert_eq!(swept.expect("a sweep waits for no hook").unwrap(), 0);
                let asked = tus(&there, "HEAD", &path, &[], b"");
                let before = records_read(&there);
                let answered = async {
                    // When it is looked for, and when it has been taken: then it waits for the other server.
                    eventually("it is asked for", || records_read(&there) >= before + 2).await;
                    hooks.0.may.add_permits(1);
                };
                tokio::join!(asked, answered).0
            };
            let (ended, asked) = tokio::join!(ended, others);
            match name {
                "kept" => {
                    assert_eq!((ended.status, asked.status), (204, 200), "{ended:?} {asked:?}");
                    assert_eq!(asked.header("upload-offset"), Some("5"));
                    assert!(asked.header("content-location").is_some(), "{asked:?}");
                    assert_eq!(app.left().len(), 4, "file, info, owner's mark and record: {:?}", app.left());
                    assert_eq!(tus(&there, "DELETE", &path, &[], b"").await.status, 204);
                }
                _ => {
                    ended.expect(422, "no more of these");
                    assert_eq!(asked.status, 404, "{asked:?}");
                }
            }
            assert_eq!(hooks.0.asked.available_permits(), 0, "the hook was asked again");
            assert_eq!(app.left(), [""; 0]);
        }
    }
}

/// A server that is killed while its hook looks at a file leaves it to another, whose hook is asked again.
#[tokio::test]
async fn a_file_is_done_by_another_server_when_one_is_killed_at_it() {
    for home in Home::all().await {
        let marks = tempfile::tempdir().unwrap();
        let mark = marks.path().join("asked");
        let bytes = noise(10_000);
        let process = Process::start(&home.place()).await;
        let said = metadata(&[("hang", mark.to_str().unwrap())]);
        let begin = format!("Upload-Length: {}\r\nUpload-Metadata: {said}\r\n", bytes.len());
        let path = process.ask("POST", "/uploads", &begin).await.header("location").unwrap().to_owned();
        let chunk = format!("Upload-Offset: 0\r\nContent-Type: {CHUNK}\r\n");
        let _stream = process.send("PATCH", &path, &chunk, &bytes).await.unwrap();
        eventually("the hook is asked", || mark.is_file()).await;
        process.kill().await;
        assert!(!is_seen(&home.root(), &path), "before the hook has answered");

        let process = Process::start(&home.place()).await;
        let asked = async {
            loop {
                let answer = process.ask("HEAD", &path, "").await;
                if answer.status != 503 {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let answer = tokio::time::timeout(DEADLINE, asked).await.unwrap();
        assert_eq!((answer.status, answer.header("upload-offset")), (200, Some("10000")), "{answer:?}");
        let file = process.ask("GET", answer.header("content-location").unwrap(), "").await;
        assert!(file.body == bytes);
        let id = path.rsplit('/').next().unwrap();
        eventually("nothing is left but the record", || {
            files_in(&home.root().join("uploads")) == [format!("{id}.json")]
        })
        .await;
    }
}

fn is_seen(root: &Path, path: &str) -> bool {
    root.join("infos").join(path.rsplit('/').next().unwrap()).is_file()
}
