//! Where a new password comes from: never an argument, which others see and shells remember.

use std::io::{self, IsTerminal as _, Read as _};

use crate::exit::Exit;

/// More is no password; `psd_core` takes less.
const MAX_BYTES: u64 = 64 * 1024;

/// Asks twice on a terminal, without showing what is typed; else reads one line.
pub(super) fn read() -> Result<String, Exit> {
    let unreadable = |error: io::Error| Exit::Usage(format!("cannot read a password: {error}"));
    if io::stdin().is_terminal() {
        let password = rpassword::prompt_password("Password: ").map_err(unreadable)?;
        let again = rpassword::prompt_password("Once more: ").map_err(unreadable)?;
        return if password == again { Ok(password) } else { Err(Exit::Usage("the two are not the same".into())) };
    }
    let mut text = String::new();
    io::stdin().take(MAX_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match line {
        "" => Err(Exit::Usage("standard input has no password: write it there as one line".into())),
        line if line.contains('\n') => Err(Exit::Usage("standard input has more than one line".into())),
        line => Ok(line.to_owned()),
    }
}
