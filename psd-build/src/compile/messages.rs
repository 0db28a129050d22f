//! The messages of a file and what their metadata says.

use std::ops::Range;

use prost_types::DescriptorProto;
use prost_types::field_descriptor_proto::Label;

use super::Parsed;
use super::elements::{Elements, Places, child, join, name_of, prose};
use crate::comments::{self, Comment, Line};
use crate::diagnostics::{self, Diagnostic};
use crate::metadata::{self, Metadata, Mistake, Name};
use crate::nearest::nearest;
use crate::schema::{Message, Origin};

/// A message, and the stretch to blame for its type.
pub(super) struct Found {
    pub(super) message: Message,
    pub(super) type_label: diagnostics::Label,
}

/// Reads every message of a file; notes every element.
pub(super) fn read(file: &Parsed, elements: &mut Elements, diagnostics: &mut Vec<Diagnostic>) -> Vec<Found> {
    let comments = comments::scan(&file.source.text);
    let mut reader = Reader {
        places: Places::of(file),
        comments: &comments,
        claimed: Vec::new(),
        elements,
        diagnostics,
        found: Vec::new(),
    };
    let package = file.descriptor.package();
    for (index, item) in file.descriptor.enum_type.iter().enumerate() {
        reader.elements.add_enum(&reader.places, package, item, &child(&[], 5, index));
    }
    for (index, message) in file.descriptor.message_type.iter().enumerate() {
        reader.message(message, package, &child(&[], 4, index));
    }
    reader.stray_metadata();
    reader.found
}

struct Reader<'a> {
    places: Places<'a>,
    comments: &'a [Comment],
    /// Where the comments start that stand above a message.
    claimed: Vec<usize>,
    elements: &'a mut Elements,
    diagnostics: &'a mut Vec<Diagnostic>,
    found: Vec<Found>,
}

