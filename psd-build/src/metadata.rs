//! The grammar of message metadata: one `name = value` per line of the block comment above a message.
//!
//! Everything else in the comment is prose. A line is metadata if
//! - its name is known (`type = …`), whatever the value; or
//! - its name is a slip of the pen of a known one and either the value would be right for that one, or another line of
//!   the comment has a known name: then it is a mistake; or
//! - it says `:` where `=` belongs and is right otherwise: then it is a mistake.

mod value;

use std::ops::Range;
use std::time::Duration;

use crate::comments::Line;
use crate::nearest::nearest;
use crate::schema::{CacheKey, Origin};

/// The metadata of one message, each value with its bytes in the file.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) message_type: Option<Spanned<String>>,
    pub(crate) origin: Option<Spanned<Origin>>,
    pub(crate) auth: Option<Spanned<bool>>,
    pub(crate) client_cache: Option<Spanned<Duration>>,
    pub(crate) cache_keys: Vec<Spanned<CacheKey>>,
    /// The names that were given, also those with a bad value; with the bytes of each.
    pub(crate) given: Vec<Spanned<Name>>,
    /// The lines that are metadata, right or wrong, by their place among the comment's lines.
    pub(crate) lines: Vec<usize>,
    /// What is wrong.
    pub(crate) mistakes: Vec<Mistake>,
}

impl Metadata {
    /// Where a name was given, if only with a bad value.
    pub(crate) fn place_of(&self, name: Name) -> Option<Range<usize>> {
        self.given.iter().find(|given| given.value == name).map(|given| given.range.clone())
    }
}

/// A value and its bytes in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) range: Range<usize>,
}

/// What is wrong with a line of metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) range: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: Vec<String>,
    /// A second place, and what to say about it.
    pub(crate) other: Option<(Range<usize>, &'static str)>,
}

/// The names of metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Type,
    Origin,
    Auth,
    ClientCache,
    CacheKeys,
}

impl Name {
    pub(crate) const ALL: [Self; 5] = [Self::Type, Self::Origin, Self::Auth, Self::ClientCache, Self::CacheKeys];

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Origin => "origin",
            Self::Auth => "auth",
            Self::ClientCache => "client cache",
            Self::CacheKeys => "client cache_keys",
        }
    }

    fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.text() == text)
    }
}

/// What people write who mean a known name; beside slips of the pen.
const ALIASES: [(&str, Name); 6] = [
    ("message type", Name::Type),
    ("cache", Name::ClientCache),
    ("client_cache_for", Name::ClientCache),
    ("cache_keys", Name::CacheKeys),
    ("keys", Name::CacheKeys),
    ("authentication", Name::Auth),
];

