//! The inputs that the fuzzers start from, and those that once failed.

#[allow(unreachable_pub)]
#[path = "../../../fuzz/src/targets.rs"]
mod targets;

#[test]
fn replayed() {
    for (name, target) in targets::TARGETS {
        let folder = format!("{}/../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut outcomes = std::collections::BTreeSet::new();
        for file in files {
            // The name of a file shows if its target panics.
            println!("{}", file.display());
            outcomes.insert(target(&std::fs::read(file).unwrap()));
        }
        assert!(outcomes.len() > 10, "the corpus of {name} does too little: {outcomes:?}");
    }
}
