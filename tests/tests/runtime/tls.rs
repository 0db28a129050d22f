use std::{fs, path::PathBuf};

use psd_client::{Client, Disconnect, Error, Tls};
use psd_core::Settings;
use psd_tests::{Running, eventually};
use rcgen::{CertifiedKey, KeyPair};
use tempfile::TempDir;

use crate::app::{pb, server, server_with};

/// A folder with a certificate that signed itself, and its key.
pub(crate) struct Files {
    folder: TempDir,
    pem: String,
}

impl Files {
    pub(crate) fn new() -> Self {
        let mut files = Self { folder: tempfile::tempdir().unwrap(), pem: String::new() };
        files.renew();
        files
    }

    fn renew(&mut self) {
        let CertifiedKey { cert, signing_key }: CertifiedKey<KeyPair> =
            rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        fs::write(self.key(), signing_key.serialize_pem()).unwrap();
        fs::write(self.certificate(), cert.pem()).unwrap();
        self.pem = cert.pem();
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    fn settings(&self) -> Settings {
        self.settings_of(Settings::default())
    }

    pub(crate) fn settings_of(&self, settings: Settings) -> Settings {
        settings.tls_certificate(Some(self.certificate())).tls_key(Some(self.key()))
    }

    pub(crate) async fn connect(&self, running: &Running, host: &str) -> Result<Client, Error> {
        let url = format!("wss://{host}:{}/ws", running.address().port());
        Client::builder(url).connect_over(Tls::trusting(&self.pem).unwrap()).await
    }
}

#[tokio::test]
async fn a_client_speaks_over_tls() {
    let files = Files::new();
    let running = Running::start(server_with(files.settings()).0).await;
    for host in ["127.0.0.1", "localhost"] {
        let client = files.connect(&running, host).await.unwrap();
        let reply: pb::Note = client.fetch(&pb::Plain { number: 7 }).await.unwrap();
        assert_eq!(reply.number, 7);
        // More than one record, and more than a socket's buffer.
        let mut pushes = client.subscribe::<pb::Note>();
        client.send(&pb::Join { group: "g".into() }).await.unwrap();
        running.server().broadcast("g", &crate::app::note("x".repeat(1 << 20), 8)).unwrap();
        assert_eq!(pushes.next().await.unwrap().unwrap().text.len(), 1 << 20);
        client.close().await;
    }
    eventually("they have gone", || running.server().connections().is_empty()).await;
}

#[tokio::test]
async fn whoever_trusts_another_is_not_served_and_nobody_is_served_in_the_clear() {
    let (files, others) = (Files::new(), Files::new());
    let running = Running::start(server_with(files.settings()).0).await;
    let error = others.connect(&running, "127.0.0.1").await.expect_err("another signed it");
    assert!(matches!(error, Error::Disconnected(Disconnect::Unreachable { .. })), "{error}");
    let plain = Client::connect(&format!("ws://{}/ws", running.address())).await;
    assert!(plain.is_err(), "it speaks TLS only");
    assert!(files.connect(&running, "127.0.0.1").await.is_ok());
}

#[tokio::test]
async fn a_certificate_is_replaced_while_connections_live() {
    let mut files = Files::new();
    let running = Running::start(server_with(files.settings()).0).await;
    let before = files.connect(&running, "127.0.0.1").await.unwrap();
    let old = files.pem.clone();
    files.renew();
    running.server().reload_certificate().unwrap();
    let after = files.connect(&running, "127.0.0.1").await.unwrap();
    let outdated = Tls::trusting(&old).unwrap();
    let url = format!("wss://{}/ws", running.address());
    assert!(Client::builder(url).connect_over(outdated).await.is_err(), "the new one is shown");
    for client in [before, after] {
        client.fetch::<pb::Note>(&pb::Plain { number: 1 }).await.unwrap();
    }
    // One that cannot be used changes nothing.
    fs::write(files.key(), "nonsense").unwrap();
    let error = running.server().reload_certificate().expect_err("it is no key").to_string();
    assert_eq!(
        error,
        format!(
            "`{}` holds no private key: name a file with `-----BEGIN PRIVATE KEY-----`, without a passphrase",
            files.key().display()
        )
    );
    assert!(files.connect(&running, "127.0.0.1").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_server_looks_for_a_new_certificate_by_itself() {
    let mut files = Files::new();
    let running = Running::start(server_with(files.settings()).0).await;
    // The same content is no news, another is: a file's time may not move within a test.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    files.renew();
    fs::File::options().append(true).open(files.certificate()).unwrap().set_modified(later).unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    tokio::time::resume();
    assert!(files.connect(&running, "127.0.0.1").await.is_ok());
}

#[track_caller]
fn refused(settings: Settings, expected: &str) {
    let error = server_with(settings).0.build().expect_err("it cannot start");
    assert_eq!(error.problems(), [expected]);
}

#[tokio::test]
async fn start_up_says_what_is_wrong_with_the_files() {
    let (files, others) = (Files::new(), Files::new());
    let (certificate, key) = (files.certificate(), files.key());
    let (certificate, key) = (certificate.display(), key.display());
    let together = "`PSD_TLS_CERTIFICATE` and `PSD_TLS_KEY` belong together: set both, or neither";
    refused(Settings::default().tls_key(Some(files.key())), together);
    let settings = files.settings().tls_key(Some("/nowhere/key.pem".into()));
    refused(
        settings,
        "cannot read the key `/nowhere/key.pem`: No such file or directory (os error 2); see `PSD_TLS_KEY`",
    );
    let hint = "name a file with the certificate and those of its issuers, `-----BEGIN CERTIFICATE-----`";
    let settings = files.settings().tls_certificate(Some(files.key()));
    refused(settings, &format!("`{key}` holds no certificate: {hint}"));
    let other = others.key();
    let hint = "are both of the same certificate, whose own stands first in its file?";
    let problem = format!("the key `{}` and the certificate `{certificate}` cannot be used: ", other.display());
    let error = server_with(files.settings().tls_key(Some(other))).0.build().expect_err("they do not fit").to_string();
    assert!(error.contains(&problem) && error.ends_with(hint), "{error}");
    assert!(server().0.build().is_ok());
}
