//! What a token says, and whether that holds now.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use super::{TokenError, entries::Entries};

/// The claims of a token whose signature, time, issuer and audience are good.
///
/// ```
/// use psd_core::{Identity, auth::{Claims, TokenError}};
///
/// /// Who somebody is by an identity provider's token.
/// fn identity(claims: &Claims) -> Result<Identity, TokenError> {
///     let id = claims.text("sub").ok_or("it has no `sub`")?;
///     let name = claims.text("preferred_username").unwrap_or(id);
///     Ok(Identity::new(id, name).with_permissions(claims.texts("scope")).with_user_groups(claims.texts("roles")))
/// }
/// ```
#[derive(Clone, PartialEq)]
pub struct Claims(pub(super) Entries);

impl Claims {
    /// A claim as it stands in the token.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The texts of a claim that is a list of texts, or one text with spaces between them, as `scope` is; none if it
    /// is missing or something else.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let claim = self.get(name);
        let list = claim.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        list.chain(claim.and_then(Value::as_str).into_iter().flat_map(str::split_whitespace))
    }

    /// When the token expires; `None` at a time that no clock reaches.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        let seconds = Duration::try_from_secs_f64(self.number("exp")?.max(0.0)).ok()?;
        UNIX_EPOCH.checked_add(seconds)
    }

    /// Every claim, as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Object(self.0.to_json())
    }

    /// A claim that names a user: Django's simplejwt writes the id as a string since 5.5, and as a number before.
    pub(super) fn id(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
            _ => None,
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.as_f64()
    }
}

/// Shows names alone: claims are personal data.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claims").field(&self.0.names().collect::<Vec<_>>()).finish()
    }
}

/// What the claims of every token are held to (RFC 7519, section 4.1).
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub(super) leeway: Duration,
    /// Issuers that are believed; empty means any, and then `iss` is not looked at.
    pub(super) issuers: Vec<String>,
    /// Whom tokens are for; empty means nobody in particular, and then a token that is for somebody is refused.
    pub(super) audiences: Vec<String>,
}

impl Rules {
    pub(super) fn check(&self, claims: &Claims, now: SystemTime) -> Result<(), TokenError> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let leeway = self.leeway.as_secs_f64();
        let time = |name: &'static str| match claims.get(name).map(Value::as_f64) {
            None => Ok(None),
            Some(Some(time)) => Ok(Some(time)),
            Some(None) => Err(TokenError::from(format!("its `{name}` is no number"))),
        };
        match time("exp")? {
            None => return Err("it has no `exp`: tokens that never expire are refused".into()),
            Some(exp) if exp <= now - leeway => return Err("it has expired".into()),
            Some(_) => {}
        }
        for name in ["nbf", "iat"] {
            if time(name)?.is_some_and(|time| time > now + leeway) {
                return Err(format!("it is not yet valid by its `{name}`; do the clocks differ?").into());
            }
        }
        if !self.issuers.is_empty() && !claims.text("iss").is_some_and(|iss| self.issuers.iter().any(|it| it == iss)) {
            return Err("it is from another issuer".into());
        }
        self.check_audience(claims)
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), TokenError> {
        let is_ours = |value: &Value| value.as_str().is_some_and(|aud| self.audiences.iter().any(|it| it == aud));
        match claims.get("aud") {
            None if self.audiences.is_empty() => Ok(()),
            None => Err("it does not say whom it is for".into()),
            Some(Value::Array(audiences)) if audiences.iter().any(is_ours) => Ok(()),
            Some(audience) if is_ours(audience) => Ok(()),
            Some(_) => Err("it is for another audience".into()),
        }
    }
}

