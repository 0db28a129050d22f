//! Django's settings, as the Rust that says the same.

use std::collections::BTreeMap;

use super::project::{Note, Setting};
use super::python::{self, Value};

/// What the settings come to.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// The environment variable with the key of tokens, where the project names one.
    pub(super) secret: Option<String>,
    /// Methods of `Jwt`, such as `.leeway(Duration::from_secs(5))`.
    pub(super) jwt: Vec<String>,
    /// `hs256` and the like.
    pub(super) algorithm: &'static str,
    pub(super) database: Option<Database>,
    /// `accounts_account` of `AUTH_USER_MODEL = "accounts.Account"`.
    pub(super) users: Option<String>,
    /// Variables and their values, as `PSD_` settings have them.
    pub(super) variables: Vec<(String, String)>,
    pub(super) notes: Vec<Note>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Database {
    Sqlite,
    Postgres,
}

/// Settings of ours that Django's file may have: they are read from the environment here.
const OURS: &[&str] = &["PSD_N_SYNC_WORKERS", "PSD_RUN_ASYNC_WORKER", "PSD_DEFAULT_AUTH", "PSD_FORWARD_EXCEPTIONS"];

impl Settings {
    pub(super) fn of(found: &BTreeMap<String, Setting>) -> Self {
        let mut settings = Self { algorithm: "hs256", ..Self::default() };
        if let Some(key) = found.get("SECRET_KEY") {
            settings.secret(key, &key.value, "SECRET_KEY");
        }
        if let Some(simple_jwt) = found.get("SIMPLE_JWT") {
            settings.simple_jwt(simple_jwt);
        }
        if let Some(databases) = found.get("DATABASES") {
            settings.databases(databases);
        }
        if let Some(layers) = found.get("CHANNEL_LAYERS") {
            let backend = layers.value.get("default").and_then(|layer| layer.get("BACKEND")).and_then(Value::text);
            if backend != Some("channels.layers.InMemoryChannelLayer") {
                settings.note(layers, "CHANNEL_LAYERS: groups of psd are in its process; a broadcast reaches the clients of the server that sends it");
            }
        }
        if let Some(model) = found.get("AUTH_USER_MODEL") {
            match model.value.text() {
                Some("auth.User") => {}
                Some(name) => {
                    settings.users = Some(name.to_lowercase().replace('.', "_"));
                    settings.note(model, "AUTH_USER_MODEL: name the columns of the model in `src/lib.rs`, if they are not those of Django's");
                }
                None => settings.note(model, "AUTH_USER_MODEL is no text: name the table of users in `src/lib.rs`"),
            }
        }
        for (name, setting) in found.iter().filter(|(name, _)| name.starts_with("PSD_")) {
            match &setting.value {
                Value::Flag(flag) if OURS.contains(&name.as_str()) => {
                    settings.variables.push((name.clone(), flag.to_string()))
                }
                Value::Number(number) if OURS.contains(&name.as_str()) => {
                    settings.variables.push((name.clone(), number.clone()))
                }
                _ => settings.note(setting, format!("{name} is not carried over: docs/SETTINGS.md has what there is")),
            }
        }
        settings
    }

    fn note(&mut self, setting: &Setting, text: impl Into<String>) {
        self.notes.push(Note { place: setting.place.clone(), text: text.into() });
    }

    /// Where the key comes from; one that is written down is never copied.
    fn secret(&mut self, setting: &Setting, value: &Value, name: &str) {
        match variable(value) {
            Some(variable) => self.secret = Some(variable),
            None => self.note(
                setting,
                format!("{name} is not copied: give it to the server in the variable DJANGO_SECRET_KEY"),
            ),
        }
    }

