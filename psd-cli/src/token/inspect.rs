//! `psd token inspect`: what a token says, true or not.

use std::{
    io::Write as _,
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Args;
use serde_json::{Value, json};

use super::{Token, relative};
use crate::{exit::Exit, output};

const EXAMPLES: &str = "\
Examples:
  psd token inspect < token.txt
  PSD_TOKEN=eyJ… psd token inspect | jq .claims.user_id

Exit codes:
  0  header and claims are on standard output
  1  it is no token
  2  the arguments are wrong";

/// Show a token's header and claims as JSON. Nothing is verified: anybody could have written it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    token: Token,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Exit> {
    let token = arguments.token.read()?;
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        let count = parts.len();
        return Err(refused(format!("it is no token: it has {count} parts between dots, not 3")));
    };
    let (header, claims) = (part("header", header)?, part("claims", claims)?);
    let shown = json!({"header": header, "claims": claims});
    // Escapes in JSON keep a token from steering the terminal.
    writeln!(anstream::stdout(), "{}", output::printable(&format!("{shown:#}")))?;
    for (claim, past, future) in [("exp", "it expired", "it expires"), ("nbf", "it became valid", "it becomes valid")] {
        if let Some(time) = time(&claims[claim]) {
            let relative = relative(time);
            let what = if relative.ends_with("ago") { past } else { future };
            output::note(format!("{what} {relative}"));
        }
    }
    if claims["exp"].is_null() {
        output::note("it has no `exp`: psd refuses it");
    }
    output::note(if signature.is_empty() {
        "it is not signed: psd refuses it"
    } else {
        "its signature was not verified; `psd token verify` does"
    });
    Ok(())
}

fn part(name: &str, text: &str) -> Result<Value, Exit> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused(format!("its {name} is not base64url")))?;
    serde_json::from_slice(&bytes).map_err(|error| refused(format!("its {name} is not JSON: {error}")))
}

fn time(claim: &Value) -> Option<std::time::SystemTime> {
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(claim.as_f64()?).ok()?)
}

fn refused(reason: String) -> Exit {
    Exit::Refused(Some(reason))
}
