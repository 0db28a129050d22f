//! How the command ends: one code per outcome, the same for all subcommands.

use std::{io, process::ExitCode};

use psd_client::Error;

use crate::output;

/// The table of exit codes in the help of subcommands that talk to a server.
pub(crate) const CODES: &str = "\
Exit codes:
  0  success
  1  the server refused the message
  2  the arguments are wrong
  3  no connection, or it was lost
  4  no answer in time";

/// Why the command did not succeed.
#[derive(Debug)]
pub(crate) enum Exit {
    /// The server answered with an error, or the contract has mistakes. What there is to say may have been said.
    Refused(Option<String>),
    /// The arguments make no sense.
    Usage(String),
    /// There is no connection any more.
    Connection(String),
    /// The server did not answer in time.
    Timeout(String),
    /// Whoever reads our output has seen enough; this is how `| head` ends.
    OutputClosed,
}

impl Exit {
    /// Prints what is left to say, and gives the code.
    pub(crate) fn report(self) -> ExitCode {
        let (code, message) = match self {
            Self::Refused(message) => (1, message),
            Self::Usage(message) => (2, Some(message)),
            Self::Connection(message) => (3, Some(message)),
            Self::Timeout(message) => (4, Some(message)),
            Self::OutputClosed => (0, None),
        };
        if let Some(message) = message {
            output::error(&message);
        }
        ExitCode::from(code)
    }
}

impl From<Error> for Exit {
    fn from(error: Error) -> Self {
        match error {
            Error::Disconnected(reason) => Self::Connection(reason.to_string()),
            Error::Refused { .. } => Self::Refused(Some(error.to_string())),
            Error::Timeout { .. } => Self::Timeout(error.to_string()),
            Error::Url { .. } | Error::TooLarge { .. } | Error::Token { .. } | Error::Encode { .. } => {
                Self::Usage(error.to_string())
            }
            error => Self::Connection(error.to_string()),
        }
    }
}

impl From<io::Error> for Exit {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::Connection(format!("cannot write the output: {error}"))
        }
    }
}
