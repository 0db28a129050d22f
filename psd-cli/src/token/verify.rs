//! `psd token verify`: whether a server with this key would take a token.

use std::{io::Write as _, time::Duration};

use clap::Args;
use psd_core::auth::{Claims, Jwks, Jwt};

use super::{Token, key::KeyArguments, relative};
use crate::{connect::duration, exit::Exit, output};

const EXAMPLES: &str = "\
Examples:
  psd token verify --key-file secret.txt < token.txt
  psd token verify --key-file public.pem --algorithm RS256 --issuer https://id.example.org < token.txt
  psd token verify --jwks https://id.example.org/jwks --issuer https://id.example.org --audience chat < token.txt
  PSD_JWT_KEY=\"$SECRET_KEY\" psd token verify --type refresh < token.txt

Exit codes:
  0  the token is good; its claims are on standard output
  1  it is not
  2  the arguments are wrong
  3  the keys of the identity provider cannot be fetched";

/// Verify a token: signature, time, issuer and audience. Users and revoked tokens are the server's matter.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    token: Token,
    #[command(flatten)]
    key: KeyArguments,
    /// The keys of an identity provider: a file, or an https:// address
    #[arg(long, value_name = "FILE|URL", conflicts_with_all = ["key_file", "key_id", "algorithm"])]
    jwks: Option<String>,
    /// What the token must be for, such as access or refresh
    #[arg(long = "type", value_name = "TYPE")]
    token_type: Option<String>,
    /// Who must have issued it, `iss`
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// Whom it must be for, `aud`
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// How far clocks may differ
    #[arg(long, value_name = "TIME", value_parser = duration)]
    leeway: Option<Duration>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Exit> {
    let mut jwt = match &arguments.jwks {
        Some(place) => Jwt::external(jwks(place)?),
        None => Jwt::new(arguments.key.read()?),
    };
    if let Some(issuer) = arguments.issuer {
        jwt = jwt.issued_by(issuer);
    }
    if let Some(audience) = arguments.audience {
        jwt = jwt.audience(audience);
    }
    if let Some(leeway) = arguments.leeway {
        jwt = jwt.leeway(leeway);
    }
    let token = arguments.token.read()?;
    let claims = jwt.verify(&token).await.map_err(|error| {
        let reason = format!("the token is not good: {error}");
        if error.is_unavailable() { Exit::Connection(error.to_string()) } else { Exit::Refused(Some(reason)) }
    })?;
    check_type(&claims, arguments.token_type.as_deref())?;
    writeln!(anstream::stdout(), "{}", output::printable(&format!("{:#}", claims.to_json())))?;
    if let Some(time) = claims.expires_at() {
        output::note(format!("it expires {}", relative(time)));
    }
    Ok(())
}

fn jwks(place: &str) -> Result<Jwks, Exit> {
    let jwks = if place.contains("://") { Jwks::url(place) } else { Jwks::file(place) };
    jwks.map_err(|error| Exit::Usage(error.to_string()))
}

fn check_type(claims: &Claims, expected: Option<&str>) -> Result<(), Exit> {
    match (claims.text("token_type"), expected) {
        (Some(found), Some(expected)) if found == expected => Ok(()),
        (_, None) => Ok(()),
        (found, Some(expected)) => {
            let found = found.map_or("it has no `token_type`".into(), |found| format!("its `token_type` is `{found}`"));
            Err(Exit::Refused(Some(format!("the token is not good: {found}, not `{expected}`"))))
        }
    }
}
