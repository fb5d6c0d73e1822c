//! HTTPS on the bridge's own listener.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::bridge::RunningBridge;

struct Files {
    folder: PathBuf,
    roots: RootCertStore,
}

impl Files {
    fn new() -> Self {
        crate::set_up();
        let folder = std::env::temp_dir().join(format!("vpd-tls-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let made = rcgen::generate_simple_self_signed(["portal.localhost".to_owned()]).unwrap();
        fs::write(folder.join("certificate.pem"), made.cert.pem()).unwrap();
        fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        Self { folder, roots }
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

#[tokio::test]
async fn listener_speaks_tls_and_promises_it() {
    let files = Files::new();
    let bridge = RunningBridge::start_with(&files.settings(), "").await;
    let client = ClientConfig::builder()
        .with_root_certificates(files.roots.clone())
        .with_no_client_auth();
    let name = ServerName::try_from("portal.localhost").unwrap();
    let plain = TcpStream::connect(("127.0.0.1", bridge.port)).await.unwrap();
    let mut stream = TlsConnector::from(Arc::new(client))
        .connect(name, plain)
        .await
        .unwrap();
    let request = format!(
        "GET /health HTTP/1.1\r\nHost: portal.localhost:{}\r\nConnection: close\r\n\r\n",
        bridge.port
    );
    stream.write_all(request.as_bytes()).await.unwrap();
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
