//! Where the elements of a file stand and what their comments say.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use prost_types::source_code_info::Location as Info;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};

use super::Parsed;
use crate::diagnostics::Label;
use crate::schema::Location;

/// What is known of every element, by its full name.
#[derive(Debug, Default)]
pub(super) struct Elements {
    pub(super) docs: BTreeMap<String, String>,
    pub(super) locations: BTreeMap<String, Location>,
    /// The prose of every comment above a message, by file and path in it.
    pub(super) message_prose: HashMap<(String, Vec<i32>), String>,
}

impl Elements {
    /// Notes the fields, oneofs and enums of a message.
    pub(super) fn add_parts(&mut self, places: &Places<'_>, full_name: &str, path: &[i32], message: &DescriptorProto) {
        for (index, field) in message.field.iter().enumerate() {
            self.add(places, full_name, field.name(), &child(path, 2, index));
        }
        let is_synthetic = |index: usize| {
            // What `optional` stands for has no place of its own.
            let mut parts =
                message.field.iter().filter(|field| field.oneof_index.map(usize::try_from) == Some(Ok(index)));
            parts.any(|field| field.proto3_optional())
        };
        for (index, oneof) in message.oneof_decl.iter().enumerate().filter(|(index, _)| !is_synthetic(*index)) {
            self.add(places, full_name, oneof.name(), &child(path, 8, index));
        }
        for (index, enumeration) in message.enum_type.iter().enumerate() {
            self.add_enum(places, full_name, enumeration, &child(path, 4, index));
        }
    }

    /// Notes an enum and its values.
    pub(super) fn add_enum(&mut self, places: &Places<'_>, scope: &str, item: &EnumDescriptorProto, path: &[i32]) {
        self.add(places, scope, item.name(), path);
        let full_name = join(scope, item.name());
        for (index, value) in item.value.iter().enumerate() {
            self.add(places, &full_name, value.name(), &child(path, 2, index));
        }
    }

    /// Notes an element whose comment is prose only: the one above it, else the one behind it.
    fn add(&mut self, places: &Places<'_>, scope: &str, name: &str, path: &[i32]) {
        let full_name = join(scope, name);
        let info = places.info(path);
        let comment = info.and_then(|info| info.leading_comments.as_ref().or(info.trailing_comments.as_ref()));
        if let Some(docs) = comment.map(|comment| prose(comment.lines())).filter(|docs| !docs.is_empty()) {
            self.docs.insert(full_name.clone(), docs);
        }
        self.locations.insert(full_name, places.location(&name_of(path)));
    }
}

/// The places of one file, by path (as `SourceCodeInfo` defines paths).
pub(super) struct Places<'a> {
    pub(super) file: &'a Parsed,
    infos: HashMap<&'a [i32], &'a Info>,
    line_starts: Vec<usize>,
}

impl<'a> Places<'a> {
    pub(super) fn of(file: &'a Parsed) -> Self {
        let infos = file.descriptor.source_code_info.iter().flat_map(|info| &info.location);
        let line_breaks = file.source.text.match_indices('\n').map(|(index, _)| index + 1);
        Self {
            file,
            infos: infos.map(|info| (info.path.as_slice(), info)).collect(),
            line_starts: std::iter::once(0).chain(line_breaks).collect(),
        }
    }

    pub(super) fn info(&self, path: &[i32]) -> Option<&'a Info> {
        self.infos.get(path).copied()
    }

    /// The bytes of an element; of the file's first character where there is no such element.
    pub(super) fn range(&self, path: &[i32]) -> Range<usize> {
        match self.info(path).map(|info| info.span.as_slice()) {
            Some(&[line, start, end]) => self.offset(line, start)..self.offset(line, end),
            Some(&[line, start, end_line, end]) => self.offset(line, start)..self.offset(end_line, end),
            _ => 0..1,
        }
    }

    pub(super) fn label(&self, path: &[i32]) -> Label {
        self.label_of(self.range(path))
    }

    pub(super) fn label_of(&self, range: Range<usize>) -> Label {
        Label::new(&self.file.source.path, &self.file.source.text, range)
    }

    pub(super) fn location(&self, path: &[i32]) -> Location {
        let Label { line, column, .. } = self.label(path);
        Location { file: self.file.source.written_path.clone(), line, column }
    }

    /// protox counts columns in bytes.
    fn offset(&self, line: i32, column: i32) -> usize {
        let index = |number: i32| usize::try_from(number).unwrap_or(0);
        self.line_starts.get(index(line)).copied().unwrap_or(0) + index(column)
    }
}

/// Replaces the comments of messages by their prose.
pub(super) fn keep_prose(files: &mut FileDescriptorSet, prose: &HashMap<(String, Vec<i32>), String>) {
    for file in &mut files.file {
        let name = file.name().to_owned();
        for info in file.source_code_info.iter_mut().flat_map(|info| &mut info.location) {
            if let Some(prose) = prose.get(&(name.clone(), info.path.clone())) {
                info.leading_comments = Some(format!("{prose}\n")).filter(|_| !prose.is_empty());
            }
        }
    }
}

/// Lines of a comment as text: one empty line at most in a row, none at the ends.
pub(super) fn prose<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    let mut is_gap = false;
    for line in lines {
        // A line comment keeps the space that follows its slashes.
        let line = line.strip_prefix(' ').unwrap_or(line).trim_end();
        if line.is_empty() {
            is_gap = !out.is_empty();
            continue;
        }
        if !out.is_empty() {
            out.push_str(if is_gap { "\n\n" } else { "\n" });
        }
        is_gap = false;
        out.push_str(line);
    }
    out
}

pub(super) fn child(path: &[i32], kind: i32, index: usize) -> Vec<i32> {
    let index = i32::try_from(index).unwrap_or(i32::MAX);
    path.iter().copied().chain([kind, index]).collect()
}

/// The path of an element's name; 1 for messages, fields, enums, values, oneofs and services alike.
pub(super) fn name_of(path: &[i32]) -> Vec<i32> {
    path.iter().copied().chain([1]).collect()
}

pub(super) fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}
