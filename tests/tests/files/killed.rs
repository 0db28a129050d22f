use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use psd_core::{Settings, files::Storage};
use psd_tests::DEADLINE;
use sha2::Digest as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use crate::app::{Answer, CHUNK, answer, builder, noise};

/// The folder of the server's process; without it, `server` is no process of its own.
const FOLDER: &str = "PSD_TEST_FILES_FOLDER";

/// What the other tests start as a process, and kill.
#[tokio::test]
async fn server() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let listening = builder(Storage::folder(folder), Settings::default()).listen("127.0.0.1:0").await.unwrap();
    println!("\nlistening {}", listening.local_addr());
    listening.run().await;
}

/// Killed when dropped.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    async fn start(folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["killed::server", "--exact", "--nocapture"]).env(FOLDER, folder);
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = async {
            loop {
                let line = lines.next_line().await.unwrap().expect("the server has ended");
                if let Some(address) = line.strip_prefix("listening ") {
                    return address.parse().unwrap();
                }
            }
        };
        let address = tokio::time::timeout(DEADLINE, address).await.unwrap();
        Self { child, address }
    }

    /// `kill -9`.
    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    async fn send(&self, method: &str, path: &str, more: &str, body: &[u8]) -> std::io::Result<TcpStream> {
        self.send_part(method, path, more, body, body.len()).await
    }

    /// Sends no more than the first bytes of a body.
    async fn send_part(
        &self,
        method: &str,
        path: &str,
        more: &str,
        body: &[u8],
        sent: usize,
    ) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await?;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ann\r\n\
             Tus-Resumable: 1.0.0\r\nContent-Length: {length}\r\n{more}\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        for piece in body[..sent.min(length)].chunks(64 * 1024) {
            stream.write_all(piece).await?;
        }
        Ok(stream)
    }

    async fn ask(&self, method: &str, path: &str, more: &str) -> Answer {
        answer(&mut self.send(method, path, more, b"").await.unwrap(), method).await
    }
}

/// A file on its way through servers that are killed.
struct Upload {
    folder: PathBuf,
    bytes: Vec<u8>,
    path: String,
    /// What a server has confirmed.
    confirmed: usize,
}

impl Upload {
    async fn begin(folder: &Path, length: usize) -> Self {
        let process = Process::start(folder).await;
        let created = process.ask("POST", "/uploads", &format!("Upload-Length: {length}\r\n")).await;
        let path = created.header("location").unwrap().to_owned();
        Self { folder: folder.to_owned(), bytes: noise(length), path, confirmed: 0 }
    }

    /// What the server says is there, which is never less than it has confirmed.
    async fn offset(&mut self, process: &Process) -> usize {
        let head = process.ask("HEAD", &self.path, "").await;
        assert_eq!(head.status, 200, "{head:?}");
        let offset = head.header("upload-offset").unwrap().parse().unwrap();
        assert!(offset >= self.confirmed, "{offset} of {} confirmed bytes are there", self.confirmed);
        self.confirmed = offset;
        offset
    }

    fn chunk(&self, offset: usize, end: usize, has_checksum: bool) -> (String, Vec<u8>) {
        let bytes = self.bytes[offset..end].to_vec();
        let mut headers = format!("Upload-Offset: {offset}\r\nContent-Type: {CHUNK}\r\n");
        if has_checksum {
            let digest = STANDARD.encode(sha2::Sha256::digest(&bytes));
            headers.push_str(&format!("Upload-Checksum: sha256 {digest}\r\n"));
        }
        (headers, bytes)
    }

    /// Sends until the file has grown to `target`, and little more, and kills the server then.
    async fn until_killed(&mut self, target: usize, has_checksum: bool) {
        let process = Process::start(&self.folder).await;
        let offset = self.offset(&process).await;
        let (headers, bytes) = self.chunk(offset, self.bytes.len(), has_checksum);
        let file = self.folder.join(format!("{}.data", &self.path[1..]));
        // It is gone when it is published.
        let length = move || std::fs::metadata(&file).map_or(u64::MAX, |file| file.len());
        // What is written is written by 256 KiB.
        let sent = target.saturating_sub(offset) + 512 * 1024;
        let sending = async {
            let _stream = process.send_part("PATCH", &self.path, &headers, &bytes, sent).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = sending => {}
            () = psd_tests::eventually("the file grows", || length() >= target as u64) => {}
        }
        process.kill().await;
    }

    /// Sends the rest and looks at the file.
    async fn finish(&mut self) {
        let process = Process::start(&self.folder).await;
        let offset = self.offset(&process).await;
        if offset < self.bytes.len() {
            let (headers, bytes) = self.chunk(offset, self.bytes.len(), true);
            let mut stream = process.send("PATCH", &self.path, &headers, &bytes).await.unwrap();
            assert_eq!(answer(&mut stream, "PATCH").await.status, 204);
        }
        let head = process.ask("HEAD", &self.path, "").await;
        let file = process.ask("GET", head.header("content-location").unwrap(), "").await;
        assert!(file.body == self.bytes, "{} bytes are {} others", file.body.len(), self.bytes.len());
        let digest: String = sha2::Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file.header("etag"), Some(&*format!("\"{digest}\"")));
        let left = std::fs::read_dir(self.folder.join("uploads")).unwrap();
        let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        // A record that was being written when the server was killed is beside it, under a name of object_store's.
        let left: Vec<_> = left.filter(|name| !name.contains('#')).collect();
        assert_eq!(left, [format!("{}.json", &self.path["/uploads/".len()..])], "the record that says that it is done");
    }
}

#[tokio::test]
async fn an_upload_outlives_servers_that_are_killed_at_random_points() {
    const LENGTH: usize = 24 << 20;
    let folder = tempfile::tempdir().unwrap();
    let mut upload = Upload::begin(folder.path(), LENGTH).await;
    for round in 0..8 {
        let from = upload.confirmed;
        let target = rand::random_range(from..=from + (LENGTH - from) / 2);
        println!("killed at {target} or later");
        upload.until_killed(target, round % 3 == 2).await;
    }
    upload.finish().await;
}

/// When all bytes have come, and nobody has heard that they have.
#[tokio::test]
async fn a_file_is_published_by_whoever_comes_next() {
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let mut upload = Upload::begin(folder.path(), 1 << 20).await;
        upload.until_killed(1 << 20, false).await;
        upload.finish().await;
    }
}

/// What came of a chunk whose checksum nobody could verify does not count.
#[tokio::test]
async fn half_a_chunk_with_a_checksum_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let mut upload = Upload::begin(folder.path(), 4 << 20).await;
    let process = Process::start(folder.path()).await;
    let (headers, bytes) = upload.chunk(0, 1 << 20, true);
    let mut stream = process.send("PATCH", &upload.path, &headers, &bytes).await.unwrap();
    assert_eq!(answer(&mut stream, "PATCH").await.status, 204);
    drop(process);
    upload.until_killed(2 << 20, true).await;
    let process = Process::start(folder.path()).await;
    assert_eq!(upload.offset(&process).await, 1 << 20);
    drop(process);
    upload.finish().await;
}
