//! Tests of an application: its real server, and typed clients that reach it in memory.
//!
//! Switched on by the feature `test`, for dev-dependencies:
//!
//! ```toml
//! [dev-dependencies]
//! psd-core = { version = "…", features = ["test"] }
//! tokio = { version = "1", features = ["macros", "rt", "test-util"] }
//! ```
//!
//! ```standalone_crate
//! use psd_core::{Connection, Error, Identity, Server, receive, test::TestServer};
//!
//! mod pb {
//!     // What `psd_build::compile` generated in build.rs: `psd_core::include_messages!();`
//!     # pub use psd_core::proto::common::sfiles::{UploadDone, UploadEnd};
//! }
//!
//! #[receive(permissions = ["files.add_file"])]
//! fn upload_end(_: pb::UploadEnd, connection: Connection) -> Result<pb::UploadDone, Error> {
//!     connection.broadcast("files", &pb::UploadDone::default())?;
//!     Ok(pb::UploadDone::default())
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
//! # runtime.block_on(async {
//! // #[tokio::test(start_paused = true)]
//! // async fn uploads_are_announced() {
//! let server = TestServer::start(Server::builder());
//! let (ann, bob) = (server.connect().await, server.connect().await);
//! bob.connection().join("files").unwrap();
//!
//! ann.send(pb::UploadEnd::default()).expect_ack_error(401).await;
//! ann.login(Identity::new("1", "ann")).await;
//! ann.send(pb::UploadEnd::default()).expect_ack_error(403).await;
//!
//! ann.login(Identity::new("1", "ann").with_permissions(["files.add_file"])).await;
//! let _done = ann.fetch::<pb::UploadDone>(pb::UploadEnd::default()).await;
//! bob.expect_push::<pb::UploadDone>().await;
//! ann.expect_no_push().await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What a test sees is what production does: the HTTP handshake, the connection's task, its outbox and limits, the frames
//! and every dialect are the same code; only the socket is a pipe in memory, which holds 64 KiB in each direction. What does
//! not come as expected ends the test with a panic that names the line of the test and says what came instead.
//!
//! # Time
//!
//! With `start_paused`, time moves only when nothing else can: a `sleep` of a day in the test is over at once, and a
//! handler's deadline, a token's expiry, a heartbeat or a slow client come in the order of their times, every time the
//! same. A job on a sync worker holds time still until it is done, so blocking takes no time. What happens outside tokio
//! does not: paused time runs away from a socket or a database driver with threads of its own, and their timeouts come at
//! once. Test such handlers in real time, with a plain `#[tokio::test]`; the clients are the same.
//!
//! The system's clock is not tokio's. [`Identity::expiring_at`](crate::Identity::expiring_at) ends a connection's
//! authentication when that much of tokio's time has passed, but whether a token is still good is compared with
//! `SystemTime` when it is verified.
//!
//! Whatever is waited for has a minute, of paused or of real time.
//!
//! # Faults
//!
//! | of | see |
//! | --- | --- |
//! | a client that leaves without a word, or falls silent | [`TestClient::disconnect`], [`TestClient::fall_silent`] |
//! | a client that sends a message again | [`TestClient::duplicate_next`] |
//! | a slow network, a slow reader | [`TestClient::delay`], [`TestClient::pause_reading`] |
//! | malformed envelopes and frames | [`TestClient::send_text`], [`TestClient::send_binary`], [`TestClient::send_bytes`] |

mod answer;
mod client;
mod dialect;
mod inbox;
mod line;
mod opening;
mod server;
mod time;

pub use answer::{AckError, Sent};
pub use client::TestClient;
pub use dialect::{Dialect, Received};
pub use opening::{HandshakeRefused, Opening};
pub use server::TestServer;
pub(crate) use time::holding_time;
