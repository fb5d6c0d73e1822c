//! How a connection is made: parameters, password file, encryption.
//!
//! Invariant: with `verify-full` both certificate and host name are checked; there is no mode that encrypts without checking.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode as Ssl;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::describe;
use crate::config::{Database, Login, SslMode, read_secret};

/// The stream of an encrypted or plain connection.
pub type Stream = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream;

/// Which of the configured roles connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The role with profile `bridge`.
    Bridge,
    /// The role with profile `runtime`.
    Runtime,
    /// The role with profile `key_steward`.
    Keys,
    /// The administrator.
    Admin,
}

/// Why no connection could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The configuration has no such role.
    #[error("the configuration has no database.{0}")]
    NoSuchRole(&'static str),
    /// A password or certificate file cannot be used.
    #[error("{file}: {source}")]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// PostgreSQL or the way to it failed.
    #[error("cannot connect to PostgreSQL: {}", describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
}

impl Database {
    /// The login of a role.
    pub fn login(&self, role: Role) -> Result<&Login, ConnectError> {
        match role {
            Role::Bridge => Ok(&self.bridge),
            Role::Runtime => self.runtime.as_ref().ok_or(ConnectError::NoSuchRole("runtime")),
            Role::Keys => self.keys.as_ref().ok_or(ConnectError::NoSuchRole("keys")),
            Role::Admin => self.admin.as_ref().ok_or(ConnectError::NoSuchRole("admin")),
        }
    }
}

/// Connects once, outside a pool. The connection has to be driven by the caller.
pub async fn connect(
    database: &Database,
    role: Role,
) -> Result<(Client, Connection<Socket, Stream>), ConnectError> {
    Ok(parameters(database, role)?.connect(encryption(database)?).await?)
}

/// Connection parameters of a role, its password included.
pub(super) fn parameters(database: &Database, role: Role) -> Result<tokio_postgres::Config, ConnectError> {
    let login = database.login(role)?;
    let mut parameters = tokio_postgres::Config::new();
    parameters
        .host(login.host.as_ref().unwrap_or(&database.host))
        .port(database.port)
        .dbname(&database.dbname)
        .user(&login.user)
        .application_name("session-bridge")
        .connect_timeout(Duration::from_secs(5))
        .tcp_user_timeout(Duration::from_secs(20))
        .keepalives_idle(Duration::from_secs(30))
        .ssl_mode(match database.sslmode {
            SslMode::Disable => Ssl::Disable,
            SslMode::VerifyFull => Ssl::Require,
        });
    // Migrations take the time they need; a request does not.
    if role != Role::Admin {
        parameters.options(
            "-c statement_timeout=10s -c idle_in_transaction_session_timeout=20s -c timezone=UTC -c search_path=pg_catalog,pg_temp",
        );
    }
    if let Some(file) = &login.password_file {
        let source = |source| ConnectError::File {
            file: file.clone(),
            source,
        };
        parameters.password(read_secret(file).map_err(source)?.expose());
    }
    Ok(parameters)
}

/// The encryption the configuration asks for.
pub(super) fn encryption(database: &Database) -> Result<MakeRustlsConnect, ConnectError> {
    let mut roots = RootCertStore::empty();
    if let (SslMode::VerifyFull, Some(file)) = (database.sslmode, &database.ca_file) {
        roots = read_authorities(file).map_err(|source| ConnectError::File {
            file: file.clone(),
            source,
        })?;
    }
    Ok(MakeRustlsConnect::new(trusting(roots)))
}

/// Reads certificate authorities from a PEM file.
pub(crate) fn read_authorities(file: &Path) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(BufReader::new(File::open(file)?)) {
        roots
            .add(certificate.map_err(io::Error::other)?)
            .map_err(io::Error::other)?;
    }
    if roots.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no certificate in it"));
    }
    Ok(roots)
}

/// The client configuration that trusts these authorities.
pub(crate) fn trusting(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth()
}
