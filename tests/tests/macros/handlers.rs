use psd_core::proto::common::{authentication, sfiles, uploader};
use psd_core::{Connection, Consumer, Continue, Error, Identity, IntoMessage, Mode, Route, Server, State, receive};

mod pb {
    pub(crate) use super::authentication::{Login, LoginToken, RefreshToken, VerifyToken};
    pub(crate) use super::sfiles::{DeleteFile, UploadEnd, UploadProgress, UploadStart};
    pub(crate) use super::uploader::{DeleteUFile, UploadSlot, UploadUFile};
}

#[derive(Clone)]
struct Disk {
    free: u64,
}

struct Admin;

impl Consumer for Admin {
    const PATH: &'static str = "/admin";
    type Session = ();
}

/// Four lines above the name of the function below.
const UPLOAD_START: u32 = line!();
/// A pattern, `mut`, attributes, a parameter that is not compiled, a fallible reply that may be missing.
#[receive(auth, permissions = ["files.add_file", "files.view_file"])]
#[allow(clippy::unused_async)]
async fn upload_start(
    mut message: pb::UploadStart,
    #[allow(unused_variables)] State(Disk { free, .. }): State<Disk>,
    #[cfg(any())] missing: NoSuchType,
    _: Option<Identity>,
) -> anyhow::Result<Option<pb::UploadProgress>> {
    message.name.clear();
    Ok((free > 0).then(pb::UploadProgress::default))
}

#[receive(auth = false)]
fn upload_end(_: pb::UploadEnd) {}

#[receive(blocking, whitelist_groups = ["staff", "editors"], blacklist_groups = ["muted"])]
fn delete_file(message: pb::DeleteFile) -> std::io::Result<()> {
    std::fs::remove_file(message.file.unwrap_or_default().name)
}

#[receive(concurrent, consumer = Admin)]
async fn upload_u_file(_: pb::UploadUFile, _: Connection) -> Vec<pb::UploadSlot> {
    Vec::new()
}

#[receive(any_name)]
fn forget(_: pb::DeleteUFile) -> Result<Continue, Error> {
    Ok(Continue::blocking(|| ()))
}

/// Named like the variables of the expansion.
#[receive(any_name)]
fn message(message: pb::Login, call: Connection, argument_1: Connection) -> impl IntoMessage<Message = pb::LoginToken> {
    drop((call, argument_1));
    pb::LoginToken { token: message.username, refresh: String::new() }
}

/// A reply made by the derive.
#[receive(any_name)]
async fn r#type(_: pb::RefreshToken) -> Token {
    Token { token: "t", refresh: "r" }
}

#[derive(IntoMessage)]
#[message(authentication::LoginToken)]
struct Token {
    token: &'static str,
    refresh: &'static str,
}

macro_rules! handler {
    ($name:ident, $message:ty) => {
        #[receive]
        fn $name(_: $message) {}
    };
}
handler!(verify_token, pb::VerifyToken);

#[track_caller]
fn route(handler: &str) -> Route {
    let server = Server::builder().state(Disk { free: 1 }).build().unwrap();
    server.routes().into_iter().find(|route| route.handler == handler).unwrap()
}

#[test]
fn the_place_is_that_of_the_name() {
    let route = route("upload_start");
    assert_eq!(route.module, module_path!());
    assert_eq!(route.location.file, file!());
    assert_eq!((route.location.line, route.location.column), (UPLOAD_START + 4, 10));
    assert_eq!(route.message.message_type, "upload-start");
}

#[test]
fn guards_are_as_written() {
    let guard = |handler| {
        let guard = route(handler).guard;
        (guard.auth, guard.permissions, guard.whitelist_groups, guard.blacklist_groups)
    };
    let none: &[&str] = &[];
    assert_eq!(guard("upload_start"), (Some(true), &["files.add_file", "files.view_file"] as _, none, none));
    assert_eq!(guard("upload_end"), (Some(false), none, none, none));
    assert_eq!(guard("delete_file"), (None, none, &["staff", "editors"] as _, &["muted"] as _));
    assert_eq!(guard("upload_u_file"), (None, none, none, none));
}

#[test]
fn modes_follow_the_function() {
    let modes = ["upload_end", "upload_start", "upload_u_file", "delete_file"].map(|handler| route(handler).mode);
    assert_eq!(modes, [Mode::InPlace, Mode::Async, Mode::Concurrent, Mode::Blocking]);
}

#[test]
fn a_consumer_has_its_own_path() {
    assert_eq!((route("upload_u_file").path, route("upload_end").path), ("/admin", "/ws"));
}

#[test]
fn names_are_free() {
    assert_eq!(route("message").message.message_type, "login");
    assert_eq!(route("type").message.message_type, "refresh-token");
    assert_eq!(route("forget").message.message_type, "delete-ufile");
    assert_eq!(route("verify_token").message.message_type, "verify-token");
}

#[test]
fn state_is_required() {
    let problems = Server::builder().build().unwrap_err().to_string();
    assert!(problems.contains("upload_start") && problems.contains("Disk"), "{problems}");
}
