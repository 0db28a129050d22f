//! The key that signs or verifies.

use std::path::PathBuf;

use clap::Args;
use psd_core::auth::{Algorithm, Key};

use crate::exit::Exit;

/// Where the key comes from, and what it is for.
#[derive(Debug, Args)]
pub(super) struct KeyArguments {
    /// A file with the secret, or with a private or public key in PEM form. Default: the key in PSD_JWT_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The key's algorithm: HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA
    #[arg(long, default_value_t = Algorithm::HS256)]
    algorithm: Algorithm,
    /// The key's id, `kid`
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
}

impl KeyArguments {
    pub(super) fn read(&self) -> Result<Key, Exit> {
        let (place, text) = match &self.key_file {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Exit::Usage(format!("cannot read the key from `{}`: {error}", path.display())))?;
                (path.display().to_string(), text)
            }
            None => match std::env::var("PSD_JWT_KEY") {
                Ok(text) if !text.is_empty() => ("PSD_JWT_KEY".into(), text),
                _ => {
                    return Err(Exit::Usage("there is no key: name a file by `--key-file`, or set PSD_JWT_KEY".into()));
                }
            },
        };
        // The line's end that editors put behind a secret is none of it.
        let text = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
        let key = if self.algorithm.is_symmetric() {
            Key::secret(self.algorithm, text)
        } else {
            Key::pem(self.algorithm, text)
        };
        let key = key.map_err(|error| Exit::Usage(format!("the key of `{place}`: {error}")))?;
        Ok(match &self.key_id {
            Some(id) => key.with_id(id),
            None => key,
        })
    }
}
