//! `$NAME` and `${NAME}` in folders; `$$` is a dollar sign.

use crate::Diagnostic;

/// Why a text cannot be expanded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    Unset(String),
    Malformed,
}

impl Mistake {
    pub(super) fn diagnostic(&self, text: &str) -> Diagnostic {
        match self {
            Self::Unset(name) => Diagnostic::error(format!("the environment variable `{name}` is not set"))
                .help(format!("set it, or write the folder out instead of `{text}`")),
            Self::Malformed => Diagnostic::error(format!("`{text}` holds a `$` without a name"))
                .help("write `$NAME` or `${NAME}`; for a dollar sign write `$$`"),
        }
    }
}

pub(super) fn expand(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<String, Mistake> {
    let mut out = String::new();
    for part in parts(text) {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Name(name) => out.push_str(&lookup(name).ok_or_else(|| Mistake::Unset(name.to_owned()))?),
            Part::Malformed => return Err(Mistake::Malformed),
        }
    }
    Ok(out)
}

/// The names of the variables in `text`.
pub(super) fn names(text: &str) -> Vec<String> {
    let name = |part| if let Part::Name(name) = part { Some(name.to_owned()) } else { None };
    parts(text).into_iter().filter_map(name).collect()
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Name(&'a str),
    Malformed,
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        parts.push(Part::Text(&rest[..at]));
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            parts.push(Part::Text("$"));
            rest = after;
            continue;
        }
        let braced = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, after) = braced.unwrap_or_else(|| {
            let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
            rest.split_at(rest.find(|character| !is_name(character)).unwrap_or(rest.len()))
        });
        parts.push(if name.is_empty() { Part::Malformed } else { Part::Name(name) });
        rest = after;
    }
    parts.push(Part::Text(rest));
    parts
}

#[cfg(test)]
mod tests {
    use super::{Mistake, expand, names};

    #[track_caller]
    fn check(text: &str, expected: Result<&str, Mistake>) {
        let lookup = |name: &str| (name == "ROOT").then(|| "/srv".to_owned());
        assert_eq!(expand(text, lookup), expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn both_forms_are_expanded() {
        check("proto", Ok("proto"));
        check("$ROOT/proto", Ok("/srv/proto"));
        check("${ROOT}ed/${ROOT}", Ok("/srved//srv"));
        check("a$$b", Ok("a$b"));
        check("$ROOTED", Err(Mistake::Unset("ROOTED".to_owned())));
        check("$/proto", Err(Mistake::Malformed));
        check("${ROOT", Err(Mistake::Malformed));
        check("${}", Err(Mistake::Malformed));
    }

    #[test]
    fn names_are_listed() {
        assert_eq!(names("$A/${B}/$$C"), ["A", "B"]);
    }
}