/// Reads the metadata of a comment.
pub(crate) fn parse(lines: &[Line<'_>]) -> Metadata {
    let has_known_name =
        lines.iter().any(|line| matches!(Entry::of(line), Some(Entry { name: Known::Exactly(_), .. })));
    let mut metadata = Metadata::default();
    for (index, line) in lines.iter().enumerate() {
        let Some(entry) = Entry::of(line) else { continue };
        match entry.name {
            Known::Exactly(name) if entry.separator == '=' => metadata.read(name, &entry),
            Known::Exactly(name) if entry.is_right_for(name) => {
                metadata.mistakes.push(Mistake {
                    range: entry.range(),
                    message: format!("`{}` is given with `:`", name.text()),
                    help: vec![format!("write `{} = {}`", name.text(), entry.value)],
                    other: None,
                });
                metadata.given.push(Spanned { value: name, range: entry.name_range() });
            }
            Known::Nearly(name) if entry.separator == '=' && (has_known_name || entry.is_right_for(name)) => {
                metadata.mistakes.push(Mistake {
                    range: entry.name_range(),
                    message: format!("unknown metadata `{}`", entry.written),
                    help: vec![format!("did you mean `{}`?", name.text())],
                    other: None,
                });
                // Counts as given: the message does not lack what is merely misspelt.
                metadata.given.push(Spanned { value: name, range: entry.name_range() });
            }
            Known::Exactly(_) | Known::Nearly(_) => continue,
        }
        metadata.lines.push(index);
    }
    metadata
}

/// Whether the lines hold metadata without any doubt: what is looked for where metadata has no business.
pub(crate) fn is_certain(lines: &[Line<'_>]) -> Option<Range<usize>> {
    let is_code = lines.iter().any(|line| line.text.starts_with("message "));
    let mut entries = lines.iter().filter_map(Entry::of);
    let certain = entries.find(|entry| {
        matches!(entry.name, Known::Exactly(name @ (Name::Type | Name::Origin | Name::CacheKeys)) if entry.separator == '=' && entry.is_right_for(name))
    });
    certain.filter(|_| !is_code).map(|entry| entry.range())
}

impl Metadata {
    fn read(&mut self, name: Name, entry: &Entry<'_>) {
        let range = entry.name_range();
        if let Some(first) = self.place_of(name) {
            self.mistakes.push(Mistake {
                range,
                message: format!("`{}` is given twice", name.text()),
                help: vec!["keep one of the two lines".to_owned()],
                other: Some((first, "first given here")),
            });
            return;
        }
        self.given.push(Spanned { value: name, range });
        if let Err(mistake) = self.read_value(name, entry) {
            // What was squeezed onto the same line is not missing as well.
            for other in Name::ALL.into_iter().filter(|other| entry.value.contains(&format!("{} =", other.text()))) {
                self.given.push(Spanned { value: other, range: entry.name_range() });
            }
            let start = entry.value_offset;
            self.mistakes.push(Mistake {
                range: start + mistake.range.start..start + mistake.range.end,
                message: mistake.message,
                help: mistake.help,
                other: None,
            });
        }
    }

    fn read_value(&mut self, name: Name, entry: &Entry<'_>) -> Result<(), value::Mistake> {
        let range = entry.value_range();
        let value = entry.value;
        match name {
            Name::Type => self.message_type = Some(Spanned { value: value::message_type(value)?, range }),
            Name::Origin => self.origin = Some(Spanned { value: value::origin(value)?, range }),
            Name::Auth => self.auth = Some(Spanned { value: value::auth(value)?, range }),
            Name::ClientCache => self.client_cache = Some(Spanned { value: value::client_cache(value)?, range }),
            Name::CacheKeys => {
                let start = entry.value_offset;
                let keys = value::cache_keys(value)?.into_iter();
                let placed = keys.map(|(key, at)| Spanned { value: key, range: start + at.start..start + at.end });
                self.cache_keys = placed.collect();
            }
        }
        Ok(())
    }
}

enum Known {
    Exactly(Name),
    Nearly(Name),
}

/// A line that reads `name = value` (or `name: value`), with a name that is known or almost.
struct Entry<'a> {
    name: Known,
    written: &'a str,
    separator: char,
    offset: usize,
    /// Without a trailing `;`.
    value: &'a str,
    value_offset: usize,
}

impl<'a> Entry<'a> {
    fn of(line: &Line<'a>) -> Option<Self> {
        let at = line.text.find(['=', ':'])?;
        let written = line.text[..at].trim_end();
        let is_name = |character: char| character.is_alphanumeric() || matches!(character, ' ' | '\t' | '_' | '-');
        if written.is_empty() || !written.chars().all(is_name) {
            return None;
        }
        let separator = if line.text[at..].starts_with('=') { '=' } else { ':' };
        let rest = &line.text[at + 1..];
        let value = rest.trim();
        let value_offset = line.offset + at + 1 + (rest.len() - rest.trim_start().len());
        let value = value.strip_suffix(';').map_or(value, str::trim_end);

        let words = written.split_whitespace().collect::<Vec<_>>().join(" ");
        let alias = || ALIASES.iter().find(|(alias, _)| *alias == words).map(|(_, name)| *name);
        let name = match Name::of(&words) {
            Some(name) => Known::Exactly(name),
            None => Known::Nearly(alias().or_else(|| Name::of(nearest(&words, Name::ALL.map(Name::text))?))?),
        };
        Some(Self { name, written, separator, offset: line.offset, value, value_offset })
    }

    fn is_right_for(&self, name: Name) -> bool {
        match name {
            Name::Type => value::message_type(self.value).is_ok(),
            Name::Origin => value::origin(self.value).is_ok(),
            Name::Auth => value::auth(self.value).is_ok(),
            Name::ClientCache => value::client_cache(self.value).is_ok(),
            Name::CacheKeys => value::cache_keys(self.value).is_ok(),
        }
    }

    fn name_range(&self) -> Range<usize> {
        self.offset..self.offset + self.written.len()
    }

    /// An empty value stands right behind the separator.
    fn value_range(&self) -> Range<usize> {
        self.value_offset..self.value_offset + self.value.len()
    }

    fn range(&self) -> Range<usize> {
        self.offset..self.value_range().end
    }
}
