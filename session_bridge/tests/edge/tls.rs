//! HTTPS on the bridge's own listener.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::bridge::RunningBridge;

struct Files {
    folder: PathBuf,
}

impl Files {
    /// A certificate of its own, and who trusts it.
    fn new(name: &str) -> (Self, RootCertStore) {
        crate::set_up();
        let folder = std::env::temp_dir().join(format!("vpd-tls-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let files = Self { folder };
        let roots = files.replace();
        (files, roots)
    }

    /// Writes another certificate and key.
    fn replace(&self) -> RootCertStore {
        let made = rcgen::generate_simple_self_signed(["portal.localhost".to_owned()]).unwrap();
        fs::write(self.folder.join("certificate.pem"), made.cert.pem()).unwrap();
        fs::write(self.folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        self.set_key_mode(0o600);
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        roots
    }

    fn set_key_mode(&self, mode: u32) {
        fs::set_permissions(self.folder.join("key.pem"), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn settings(&self) -> String {
        let folder = self.folder.display();
        format!("tls = {{ certificate_file = '{folder}/certificate.pem', key_file = '{folder}/key.pem' }}")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn connect(port: u16, roots: &RootCertStore) -> std::io::Result<TlsStream<TcpStream>> {
    let client = ClientConfig::builder()
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    let name = ServerName::try_from("portal.localhost").unwrap();
    let plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    TlsConnector::from(Arc::new(client)).connect(name, plain).await
}

async fn ask(stream: &mut TlsStream<TcpStream>, port: u16, connection: &str) {
    let request =
        format!("GET /health HTTP/1.1\r\nHost: portal.localhost:{port}\r\nConnection: {connection}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn listener_speaks_tls_and_promises_it() {
    let (files, roots) = Files::new("speaks");
    let bridge = RunningBridge::start_with(&files.settings(), "").await;
    let mut stream = connect(bridge.port, &roots).await.unwrap();
    ask(&mut stream, bridge.port, "close").await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains("strict-transport-security: max-age=31536000"),
        "{answer}"
    );

    // Plain HTTP on the same port gets no answer that a client could take for one.
    let plain = bridge
        .send("GET /health HTTP/1.1\nHost: portal.localhost:{port}")
        .await;
    assert_ne!(plain.status, 200);
}

/// Whether connections are opened with a certificate, once the bridge was told to look.
async fn is_served(port: u16, roots: &RootCertStore) -> bool {
    let hangup = Command::new("kill")
        .args(["-HUP", &std::process::id().to_string()])
        .status()
        .unwrap();
    assert!(hangup.success());
    for _ in 0..20 {
        if connect(port, roots).await.is_ok() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

#[tokio::test]
async fn a_replaced_certificate_is_served_after_sighup_and_a_broken_one_is_not() {
    let (files, first) = Files::new("replaced");
    let bridge = RunningBridge::start_with(&files.settings(), "").await;
    let mut stands = connect(bridge.port, &first).await.unwrap();
    let second = files.replace();
    assert!(
        connect(bridge.port, &second).await.is_err(),
        "the control: not before SIGHUP"
    );
    assert!(is_served(bridge.port, &second).await);
    // What stands goes on with what it was opened with.
    ask(&mut stands, bridge.port, "close").await;
    let mut answer = String::new();
    stands.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    // Half a replacement, a key that others may read, rubbish.
    let third = files.replace();
    files.set_key_mode(0o644);
    assert!(!is_served(bridge.port, &third).await);
    files.set_key_mode(0o640);
    let key = fs::read(files.folder.join("key.pem")).unwrap();
    files.replace();
    fs::write(files.folder.join("key.pem"), key).unwrap();
    assert!(!is_served(bridge.port, &third).await);
    fs::write(files.folder.join("certificate.pem"), "rubbish").unwrap();
    assert!(
        is_served(bridge.port, &second).await,
        "the one of before is served"
    );
}

#[tokio::test]
async fn a_key_that_others_may_read_starts_nothing() {
    let (files, _roots) = Files::new("open");
    files.set_key_mode(0o644);
    let refused = RunningBridge::try_start_with(&files.settings()).await;
    assert!(refused.is_err_and(|error| error.contains("600 or 640 is wanted")));
}
