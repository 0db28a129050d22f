use std::path::Path;

/// Compares a committed file with what the generator prints; writes it instead if `UPDATE_GENERATED` is set.
#[track_caller]
fn check(path: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    let difference = committed.lines().zip(generated.lines()).position(|(committed, generated)| committed != generated);
    assert!(
        committed == generated,
        "{} is not what the generator prints, first in line {}; `UPDATE_GENERATED=1 cargo test -p psd-build` writes it",
        path.display(),
        difference.map_or(committed.lines().count().min(generated.lines().count()), |line| line) + 1,
    );
}

#[test]
fn every_kind() {
    let out = tempfile::tempdir().unwrap();
    psd_build::Config::from_folders(["tests/rust/protos", "tests/contract/fixtures/demo"])
        .runtime("::psd_proto")
        .out(out.path().to_str().unwrap())
        .compile()
        .unwrap();
    check("tests/rust/pb.rs", &std::fs::read_to_string(out.path().join("messages.rs")).unwrap());
}

#[test]
fn common() {
    check("../psd-proto/src/common/messages.rs", &psd_build::targets::rust::common().unwrap());
}
