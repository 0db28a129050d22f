//! The values of metadata.

use std::ops::Range;
use std::time::Duration;

use crate::nearest::nearest;
use crate::schema::{CacheKey, CacheKeyKind, Origin};

/// What a client's storage can index.
const MAX_KEYS_PER_KIND: usize = 5;
/// A route is a name, not a document.
const MAX_TYPE_LENGTH: usize = 256;

const DAY: u64 = 24 * 60 * 60;
const UNITS: [(&str, u64); 5] =
    [("seconds", 1), ("minutes", 60), ("hours", 60 * 60), ("days", DAY), ("years", 365 * DAY)];

/// What is wrong with a value; the range counts from the value's first byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) range: Range<usize>,
    pub(super) message: String,
    pub(super) help: Vec<String>,
}

impl Mistake {
    fn new(range: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { range, message: message.into(), help: vec![help.into()] }
    }
}

/// `'send-chat'`
pub(super) fn message_type(value: &str) -> Result<String, Mistake> {
    let mut cursor = Cursor::new(value);
    let whole = 0..value.len();
    let Some(message_type) = cursor.quoted()? else {
        let bare = value.trim_matches(['\'', '"', '‘', '’', '“', '”']);
        let way_out = match bare {
            "" => "write it in quotes: `type = 'send-chat'`".to_owned(),
            bare => format!("write `type = '{bare}'`"),
        };
        return Err(match value.is_empty() {
            true => Mistake::new(whole, "the `type` has no value", way_out),
            false if bare == value => Mistake::new(whole, "the `type` is not quoted", way_out),
            false => Mistake::new(whole, "the quotes of the `type` are unbalanced", way_out),
        });
    };
    cursor.end("type")?;
    let help = "it is the route of the message: a short name such as `'send-chat'`";
    if message_type.is_empty() {
        return Err(Mistake::new(whole, "the `type` is empty", help));
    }
    if message_type.trim() != message_type {
        let help = format!("write `type = '{}'`", message_type.trim());
        return Err(Mistake::new(whole, "the `type` begins or ends with white space", help));
    }
    if message_type.len() > MAX_TYPE_LENGTH {
        let message = format!("the `type` has {} bytes, more than {MAX_TYPE_LENGTH}", message_type.len());
        return Err(Mistake::new(whole, message, help));
    }
    if let Some((index, _)) = message_type.char_indices().find(|(_, character)| character.is_control()) {
        return Err(Mistake::new(index + 1..index + 2, "the `type` holds a control character", help));
    }
    Ok(message_type.to_owned())
}

/// `client`, `server`, `client/server`
pub(super) fn origin(value: &str) -> Result<Origin, Mistake> {
    let sides: Vec<&str> = value.split('/').map(str::trim).collect();
    match sides[..] {
        ["client"] => Ok(Origin::Client),
        ["server"] => Ok(Origin::Server),
        ["client", "server"] | ["server", "client"] => Ok(Origin::Both),
        _ => {
            let help = match nearest(value.trim_matches(['\'', '"']), ["client", "server", "client/server"]) {
                Some(meant) => format!("write `origin = {meant}`"),
                None => "the sender is `client`, `server`, or both: `client/server`".to_owned(),
            };
            Err(Mistake::new(0..value.len(), bad_value("origin", value), help))
        }
    }
}

/// `true`, `false`
pub(super) fn auth(value: &str) -> Result<bool, Mistake> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => {
            let help = match value.trim_matches(['\'', '"']).to_lowercase().as_str() {
                "true" | "yes" | "1" | "on" | "required" => "write `auth = true`",
                "false" | "no" | "0" | "off" | "none" => "write `auth = false`",
                _ => "it is `true` (the sender must be authenticated) or `false`",
            };
            Err(Mistake::new(0..value.len(), bad_value("auth", value), help))
        }
    }
}

/// `days(7) + hours(12)`
pub(super) fn client_cache(value: &str) -> Result<Duration, Mistake> {
    let example = "it is a sum of spans such as `days(7) + hours(12)`; units are seconds, minutes, hours, days, years";
    let mut cursor = Cursor::new(value);
    let mut seconds = 0_u64;
    loop {
        let start = cursor.skip_space();
        let unit = cursor.word().filter(|(word, _)| !word.starts_with(|first: char| first.is_ascii_digit()));
        let Some((unit, unit_range)) = unit else {
            return Err(Mistake::new(start..value.len(), bad_value("client cache", value), example));
        };
        let Some((_, length)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            let help = match nearest(unit, UNITS.map(|(name, _)| name)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "units are seconds, minutes, hours, days, years".to_owned(),
            };
            return Err(Mistake::new(unit_range, format!("unknown unit `{unit}`"), help));
        };
        let lacking =
            || Mistake::new(unit_range.clone(), format!("`{unit}` lacks its number"), format!("write `{unit}(7)`"));
        let inside = cursor.parenthesized(&unit_range)?.ok_or_else(lacking)?;
        let count = value[inside.clone()].trim();
        if count.is_empty() {
            return Err(lacking());
        }
        let number: u64 = count
            .parse()
            .map_err(|_| Mistake::new(inside.clone(), format!("`{count}` is no whole number of {unit}"), example))?;
        seconds = number
            .checked_mul(*length)
            .and_then(|span| seconds.checked_add(span))
            .ok_or_else(|| Mistake::new(inside, "the `client cache` is too long", "name a shorter span"))?;
        if !cursor.eat('+') {
            break;
        }
    }
    if UNITS.iter().any(|(unit, _)| cursor.rest().trim_start().starts_with(unit)) {
        let start = cursor.skip_space();
        let message = format!("`+` is missing before `{}`", cursor.rest());
        return Err(Mistake::new(start..value.len(), message, "add spans with `+`, such as `days(7) + hours(12)`"));
    }
    cursor.end("client cache")?;
    if seconds == 0 {
        let help = "leave the line out if clients must not keep the message";
        return Err(Mistake::new(0..value.len(), "the `client cache` is no time at all", help));
    }
    Ok(Duration::from_secs(seconds))
}