/// A point in time as tokens write it.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: f64 = 1_800_000_000.0;

    fn claims(json: Value) -> Claims {
        Claims(serde_json::from_value(json).expect("it is an object"))
    }

    #[track_caller]
    fn check(rules: &Rules, json: Value, expected: Result<(), &str>) {
        let now = UNIX_EPOCH + Duration::from_secs_f64(NOW);
        let checked = rules.check(&claims(json.clone()), now).map_err(|error| error.to_string());
        assert_eq!(checked.as_ref().map_err(String::as_str).copied(), expected, "{json}");
    }

    #[test]
    fn times() {
        let never = Err("it has no `exp`: tokens that never expire are refused");
        let expired = Err("it has expired");
        let early = |name| format!("it is not yet valid by its `{name}`; do the clocks differ?");
        let strict = Rules::default();
        check(&strict, json!({}), never);
        check(&strict, json!({"exp": null}), Err("its `exp` is no number"));
        check(&strict, json!({"exp": "1900000000"}), Err("its `exp` is no number"));
        check(&strict, json!({"exp": NOW + 1.0}), Ok(()));
        check(&strict, json!({"exp": NOW}), expired);
        check(&strict, json!({"exp": -1}), expired);
        check(&strict, json!({"exp": u64::MAX}), Ok(()));
        check(&strict, json!({"exp": NOW + 0.5, "iat": NOW - 0.5, "nbf": NOW}), Ok(()));
        check(&strict, json!({"exp": NOW + 9.0, "nbf": NOW + 1.0}), Err(&early("nbf")));
        check(&strict, json!({"exp": NOW + 9.0, "iat": NOW + 1.0}), Err(&early("iat")));
        check(&strict, json!({"exp": NOW + 9.0, "iat": "then"}), Err("its `iat` is no number"));
        let lenient = Rules { leeway: Duration::from_secs(5), ..Rules::default() };
        check(&lenient, json!({"exp": NOW - 4.0, "nbf": NOW + 5.0, "iat": NOW + 5.0}), Ok(()));
        check(&lenient, json!({"exp": NOW - 5.0}), expired);
        check(&Rules { leeway: Duration::MAX, ..Rules::default() }, json!({"exp": 0}), Ok(()));
    }

    #[test]
    fn issuers_and_audiences() {
        let exp = NOW + 9.0;
        let rules = Rules { issuers: vec!["a".into(), "b".into()], audiences: vec!["x".into()], ..Rules::default() };
        let (issuer, audience) = (Err("it is from another issuer"), Err("it is for another audience"));
        check(&rules, json!({"exp": exp, "iss": "b", "aud": "x"}), Ok(()));
        check(&rules, json!({"exp": exp, "iss": "a", "aud": ["y", "x"]}), Ok(()));
        check(&rules, json!({"exp": exp, "aud": "x"}), issuer);
        check(&rules, json!({"exp": exp, "iss": "c", "aud": "x"}), issuer);
        check(&rules, json!({"exp": exp, "iss": ["a"], "aud": "x"}), issuer);
        check(&rules, json!({"exp": exp, "iss": "a"}), Err("it does not say whom it is for"));
        for aud in [json!("y"), json!([]), json!(["y"]), json!({"x": 1}), json!(null), json!([["x"]])] {
            check(&rules, json!({"exp": exp, "iss": "a", "aud": aud}), audience);
        }
        check(&Rules::default(), json!({"exp": exp, "iss": "anybody"}), Ok(()));
        check(&Rules::default(), json!({"exp": exp, "aud": "x"}), audience);
    }

    #[test]
    fn ids_are_texts_or_whole_numbers() {
        let claims = claims(json!({"a": "x", "b": 7, "c": -7, "d": "", "e": 1.5, "f": true, "g": null, "h": ["1"]}));
        let ids = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|name| claims.id(name));
        assert_eq!(ids.iter().flatten().collect::<Vec<_>>(), ["x", "7", "-7"]);
    }

    #[test]
    fn lists_and_scopes() {
        let claims = claims(json!({"roles": ["a", 1, "b c"], "scope": " a  b ", "n": 1}));
        assert_eq!(claims.texts("roles").collect::<Vec<_>>(), ["a", "b c"]);
        assert_eq!(claims.texts("scope").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(claims.texts("n").chain(claims.texts("no")).count(), 0);
        assert_eq!(format!("{claims:?}"), r#"Claims(["n", "roles", "scope"])"#);
    }
}
