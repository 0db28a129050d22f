use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use psd_client::{Client, Disconnect, Error, Tls};
use psd_core::Settings;
use psd_tests::{DEADLINE, Running, eventually};
use rcgen::{CertifiedKey, KeyPair};
use tempfile::TempDir;

use crate::{
    app::{pb, server, server_with},
    lifecycle::{runs_in_a_child, signal},
    observed::Log,
};

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
    files.renew();
    set_modified(&files.certificate(), SystemTime::now() + Duration::from_secs(60));
    tokio::time::sleep(Duration::from_secs(11)).await;
    tokio::time::resume();
    assert!(files.connect(&running, "127.0.0.1").await.is_ok());
}

fn set_modified(file: &Path, time: SystemTime) {
    fs::File::options().append(true).open(file).unwrap().set_modified(time).unwrap();
}

#[tokio::test]
async fn a_certificate_is_replaced_by_a_signal() {
    if runs_in_a_child("tls::a_certificate_is_replaced_by_a_signal", "").await {
        return;
    }
    let mut files = Files::new();
    let listening = server_with(files.settings()).0.listen("127.0.0.1:0").await.unwrap();
    let url = format!("wss://{}/ws", listening.local_addr());
    let run = tokio::spawn(listening.run_until_signal());
    let connect = async |pem: &str| Client::builder(&url).connect_over(Tls::trusting(pem).unwrap()).await;
    let before = connect(&files.pem).await.unwrap();
    let changed =
        [files.certificate(), files.key()].map(|file| (fs::metadata(&file).unwrap().modified().unwrap(), file));
    files.renew();
    // The server would find out by itself, so the files look untouched.
    for (time, file) in changed {
        set_modified(&file, time);
    }
    assert!(connect(&files.pem).await.is_err(), "the old one is shown");
    signal("HUP").await;
    let mut after = None;
    while after.is_none() {
        after = connect(&files.pem).await.ok();
    }
    for client in [&before, after.as_ref().unwrap()] {
        client.fetch::<pb::Note>(&pb::Plain { number: 1 }).await.unwrap();
    }
    drop((before, after));
    signal("TERM").await;
    tokio::time::timeout(DEADLINE, run).await.expect("it ends").unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_at_the_files_knows_what_others_found() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_env_filter("psd_core=info").with_writer(log.clone()).finish();
    // With one dispatcher, threads of other tests might decide that nobody logs.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let _default = tracing::subscriber::set_default(subscriber);
    let said = |text: &str| log.text().matches(text).count();
    let (loaded, refused) = ("the certificate was loaded", "the certificate before stays in use");

    let mut files = Files::new();
    let running = Running::start(server_with(files.settings()).0).await;
    let look = || tokio::time::sleep(Duration::from_secs(11));
    fs::write(files.key(), "nonsense").unwrap();
    let now = SystemTime::now();
    for minutes in 1..4 {
        set_modified(&files.key(), now + Duration::from_secs(60 * minutes));
        look().await;
        assert_eq!(said(refused), 1, "{}", log.text());
        // Whoever asks is told, every time.
        assert!(running.server().reload_certificate().is_err());
    }
    files.renew();
    running.server().reload_certificate().unwrap();
    look().await;
    assert_eq!((said(loaded), said(refused)), (1, 1), "{}", log.text());
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
