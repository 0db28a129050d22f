use super::{pretty, tokens};
use crate::receive::receive;

/// The documentation of `#[receive]` shows a handler and, in the next block, what it leaves behind.
#[test]
fn the_expansion_in_the_documentation_is_the_real_one() {
    let section = include_str!("../../docs/receive.md").split("# What it leaves behind").nth(1).unwrap();
    let mut blocks = section.split("```rust\n").skip(1).map(|block| block.split("```").next().unwrap());
    let visible = |block: &str| -> String {
        block.lines().filter(|line| !line.starts_with("# ")).map(|line| format!("{line}\n")).collect()
    };
    let handler = visible(blocks.next().unwrap());
    let (attribute, function) = handler.split_once("]\n").unwrap();
    let args = attribute.trim_start_matches("#[receive(").trim_end_matches(')');
    let expansion = pretty(receive(tokens(args), tokens(function)));
    let (_, registration) = expansion.split_at(expansion.find("const _").unwrap());
    assert_eq!(visible(blocks.next().unwrap()), registration, "docs/receive.md should show this:\n{registration}");
}
