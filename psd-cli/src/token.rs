//! `psd token`: make tokens, look into them, and check them.

mod inspect;
mod issue;
mod key;
mod verify;

use clap::{Args, Subcommand};

use crate::{exit::Exit, output};

const EXAMPLES: &str = "\
Examples:
  psd token issue --user 1 --key-file secret.txt
  export PSD_TOKEN=$(PSD_JWT_KEY=\"$SECRET_KEY\" psd token issue --user 1)
  psd token inspect < token.txt
  psd token verify --key-file public.pem --algorithm ES256 --audience chat < token.txt

Exit codes:
  0  success
  1  the token is not good
  2  the arguments are wrong
  3  the keys of the identity provider cannot be fetched";

/// Issue, inspect and verify tokens (JSON Web Tokens as Django's simplejwt writes them).
///
/// Keys and tokens come from files, the environment or standard input, not from arguments, which every user of the
/// machine can see.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Issue(issue::Arguments),
    Inspect(inspect::Arguments),
    Verify(verify::Arguments),
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Exit> {
    match arguments.command {
        Command::Issue(arguments) => issue::run(arguments).await,
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Verify(arguments) => verify::run(arguments).await,
    }
}

/// The token that is looked at.
#[derive(Debug, Args)]
struct Token {
    /// The token; safer in PSD_TOKEN or on standard input, where other users do not see it
    token: Option<String>,
}

impl Token {
    fn read(&self) -> Result<String, Exit> {
        let token = match &self.token {
            Some(token) => {
                output::note("others on this machine can see arguments; standard input is safer for tokens");
                token.clone()
            }
            None => match std::env::var("PSD_TOKEN").ok().filter(|token| !token.is_empty()) {
                Some(token) => token,
                None => std::io::read_to_string(std::io::stdin().lock())
                    .map_err(|error| Exit::Usage(format!("cannot read the token from standard input: {error}")))?,
            },
        };
        // As it stands in a header, too.
        let token = token.trim();
        let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
        if token.is_empty() {
            return Err(Exit::Usage("there is no token: give it on standard input or in PSD_TOKEN".into()));
        }
        Ok(token.to_owned())
    }
}

/// `in 59 minutes`, `3 days ago`: one unit is enough for people.
fn relative(time: std::time::SystemTime) -> String {
    let now = std::time::SystemTime::now();
    let (span, is_past) = match time.duration_since(now) {
        Ok(span) => (span, false),
        Err(error) => (error.duration(), true),
    };
    let seconds = span.as_secs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if is_past { format!("{count} {unit}{plural} ago") } else { format!("in {count} {unit}{plural}") }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::relative;

    #[test]
    fn times_for_people() {
        for (seconds, expected) in [
            (59, "59 seconds ago"),
            (1, "1 second ago"),
            (3600, "60 minutes ago"),
            (7200, "2 hours ago"),
            (1_000_000, "11 days ago"),
        ] {
            assert_eq!(relative(SystemTime::now() - Duration::from_secs(seconds)), expected);
        }
        // Half a minute more, since time passes meanwhile.
        assert_eq!(relative(SystemTime::now() + Duration::from_secs(630)), "in 10 minutes");
    }
}
