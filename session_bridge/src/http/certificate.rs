//! The certificate of the listener, which can be replaced while the bridge runs.
//!
//! Invariant: a connection that stands keeps what it was opened with; one that cannot be read replaces nothing.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::bridge::StartError;
use crate::config::{Tls, require_private};

/// The certificate and key that connections are opened with now.
#[derive(Debug)]
pub struct Certificate {
    files: Tls,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads certificate and key.
    pub fn read(files: &Tls) -> Result<Arc<Self>, StartError> {
        Ok(Arc::new(Self {
            current: RwLock::new(Arc::new(read(files)?)),
            files: files.clone(),
        }))
    }

    /// Reads both anew.
    pub fn reload(&self) -> Result<(), StartError> {
        let key = Arc::new(read(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(())
    }

    /// What ends TLS with it.
    pub fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

fn read(files: &Tls) -> Result<CertifiedKey, StartError> {
    let refuse = |error: &dyn std::fmt::Display| StartError::Tls(error.to_string());
    let of_key = |error: &dyn std::fmt::Display| refuse(&format!("{}: {error}", files.key_file.display()));
    let certificates = CertificateDer::pem_file_iter(&files.certificate_file)
        .map_err(|error| refuse(&error))?
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refuse(&error))?;
    require_private(&files.key_file).map_err(|error| of_key(&error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key_file).map_err(|error| of_key(&error))?;
    let key = any_supported_type(&key).map_err(|error| of_key(&error))?;
    let certified = CertifiedKey::new(certificates, key);
    // Nobody could connect with a key of another certificate.
    certified.keys_match().map_err(|error| refuse(&error))?;
    Ok(certified)
}