    fn simple_jwt(&mut self, setting: &Setting) {
        let Value::Map(entries) = &setting.value else {
            return self.note(setting, "SIMPLE_JWT is no dictionary: see docs/AUTH.md for its counterparts");
        };
        for (key, value) in entries {
            let key = key.text().unwrap_or_default();
            let method = match (key, value) {
                ("SIGNING_KEY", Value::Name(name)) if python::last(name) == "SECRET_KEY" => continue,
                ("SIGNING_KEY", value) => {
                    self.secret(setting, value, "SIMPLE_JWT's SIGNING_KEY");
                    continue;
                }
                ("ALGORITHM", Value::Text(algorithm)) => match algorithm.as_str() {
                    "HS256" => continue,
                    "HS384" => {
                        self.algorithm = "hs384";
                        continue;
                    }
                    "HS512" => {
                        self.algorithm = "hs512";
                        continue;
                    }
                    _ => None,
                },
                ("ACCESS_TOKEN_LIFETIME", value) => {
                    seconds(value).map(|seconds| format!("access_lifetime(Duration::from_secs({seconds}))"))
                }
                ("REFRESH_TOKEN_LIFETIME", value) => {
                    seconds(value).map(|seconds| format!("refresh_lifetime(Duration::from_secs({seconds}))"))
                }
                ("LEEWAY", Value::Number(number)) if number.parse::<u64>().is_ok() => {
                    Some(format!("leeway(Duration::from_secs({number}))"))
                }
                ("LEEWAY", value) => seconds(value).map(|seconds| format!("leeway(Duration::from_secs({seconds}))")),
                ("ISSUER", Value::Text(issuer)) => Some(format!("issued_by({issuer:?})")),
                ("AUDIENCE", Value::Text(audience)) => Some(format!("audience({audience:?})")),
                ("USER_ID_CLAIM", Value::Text(claim)) => Some(format!("user_id_claim({claim:?})")),
                ("TOKEN_TYPE_CLAIM", Value::Text(claim)) => Some(format!("token_type_claim({claim:?})")),
                ("TOKEN_TYPE_CLAIM", Value::Nothing) => Some("without_token_type()".to_owned()),
                ("JTI_CLAIM", Value::Text(claim)) => Some(format!("jti_claim({claim:?})")),
                ("ROTATE_REFRESH_TOKENS", Value::Flag(true)) => Some("rotate_refresh_tokens()".to_owned()),
                (
                    "ROTATE_REFRESH_TOKENS" | "BLACKLIST_AFTER_ROTATION" | "UPDATE_LAST_LOGIN" | "CHECK_REVOKE_TOKEN",
                    Value::Flag(false),
                )
                | ("ISSUER" | "AUDIENCE" | "JWK_URL", Value::Nothing)
                | ("AUTH_HEADER_TYPES" | "AUTH_HEADER_NAME", _) => continue,
                _ => None,
            };
            match method {
                Some(method) => self.jwt.push(method),
                None => self.note(
                    setting,
                    format!("SIMPLE_JWT's {key} is not carried over: see docs/AUTH.md for its counterpart"),
                ),
            }
        }
    }

    fn databases(&mut self, setting: &Setting) {
        let engine = setting.value.get("default").and_then(|default| default.get("ENGINE")).and_then(Value::text);
        self.database = match engine.map(python::last) {
            Some("sqlite3") => Some(Database::Sqlite),
            Some("postgresql" | "postgresql_psycopg2" | "postgis") => Some(Database::Postgres),
            _ => None,
        };
        match (self.database, engine) {
            (Some(_), _) => self
                .note(setting, "DATABASES: give the server the URL of the same database in the variable DATABASE_URL"),
            (None, Some(engine)) => self.note(
                setting,
                format!("psd reads users in SQLite and PostgreSQL, not by `{engine}`: write a `UserStore`"),
            ),
            (None, None) => self.note(
                setting,
                "DATABASES does not say its engine in so many words: choose the feature of psd-core in Cargo.toml",
            ),
        }
    }
}

/// The environment variable that a value is read from, by os, django-environ or python-decouple.
fn variable(value: &Value) -> Option<String> {
    match value {
        Value::Call { function, arguments, .. } => {
            let reads = matches!(
                function.as_str(),
                "os.environ.get" | "os.getenv" | "environ.get" | "getenv" | "env" | "env.str" | "config"
            );
            reads.then(|| arguments.first().and_then(Value::text).map(str::to_owned)).flatten()
        }
        Value::Other(source) => {
            let rest = source.strip_prefix("os.environ[").or_else(|| source.strip_prefix("environ["))?;
            Some(rest.strip_suffix(']')?.trim_matches(['"', '\'']).to_owned())
        }
        _ => None,
    }
}

/// The seconds of a `timedelta` of whole numbers.
fn seconds(value: &Value) -> Option<u64> {
    let Value::Call { function, arguments, keywords } = value else { return None };
    if python::last(function) != "timedelta" || arguments.len() > 1 {
        return None;
    }
    let days = arguments.iter().map(|argument| ("days", argument));
    let mut parts = days.chain(keywords.iter().map(|(name, value)| (name.as_str(), value)));
    parts.try_fold(0_u64, |sum, (unit, value)| {
        let Value::Number(number) = value else { return None };
        let factor = match unit {
            "weeks" => 7 * 24 * 60 * 60,
            "days" => 24 * 60 * 60,
            "hours" => 60 * 60,
            "minutes" => 60,
            "seconds" => 1,
            _ => return None,
        };
        sum.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)
    })
}
