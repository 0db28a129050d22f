//! The tests of clients/dart, in Dart's virtual machine.

use std::{fs, path::Path};

use anyhow::{Context, ensure};

use crate::{report::Outcome, shell, tools};

/// The tests, all of them in one program.
const TESTS: &str = "clients/dart/test/all.dart";

pub(crate) fn run() -> anyhow::Result<Outcome> {
    let dart = match tools::dart() {
        Ok(dart) => dart,
        Err(missing) => return Ok(Outcome::Skipped(missing)),
    };
    let dart = Dart::new(&dart)?;
    let program = shell::target().join("dart/tests.dill");
    if let failed @ Outcome::Failed(_) = shell::run(dart.compile(&shell::root().join(TESTS), &program))? {
        return Ok(failed);
    }
    dart.notices_wrong_types()?;
    shell::run(dart.command(&[&program.to_string_lossy()]))
}

/// A virtual machine, and where it finds our package: there is no `pub` to say so.
struct Dart<'p> {
    program: &'p Path,
    packages: String,
}

impl<'p> Dart<'p> {
    fn new(program: &'p Path) -> anyhow::Result<Self> {
        let file = shell::target().join("dart/package_config.json");
        let package = shell::root().join("clients/dart");
        let config = format!(
            "{{\"configVersion\": 2, \"packages\": [{{\"name\": \"psd_client\", \"rootUri\": \"file://{}\", \
             \"packageUri\": \"lib/\", \"languageVersion\": \"3.7\"}}]}}\n",
            package.display()
        );
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
