use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::Digest as _;
use tempfile::TempDir;

use crate::{
    app::{CHUNK, answer, files_in, noise},
    process::{Place, Process},
    s3::S3,
};

/// Bytes of a part in an object store.
const PART: usize = 8 << 20;

/// Where files outlive their server.
pub(crate) enum Home {
    Folder(TempDir),
    S3(S3),
}

impl Home {
    pub(crate) async fn all() -> [Self; 2] {
        [Self::Folder(tempfile::tempdir().unwrap()), Self::S3(S3::start().await)]
    }

    pub(crate) fn place(&self) -> Place {
        match self {
            Self::Folder(folder) => Place::Folder(folder.path().to_owned()),
            Self::S3(s3) => Place::S3(s3.address()),
        }
    }

    pub(crate) fn root(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.path().to_owned(),
            Self::S3(s3) => s3.bucket(),
        }
    }
}

/// A file on its way through servers that are killed.
struct Upload<'a> {
    home: &'a Home,
    bytes: Vec<u8>,
    path: String,
    /// What a server has confirmed.
    confirmed: usize,
}

impl<'a> Upload<'a> {
    async fn begin(home: &'a Home, length: usize) -> Self {
        let process = Process::start(&home.place()).await;
        let created = process.ask("POST", "/uploads", &format!("Upload-Length: {length}\r\n")).await;
        let path = created.header("location").unwrap().to_owned();
        Self { home, bytes: noise(length), path, confirmed: 0 }
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

    /// Sends so much, which a server confirms.
    async fn advance(&mut self, bytes: usize) {
        let process = Process::start(&self.home.place()).await;
        let offset = self.offset(&process).await;
        let end = (offset + bytes).min(self.bytes.len() - 1);
        let chunk = &self.bytes[offset..end];
        let headers = format!("Upload-Offset: {offset}\r\nContent-Type: {CHUNK}\r\n");
        let mut stream = process.send("PATCH", &self.path, &headers, chunk).await.unwrap();
        assert_eq!(answer(&mut stream, "PATCH").await.status, 204);
        self.confirmed = end;
    }

    /// Bytes that the storage has of it; more than all when it is published.
    fn stored(&self) -> u64 {
        let id = self.path.rsplit('/').next().unwrap();
        let size = |path: PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
        if self.home.root().join("files").join(id).is_file() {
            return u64::MAX;
        }
        match self.home {
            Home::Folder(folder) => size(folder.path().join(format!("uploads/{id}.data"))),
            Home::S3(s3) => s3.incomplete().into_iter().map(size).sum(),
        }
    }

    /// Sends until the storage has `target` bytes, and little more, and kills the server then.
    async fn until_killed(&mut self, target: usize, has_checksum: bool) {
        let process = Process::start(&self.home.place()).await;
        let offset = self.offset(&process).await;
        let (headers, bytes) = self.chunk(offset, self.bytes.len(), has_checksum);
        let (wanted, block) = match self.home {
            _ if target == self.bytes.len() => (usize::MAX, PART),
            // What is written is written by 256 KiB.
            Home::Folder(_) => (target, 256 * 1024),
            Home::S3(_) => (target.saturating_sub(PART), PART),
        };
        let sent = target.saturating_sub(offset) + 2 * block;
        let sending = async {
            let _stream = process.send_part("PATCH", &self.path, &headers, &bytes, sent).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = sending => {}
            () = psd_tests::eventually("the file grows", || self.stored() >= wanted as u64) => {}
        }
        process.kill().await;
    }

    /// Sends the rest and looks at the file.
    async fn finish(&mut self) {
        let process = Process::start(&self.home.place()).await;
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
        drop(process);
        let mut left = files_in(&self.home.root().join("uploads"));
        // Swept later, if a server was killed just then.
        left.retain(|name| ![".tmp", ".lock", ".claim"].iter().any(|end| name.ends_with(end)));
        assert_eq!(left.len(), 1, "the record that says that it is done: {left:?}");
        if let Home::S3(s3) = self.home {
            assert_eq!(s3.incomplete(), Vec::<PathBuf>::new());
        }
    }
}

#[tokio::test]
async fn an_upload_outlives_servers_that_are_killed_at_random_points() {
    const LENGTH: usize = 24 << 20;
    for home in Home::all().await {
        let mut upload = Upload::begin(&home, LENGTH).await;
        for round in 0..8 {
            if matches!(home, Home::S3(_)) {
                upload.advance(rand::random_range(0..4 << 20)).await;
            }
            let from = upload.confirmed;
            let target = rand::random_range(from..=from + (LENGTH - from) / 2);
            println!("killed at {target} or later");
            upload.until_killed(target, round % 3 == 2).await;
        }
        upload.finish().await;
    }
}

/// When all bytes have come, and nobody has heard that they have.
#[tokio::test]
async fn a_file_is_published_by_whoever_comes_next() {
    for _ in 0..4 {
        for home in Home::all().await {
            let mut upload = Upload::begin(&home, 1 << 20).await;
            upload.until_killed(1 << 20, false).await;
            upload.finish().await;
        }
    }
    let home = Home::S3(S3::start().await);
    let mut upload = Upload::begin(&home, PART + 1).await;
    upload.until_killed(PART + 1, false).await;
    upload.finish().await;
}

/// What came of a chunk whose checksum nobody could verify does not count.
#[tokio::test]
async fn half_a_chunk_with_a_checksum_is_forgotten() {
    for home in Home::all().await {
        let mut upload = Upload::begin(&home, 4 << 20).await;
        upload.advance(1 << 20).await;
        upload.until_killed(2 << 20, true).await;
        let process = Process::start(&home.place()).await;
        assert_eq!(upload.offset(&process).await, 1 << 20);
        drop(process);
        upload.finish().await;
    }
}
