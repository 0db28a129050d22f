//! TypeScript: a file for each .proto file, with an interface, a constant and a table of fields for each message; and
//! `index.ts`, which exports all of it.
//!
//! Reading order: `model` walks the descriptors and gives everything its name, `imports` collects what a file refers to,
//! `print` writes a file, `index` the one that exports them, `compat` the one for those who come from the original client.

mod compat;
mod imports;
mod index;
mod model;
mod names;
mod print;

use std::path::Path;

use super::{File, Key, Kind, Settings, Target};
use crate::schema::FileKind;
use crate::{Config, Error, Schema};

/// TypeScript for browsers, Node.js, Deno and Bun.
pub const TARGET: Target = Target {
    name: "typescript",
    aliases: &[],
    out: "src/messages",
    keys: &[
        Key {
            name: "runtime",
            kind: Kind::Text("@psd/client"),
            expected: "the name of a package: a string such as `\"@psd/client\"`",
        },
        Key {
            name: "int64",
            kind: Kind::Choice(&["bigint", "string", "number"]),
            expected: "how integers of 64 bits are held: `\"bigint\"`, `\"string\"` or `\"number\"`",
        },
        Key {
            name: "import_extension",
            kind: Kind::Choice(&["", ".js", ".ts"]),
            expected: "what imports of generated files end with: `\"\"`, `\".js\"` or `\".ts\"`",
        },
        Key {
            name: "compat",
            kind: Kind::Flag,
            expected: "whether there is a `compat.ts` with the original client's namespace `proto`: `true` or `false`",
        },
    ],
    recognize,
    generate: |schema, settings| Ok(print(schema, &Options::of(settings), FileKind::User)),
};

/// How the files are written.
pub(crate) struct Options {
    /// Where the runtime is imported from, by what is needed of it.
    pub(crate) codec: String,
    pub(crate) well_known: String,
    pub(crate) common: String,
    /// Where the parts of a client come from that only some contracts need; nothing where there is no contract.
    pub(crate) offline: Option<String>,
    pub(crate) int64: Int64,
    /// What imports of generated files end with.
    pub(crate) extension: String,
    /// Where `compat.ts` imports its classes from, if there is one.
    pub(crate) compat: Option<String>,
}

/// How integers of 64 bits are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Int64 {
    BigInt,
    String,
    Number,
}

impl Int64 {
    /// The type in TypeScript.
    fn name(self) -> &'static str {
        match self {
            Self::BigInt => "bigint",
            Self::String => "string",
            Self::Number => "number",
        }
    }
}

impl Options {
    fn of(settings: &Settings) -> Self {
        let runtime = settings.text(&TARGET, "runtime");
        let int64 = match settings.text(&TARGET, "int64") {
            "string" => Int64::String,
            "number" => Int64::Number,
            _ => Int64::BigInt,
        };
        Self {
            codec: format!("{runtime}/codec"),
            well_known: match int64 {
                Int64::BigInt => format!("{runtime}/wkt"),
                other => format!("{runtime}/wkt/{}", other.name()),
            },
            common: format!("{runtime}/common"),
            offline: Some(format!("{runtime}/offline")),
            int64,
            extension: settings.text(&TARGET, "import_extension").to_owned(),
            compat: settings.flag("compat").then(|| format!("{runtime}/compat")),
        }
    }
}

/// A browser's project: it has a package.json that knows TypeScript or React.
fn recognize(folder: &Path) -> Option<&'static str> {
    let text = std::fs::read_to_string(folder.join("package.json")).ok()?;
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    let depends = |on: &str| {
        ["dependencies", "devDependencies", "peerDependencies"].iter().any(|kind| json[kind].get(on).is_some())
    };
    (depends("typescript") || depends("react") || folder.join("tsconfig.json").is_file()).then_some("package.json")
}

/// The common messages as they are committed in clients/typescript; for its maintainers, through
/// `cargo xtask generate`.
///
/// # Errors
/// If the common .proto files are not valid.
pub fn common() -> Result<Vec<File>, Error> {
    let schema = Config::from_folders::<&str>([]).schema()?;
    let options = Options {
        codec: "../codec/index.js".to_owned(),
        well_known: "../wkt/index.js".to_owned(),
        common: String::new(),
        offline: None,
        int64: Int64::BigInt,
        extension: ".js".to_owned(),
        compat: None,
    };
    Ok(print(&schema, &options, FileKind::Common))
}

/// Prints the files of one kind; the others are referred to.
fn print(schema: &Schema, options: &Options, kind: FileKind) -> Vec<File> {
    let model = model::Model::new(schema, options, kind);
    let mut files: Vec<File> =
        model.files.iter().map(|file| File::new(&*file.path, print::file(file, &model))).collect();
    files.push(File::new("index.ts", index::print(&model)));
    if let Some(from) = &options.compat {
        files.push(File::new(compat::FILE, compat::print(&model, from)));
    }
    files
}
