//! The crate: the same endpoints, guards and messages, with handlers that are still to be written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};
use psd_build::Schema;
use serde_json::{Value, json};

use super::project::{Consumer, Handler, Note, Project};
use super::settings::{Database, Settings};

/// The messages that psd answers by itself.
const READY_MADE: &[&str] = &["Login", "RefreshToken", "VerifyToken"];

/// The receiver that the original brings along.
const THEIR_LOGIN: &str = "AuthenticationReceiver";

/// Words that no function of Rust can be called.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum", "extern",
    "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut",
    "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// What is printed, and for what.
pub(super) struct Crate<'a> {
    pub(super) name: String,
    /// The Django project, as it is called in the crate's folder.
    pub(super) project: &'a str,
    /// Its fps_config.json.
    pub(super) config: &'a str,
    /// The repository of psd, as it is called in the crate's folder; crates.io if there is none.
    pub(super) psd: Option<String>,
    pub(super) schema: &'a Schema,
}

impl Crate<'_> {
    /// The files by their paths, and everything that somebody has to look at.
    pub(super) fn print(&self, project: Project) -> (Vec<(String, String)>, Vec<Note>) {
        let settings = Settings::of(&project.settings);
        let mut notes = project.notes.clone();
        notes.extend(settings.notes.iter().cloned());
        let (modules, mut builder) = self.handlers(&project, &mut notes);
        builder.extend(project.consumers.iter().filter(|consumer| !has_handlers(&modules, consumer)).map(open));
        for consumer in project.consumers.iter().filter(|consumer| consumer.path.is_none()) {
            let text = format!("`{}` has no route: it is served at /ws", consumer.name);
            notes.push(Note { place: consumer.place.clone(), text });
        }
        notes.sort_by_key(|note| {
            let (path, line) = note.place.rsplit_once(':').unwrap_or((&note.place, "0"));
            (path.to_owned(), line.parse::<usize>().unwrap_or_default(), note.text.clone())
        });
        notes.dedup();
        let mut files = vec![
            (".env.example".to_owned(), environment(&settings)),
            ("Cargo.toml".to_owned(), self.manifest(&settings)),
            ("NOTES.md".to_owned(), self.notes(&notes)),
            ("build.rs".to_owned(), BUILD.to_owned()),
            ("fps_config.json".to_owned(), self.config()),
            ("src/consumers.rs".to_owned(), consumers(&project.consumers)),
            ("src/handlers.rs".to_owned(), handlers(modules.keys())),
            ("src/lib.rs".to_owned(), self.library(&settings, &builder)),
            ("src/main.rs".to_owned(), self.program(&settings)),
        ];
        files.extend(modules.into_iter().map(|(module, text)| (format!("src/handlers/{module}.rs"), text)));
        (files, notes)
    }

    fn manifest(&self, settings: &Settings) -> String {
        let feature = match settings.database {
            Some(Database::Sqlite) => "sqlite",
            _ => "postgres",
        };
        let from = |name: &str| match &self.psd {
            Some(folder) => format!("path = \"{folder}/{name}\""),
            None => format!("version = \"{}\"", env!("CARGO_PKG_VERSION")),
        };
        format!(
            "[package]\nname = \"{}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n[dependencies]\n\
             anyhow = \"1\"\npsd-core = {{ {}, features = [\"{feature}\"] }}\n\
             tokio = {{ version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }}\ntracing-subscriber = \"0.3\"\n\n\
             [build-dependencies]\npsd-build = {{ {} }}\n",
            self.name,
            from("psd-core"),
            from("psd-build"),
        )
    }

    /// The same .proto files, where they are.
    fn config(&self) -> String {
        let config: Value = serde_json::from_str(self.config).unwrap_or_default();
        let folders = config["protos"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let folders = folders.map(|folder| match folder {
            outside if outside.starts_with(['/', '$']) => outside.to_owned(),
            inside => format!("{}/{}", self.project, inside.trim_start_matches("./")),
        });
        let mut ours = json!({ "protos": folders.collect::<Vec<_>>() });
        if let Some(include) = config.get("include_common") {
            ours["include_common"] = include.clone();
        }
        format!("{ours:#}\n")
    }

    fn library(&self, settings: &Settings, builder: &[String]) -> String {
        let (open, tables) = match &settings.users {
            Some(table) => (
                format!("DjangoUsers::open(Database::connect(database).await?, DjangoTables::of(\"{table}\")).await?"),
                "Database, DjangoTables, ",
            ),
            None => ("DjangoUsers::connect(database).await?".to_owned(), ""),
        };
        let jwt: String = settings.jwt.iter().map(|method| format!("\n        .{method}")).collect();
        let duration = if jwt.contains("Duration") { "use std::time::Duration;\n\n" } else { "" };
        let builder = [".settings(Settings::from_env()?)".to_owned(), ".authenticator(jwt)".to_owned()]
            .into_iter()
            .chain(builder.iter().cloned());
        let builder: String = builder.map(|method| format!("\n        {method}")).collect();
        let jwt = if jwt.is_empty() {
            format!("    let jwt = Jwt::{}(secret)?.users(users);\n", settings.algorithm)
        } else {
            format!("    let jwt = Jwt::{}(secret)?\n        .users(users){jwt};\n", settings.algorithm)
        };
        format!(
            "//! The server that takes over from the Django project in `{}`.\n//!\n\
             //! `consumers` has its endpoints, `handlers` what is done about each message, and NOTES.md what is left to do.\n\n\
             pub mod consumers;\npub mod handlers;\n\n\
             /// The messages of the contract, generated by `build.rs`.\npub mod pb {{\n    psd_core::include_messages!();\n}}\n\n\
             {duration}use psd_core::{{\n    Server, ServerBuilder, Settings,\n    auth::{{{tables}DjangoUsers, Jwt}},\n}};\n\n\
             /// The whole server; start-up finds the handlers by itself. `secret` is what Django signs tokens with, `database`\n\
             /// the URL of its database.\n///\n/// # Errors\n\
             /// If a `PSD_` setting or the key cannot be used, or the database is not Django's.\n\
             pub async fn server(secret: &str, database: &str) -> anyhow::Result<ServerBuilder> {{\n    \
             let users = {open};\n{jwt}    \
             Ok(Server::builder(){builder})\n}}\n",
            self.project
        )
    }

    fn program(&self, settings: &Settings) -> String {
        format!(
            "//! The server as a program; `.env.example` has the variables that it reads.\n\n\
             use std::env;\n\nuse anyhow::Context as _;\n\n\
             #[tokio::main]\nasync fn main() -> anyhow::Result<()> {{\n    \
             tracing_subscriber::fmt()\n        .with_writer(std::io::stderr)\n        .init();\n    \
             let variable = |name: &str| {{\n        \
             env::var(name).with_context(|| format!(\"`{{name}}` is not set; see .env.example\"))\n    }};\n    \
             let (secret, database) = (variable(\"{}\")?, variable(\"DATABASE_URL\")?);\n    \
             let address = env::var(\"LISTEN\").unwrap_or_else(|_| \"127.0.0.1:8001\".to_owned());\n    \
             {}::server(&secret, &database)\n        .await?\n        .serve(address)\n        .await?;\n    Ok(())\n}}\n",
            secret(settings),
            self.name.replace('-', "_"),
        )
    }

    fn notes(&self, notes: &[Note]) -> String {
        let mut out = format!(
            "# From Django\n\nWritten by `psd migrate django` from `{}`. Every handler answers with 501 until its Python, which \
             stands in it as a comment, is moved; docs/DJANGO.md of psd has the names there and here, docs/MIGRATION.md how both \
             servers run beside each other.\n",
            self.project
        );
        if !notes.is_empty() {
            out.push_str("\nTo look at:\n\n");
        }
        for note in notes {
            let _ = writeln!(out, "- [ ] `{}`: {}", note.place, note.text);
        }
        out
    }

    /// The handlers by their modules, and what the builder is told of them.
    fn handlers(&self, project: &Project, notes: &mut Vec<Note>) -> (BTreeMap<String, String>, Vec<String>) {
        let mut modules: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut uses: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut handled: BTreeMap<&str, &str> = BTreeMap::new();
        let mut names: BTreeSet<(String, String)> = BTreeSet::new();
        let is_theirs = |name: &String| name == THEIR_LOGIN && !project.receivers.iter().any(|own| own.name == *name);
        let mut with_login = project.consumers.iter().flat_map(|consumer| &consumer.receivers).any(is_theirs);
        let default_auth = !settings_say_open(project);
        for receiver in &project.receivers {
            let mut consumers = project.consumers.iter().filter(|consumer| consumer.receivers.contains(&receiver.name));
            let Some(consumer) = consumers.next() else { continue };
            let further: Vec<_> = consumers.map(|consumer| format!("`{}`", consumer.name)).collect();
            if let (false, Some(handler)) = (further.is_empty(), receiver.handlers.first()) {
                let text = format!(
                    "`{}` is in {} too: its handlers are in `{}` alone",
                    receiver.name,
                    further.join(" and "),
                    consumer.name
                );
                notes.push(Note { place: handler.place.clone(), text });
            }
            let module = module(&receiver.path);
            for handler in &receiver.handlers {
                let name = format!("{}.{}", receiver.name, handler.method.name);
                let mut note = |text: String| notes.push(Note { place: handler.place.clone(), text });
                if READY_MADE.contains(&handler.message.as_str()) {
                    with_login = true;
                    note(format!("`{name}` is left out: `login()` answers `{}` as simplejwt does", handler.message));
                    continue;
                }
                let message = self.schema.messages.iter().filter(|message| message.name == handler.message);
                let known: Vec<_> = message.filter(|message| message.origin.is_client()).collect();
                let [message] = known.as_slice() else {
                    let why = if known.is_empty() {
                        "no message of clients is called"
                    } else {
                        "several messages are called"
                    };
                    note(format!("`{name}` is left out: {why} `{}` in the contract", handler.message));
                    continue;
                };
                if let Some(first) = handled.insert(&message.full_name, &handler.place) {
                    note(format!(
                        "`{name}` is left out: a handler of `{}` is at {first}, and there can be one",
                        handler.message
                    ));
                    continue;
                }
                let guard = guard(handler, message.auth, default_auth, &name, &mut note);
                let wanted = handler.message.to_snake_case();
                let mut function = handler.method.name.to_snake_case();
                if KEYWORDS.contains(&function.as_str()) {
                    function.push('_');
                }
                while !names.insert((module.clone(), function.clone())) {
                    function.push('_');
                }
                let mut options = vec![format!("consumer = {}", consumer.name)];
                options.extend(guard);
                if function != wanted {
                    options.push("any_name".to_owned());
                }
                let uses = uses.entry(module.clone()).or_default();
                owners.entry(module.clone()).or_default().insert(consumer.name.clone());
                modules.entry(module.clone()).or_default().push(print(handler, &name, &function, &options, uses));
            }
        }
        let modules = modules.into_iter().map(|(module, functions)| {
            let mut uses: BTreeSet<&str> = uses.remove(&module).unwrap_or_default();
            uses.extend(["Error", "receive"]);
            let mut names: Vec<&str> = uses.into_iter().collect();
            names.sort_unstable_by_key(|name| (name.starts_with('r'), *name));
            let owners: Vec<String> = owners.remove(&module).unwrap_or_default().into_iter().collect();
            let owners = match owners.as_slice() {
                [only] => only.clone(),
                several => format!("{{{}}}", several.join(", ")),
            };
            let head = format!(
                "use psd_core::{{{}}};\n\nuse super::not_moved;\nuse crate::{{consumers::{owners}, pb}};\n",
                names.join(", ")
            );
            (module, head + &functions.concat())
        });
        (modules.collect(), with_login.then(|| ".login()".to_owned()).into_iter().collect())
    }
}