/// `text('room', 'author'), date('sent')`
pub(super) fn cache_keys(value: &str) -> Result<Vec<(CacheKey, Range<usize>)>, Mistake> {
    let example = "it names fields by kind, such as `text('room'), date('sent_at')`; kinds are text, real, date, int";
    let mut keys: Vec<(CacheKey, Range<usize>)> = Vec::new();
    let mut cursor = Cursor::new(value);
    loop {
        let start = cursor.skip_space();
        let Some((word, word_range)) = cursor.word() else {
            return Err(Mistake::new(start..value.len(), bad_value("client cache_keys", value), example));
        };
        let Some(kind) = CacheKeyKind::ALL.into_iter().find(|kind| kind.name() == word) else {
            let help = match nearest(word, CacheKeyKind::ALL.map(CacheKeyKind::name)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "kinds are text, real, date, int".to_owned(),
            };
            return Err(Mistake::new(word_range, format!("unknown kind of key `{word}`"), help));
        };
        let inside = cursor.parenthesized(&word_range)?.ok_or_else(|| {
            Mistake::new(word_range.clone(), format!("`{word}` lacks its fields"), format!("write `{word}('field')`"))
        })?;
        let mut fields = Cursor { text: &value[..inside.end], position: inside.start };
        loop {
            let start = fields.skip_space();
            let rest = &value[start..inside.end];
            let Some(field) = fields.quoted()? else {
                if rest.is_empty() {
                    let help = format!("write `{word}('field')`");
                    return Err(Mistake::new(word_range, format!("`{word}` names no field"), help));
                }
                let bare = rest.split(',').next().unwrap_or(rest).trim_end();
                let name = bare.trim_matches(['\'', '"']);
                let help = format!("write `{word}('{name}')`");
                return Err(Mistake::new(start..start + bare.len(), format!("the field `{name}` is not quoted"), help));
            };
            let range = start..fields.position;
            if keys.iter().any(|(key, _)| key.field == field) {
                return Err(Mistake::new(range, format!("the key `{field}` is named twice"), "keep one of the two"));
            }
            if keys.iter().filter(|(key, _)| key.kind == kind).count() == MAX_KEYS_PER_KIND {
                let message = format!("more than {MAX_KEYS_PER_KIND} keys of kind `{word}`");
                let help = format!("clients keep {MAX_KEYS_PER_KIND} columns of each kind: leave out `{field}`");
                return Err(Mistake::new(range, message, help));
            }
            keys.push((CacheKey { kind, field: field.to_owned() }, range));
            if !fields.eat(',') {
                break;
            }
        }
        fields.end("client cache_keys")?;
        // A comma, a plus or white space alone: contracts in the field have all of them.
        let separated = cursor.eat(',') || cursor.eat('+');
        if !separated && cursor.is_at_end() {
            return Ok(keys);
        }
    }
}

fn bad_value(name: &str, value: &str) -> String {
    if value.is_empty() { format!("the `{name}` has no value") } else { format!("bad value `{value}` for `{name}`") }
}

/// A position in a value.
struct Cursor<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    fn skip_space(&mut self) -> usize {
        self.position = self.text.len() - self.rest().trim_start().len();
        self.position
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_space() == self.text.len()
    }

    fn eat(&mut self, character: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(character);
        if found {
            self.position += character.len_utf8();
        }
        found
    }

    fn word(&mut self) -> Option<(&'a str, Range<usize>)> {
        let start = self.skip_space();
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let length = self.rest().find(|character| !is_word(character)).unwrap_or(self.rest().len());
        self.position += length;
        (length > 0).then(|| (&self.text[start..self.position], start..self.position))
    }

    /// What is inside the parentheses that open here, behind a word; `None` where none open.
    fn parenthesized(&mut self, word: &Range<usize>) -> Result<Option<Range<usize>>, Mistake> {
        let start = self.skip_space();
        let rest = self.rest();
        if !rest.starts_with('(') {
            return Ok(None);
        }
        let Some(length) = rest.find(')') else {
            let message = format!("the parenthesis of `{}` is never closed", &self.text[word.clone()]);
            return Err(Mistake::new(start..self.text.len(), message, "close it with `)` on the same line"));
        };
        let inside = start + 1..start + length;
        self.position = inside.end + 1;
        Ok(Some(inside))
    }

    /// What is inside the quotes that open here; `None` where none open.
    fn quoted(&mut self) -> Result<Option<&'a str>, Mistake> {
        let start = self.skip_space();
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|character| matches!(character, '\'' | '"')) else {
            return Ok(None);
        };
        let Some(length) = rest[1..].find(quote) else {
            let message = format!("the quote `{quote}` is never closed");
            let help = format!("close it with another `{quote}` on the same line");
            return Err(Mistake::new(start..self.text.len(), message, help));
        };
        self.position = start + length + 2;
        Ok(Some(&rest[1..=length]))
    }

    /// Nothing may follow.
    fn end(&mut self, name: &str) -> Result<(), Mistake> {
        let start = self.skip_space();
        if start == self.text.len() {
            return Ok(());
        }
        let message = format!("`{}` follows the value of `{name}`", self.rest());
        Err(Mistake::new(start..self.text.len(), message, "write one `name = value` per line"))
    }
}
