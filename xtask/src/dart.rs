//! The tests of clients/dart, in Dart's virtual machine.

mod classic;

use std::{fs, path::Path};

use anyhow::{Context, ensure};

use crate::{npm, report::Outcome, shell, tools};

/// The tests, all of them in one program.
const TESTS: &str = "clients/dart/test/all.dart";

pub(crate) fn run() -> anyhow::Result<Outcome> {
    let virtual_machine = match tools::dart() {
        Ok(path) => path,
        Err(missing) => return Ok(Outcome::Skipped(missing)),
    };
    let dart = Dart::new(&virtual_machine, "packages", &PACKAGES)?;
    let program = shell::target().join("dart/tests.dill");
    if let failed @ Outcome::Failed(_) = shell::run(dart.compile(&shell::root().join(TESTS), &program))? {
        return Ok(failed);
    }
    dart.notices_wrong_types()?;
    dart.adapters_compile()?;
    classic::check(&virtual_machine)?;
    if let failed @ Outcome::Failed(_) = shell::run(shell::cargo(&["build", "--workspace", "--bin", npm::SERVER]))? {
        return Ok(failed);
    }
    let mut tests = dart.command(&[&program.to_string_lossy()]);
    tests.env("PSD_CLIENT_TESTS_SERVER", npm::built(npm::SERVER)?);
    shell::run(tests)
}

/// Packages, and the folders that have their `lib`: ours, and stand-ins for what comes from a registry or with Flutter.
const PACKAGES: [(&str, &str); 5] = [
    ("psd_client", "clients/dart"),
    ("psd_drift", "clients/drift"),
    ("drift", "clients/drift/test/stubs/drift"),
    ("psd_flutter", "clients/flutter"),
    ("flutter", "clients/flutter/test/stubs/flutter"),
];

/// Programs that need more than the package: their types are checked against stand-ins.
const ADAPTERS: [&str; 2] = ["clients/drift/test/check.dart", "clients/flutter/test/check.dart"];

/// What only a browser runs, with what it imports from beside itself.
const WEB: [(&str, &[&str]); 2] =
    [("socket/web.dart", &["socket.dart"]), ("upload/platform_web.dart", &["http.dart", "source.dart"])];

/// A stand-in for the library of browsers, which the machine does not have.
const WEB_LIBRARY: &str = "clients/dart/test/stubs/js_interop.dart";

/// A virtual machine, and where it finds packages: there is no `pub` to say so.
struct Dart<'p> {
    program: &'p Path,
    packages: String,
}

impl<'p> Dart<'p> {
    /// With these packages; the name is that of the file that tells Dart.
    fn new(program: &'p Path, name: &str, packages: &[(&str, &str)]) -> anyhow::Result<Self> {
        let file = shell::target().join(format!("dart/{name}.json"));
        let entry = |(name, folder): &(&str, &str)| {
            format!(
                "{{\"name\": \"{name}\", \"rootUri\": \"file://{}\", \"packageUri\": \"lib/\", \
                 \"languageVersion\": \"3.7\"}}",
                shell::root().join(folder).display()
            )
        };
        let packages = packages.iter().map(entry).collect::<Vec<_>>().join(", ");
        let config = format!("{{\"configVersion\": 2, \"packages\": [{packages}]}}\n");
        fs::create_dir_all(file.parent().unwrap_or(&file)).context("cannot create the folder of the Dart tests")?;
        fs::write(&file, config).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self { program, packages: format!("--packages={}", file.display()) })
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = shell::command(self.program, &[&self.packages]);
        command.args(arguments);
        command
    }

    /// Checks the types of a program and of everything that it imports, and writes it as one that starts at once.
    fn compile(&self, source: &Path, program: &Path) -> std::process::Command {
        let snapshot = format!("--snapshot={}", program.display());
        self.command(&[&snapshot, "--snapshot-kind=kernel", &source.to_string_lossy()])
    }

    /// Checks the types of what cannot run here.
    fn adapters_compile(&self) -> anyhow::Result<()> {
        let folder = shell::target().join("dart/adapters");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let read =
            |path: &str| fs::read_to_string(shell::root().join(path)).with_context(|| format!("cannot read {path}"));
        fs::write(folder.join("js_interop.dart"), read(WEB_LIBRARY)?).context("cannot write the stand-in")?;
        let mut sources: Vec<_> = ADAPTERS.iter().map(|path| shell::root().join(path)).collect();
        for (path, beside) in WEB {
            let text = read(&format!("clients/dart/lib/src/{path}"))?;
            ensure!(text.contains("'dart:js_interop'"), "{path} does not import what is replaced for the check");
            let (place, name) = path.split_once('/').context("a path has a folder")?;
            let text = beside.iter().fold(text.replace("'dart:js_interop'", "'js_interop.dart'"), |text, other| {
                text.replace(&format!("'{other}'"), &format!("'package:psd_client/src/{place}/{other}'"))
            });
            sources.push(folder.join(name));
            fs::write(folder.join(name), text).with_context(|| format!("cannot write {name}"))?;
        }
        for source in sources {
            let output = self.compile(&source, &folder.join("adapter.dill")).output().context("cannot run Dart")?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "{} does not compile: {said}", source.display());
        }
        println!("the adapters for drift, Flutter and browsers have sound types");
        Ok(())
    }

    /// Compiling is only a check of types if a wrong one in generated code fails it.
    fn notices_wrong_types(&self) -> anyhow::Result<()> {
        let generated = shell::root().join("clients/dart/test/vectors/messages/every.dart");
        let text = fs::read_to_string(&generated).with_context(|| format!("cannot read {}", generated.display()))?;
        let folder = shell::target().join("dart/mutant");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let compile = |text: &str| {
            let source = folder.join("every.dart");
            fs::write(&source, text).with_context(|| format!("cannot write {}", source.display()))?;
            let mut command = self.compile(&source, &folder.join("every.dill"));
            let output = command.output().context("cannot run Dart")?;
            Ok::<_, anyhow::Error>((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
        };
        // As it is, it compiles; a library has no `main`, which nobody calls.
        let (compiles, said) = compile(&text)?;
        ensure!(compiles, "{} does not compile: {said}", generated.display());
        for (right, wrong) in [
            ("final String label;", "final int label;"),
            ("values[0] as Node?", "values[0] as String?"),
            ("psd.PlainField('label', 5, psd.string)", "psd.PlainField('label', 'five', psd.string)"),
            ("psd.message(() => Node.descriptor)", "psd.message(() => Node.desc)"),
        ] {
            ensure!(text.contains(right), "`{right}` is not in {}: name another mutation", generated.display());
            let (compiles, said) = compile(&text.replacen(right, wrong, 1))?;
            ensure!(!compiles && said.contains("every.dart"), "`{wrong}` for `{right}` is not noticed: {said}");
        }
        println!("4 wrong types in generated code are noticed");
        Ok(())
    }
}