const BUILD: &str = "//! Generates the messages that the Django project has, too.\n\n\
    fn main() -> Result<(), psd_build::Error> {\n    psd_build::compile(\"fps_config.json\")\n}\n";

/// Opening an endpoint that no handler names.
fn open(consumer: &Consumer) -> String {
    format!(".consumer::<consumers::{}>()", consumer.name)
}

fn has_handlers(modules: &BTreeMap<String, String>, consumer: &Consumer) -> bool {
    let option = format!("consumer = {}", consumer.name);
    modules.values().any(|text| [",", ")"].iter().any(|end| text.contains(&format!("{option}{end}"))))
}

fn secret(settings: &Settings) -> &str {
    settings.secret.as_deref().unwrap_or("DJANGO_SECRET_KEY")
}

fn environment(settings: &Settings) -> String {
    let url = match settings.database {
        Some(Database::Sqlite) => "sqlite:db.sqlite3",
        _ => "postgres://user:password@localhost/name",
    };
    let mut out = format!(
        "# What Django signs tokens with: its SECRET_KEY, or the SIGNING_KEY of SIMPLE_JWT.\n{}=\n\
         # Django's own database.\nDATABASE_URL={url}\n# Where the server listens.\nLISTEN=127.0.0.1:8001\n",
        secret(settings)
    );
    for (name, value) in &settings.variables {
        let _ = writeln!(out, "{name}={}", value.to_lowercase());
    }
    out
}

