//! protox, the compiler of .proto files: the only module that knows it, and how it tells mistakes.

use std::collections::BTreeMap;

use miette::Diagnostic as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use super::Parsed;
use crate::Diagnostic;
use crate::diagnostics::Label;
use crate::sources::Source;

/// Whether protobuf itself brings a file of this name.
pub(super) fn is_well_known(name: &str) -> bool {
    GoogleFileResolver::new().open_file(name).is_ok()
}

/// Parses one file; its imports are not looked at.
pub(super) fn parse(source: &Source) -> Result<FileDescriptorProto, Vec<Diagnostic>> {
    match File::from_source(&source.name, &source.text) {
        Ok(file) => Ok(file.into()),
        Err(error) => Err(mistakes(&error, source)),
    }
}

/// Resolves the types of files whose imports are known to be there; each file comes after what it imports.
///
/// `wanted` files and what they import are in the result.
pub(super) fn resolve(wanted: &[&Parsed], all: &[Parsed], diagnostics: &mut Vec<Diagnostic>) -> FileDescriptorSet {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Memory(all.iter().map(|file| (file.source.name.clone(), file.source.text.clone())).collect()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    for file in wanted {
        let Err(error) = compiler.open_file(&file.source.name) else { continue };
        // The culprit may be a file that this one imports.
        let culprit = all.iter().find(|parsed| Some(parsed.source.name.as_str()) == error.file()).unwrap_or(file);
        diagnostics.extend(mistakes(&error, &culprit.source));
    }
    compiler.file_descriptor_set()
}

/// The texts of files, by name. Parsed once more: protox tells the place of a mistake only where it has the text.
struct Memory(BTreeMap<String, String>);

impl FileResolver for Memory {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.get(name) {
            Some(text) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

fn mistakes(error: &protox::Error, source: &Source) -> Vec<Diagnostic> {
    let related = error.related().into_iter().flatten();
    std::iter::once(error as &dyn miette::Diagnostic).chain(related).map(|error| mistake(error, source)).collect()
}

fn mistake(error: &dyn miette::Diagnostic, source: &Source) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(backticks(&error.to_string()));
    let spans: Vec<_> = error.labels().into_iter().flatten().collect();
    for span in spans.iter().rev() {
        diagnostic = diagnostic.at(Label::new(&source.path, &source.text, span.offset()..span.offset() + span.len()));
    }
    if diagnostic.labels.is_empty() {
        // The end of the file is what protox cannot point at.
        let end = source.text.trim_end().len();
        diagnostic = diagnostic.at(Label::new(&source.path, &source.text, end.saturating_sub(1)..end));
    }
    if let Some(help) = error.help() {
        diagnostic = diagnostic.help(backticks(&help.to_string()));
    }
    let known = WAYS_OUT.iter().find(|(part, _)| diagnostic.message.contains(part));
    if let Some((_, help)) = known {
        diagnostic = diagnostic.help(*help);
    }
    diagnostic
}

/// What protox does not say: the ways out of mistakes, by a part of their text.
const WAYS_OUT: [(&str, &str); 8] = [
    ("but found `edition`", "psd reads proto3: write `syntax = \"proto3\";` as the first statement"),
    ("expected comment terminator", "close the comment with `*/`"),
    ("but reached end of file", "something that was opened is never closed"),
    ("groups are not allowed", "declare a message, and a field of its type"),
    ("is already defined in file", "rename one of the two, or give the files different packages"),
    ("is defined twice", "rename one of the two"),
    ("field number", "give every field of a message a number of its own, and never use one again"),
    ("the first value for proto3 enums", "add a first value for `not set`, such as `NONE = 0;`"),
];

/// protox quotes names with `'`.
fn backticks(text: &str) -> String {
    text.replace('\'', "`")
}
