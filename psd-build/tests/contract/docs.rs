use std::collections::BTreeSet;

const DOCS: &str = include_str!("../../../docs/CONTRACT.md");

/// A message without what differs from case to case.
fn pattern(message: &str) -> String {
    let mut out = String::new();
    for (index, part) in message.split('`').enumerate() {
        out.push_str(if index % 2 == 1 { "…" } else { part });
    }
    out.chars().filter(|character| !character.is_ascii_digit()).collect()
}

/// A mistake that a user can make is one that docs/CONTRACT.md explains.
#[test]
fn every_mistake_is_documented() {
    let rows = DOCS.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let known: BTreeSet<String> = rows.map(pattern).collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/snapshots");
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let messages =
            text.lines().filter_map(|line| line.strip_prefix("error: ").or_else(|| line.strip_prefix("warning: ")));
        for message in messages {
            checked += 1;
            // What a parser expects, and what a JSON parser says, is not ours to list.
            let foreign =
                ["expected ", "the configuration is not JSON: "].iter().any(|start| message.starts_with(start));
            assert!(foreign || known.contains(&pattern(message)), "docs/CONTRACT.md does not explain: {message}");
        }
    }
    assert!(checked > 100, "the snapshots were not found");
}