/// Whether Django lets everybody call a receiver that does not say.
fn settings_say_open(project: &Project) -> bool {
    let setting = project.settings.get("PSD_DEFAULT_AUTH");
    setting.is_some_and(|setting| setting.value == super::python::Value::Flag(false))
}

fn handlers<'m>(modules: impl Iterator<Item = &'m String>) -> String {
    let modules: String = modules.map(|module| format!("mod {module};\n")).collect();
    format!(
        "//! What is done about each message, one module for each file of receivers.\n\
         // Handlers that are not moved yet use nothing of what they are given.\n#![allow(unused_variables)]\n\n{modules}\n\
         use psd_core::Error;\n\n\
         /// What a handler answers with until its Python is moved.\nfn not_moved(receiver: &str) -> Error {{\n    \
         Error::new(501, format!(\"not moved yet: {{receiver}}\"))\n}}\n"
    )
}

/// The name of the module for a file: `chat` for `chat/receivers.py`.
fn module(path: &str) -> String {
    let path = path.trim_end_matches(".py");
    let mut parts: Vec<&str> = path.split('/').collect();
    if parts.len() > 1 && matches!(parts.last(), Some(&("receivers" | "receiver" | "__init__"))) {
        parts.pop();
    }
    let mut module = parts.join("_").to_snake_case();
    if KEYWORDS.contains(&module.as_str()) {
        module.push('_');
    }
    module
}

