use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use psd_core::{Settings, files::Storage};
use psd_tests::DEADLINE;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use crate::{
    app::{Answer, answer, builder},
    s3,
};

/// The place of the server's process; without it, `server` is no process of its own.
const PLACE: &str = "PSD_TEST_FILES";

/// What the other tests start as a process.
#[tokio::test]
async fn server() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let storage = match place.split_once(' ') {
        Some(("s3", address)) => s3::storage(address.parse().unwrap()),
        Some(("folder", path)) => Storage::folder(path),
        _ => panic!("{place}"),
    };
    // What is synchronised outlives a loss of power; the end of the process all of it does.
    let settings = Settings::default().upload_fsync(false);
    let listening = builder(storage, settings).listen("127.0.0.1:0").await.unwrap();
    println!("\nlistening {}", listening.local_addr());
    listening.run().await;
}

/// Where the files of a process are.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Folder(PathBuf),
    S3(SocketAddr),
}

/// A server that is a process, killed when dropped.
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    pub(crate) async fn start(place: &Place) -> Self {
        Self::start_by(Command::new(std::env::current_exe().unwrap()), place).await
    }

    /// Starts what goes on as the program and the arguments behind it.
    pub(crate) async fn start_in_shell(script: &str, place: &Place, name: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-ec", script]).arg(name).arg(std::env::current_exe().unwrap());
        Self::start_by(command, place).await
    }

    async fn start_by(mut command: Command, place: &Place) -> Self {
        let place = match place {
            Place::Folder(path) => format!("folder {}", path.display()),
            Place::S3(address) => format!("s3 {address}"),
        };
        command.args(["process::server", "--exact", "--nocapture"]).env(PLACE, place);
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

    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) async fn send(&self, method: &str, path: &str, more: &str, body: &[u8]) -> std::io::Result<TcpStream> {
        self.send_part(method, path, more, body, body.len()).await
    }

    /// Sends no more than the first bytes of a body.
    pub(crate) async fn send_part(
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

    pub(crate) async fn ask(&self, method: &str, path: &str, more: &str) -> Answer {
        answer(&mut self.send(method, path, more, b"").await.unwrap(), method).await
    }
}
