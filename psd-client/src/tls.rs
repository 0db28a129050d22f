//! `wss`, by rustls.

use std::{io, sync::Arc};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use crate::transport::{Address, Tcp, Transport};

/// TLS over TCP; refuses `ws`, so that a mistyped URL does not send a token in the clear.
///
/// The certificate of the server must be for the URL's host, by an issuer that is trusted.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
}

/// Why there is nobody to trust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

impl Tls {
    /// Trusts the issuers that the operating system trusts.
    ///
    /// # Errors
    /// It trusts nobody.
    pub fn system() -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            let hint = "install the system's certificates, or name one by `Tls::trusting`";
            return Err(TlsError(format!("the system trusts no issuer ({}); {hint}", reasons.join("; "))));
        }
        Self::with_roots(roots)
    }

    /// Trusts these certificates and no others: those of issuers, or a server's own that it signed itself, as PEM.
    ///
    /// # Errors
    /// The text holds no certificate that can be used.
    pub fn trusting(pem: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_ref()) {
            let certificate = certificate.map_err(|error| TlsError(format!("a certificate is not PEM: {error}")))?;
            roots.add(certificate).map_err(|error| TlsError(format!("a certificate cannot be trusted: {error}")))?;
        }
        if roots.is_empty() {
            return Err(TlsError("there is no certificate to trust: give PEM, `-----BEGIN CERTIFICATE-----`".into()));
        }
        Self::with_roots(roots)
    }

    fn with_roots(roots: RootCertStore) -> Result<Self, TlsError> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError(format!("TLS cannot be set up: {error}")))?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: Arc::new(config).into() })
    }
}

impl Transport for Tls {
    type Stream = TlsStream<TcpStream>;

    async fn connect(&self, address: Address<'_>) -> io::Result<Self::Stream> {
        if !address.tls {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "write `wss`: this transport speaks TLS only"));
        }
        let name = ServerName::try_from(address.host.to_owned()).map_err(io::Error::other)?;
        let stream = Tcp.connect(Address { tls: false, ..address }).await?;
        self.connector.connect(name, stream).await
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_trusted_is_refused() {
        let nothing = "there is no certificate to trust: give PEM, `-----BEGIN CERTIFICATE-----`";
        assert_eq!(Tls::trusting("").expect_err("empty").to_string(), nothing);
        let malformed = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let error = Tls::trusting(malformed).expect_err("no certificate").to_string();
        assert!(error.starts_with("a certificate cannot be trusted: "), "{error}");
    }
}