/// The options that say what the decorator says.
fn guard(
    handler: &Handler,
    declared: Option<bool>,
    default: bool,
    name: &str,
    note: &mut impl FnMut(String),
) -> Vec<String> {
    let guard = &handler.guard;
    let list = |texts: &[String]| texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
    let mut options = Vec::new();
    let mut permissions = guard.permissions.clone();
    if guard.is_unknown {
        permissions.push("psd.untranslated".to_owned());
    }
    for (option, texts) in [
        ("permissions", &permissions),
        ("whitelist_groups", &guard.whitelist_groups),
        ("blacklist_groups", &guard.blacklist_groups),
    ] {
        if !texts.is_empty() {
            options.push(format!("{option} = [{}]", list(texts)));
        }
    }
    if !options.is_empty() {
        if guard.auth == Some(false) && guard.has_rules() {
            note(format!(
                "`{name}` says auth=False beside rules, which demand a user all the same: so does the handler"
            ));
        }
        return options;
    }
    // What the .proto file says comes before the setting here, and is nothing to the decorator there.
    match guard.auth.or((declared.is_some_and(|declared| declared != default)).then_some(default)) {
        Some(true) => options.push("auth".to_owned()),
        Some(false) => options.push("auth = false".to_owned()),
        None => {}
    }
    options
}

