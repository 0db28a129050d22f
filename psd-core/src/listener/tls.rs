//! TLS by rustls, and certificates that are replaced while the server runs.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What a server that speaks TLS has.
pub(crate) struct Tls {
    pub(super) acceptor: TlsAcceptor,
    current: Arc<Current>,
    files: Files,
    known: Mutex<Known>,
}

/// What the last looks at the files have found, whoever looked.
struct Known {
    /// When the files had been changed that are in use.
    changed: [Option<SystemTime>; 2],
    /// Why they could not be used since.
    problem: Option<TlsError>,
}

/// The certificate that new connections get; held for a clone or an assignment.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
}

/// Why a certificate cannot be used; the one before stays in use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

impl Tls {
    /// Reads the files and makes the configuration of all connections.
    pub(crate) fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned(), provider: provider.clone() };
        // Before they are read, so that no change is missed.
        let known = Mutex::new(Known { changed: files.changed(), problem: None });
        let current = Arc::new(Current(RwLock::new(Arc::new(files.read()?))));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError(format!("TLS cannot be set up: {error}")))?;
        let mut config = config.with_no_client_auth().with_cert_resolver(current.clone());
        // WebSockets over HTTP/2 (RFC 8441) are not spoken here.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: Arc::new(config).into(), current, files, known })
    }

    /// Reads the files anew for connections that are still to come.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        // Held while they are read: of two that read at once, the later one would not know what is in use.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = self.files.changed();
        let key = self.files.read().inspect_err(|error| known.problem = Some(error.clone()))?;
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
        *known = Known { changed, problem: None };
        tracing::info!(certificate = %self.files.certificate.display(), "the certificate was loaded");
        Ok(())
    }

    /// Reloads the files whenever they have changed; does not return.
    pub(super) async fn follow(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let (changed, problem) = {
                let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                (known.changed, known.problem.clone())
            };
            if self.files.changed() == changed {
                continue;
            }
            // One of the two may not be written yet, so it is tried again; once is enough to say so.
            if let Err(error) = self.reload()
                && problem.as_ref() != Some(&error)
            {
                tracing::error!(%error, "the certificate before stays in use");
            }
        }
    }
}

impl Files {
    fn read(&self) -> Result<CertifiedKey, TlsError> {
        let certificate = self.certificate.display();
        let pem = read("certificate", &self.certificate, "PSD_TLS_CERTIFICATE")?;
        let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| TlsError(format!("the certificate `{certificate}` is not PEM: {error}")))?;
        if chain.is_empty() {
            let hint = "name a file with the certificate and those of its issuers, `-----BEGIN CERTIFICATE-----`";
            return Err(TlsError(format!("`{certificate}` holds no certificate: {hint}")));
        }
        let shown = self.key.display();
        let key = PrivateKeyDer::from_pem_slice(&read("key", &self.key, "PSD_TLS_KEY")?).map_err(|_| {
            let hint = "name a file with `-----BEGIN PRIVATE KEY-----`, without a passphrase";
            TlsError(format!("`{shown}` holds no private key: {hint}"))
        })?;
        let pair = CertifiedKey::from_der(chain, key, &self.provider).map_err(|error| {
            let hint = "are both of the same certificate, whose own stands first in its file?";
            TlsError(format!("the key `{shown}` and the certificate `{certificate}` cannot be used: {error}; {hint}"))
        })?;
        Ok(pair)
    }

    /// When the files were last changed, as far as can be told.
    fn changed(&self) -> [Option<SystemTime>; 2] {
        let changed = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        [changed(&self.certificate), changed(&self.key)]
    }
}

fn read(what: &str, path: &Path, variable: &str) -> Result<Vec<u8>, TlsError> {
    fs::read(path)
        .map_err(|error| TlsError(format!("cannot read the {what} `{}`: {error}; see `{variable}`", path.display())))
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.files.certificate).finish_non_exhaustive()
    }
}
