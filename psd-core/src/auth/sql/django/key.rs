//! Primary keys of Django's users: integers, UUIDs or text.

use super::super::{database::StoreError, login::Key, names};

/// How the primary key of a user is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Integer,
    Text,
    /// The database has a type for it.
    Uuid,
    /// 32 hexadecimal digits: what Django makes of a UUID where the database has no type for it.
    HexUuid,
}

impl KeyKind {
    /// The kind of a column's type, in lower case.
    pub(super) fn of(column_type: &str) -> Self {
        match column_type {
            "uuid" => Self::Uuid,
            "char(32)" => Self::HexUuid,
            integer if integer.contains("int") => Self::Integer,
            _ => Self::Text,
        }
    }

    /// `$1` as the database compares it with a key.
    pub(super) fn parameter(self) -> &'static str {
        match self {
            Self::Uuid => "CAST($1 AS uuid)",
            Self::Integer | Self::Text | Self::HexUuid => "$1",
        }
    }

    /// The key that a token names; `None` if it can be none.
    pub(super) fn read(self, user_id: &str) -> Option<Key> {
        match self {
            Self::Integer => user_id.parse().ok().map(Key::Integer),
            Self::Text => names::can_exist(user_id).then(|| Key::Text(user_id.into())),
            Self::Uuid => Some(Key::Text(hyphenated(&digits(user_id)?))),
            Self::HexUuid => digits(user_id).map(Key::Text),
        }
    }

    /// The key that the database gave as text.
    pub(super) fn stored(self, text: String) -> Result<Key, StoreError> {
        let unreadable = || StoreError::Tables(vec![format!("the primary key `{text}` of a user is no integer")]);
        match self {
            Self::Integer => text.parse().map(Key::Integer).map_err(|_| unreadable()),
            Self::Text | Self::Uuid | Self::HexUuid => Ok(Key::Text(text)),
        }
    }

    /// The key as Django shows it, and as simplejwt writes it into tokens.
    pub(super) fn shown(self, key: &Key) -> String {
        match (self, key) {
            (Self::HexUuid, Key::Text(text)) => hyphenated(text),
            _ => key.to_string(),
        }
    }
}

/// The 32 digits of a UUID.
fn digits(uuid: &str) -> Option<String> {
    if uuid.len() > 36 {
        return None;
    }
    let digits: String = uuid.chars().filter(|character| *character != '-').collect();
    let is_uuid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_uuid.then(|| digits.to_ascii_lowercase())
}

fn hyphenated(digits: &str) -> String {
    let mut text = String::with_capacity(36);
    for (at, digit) in digits.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_django_says_they_are() {
        const UUID: &str = "0a1b2c3d-0000-4000-8000-00000000abcd";
        const HEX: &str = "0a1b2c3d00004000800000000000abcd";
        for (column_type, user_id, stored) in [
            ("integer", "7", Some("7")),
            ("int8", "-7", Some("-7")),
            ("bigint", "7x", None),
            ("integer", "99999999999999999999", None),
            ("uuid", UUID, Some(UUID)),
            ("uuid", HEX, Some(UUID)),
            ("uuid", "0A1B2C3D-0000-4000-8000-00000000ABCD", Some(UUID)),
            ("uuid", "7", None),
            ("char(32)", UUID, Some(HEX)),
            ("char(32)", "0a1b2c3d-0000-4000-8000-00000000abcg", None),
            ("varchar(20)", "ann", Some("ann")),
            ("varchar", "", None),
            ("text", "a\0b", None),
        ] {
            let key = KeyKind::of(column_type).read(user_id).map(|key| key.to_string());
            assert_eq!(key.as_deref(), stored, "{column_type} {user_id}");
        }
        assert_eq!(KeyKind::HexUuid.shown(&Key::Text(HEX.into())), UUID);
    }
}
