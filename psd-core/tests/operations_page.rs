//! docs/OPERATIONS.md and docs/grafana/psd.json know the metrics that [`Server::METRICS`] lists.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use psd_core::Server;

const BEGIN: &str = "<!-- metrics -->\n";
const END: &str = "<!-- end of metrics -->\n";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

#[test]
fn the_page_lists_every_metric() {
    let mut table = String::from("| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n");
    for metric in Server::METRICS {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, labels, help) = (metric.name, metric.kind, labels.join(", "), metric.help);
        writeln!(table, "| `{name}` | {kind} | {labels} | {help} |").expect("memory does not fail");
    }
    let path = docs().join("OPERATIONS.md");
    let page = fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = page.split_once(BEGIN).expect("the page has a place for the table");
    let (written, after) = rest.split_once(END).expect("the place ends");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&path, [before, BEGIN, &table, END, after].concat()).expect("the documentation can be written");
    } else {
        assert!(written == table, "docs/OPERATIONS.md is not what the table says; UPDATE_GENERATED=1 writes it");
    }
}

#[test]
fn the_dashboard_asks_for_metrics_that_exist() {
    let text = fs::read_to_string(docs().join("grafana/psd.json")).expect("the dashboard is there");
    let dashboard: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let mut expressions = Vec::new();
    for panel in dashboard["panels"].as_array().expect("it has panels") {
        assert!(panel["title"].is_string() && panel["gridPos"]["w"].is_u64(), "{panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions.push(target["expr"].as_str().expect("a target has an expression"));
        }
    }
    let mut used = BTreeSet::new();
    for expression in expressions {
        let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        for word in words.filter(|word| word.starts_with("psd_") || word.starts_with("process_")) {
            let exists = |metric: &&psd_core::Metric| {
                let suffix = word.strip_prefix(metric.name);
                match metric.kind {
                    "histogram" => matches!(suffix, Some("_bucket" | "_sum" | "_count")),
                    _ => suffix == Some(""),
                }
            };
            let metric = Server::METRICS.iter().find(exists);
            used.insert(metric.unwrap_or_else(|| panic!("`{word}` is no metric: {expression}")).name);
        }
    }
    // Some are for alerts rather than for looking at.
    assert!(used.len() * 4 >= Server::METRICS.len() * 3, "the dashboard shows little: {used:?}");
}
