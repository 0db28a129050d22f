//! `psd token issue`: a token for a user, as for tests and scripts.

use std::{io::Write as _, time::Duration};

use clap::{Args, ValueEnum};
use psd_core::{Identity, auth::Jwt};

use super::key::KeyArguments;
use crate::{connect::duration, exit::Exit};

const EXAMPLES: &str = "\
Examples:
  psd token issue --user 1 --key-file secret.txt
  psd token issue --user 1 --type refresh --lifetime 24h --key-file secret.txt
  psd token issue --user 1 --key-file private.pem --algorithm EdDSA --key-id 2026-11
  export PSD_TOKEN=$(PSD_JWT_KEY=\"$SECRET_KEY\" psd token issue --user 1)

Exit codes:
  0  the token is on standard output
  2  the arguments are wrong";

/// Issue a token for a user. Nobody checks whether there is such a user before the token is used.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The user's id in the user store, not its name
    #[arg(long, value_name = "ID")]
    user: String,
    /// What the token is for
    #[arg(long = "type", value_enum, default_value_t = Type::Access)]
    token_type: Type,
    /// How long it is good for
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    lifetime: Duration,
    /// Who issues it, `iss`
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// Whom it is for, `aud`; may be given several times
    #[arg(long, value_name = "NAME")]
    audience: Vec<String>,
    #[command(flatten)]
    key: KeyArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Type {
    /// For requests
    Access,
    /// To get access tokens
    Refresh,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Exit> {
    let key = arguments.key.read()?;
    if !key.can_sign() {
        return Err(Exit::Usage("the key is a public one, which signs nothing: give the private key".into()));
    }
    let mut jwt = Jwt::new(key).access_lifetime(arguments.lifetime).refresh_lifetime(arguments.lifetime);
    if let Some(issuer) = arguments.issuer {
        jwt = jwt.issued_by(issuer);
    }
    jwt = arguments.audience.into_iter().fold(jwt, Jwt::audience);
    let login = jwt.issue_for(Identity::new(arguments.user, "")).await;
    let login = login.map_err(|error| Exit::Usage(format!("cannot sign: {error}")))?;
    let token = match arguments.token_type {
        Type::Access => login.access,
        Type::Refresh => login.refresh,
    };
    writeln!(anstream::stdout(), "{token}")?;
    Ok(())
}
