//! `messages.dart`: what travels, in the classes of the original client.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::head;
use super::message::json_name;
use super::model::{self, Model};
use super::names::{self, Taken};
use crate::schema::{CacheKeyKind, FileKind, Message};
use crate::targets::dart::names::literal;

/// What a class of the original client has, which no key may be called.
const KEYS: &[&str] = &[
    "dateKeys",
    "getKey",
    "hashCode",
    "intKeys",
    "keys",
    "message",
    "noSuchMethod",
    "realKeys",
    "runtimeType",
    "textKeys",
    "toString",
];

/// The words that no key may be called.
const WORDS: &[&str] = &[
    "assert", "break", "case", "catch", "class", "const", "continue", "default", "do", "else", "enum", "extends",
    "false", "final", "finally", "for", "if", "in", "is", "new", "null", "rethrow", "return", "super", "switch",
    "this", "throw", "true", "try", "var", "void", "while", "with",
];

pub(super) fn print(model: &Model<'_>, kind: FileKind) -> String {
    let mut prefixes: BTreeMap<String, String> = BTreeMap::new();
    let mut body = String::new();
    let mut received = Vec::new();
    let messages = || model.schema.messages.iter().filter(|message| message.kind == kind);
    let mut taken = Taken::new(&[]);
    for message in messages() {
        let place = model.place(&message.full_name);
        let is_printed = model.files.iter().any(|file| file.path == place.library);
        if !is_printed {
            continue;
        }
        let next = prefixes.len() + 1;
        let prefix = prefixes.entry(place.library).or_insert_with(|| format!("${next}"));
        let travelling = Travelling { message, data: format!("{prefix}.{}", place.class), keys: keys(model, message) };
        for side in [Side::Sent, Side::Received] {
            let goes = match side {
                Side::Sent => message.origin.is_client(),
                Side::Received => message.origin.is_server(),
            };
            if !goes {
                continue;
            }
            let name = class_name(side, message, &mut taken, &place.class);
            body.push_str(&travelling.print(side, &name));
            if side == Side::Received {
                received.push(name);
            }
        }
    }
    let mut out = head("");
    out.push_str("import 'dart:core' as $core;\n\n");
    let mut columns: Vec<&str> =
        messages().flat_map(|message| &message.cache_keys).map(|key| column(key.kind)).collect();
    columns.sort_unstable();
    columns.dedup();
    if !columns.is_empty() {
        let _ = writeln!(out, "import 'package:drift/drift.dart' show {};", columns.join(", "));
    }
    let _ = writeln!(out, "import '{}/communication/socket_messages.dart';\n", super::PACKAGE);
    for (library, prefix) in &prefixes {
        let _ = writeln!(out, "import '{library}.pb.dart' as {prefix};");
    }
    out.push_str(&body);
    out.push_str("\n/// An empty message of every type that the server sends; for `SocketApi.setMessages`.\n");
    out.push_str("$core.List<SocketRxMessage> rxMessages = [\n");
    for name in received {
        let _ = writeln!(out, "  {name}(),");
    }
    out.push_str("];\n");
    out
}

/// Who sends it, for a client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Sent,
    Received,
}

impl Side {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Sent => "Tx",
            Self::Received => "Rx",
        }
    }
}

/// `TxEcho`; with the package in it where messages of several packages are called so.
fn class_name(side: Side, message: &Message, taken: &mut Taken, class: &str) -> String {
    let prefix = side.prefix();
    let package: String = message.package.split('.').map(names::capitals).collect();
    let variants = |name: &str| ["", "CacheKeys", "Table"].map(|suffix| format!("{name}{suffix}")).to_vec();
    let short = format!("{prefix}{class}");
    let mut probe = taken.numbered_all(&short, variants);
    if probe != short && !package.is_empty() {
        probe = taken.numbered_all(&format!("{prefix}{package}{class}"), variants);
    }
    probe
}

struct Travelling<'m> {
    message: &'m Message,
    /// The class of the message itself.
    data: String,
    keys: Vec<Key>,
}

/// A field by which messages are found again.
struct Key {
    kind: CacheKeyKind,
    /// Its place among those of its kind.
    index: usize,
    /// Its name in JSON, by which package:protobuf finds the field.
    json: String,
    /// What it is called in Dart.
    name: String,
}

fn keys(model: &Model<'_>, message: &Message) -> Vec<Key> {
    let messages = model.files.iter().flat_map(|file| &file.messages);
    let declared: Vec<&model::Field<'_>> = messages
        .filter(|declared| declared.full_name == message.full_name)
        .flat_map(|declared| &declared.fields)
        .collect();
    let mut taken = Taken::new(&[KEYS, WORDS]);
    let mut keys = Vec::new();
    for kind in CacheKeyKind::ALL {
        for (index, key) in message.cache_keys.iter().filter(|key| key.kind == kind).enumerate() {
            let field = declared.iter().find(|field| field.descriptor.name() == key.field);
            let json = field.map_or_else(|| key.field.clone(), |field| json_name(field.descriptor));
            let name = taken.numbered_all(&names::visible(&json), |name| vec![name.to_owned(), format!("{name}Key")]);
            keys.push(Key { kind, index, json, name });
        }
    }
    keys
}

