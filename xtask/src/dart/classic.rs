//! The types of what the classic style generates. pub.dev is the only place that has the packages it is for, so that
//! tests/dart/stubs stands in for them.

use std::{fs, path::Path};

use anyhow::{Context, ensure};

use super::Dart;
use crate::shell;

/// Packages, and the folders that have their `lib`: none of them the real one.
const PACKAGES: [(&str, &str); 4] = [
    ("flutter_persistent_socket", "tests/dart/stubs/flutter_persistent_socket"),
    ("drift", "tests/dart/stubs/drift"),
    ("fixnum", "tests/dart/stubs/fixnum"),
    ("protobuf", "tests/dart/stubs/protobuf"),
];

/// What is generated there, psd-build's tests hold to the generator.
const GENERATED: &str = "psd-build/tests/dart/classic/expected";

/// Wrong types: the file, what is right, what is wrong, and what Dart says of it.
#[rustfmt::skip]
const MUTATIONS: [(&str, &str, &str, &str); 14] = [
    ("proto/every.pb.dart", "    $fixnum.Int64? anInt64,", "    $core.int? anInt64,", "'int' can't be assigned to a variable of type 'Int64'"),
    ("proto/every.pb.dart", "set aDouble($core.double value)", "set aDouble($core.int value)", "'int' of the setter 'Scalars.aDouble'"),
    ("proto/every.pb.dart", "get aString => $_getSZ(13)", "get aString => $_getIZ(13)", "'int' can't be returned from a function with return type 'String'"),
    ("proto/every.pb.dart", "get strings => $_getList(7)", "get strings => $_getMap(7)", "'PbMap<dynamic, dynamic>' can't be returned"),
    ("proto/every.pb.dart", "subBuilder: Scalars.create,", "subBuilder: Presence.create,", "'Presence Function()' can't be assigned"),
    ("proto/every.pb.dart", "valueOf: Mood.valueOf", "valueOf: Mood.values", "'List<Mood>' can't be assigned"),
    ("proto/every.pb.dart", "hasADouble()", "hasField()", "overridden method 'GeneratedMessage.hasField'"),
    ("proto/every.pbenum.dart", "Mood._(1, 'HAPPY')", "Mood._('HAPPY', 1)", "every.pbenum.dart:11:36: Error"),
    ("proto/google/protobuf/wrappers.pb.dart", "with $mixin.Int64ValueMixin", "with $mixin.Int32ValueMixin", "'GeneratedMessage with Int32ValueMixin.value'"),
    ("messages.dart", "final $1.Echo proto;", "final $core.String proto;", "overridden method, 'SocketTxMessage.proto'"),
    ("messages.dart", "get newProto => $1.Echo()", "get newProto => $1.OpenEcho()", "'OpenEcho' can't be returned"),
    ("messages.dart", "=> aStringKey.textField(table)", "=> aStringKey.intField(table)", "'Column<int>' can't be returned"),
    ("messages.dart", "  IntColumn anInt64(table)", "  IntColumn keys(table)", "conflicts with an inherited one"),
    ("messages.dart", "  RxEchoReply(),", "  TxEcho.create(),", "'TxEcho' can't be assigned"),
];

/// Checks the types of every golden file, and that wrong ones would be noticed.
pub(super) fn check(program: &Path) -> anyhow::Result<()> {
    let dart = Dart::new(program, "classic", &PACKAGES)?;
    let folder = shell::target().join("dart/classic");
    let _ = fs::remove_dir_all(&folder);
    let files = copy(&shell::root().join(GENERATED), &folder)?;
    let all = folder.join("all.dart");
    let imports: String = files.iter().map(|file| format!("import '{file}';\n")).collect();
    let imports = imports + "import 'package:flutter_persistent_socket/messages.dart';\n";
    fs::write(&all, imports).with_context(|| format!("cannot write {}", all.display()))?;
    let compile = || {
        let output = dart.compile(&all, &folder.join("all.dill")).output().context("cannot run Dart")?;
        Ok::<_, anyhow::Error>((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let (compiles, said) = compile()?;
    ensure!(compiles, "the classic style does not compile: {said}");
    for (file, right, wrong, _) in MUTATIONS {
        let file = folder.join(file);
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        ensure!(text.contains(right), "`{right}` is not in {}: name another mutation", file.display());
        fs::write(&file, text.replacen(right, wrong, 1)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let (compiles, said) = compile()?;
    for (_, right, wrong, error) in MUTATIONS {
        ensure!(!compiles && said.contains(error), "`{wrong}` for `{right}` is not noticed: {said}");
    }
    println!(
        "the {} files of the classic style have sound types; {} wrong ones are noticed",
        files.len(),
        MUTATIONS.len()
    );
    Ok(())
}

/// Copies a folder; where its files are in it.
fn copy(from: &Path, to: &Path) -> anyhow::Result<Vec<String>> {
    let context = || format!("cannot copy {}", from.display());
    fs::create_dir_all(to).with_context(context)?;
    let mut files = Vec::new();
    for entry in fs::read_dir(from).with_context(context)? {
        let entry = entry.with_context(context)?;
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        if path.is_dir() {
            let within = copy(&path, &to.join(&name))?;
            files.extend(within.into_iter().map(|file| format!("{name}/{file}")));
        } else {
            fs::copy(&path, to.join(&name)).with_context(context)?;
            files.push(name);
        }
    }
    Ok(files)
}