fn print(handler: &Handler, name: &str, function: &str, options: &[String], uses: &mut BTreeSet<&str>) -> String {
    let mentions = |part: &str| {
        handler.method.mentions.iter().any(|mention| mention == part || mention.starts_with(&format!("{part}.")))
    };
    let mut parameters = vec![format!("message: pb::{}", handler.message.to_upper_camel_case())];
    if mentions(&format!("{}.user", handler.parameter)) || mentions("self.consumer.user") {
        uses.insert("Identity");
        let is_open = handler.guard.auth == Some(false) && !handler.guard.has_rules() && !handler.guard.is_unknown;
        parameters.push(if is_open { "user: Option<Identity>" } else { "user: Identity" }.to_owned());
    }
    if mentions("self.consumer") {
        uses.insert("Connection");
        parameters.push("connection: Connection".to_owned());
    }
    let goes_on = mentions("self.continue_async") || mentions("self.consumer.continue_async");
    let outcome = if goes_on { "Continue" } else { "()" };
    let mut body = String::new();
    if goes_on {
        uses.insert("Continue");
        body.push_str("    // Goes on when it has returned: `Continue::blocking` for a function, `Continue::future` for a coroutine.\n");
    }
    for line in &handler.method.body {
        body.push_str(format!("    // {line}").trim_end());
        body.push('\n');
    }
    let attribute = format!("#[receive({})]", options.join(", "));
    let attribute = if attribute.len() <= 100 {
        attribute
    } else {
        let lines: Vec<String> = options.iter().map(|option| format!("    {option}")).collect();
        format!("#[receive(\n{}\n)]", lines.join(",\n"))
    };
    let line = format!("pub async fn {function}({}) -> Result<{outcome}, Error> {{", parameters.join(", "));
    let line = if line.len() <= 100 {
        line
    } else {
        let lines: String = parameters.iter().map(|parameter| format!("    {parameter},\n")).collect();
        format!("pub async fn {function}(\n{lines}) -> Result<{outcome}, Error> {{")
    };
    format!("\n/// `{name}`, {}.\n{attribute}\n{line}\n{body}    Err(not_moved(\"{name}\"))\n}}\n", handler.place)
}

fn consumers(consumers: &[Consumer]) -> String {
    let has = |hook: &str| consumers.iter().any(|consumer| consumer.hooks.iter().any(|method| method.name == hook));
    let mut uses = vec!["Consumer"];
    if consumers.iter().any(|consumer| !consumer.groups.is_empty())
        || has("connect")
        || has("disconnect")
        || has("on_authenticated")
    {
        uses.insert(0, "Connection");
    }
    if has("connect") {
        uses.extend(["Error", "Handshake"]);
    }
    if has("on_authenticated") {
        uses.push("Identity");
    }
    let uses = if let [only] = uses.as_slice() { (*only).to_owned() } else { format!("{{{}}}", uses.join(", ")) };
    let mut out = format!("//! The endpoints.\n\nuse psd_core::{uses};\n");
    for consumer in consumers {
        let path = consumer.path.as_deref().unwrap_or("/ws");
        let _ = write!(
            out,
            "\n/// `{0}`, {1}.\npub struct {0};\n\nimpl Consumer for {0} {{\n    const PATH: &'static str = {path:?};\n    type Session = ();\n",
            consumer.name, consumer.place
        );
        if !consumer.groups.is_empty() {
            let groups: Vec<_> = consumer.groups.iter().map(|group| format!("{group:?}.to_owned()")).collect();
            let _ = write!(
                out,
                "\n    fn default_groups(_: &Connection) -> Vec<String> {{\n        vec![{}]\n    }}\n",
                groups.join(", ")
            );
        }
        for hook in &consumer.hooks {
            let (head, end) = match hook.name.as_str() {
                "connect" => ("on_connect(_: Connection, _: Handshake) -> Result<(), Error>", "        Ok(())\n"),
                "disconnect" => ("on_disconnect(_: Connection)", ""),
                _ => ("on_authenticated(_: Connection, _: Identity)", ""),
            };
            let body: String =
                hook.body.iter().map(|line| format!("        // {line}").trim_end().to_owned() + "\n").collect();
            let _ = write!(out, "\n    async fn {head} {{\n{body}{end}    }}\n");
        }
        out.push_str("}\n");
    }
    out
}