fn column(kind: CacheKeyKind) -> &'static str {
    match kind {
        CacheKeyKind::Text => "TextColumn",
        CacheKeyKind::Real => "RealColumn",
        CacheKeyKind::Date => "DateTimeColumn",
        CacheKeyKind::Int => "IntColumn",
    }
}

impl Travelling<'_> {
    fn print(&self, side: Side, name: &str) -> String {
        let mut out = String::new();
        if !self.keys.is_empty() {
            self.cache_keys(&mut out, name);
            self.table(&mut out, name);
        }
        out.push('\n');
        for line in self.message.docs.lines() {
            let _ = writeln!(out, "{}", format!("/// {line}").trim_end());
        }
        match side {
            Side::Sent => self.sent(&mut out, name),
            Side::Received => self.received(&mut out, name),
        }
        out
    }

    fn cache_keys(&self, out: &mut String, name: &str) {
        let _ = writeln!(out, "\nclass {name}CacheKeys extends CacheKeys {{");
        for Key { kind, index, json, name } in &self.keys {
            let json = literal(json);
            let _ = writeln!(out, "  final CacheKey {name}Key = const CacheKey(CacheKeyType.{kind}, {index}, {json});");
        }
        out.push('\n');
        for Key { kind, name, .. } in &self.keys {
            let _ = writeln!(out, "  {} {name}(table) => {name}Key.{kind}Field(table);", column(*kind));
        }
        let _ = writeln!(out, "\n  const {name}CacheKeys()\n      : super(");
        for kind in CacheKeyKind::ALL {
            let keys: Vec<String> =
                self.keys.iter().filter(|key| key.kind == kind).map(|key| literal(&key.json)).collect();
            let _ = writeln!(out, "          {kind}Keys: const [{}],", keys.join(", "));
        }
        out.push_str("        );\n}\n");
    }

    fn table(&self, out: &mut String, class: &str) {
        let _ = writeln!(out, "\nclass {class}Table {{\n  final {class} message;");
        for Key { kind, name, .. } in &self.keys {
            let _ = writeln!(out, "  final {} {name};", column(*kind));
        }
        let _ = write!(out, "\n  {class}Table(this.message, table)");
        for (index, Key { kind, name, .. }) in self.keys.iter().enumerate() {
            let start = if index == 0 { "\n      : " } else { ",\n        " };
            let _ = write!(out, "{start}{name} = message.cacheKeys.{name}Key.{kind}Field(table)");
        }
        out.push_str(";\n}\n");
    }

    /// How long and by what a message is kept.
    fn caching(&self, out: &mut String, name: &str) {
        if let Some(time) = self.message.client_cache {
            let seconds = time.as_secs();
            let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
            let _ = writeln!(
                out,
                "  @$core.override\n  final $core.Duration cache = const $core.Duration(days: {days}, hours: {hours}, \
                 minutes: {minutes}, seconds: {});",
                seconds % 60
            );
        }
        if !self.keys.is_empty() {
            let _ = writeln!(out, "  @$core.override\n  final {name}CacheKeys cacheKeys = const {name}CacheKeys();");
        }
    }

    fn sent(&self, out: &mut String, name: &str) {
        let data = &self.data;
        let _ = writeln!(out, "class {name} extends SocketTxMessage {{");
        let _ = writeln!(out, "  static const $core.String type = {};", literal(&self.message.message_type));
        let _ = writeln!(out, "  @$core.override\n  final {data} proto;");
        self.caching(out, name);
        let _ = write!(
            out,
            "
  const {name}(this.proto) : super(type, authRequired: {});

  static {data} get newProto => {data}();

  static {name} create([{data} Function({data} data)? setData]) =>
      {name}(setData == null ? newProto : setData(newProto));
}}
",
            self.message.auth.unwrap_or(true)
        );
    }

    fn received(&self, out: &mut String, name: &str) {
        let data = &self.data;
        let table = if self.keys.is_empty() { String::new() } else { format!("<{name}Table>") };
        let _ = writeln!(out, "class {name} extends SocketRxMessage{table} {{");
        let _ = writeln!(out, "  static const $core.String type = {};", literal(&self.message.message_type));
        let _ = writeln!(out, "  @$core.override\n  final {data} data = {data}();");
        self.caching(out, name);
        if !self.keys.is_empty() {
            let _ = writeln!(out, "  late {name}Table table;");
        }
        let _ = write!(
            out,
            "
  {name}([SocketRxMessageData? message]) : super(type, message);

  @$core.override
  {name} fromMessage(SocketRxMessageData message) => {name}(message);
"
        );
        if !self.keys.is_empty() {
            let _ = writeln!(out, "\n  @$core.override\n  void setTable(tbl) => table = {name}Table(this, tbl);");
        }
        out.push_str("}\n");
    }
}
