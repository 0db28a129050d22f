//! Files → parsed files → checked metadata → resolved types → [`Schema`].
//!
//! Every step looks at every file that got so far, so that one run reports the mistakes of all of them.

mod elements;
mod imports;
mod messages;
mod names;
mod protox;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use prost_types::FileDescriptorProto;

use self::elements::Elements;
use crate::diagnostics::{self, Severity};
use crate::schema::{FileKind, SourceFile};
use crate::sources::{Source, Sources};
use crate::{Config, Error, Schema};

/// A file that parsed; its types are not resolved.
pub(crate) struct Parsed {
    pub(crate) source: Source,
    pub(crate) descriptor: FileDescriptorProto,
}

pub(crate) fn compile(config: &Config, sources: Sources) -> Result<Schema, Error> {
    let Sources { files, mut diagnostics, .. } = sources;
    let mut broken = BTreeSet::new();
    let mut parsed = Vec::new();
    for source in files {
        match protox::parse(&source) {
            Ok(descriptor) => parsed.push(Parsed { source, descriptor }),
            Err(mistakes) => {
                diagnostics.extend(mistakes);
                broken.insert(source.name);
            }
        }
    }
    let aliases = imports::add_aliases(&mut parsed);
    for file in &parsed {
        rules::check_file(file, &mut diagnostics);
    }
    if config.include_common {
        rules::check_common(&parsed, &mut broken, &mut diagnostics);
    }
    let healthy = imports::check(&parsed, &broken, &mut diagnostics);

    // Common files that nobody imports are left out when the configuration says so.
    let wanted: Vec<&Parsed> = parsed
        .iter()
        .filter(|file| healthy.contains(&file.source.name))
        .filter(|file| file.source.kind == FileKind::User || config.include_common)
        .collect();
    let mut files = protox::resolve(&wanted, &parsed, &mut diagnostics);
    imports::remove_aliases(&mut files, &aliases);
    let included: BTreeSet<&str> = files.file.iter().map(FileDescriptorProto::name).collect();

    let mut elements = Elements::default();
    let mut messages = Vec::new();
    for file in &parsed {
        // A file with another mistake has its metadata checked all the same.
        let is_part = file.source.kind == FileKind::User || included.contains(file.source.name.as_str());
        if is_part {
            messages.extend(messages::read(file, &mut elements, &mut diagnostics));
        }
    }
    rules::check_types(&messages, &mut diagnostics);
    names::explain(&parsed, &mut diagnostics);

    diagnostics::sort(&mut diagnostics);
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(Error::new(diagnostics));
    }
    let kinds: BTreeMap<&str, FileKind> =
        parsed.iter().map(|file| (file.source.name.as_str(), file.source.kind)).collect();
    let sources = files
        .file
        .iter()
        .map(|file| SourceFile {
            name: file.name().to_owned(),
            kind: kinds.get(file.name()).copied().unwrap_or(FileKind::WellKnown),
        })
        .collect();
    let mut schema = Schema {
        files,
        sources,
        messages: messages.into_iter().map(|found| found.message).collect(),
        warnings: diagnostics,
        docs: elements.docs,
        locations: elements.locations,
    };
    elements::keep_prose(&mut schema.files, &elements.message_prose);
    Ok(schema)
}