impl Reader<'_> {
    fn message(&mut self, message: &DescriptorProto, scope: &str, path: &[i32]) {
        if message.options.as_ref().is_some_and(|options| options.map_entry()) {
            return;
        }
        let full_name = join(scope, message.name());
        self.elements.locations.insert(full_name.clone(), self.places.location(&name_of(path)));
        let (metadata, docs) = self.comment(path);
        if !docs.is_empty() {
            self.elements.docs.insert(full_name.clone(), docs.clone());
        }
        self.check(message, &full_name, &metadata);
        self.declare(message, &full_name, path, metadata, docs);
        self.elements.add_parts(&self.places, &full_name, path, message);
        for (index, nested) in message.nested_type.iter().enumerate() {
            self.message(nested, &full_name, &child(path, 3, index));
        }
    }

    /// The metadata and the prose above a message.
    fn comment(&mut self, path: &[i32]) -> (Metadata, String) {
        let Some(said) = self.places.info(path).and_then(|info| info.leading_comments.as_deref()) else {
            return (Metadata::default(), String::new());
        };
        let text = &self.places.file.source.text;
        let above = comments::above(self.comments, text, self.places.range(path).start);
        let (Some(first), Some(last)) = (above.first(), above.last()) else {
            return (Metadata::default(), prose(said.lines()));
        };
        self.claimed.push(first.range.start);
        let lines = comments::lines(said, text, first.range.start..last.range.end);
        let mut metadata = Metadata::default();
        if first.is_block {
            metadata = metadata::parse(&lines);
        } else if let Some(range) = metadata::is_certain(&lines) {
            let diagnostic = Diagnostic::error("metadata in a line comment is not read");
            let help = "write it into a block comment, `/* … */`, right above the message";
            self.diagnostics.push(diagnostic.at(self.places.label_of(range)).help(help));
        }
        let docs = self.prose(&lines, &metadata.lines);
        self.elements.message_prose.insert((self.places.file.source.name.clone(), path.to_vec()), docs.clone());
        (metadata, docs)
    }

    /// The lines that are no metadata. Paragraphs stay apart: the parser forgets empty lines, the file does not.
    fn prose(&self, lines: &[Line<'_>], metadata: &[usize]) -> String {
        let text = &self.places.file.source.text;
        let mut kept = Vec::new();
        let mut end = None;
        for (index, line) in lines.iter().enumerate() {
            if end.is_some_and(|end: usize| text[end..line.offset].matches('\n').count() > 1) {
                kept.push("");
            }
            end = Some(line.offset + line.text.len());
            // A block comment that begins with `/**` keeps its second star.
            let line_text = line.text.strip_prefix('*').filter(|_| index == 0).map_or(line.text, str::trim_start);
            kept.push(if metadata.contains(&index) { "" } else { line_text });
        }
        prose(kept.into_iter())
    }

    /// Reports what the metadata of a message says wrong, line by line and as a whole.
    fn check(&mut self, message: &DescriptorProto, full_name: &str, metadata: &Metadata) {
        for mistake in &metadata.mistakes {
            self.report(mistake);
        }
        match (metadata.place_of(Name::Type), metadata.place_of(Name::Origin), metadata.given.first()) {
            (None, _, Some(first)) => {
                let help = format!(
                    "give it a route, such as `type = '{}'`; or remove the metadata if it is a plain structure",
                    heck::ToKebabCase::to_kebab_case(message.name())
                );
                let diagnostic = Diagnostic::error(format!("`{full_name}` has metadata but no `type`"));
                self.diagnostics.push(diagnostic.at(self.places.label_of(first.range.clone())).help(help));
            }
            (Some(place), None, _) => {
                let help = "say who sends it: `origin = client`, `origin = server` or `origin = client/server`";
                let diagnostic = Diagnostic::error(format!("the `origin` of `{full_name}` is missing"));
                self.diagnostics.push(diagnostic.at(self.places.label_of(place)).help(help));
            }
            _ => {}
        }
        self.check_keys(message, full_name, metadata);
        let is_server_only = metadata.origin.as_ref().is_some_and(|origin| origin.value == Origin::Server);
        if let Some(place) = metadata.place_of(Name::Auth).filter(|_| is_server_only) {
            let help = "remove the line: it says whether a client must be authenticated to send the message";
            let message = format!("`auth` means nothing for `{full_name}`, which only the server sends");
            self.diagnostics.push(Diagnostic::warning(message).at(self.places.label_of(place)).help(help));
        }
    }

    fn check_keys(&mut self, message: &DescriptorProto, full_name: &str, metadata: &Metadata) {
        let fields = || message.field.iter().map(|field| field.name());
        for key in &metadata.cache_keys {
            let field = &key.value.field;
            let label = self.places.label_of(key.range.clone());
            if let Some(found) = message.field.iter().find(|found| found.name() == field) {
                if found.label() == Label::Repeated {
                    let diagnostic = Diagnostic::warning(format!("the cache key `{field}` holds many values"));
                    let help = "clients find messages by single values: name another field, or leave the key out";
                    self.diagnostics.push(diagnostic.at(label).help(help));
                }
                continue;
            }
            let help = match (nearest(field, fields()), message.field.is_empty()) {
                (Some(meant), _) => format!("did you mean `{meant}`?"),
                (None, true) => "the message has no fields: remove the key".to_owned(),
                (None, false) => format!("its fields are `{}`", fields().collect::<Vec<_>>().join("`, `")),
            };
            let diagnostic = Diagnostic::error(format!("the cache key `{field}` is no field of `{full_name}`"));
            self.diagnostics.push(diagnostic.at(label).help(help));
        }
        if let (Some(place), None) = (metadata.place_of(Name::CacheKeys), metadata.place_of(Name::ClientCache)) {
            let help = "say how long clients keep it, such as `client cache = days(7)`, or remove the keys";
            let diagnostic = Diagnostic::warning(format!("`{full_name}` has cache keys but no `client cache`"));
            self.diagnostics.push(diagnostic.at(self.places.label_of(place)).help(help));
        }
    }

    /// Keeps a message that travels.
    fn declare(&mut self, message: &DescriptorProto, full_name: &str, path: &[i32], metadata: Metadata, docs: String) {
        let (Some(message_type), Some(origin)) = (metadata.message_type, metadata.origin) else { return };
        let file = self.places.file;
        self.found.push(Found {
            type_label: self.places.label_of(message_type.range),
            message: Message {
                full_name: full_name.to_owned(),
                name: message.name().to_owned(),
                package: file.descriptor.package().to_owned(),
                message_type: message_type.value,
                origin: origin.value,
                auth: metadata.auth.map(|auth| auth.value),
                client_cache: metadata.client_cache.map(|cache| cache.value),
                cache_keys: metadata.cache_keys.into_iter().map(|key| key.value).collect(),
                location: self.places.location(&name_of(path)),
                docs,
                kind: file.source.kind,
            },
        });
    }

    fn report(&mut self, mistake: &Mistake) {
        let mut diagnostic = Diagnostic::error(mistake.message.clone()).at(self.places.label_of(mistake.range.clone()));
        if let Some((range, note)) = &mistake.other {
            diagnostic = diagnostic.at(self.places.label_of(range.clone()).note(*note));
        }
        diagnostic.help.clone_from(&mistake.help);
        self.diagnostics.push(diagnostic);
    }

    /// Metadata that would be lost without a word: above an enum, or an empty line away from its message.
    fn stray_metadata(&mut self) {
        let text = &self.places.file.source.text;
        // What stands above `syntax` is about the file, and may explain how metadata is written.
        let header = self.places.range(&[12]).start;
        let is_stray = |comment: &&Comment| {
            comment.is_block && comment.range.start >= header && !self.claimed.contains(&comment.range.start)
        };
        for comment in self.comments.iter().filter(is_stray) {
            if let Some(range) = metadata::is_certain(&comment_lines(text, comment.range.clone())) {
                let help = "it must stand in the last comment above its `message`, with no empty line between";
                let diagnostic = Diagnostic::error("this metadata belongs to no message");
                self.diagnostics.push(diagnostic.at(self.places.label_of(range)).help(help));
            }
        }
    }
}

/// The lines of a block comment that `SourceCodeInfo` gave to no message.
fn comment_lines(text: &str, range: Range<usize>) -> Vec<Line<'_>> {
    let inner = &text[range.start + 2..range.end];
    let mut offset = range.start + 2;
    let mut lines = Vec::new();
    for line in inner.strip_suffix("*/").unwrap_or(inner).split_inclusive('\n') {
        let trimmed = line.trim_start().trim_start_matches('*').trim_start();
        let start = offset + line.len() - trimmed.len();
        offset += line.len();
        if !trimmed.trim_end().is_empty() {
            lines.push(Line { text: trimmed.trim_end(), offset: start });
        }
    }
    lines
}
