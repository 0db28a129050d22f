//! `psd migrate`: begin a psd server from a project of the original.
//!
//! Reading order: `python` reads source files, `project` finds receivers, consumers, routes and settings in them,
//! `settings` and `skeleton` print the crate.

mod project;
mod python;
mod settings;
mod skeleton;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use psd_build::Config;

use crate::check;
use crate::exit::Exit;
use project::{Note, Project};

const EXAMPLES: &str = "\
Examples:
  psd migrate django ../shop                   writes the crate shop-psd into this folder
  psd migrate django ../shop --out server

Exit codes:
  0  the crate is written
  1  the contract has mistakes
  2  the folder is no Django project, or there is something where the crate should go";

/// Begin a psd server from a project of the original.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    Django(Django),
}

/// Write a crate with a handler for each receiver of a Django project.
///
/// Nothing of the project is run or changed. Guards, consumers, groups, routes and settings are carried over; the Python of
/// every handler stands in it as a comment, and until it is moved the handler answers with 501. What could not be
/// translated is listed with file and line, here and in the NOTES.md of the crate.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct Django {
    /// The folder with manage.py and fps_config.json
    #[arg(value_name = "PATH")]
    project: PathBuf,
    /// The folder to write, which must not be there; its last part names the crate
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Take psd from this folder, not from crates.io: a checkout of its repository
    #[arg(long, value_name = "FOLDER")]
    psd: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Exit> {
    let From::Django(arguments) = &arguments.from;
    let project = &arguments.project;
    let config_file = project.join("fps_config.json");
    for file in ["manage.py", "fps_config.json"] {
        if !project.join(file).is_file() {
            let way_out = "name the folder that has both manage.py and fps_config.json";
            return Err(Exit::Usage(format!("`{}` has no {file}: {way_out}", project.display())));
        }
    }
    let out = arguments.out.clone().unwrap_or_else(|| {
        let folder = fs::canonicalize(project).unwrap_or_else(|_| project.clone());
        PathBuf::from(format!("{}-psd", folder.file_name().unwrap_or_default().to_string_lossy()))
    });
    if out.exists() {
        return Err(Exit::Usage(format!("`{}` is there already: name another folder with `--out`", out.display())));
    }
    let schema = Config::load(&config_file).and_then(|config| config.schema());
    let schema = match schema {
        Ok(schema) => schema,
        Err(error) => {
            check::report(error.diagnostics(), false)?;
            return Err(Exit::Refused(None));
        }
    };
    let failed = |what: &str, path: &Path, error: &std::io::Error| {
        Exit::Usage(format!("cannot {what} `{}`: {error}", path.display()))
    };
    let found = Project::read(project).map_err(|error| failed("read", project, &error))?;
    let config = fs::read_to_string(&config_file).map_err(|error| failed("read", &config_file, &error))?;
    let crate_ = skeleton::Crate {
        name: name(&out),
        project: &relative(&out, project),
        config: &config,
        psd: arguments.psd.as_deref().map(|psd| relative(&out, psd)),
        schema: &schema,
    };
    let (files, notes) = crate_.print(found);
    for (path, contents) in &files {
        let path = out.join(path);
        let folder = path.parent().unwrap_or(&out);
        fs::create_dir_all(folder).map_err(|error| failed("create", folder, &error))?;
        fs::write(&path, contents).map_err(|error| failed("write", &path, &error))?;
    }
    report(&out, files.len(), &notes)
}

fn report(out: &Path, files: usize, notes: &[Note]) -> Result<(), Exit> {
    let mut stdout = anstream::stdout();
    writeln!(stdout, "wrote {} to {}", check::counted(files, "file"), out.display())?;
    if !notes.is_empty() {
        writeln!(stdout, "\nto look at, also in {}:", out.join("NOTES.md").display())?;
    }
    for note in notes {
        writeln!(stdout, "  {}: {}", note.place, note.text)?;
    }
    Ok(())
}

/// The name of a crate in a folder.
fn name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let mut name: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name.insert_str(0, "psd-");
    }
    name
}

/// How a folder is called in another one, which need not be there yet.
fn relative(from: &Path, to: &Path) -> String {
    let absolute = |path: &Path| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let whole = fs::canonicalize(path)
            .or_else(|_| fs::canonicalize(parent).map(|parent| parent.join(path.file_name().unwrap_or_default())));
        whole.unwrap_or_else(|_| path.to_path_buf())
    };
    let (from, to) = (absolute(from), absolute(to));
    let shared = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(shared).map(|_| "..".to_owned());
    let down = to.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}
