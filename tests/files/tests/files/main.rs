//! Files: uploads and downloads over HTTP and what messages say about them, in every storage. A module a topic.
#![allow(clippy::unwrap_used, missing_docs)]

/// The application whose files these are, and an HTTP client that sees everything.
mod app;
/// The classic upload: a second socket, as the Flutter client opens it.
mod classic;
/// Ranges, conditions, links, and who may fetch what.
mod download;
/// Disks that are full.
mod full;
/// What clients do wrong, on purpose or not: a clear error, and nothing left behind.
mod hostile;
/// `kill -9` at random points.
mod killed;
/// The common messages about files.
mod messages;
/// What is counted.
mod metrics;
/// A server that is a process of its own.
mod process;
/// What is wrong, by each of the three ways by which files come.
mod refused;
/// An S3 server for all of these.
mod s3;
/// What every storage must do, over several servers.
mod storage;
/// Uploads over a connection of v1.
mod stream;
/// Servers that share a storage.
mod together;
/// The tus protocol, header by header.
mod tus;
