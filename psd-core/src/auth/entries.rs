//! The claims of a token by their names.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::{Map, Value};

/// A name that most tokens have, which needs no memory of its own.
fn common(name: &str) -> Option<&'static str> {
    Some(match name {
        "aud" => "aud",
        "azp" => "azp",
        "email" => "email",
        "exp" => "exp",
        "iat" => "iat",
        "iss" => "iss",
        "jti" => "jti",
        "name" => "name",
        "nbf" => "nbf",
        "scope" => "scope",
        "sid" => "sid",
        "sub" => "sub",
        "token_type" => "token_type",
        "user_id" => "user_id",
        _ => return None,
    })
}

/// Claims in the order of their names, each once. There are few of them, and a token is read for every connection: a map of
/// names would cost it as much as its signature.
#[derive(Clone, PartialEq)]
pub(super) struct Entries(Vec<(Cow<'static, str>, Value)>);

impl Entries {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        // Not by halves: names of another length are passed over without a look at them.
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    pub(super) fn to_json(&self) -> Map<String, Value> {
        self.0.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
    }
}

/// Of claims that have the same name the last counts, as in Python.
impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of claims")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::with_capacity(8);
                while let Some((Name(name), value)) = map.next_entry()? {
                    entries.push((name, value));
                }
                entries.reverse();
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                entries.dedup_by(|(later, _), (earlier, _)| later == earlier);
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

struct Name(Cow<'static, str>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a claim")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
                Ok(Name(common(name).map_or_else(|| name.to_owned().into(), Cow::Borrowed)))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_found_and_the_last_of_a_name_counts() {
        let text = r#"{"sub": "a", "zz": [1], "exp": 1, "\u0065xp": 2, "aa": null, "exp": 3}"#;
        let entries: Entries = serde_json::from_str(text).expect("it is an object");
        assert_eq!(entries.names().collect::<Vec<_>>(), ["aa", "exp", "sub", "zz"]);
        assert_eq!(entries.get("exp"), Some(&Value::from(3)));
        assert_eq!((entries.get("aa"), entries.get("iat")), (Some(&Value::Null), None));
        let all = serde_json::from_str::<Map<String, Value>>(text).expect("it is an object");
        assert_eq!(entries.to_json(), all);
        for wrong in ["[]", "1", "null", r#""a""#, "{1: 2}"] {
            assert!(serde_json::from_str::<Entries>(wrong).is_err(), "{wrong}");
        }
    }
}
