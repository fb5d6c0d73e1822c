//! The listener: accepts connections, ends TLS, serves HTTP/1.1, stops gracefully.
//!
//! hyper is driven directly because its time-out for request heads needs a timer, which `axum::serve` does not install.
//! Invariant: the number of connections is bounded, and no stage of one waits for ever.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use tracing::{debug, info, warn};

use super::{Shared, address::PeerAddress, router};
use crate::bridge::{Bridge, StartError};
use crate::config::{Config, Tls};
use crate::db::listen;

const PAUSE: Duration = Duration::from_millis(100);
const GRACE: Duration = Duration::from_secs(10);
const MAX_HEAD: usize = 64 * 1024;

/// Serves until SIGTERM or SIGINT.
pub async fn serve(config: Config) -> Result<(), StartError> {
    let bridge = Arc::new(Bridge::new(config)?);
    let listener = TcpListener::bind(bridge.config.server.bind).await?;
    let stop = bridge.stop.clone();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    serve_on(listener, bridge).await
}

/// Serves on a listener until the bridge is told to stop.
pub async fn serve_on(listener: TcpListener, bridge: Shared) -> Result<(), StartError> {
    let tls = bridge.config.server.tls.as_ref().map(acceptor).transpose()?;
    let routes = router(&bridge)?;
    tokio::spawn(listen(
        bridge.config.database.clone(),
        Arc::clone(&bridge.hub),
        bridge.stop.clone(),
    ));
    info!(event = "http.listen", bind = %listener.local_addr()?, tls = tls.is_some(), "listening");

    let connections = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(bridge.config.server.max_connections));
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = bridge.stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (bridge, routes) = (Arc::clone(&bridge), routes.clone());
                let connection = Connection {
                    bridge,
                    routes,
                    peer,
                    watcher: connections.watcher(),
                };
                let tls = tls.clone();
                tokio::spawn(async move {
                    connection.serve(stream, tls).await;
                    drop(permit);
                });
            }
            // Out of file descriptors, most likely: a pause lets some come back.
            Err(error) => {
                warn!(event = "http.listen", %error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    info!(event = "http.listen", "stopping");
    drop(listener);
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        warn!(event = "http.listen", "some requests were cut off");
    }
    info!(event = "http.listen", "stopped");
    Ok(())
}

struct Connection {
    bridge: Shared,
    routes: Router,
    peer: SocketAddr,
    watcher: Watcher,
}

impl Connection {
    async fn serve(self, stream: tokio::net::TcpStream, tls: Option<TlsAcceptor>) {
        // Small answers must not wait for each other.
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.speak_http(stream).await,
            Some(tls) => {
                let handshake =
                    tokio::time::timeout(self.bridge.config.server.header_timeout(), tls.accept(stream));
                match handshake.await {
                    Ok(Ok(stream)) => self.speak_http(stream).await,
                    Ok(Err(error)) => debug!(event = "http.tls", %error, "handshake failed"),
                    Err(_) => debug!(event = "http.tls", "handshake took too long"),
                }
            }
        }
    }

    async fn speak_http(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self {
            bridge,
            routes,
            peer,
            watcher,
        } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(PeerAddress(peer));
            routes.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bridge.config.server.header_timeout())
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            debug!(event = "http.connection", %error, "connection ended early");
        }
    }
}

fn acceptor(files: &Tls) -> Result<TlsAcceptor, StartError> {
    let refuse = |error: &dyn std::fmt::Display| StartError::Tls(error.to_string());
    let certificates = CertificateDer::pem_file_iter(&files.certificate_file)
        .map_err(|error| refuse(&error))?
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refuse(&error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key_file).map_err(|error| refuse(&error))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| refuse(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
