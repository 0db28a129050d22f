use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use psd_core::IntoMessage;
use psd_core::proto::common::uploader as pb;
use psd_core::proto::json::{FieldReader, JsonMessage, Result, Writer};
use psd_core::proto::{Message, prost, prost_types::Timestamp};

#[derive(Clone)]
struct Id(u64);

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0.to_string()
    }
}

/// Every field converts: by `Into`, by a new name, by a function; ten of them.
#[derive(Clone, IntoMessage)]
#[message(pb::UploadTask)]
struct Task<'a> {
    created: u32,
    #[message(with = text)]
    path: PathBuf,
    name: &'a str,
    mime: String,
    status: pb::UploadStatus,
    #[message(rename = "retry_counter")]
    retries: u8,
    error: Box<str>,
    fingerprint: Id,
    url: std::borrow::Cow<'a, str>,
    metadata: HashMap<&'a str, Id>,
    #[message(skip)]
    #[allow(dead_code)]
    handle: NotClone,
    /// Named like the function of another field.
    #[message(skip)]
    #[allow(dead_code)]
    text: (),
}

/// Only fields in the message are cloned: this one is `Clone` for the test's own use of `Task`.
#[derive(Clone)]
struct NotClone;

fn text(path: PathBuf) -> String {
    path.display().to_string()
}

fn task() -> Task<'static> {
    Task {
        created: 7,
        path: "/tmp/a".into(),
        name: "a",
        mime: "text/plain".to_owned(),
        status: pb::UploadStatus::Done,
        retries: 3,
        error: "none".into(),
        fingerprint: Id(9),
        url: "/a".into(),
        metadata: HashMap::from([("size", Id(1)), ("age", Id(2))]),
        handle: NotClone,
        text: (),
    }
}

#[test]
fn fields_convert() {
    let expected = pb::UploadTask {
        created: 7,
        path: "/tmp/a".to_owned(),
        name: "a".to_owned(),
        mime: "text/plain".to_owned(),
        status: 4,
        retry_counter: 3,
        error: "none".to_owned(),
        fingerprint: "9".to_owned(),
        url: "/a".to_owned(),
        metadata: BTreeMap::from([("age".to_owned(), "2".to_owned()), ("size".to_owned(), "1".to_owned())]),
    };
    assert_eq!(*task().to_message(), expected);
    assert_eq!(task().into_message(), expected);
}

/// What the message has and the struct lacks stays at its default; generics work.
#[derive(IntoMessage)]
#[message(pb::UFile, default)]
struct File<T: Into<String> + Clone> {
    id: T,
}

/// A nested struct, as such and optional.
#[derive(IntoMessage)]
#[message(pb::UploadSlot)]
struct Slot {
    file: File<&'static str>,
    metadata: BTreeMap<String, String>,
}

#[derive(IntoMessage)]
#[message(pb::UploadSlot, default)]
struct EmptySlot {
    file: Option<File<String>>,
}

impl<T: Into<String> + Clone> Clone for File<T> {
    fn clone(&self) -> Self {
        Self { id: self.id.clone() }
    }
}

#[test]
fn structs_nest() {
    let file = pb::UFile { id: "7".to_owned(), ..pb::UFile::default() };
    let expected = pb::UploadSlot { file: Some(file), metadata: BTreeMap::new() };
    assert_eq!(*Slot { file: File { id: "7" }, metadata: BTreeMap::new() }.to_message(), expected);
    assert_eq!(EmptySlot { file: Some(File { id: "7".to_owned() }) }.into_message(), expected);
    assert_eq!(EmptySlot { file: None }.into_message(), pb::UploadSlot::default());
}

/// A message with what the common messages lack: one that holds itself, a list of messages, a well-known type.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(prost_path = "prost")]
struct Node {
    #[prost(string, repeated, tag = "1")]
    names: Vec<String>,
    #[prost(message, optional, boxed, tag = "2")]
    next: Option<Box<Node>>,
    #[prost(message, repeated, tag = "3")]
    children: Vec<Node>,
    #[prost(message, optional, tag = "4")]
    created: Option<Timestamp>,
    #[prost(string, optional, tag = "5")]
    r#type: Option<String>,
}

impl Message for Node {
    const FULL_NAME: &'static str = "test.Node";
}

impl JsonMessage for Node {
    fn read_field(&mut self, name: &str, field: FieldReader<'_, '_>) -> Result<()> {
        field.unknown(name)
    }

    fn write_fields(&self, _: &mut Writer<'_>) {}
}

#[derive(Clone, IntoMessage)]
#[message(Node)]
struct Tree {
    names: Vec<&'static str>,
    next: Option<Box<Self>>,
    children: Vec<Tree>,
    #[message(with = psd_core::into_message::some)]
    created: std::time::SystemTime,
    #[message(with = psd_core::into_message::some)]
    r#type: &'static str,
}

fn tree(name: &'static str) -> Tree {
    Tree { names: vec![name], next: None, children: Vec::new(), created: std::time::UNIX_EPOCH, r#type: "tree" }
}

fn node(name: &str) -> Node {
    let names = vec![name.to_owned()];
    Node { names, created: Some(Timestamp::default()), r#type: Some("tree".to_owned()), ..Node::default() }
}

#[test]
fn lists_and_boxes_convert() {
    let tree = Tree { next: Some(Box::new(tree("next"))), children: vec![tree("a"), tree("b")], ..tree("root") };
    let expected = Node { next: Some(Box::new(node("next"))), children: vec![node("a"), node("b")], ..node("root") };
    assert_eq!(*tree.to_message(), expected);
    assert_eq!(tree.into_message(), expected);
}

#[test]
fn a_message_is_its_own() {
    let file = pb::UFile { id: "7".to_owned(), ..pb::UFile::default() };
    assert!(matches!(file.to_message(), std::borrow::Cow::Borrowed(_)));
    assert_eq!(file.clone().into_message(), file);
}
