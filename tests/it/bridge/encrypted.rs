//! Connections to a database on another machine are encrypted, and the server's certificate is checked (PO-7).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use session_bridge::config::Database as Settings;
use session_bridge::db::{Role, create_pool, ping};
use vpd_tests::{Cluster, Database, Extension, Library, Result, role};

/// A folder with the server's certificate and key, and a certificate of somebody else.
struct Certificates(PathBuf);

impl Certificates {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("vpd-certificates-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        fs::write(folder.join("server.pem"), own.cert.pem())?;
        fs::write(folder.join("server.key"), own.signing_key.serialize_pem())?;
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        fs::write(folder.join("other.pem"), other.cert.pem())?;
        fs::write(folder.join("password"), role::BRIDGE)?;
        for secret in ["server.key", "password"] {
            fs::set_permissions(folder.join(secret), fs::Permissions::from_mode(0o600))?;
        }
        // The key belongs to the server's user, where that is another than this one.
        let _fails_unless_root = Command::new("chown")
            .arg("postgres")
            .arg(folder.join("server.key"))
            .output()?;
        Ok(Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn settings(
    cluster: &Cluster,
    database: &str,
    host: &str,
    authority: &Path,
    password: &Path,
) -> Result<Settings> {
    let settings: Value = json!({
        "host": host,
        "port": cluster.port(),
        "dbname": database,
        "sslmode": "verify-full",
        "ca_file": authority,
        "bridge": {"user": role::BRIDGE, "password_file": password},
    });
    Ok(serde_json::from_value(settings)?)
}

#[test]
fn connection_is_encrypted_and_the_certificate_is_checked() -> Result<()> {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let files = Certificates::new()?;
    let ssl = format!(
        "ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'",
        files.path("server.pem").display(),
        files.path("server.key").display()
    );
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, &ssl)?;
    let database = Database::create_in(&cluster)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let pool = |host: &str, authority: &str| -> Result<_> {
            let (authority, password) = (files.path(authority), files.path("password"));
            Ok(create_pool(
                &settings(&cluster, database.name(), host, &authority, &password)?,
                Role::Bridge,
            )?)
        };
        let sound = pool("localhost", "server.pem")?;
        assert!(ping(&sound).await?);
        let query = "SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()";
        let is_encrypted: bool = sound.get().await?.query_one(query, &[]).await?.get(0);
        assert!(is_encrypted);
        let stranger = pool("localhost", "other.pem")?;
        assert!(ping(&stranger).await.is_err(), "another authority was believed");
        let renamed = pool("127.0.0.1", "server.pem")?;
        assert!(ping(&renamed).await.is_err(), "the host name was not checked");
        Ok(())
    })
}
