use std::path::{Path, PathBuf};

use crate::{
    app::{Answer, CHUNK, answer, files_in, noise},
    process::{Place, Process},
    refused::{Attempt, Way},
};

/// Uploads in one request, and what it was answered.
async fn upload(process: &Process, bytes: &[u8]) -> Answer {
    let headers = format!("Upload-Length: {}\r\nContent-Type: {CHUNK}\r\n", bytes.len());
    let mut stream = process.send("POST", "/uploads", &headers, bytes).await.unwrap();
    answer(&mut stream, "POST").await
}

/// A file system of a mebibyte, which nobody but the server sees. However much of it is left: what does not fit is refused
/// with a clear error and leaves nothing, and what fits is stored.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_system_that_is_full() {
    const MOUNT: &str = "mount -t tmpfs -o size=1m psd-test \"$0\"; exec \"$@\"";
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "if [ \"$(id -u)\" = 0 ]; then exec unshare --mount sh -ec '{MOUNT}' \"$0\" \"$@\"; \
         else exec unshare --map-root-user --mount sh -ec '{MOUNT}' \"$0\" \"$@\"; fi"
    );
    let process = Process::start_in_shell(&script, &Place::Folder(folder.path().to_owned()), folder.path()).await;
    // As the server sees it.
    let inside = PathBuf::from(format!("/proc/{}/root{}", process.id(), folder.path().display()));
    let left = || files_in(&inside).into_iter().filter(|name| name != "key" && name != "ballast").collect::<Vec<_>>();
    assert!(files_in(folder.path()).is_empty(), "it is mounted for the server alone");

    for bytes in [2 << 20, 300_000, 3 << 20] {
        let answer = upload(&process, &noise(bytes)).await;
        if bytes < 1 << 20 {
            assert_eq!(answer.status, 201, "{answer:?}");
            let ended = process.ask("DELETE", answer.header("location").unwrap(), "").await;
            assert_eq!(ended.status, 204);
        } else {
            answer.expect(507, "no room");
        }
        assert_eq!(left(), [""; 0]);
    }

    for way in Way::ALL {
        for (bytes, code) in [(2 << 20, 507), (300_000, 0), (3 << 20, 507)] {
            let bytes = noise(bytes);
            let outcome = Attempt::of(&bytes).by(way, process.address()).await;
            assert_eq!(outcome.code, code, "by {way:?}: {outcome:?}");
            match &outcome.id {
                Some(id) if code == 0 => {
                    assert_eq!(process.ask("DELETE", &format!("/uploads/{id}"), "").await.status, 204);
                }
                id => {
                    assert!(outcome.text.contains("no room"), "by {way:?}: {outcome:?}");
                    // Somebody of whom nothing was known but the slot's key may not remove it: its bytes are gone, no more.
                    if let (Way::Classic, Some(id)) = (way, id) {
                        assert_eq!(std::fs::metadata(inside.join(format!("uploads/{id}.data"))).unwrap().len(), 0);
                        assert_eq!(process.ask("DELETE", &format!("/uploads/{id}"), "").await.status, 204);
                    }
                }
            }
            assert_eq!(left(), [""; 0], "by {way:?}");
        }
    }

    // From no room at all to enough for everything, a page at a time.
    let (mut refused, mut stored) = (0, 0);
    for pages in 0..12 {
        fill(&inside, pages * 4096);
        let answer = upload(&process, &noise(5000)).await;
        std::fs::remove_file(inside.join("ballast")).unwrap();
        match answer.status {
            201 => {
                stored += 1;
                process.ask("DELETE", answer.header("location").unwrap(), "").await;
            }
            _ => {
                refused += 1;
                answer.expect(507, "no room");
            }
        }
        assert_eq!(left(), [""; 0], "with room for {pages} pages");
    }
    assert!(refused > 1 && stored > 1, "{refused} and {stored}");
}

/// Leaves so much room.
fn fill(folder: &Path, room: u64) {
    let mut stat = std::process::Command::new("stat");
    let free = stat.args(["-f", "-c", "%a %S"]).arg(folder).output().unwrap();
    let free = String::from_utf8(free.stdout).unwrap();
    let (blocks, size) = free.trim().split_once(' ').unwrap();
    let bytes = blocks.parse::<u64>().unwrap() * size.parse::<u64>().unwrap();
    std::fs::write(folder.join("ballast"), vec![0; usize::try_from(bytes.saturating_sub(room)).unwrap()]).unwrap();
}

/// A file may not be as long as it would be.
#[cfg(unix)]
#[tokio::test]
async fn files_that_the_system_wants_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    // Of 512 bytes, or of 1024.
    let script = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    let process = Process::start_in_shell(script, &Place::Folder(folder.path().to_owned()), folder.path()).await;
    upload(&process, &noise(3 << 20)).await.expect(507, "no room");
    assert_eq!(files_in(folder.path()), [""; 0]);
    assert_eq!(upload(&process, &noise(900_000)).await.status, 201);
}
