//! docs/SETTINGS.md says what [`Settings::TABLE`] says.

use std::{fmt::Write as _, path::Path};

use psd_core::Settings;

#[test]
fn the_page_is_printed_from_the_table() {
    let mut page = String::from(
        "# Settings and limits\n\n\
         Every setting has a builder method of [`Settings`](../psd-core/src/settings.rs), named like its variable, and \
         a variable that [`Settings::from_env`](../psd-core/src/settings.rs) reads. An empty variable counts as not \
         set; one that cannot be read keeps the server from starting, and all of them are reported at once. This page is printed from the table in \
         psd-core/src/settings.rs; `UPDATE_GENERATED=1 cargo test -p psd-core --test settings_page` writes it.\n\n\
         | variable | default | meaning |\n| --- | --- | --- |\n",
    );
    for (variable, default, meaning) in Settings::TABLE {
        writeln!(page, "| `{variable}` | {default} | {} |", meaning.trim()).expect("memory does not fail");
    }
    page.push_str(
        "| exception formatter | `Display`, with the chain of causes | What is forwarded of an internal error; only by \
         the builder method `exception_formatter`. |\n",
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/SETTINGS.md");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &page).expect("the documentation can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "docs/SETTINGS.md is not what the table says; UPDATE_GENERATED=1 writes it");
}
