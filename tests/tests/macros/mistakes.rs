use std::fs;

/// One mistake per file; what the compiler says about it is in the `.stderr` beside it.
///
/// `TRYBUILD=overwrite cargo test -p psd-tests --test macros` writes down what it says now: read the difference.
#[test]
fn every_mistake_is_explained() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}

#[test]
fn one_mistake_is_one_error() {
    let mut cases = 0;
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/ui")).unwrap() {
        let path = entry.unwrap().path();
        // The only case with several mistakes.
        if path.extension().is_none_or(|extension| extension != "stderr") || path.ends_with("everything_at_once.stderr")
        {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let reports = text.lines().filter(|line| line.starts_with("error") || line.starts_with("warning")).count();
        assert_eq!(reports, 1, "{}:\n{text}", path.display());
        cases += 1;
    }
    assert!(cases >= 25, "{cases} cases");
}
