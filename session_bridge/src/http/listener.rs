//! The listeners: accept connections, end TLS, serve HTTP/1.1, stop gracefully.
//!
//! hyper is driven directly because its time-out for request heads needs a timer, which `axum::serve` does not install.
//! Invariant: the number of connections is bounded, for each client too, and no stage of one waits for ever. What finds no place is
//! closed at once, so that whoever has one is answered.

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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::{debug, info, warn};

use super::address::{PeerAddress, contains, network_of};
use super::certificate::Certificate;
use super::chain::operation_router;
use super::places::{Full, Place, Places};
use super::{Shared, router};
use crate::bridge::{Bridge, StartError};
use crate::config::Config;
use crate::db::listen;

const PAUSE: Duration = Duration::from_millis(100);
const GRACE: Duration = Duration::from_secs(10);
const MAX_HEAD: usize = 64 * 1024;
/// Connections of supervisors and collectors of figures.
const OPERATION_CONNECTIONS: usize = 64;

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

/// Serves on a listener, and on that of the operation routes where there is one, until the bridge is told to stop.
pub async fn serve_on(listener: TcpListener, bridge: Shared) -> Result<(), StartError> {
    let certificate = bridge
        .config
        .server
        .tls
        .as_ref()
        .map(Certificate::read)
        .transpose()?;
    tokio::spawn(reload(
        certificate.clone(),
        signal(SignalKind::hangup())?,
        bridge.stop.clone(),
    ));
    let everybody = Door {
        listener,
        routes: router(&bridge)?,
        tls: certificate.as_ref().map(Certificate::acceptor),
        places: Arc::clone(&bridge.connections),
        bridge: Arc::clone(&bridge),
    };
    let operation = match bridge.config.server.operation_bind {
        None => None,
        Some(address) => Some(Door {
            listener: TcpListener::bind(address).await?,
            routes: operation_router(&bridge)?,
            tls: None,
            places: Places::new(OPERATION_CONNECTIONS, OPERATION_CONNECTIONS),
            bridge: Arc::clone(&bridge),
        }),
    };
    tokio::spawn(listen(
        bridge.config.database.clone(),
        Arc::clone(&bridge.hub),
        bridge.stop.clone(),
    ));
    let connections = GracefulShutdown::new();
    tokio::try_join!(everybody.admit(&connections), async {
        match operation {
            Some(door) => door.admit(&connections).await,
            None => Ok(()),
        }
    })?;
    info!(event = "http.listen", "stopping");
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        warn!(event = "http.listen", "some requests were cut off");
    }
    info!(event = "http.listen", "stopped");
    Ok(())
}

/// Reads the certificate anew with each SIGHUP. Passwords are read with each connection, and need none.
async fn reload(certificate: Option<Arc<Certificate>>, mut hangup: Signal, stop: CancellationToken) {
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            () = stop.cancelled() => return,
        }
        match certificate.as_ref().map(|certificate| certificate.reload()) {
            Some(Err(error)) => warn!(event = "http.reload", %error, "the certificate of before is used"),
            Some(Ok(())) => info!(event = "http.reload", "the certificate was read anew"),
            None => info!(event = "http.reload", "there is no certificate to read anew"),
        }
    }
}

/// A listener, and what is served to those who come in.
struct Door {
    listener: TcpListener,
    routes: Router,
    tls: Option<TlsAcceptor>,
    places: Arc<Places>,
    bridge: Shared,
}

impl Door {
    /// Lets connections in until the bridge is told to stop, and closes the listener then.
    async fn admit(self, connections: &GracefulShutdown) -> Result<(), StartError> {
        info!(event = "http.listen", bind = %self.listener.local_addr()?, tls = self.tls.is_some(), "listening");
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = self.bridge.stop.cancelled() => return Ok(()),
            };
            match accepted {
                Ok((stream, peer)) => match self.place_for(peer) {
                    Ok(place) => self.serve(stream, peer, place, connections.watcher()),
                    Err(full) => self.bridge.metrics.refuse("connection", full.label()),
                },
                // Out of file descriptors, most likely: a pause lets some come back.
                Err(error) => {
                    warn!(event = "http.listen", %error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn place_for(&self, peer: SocketAddr) -> Result<Place, Full> {
        let address = peer.ip().to_canonical();
        let is_proxy = contains(&self.bridge.config.server.trusted_proxies, address);
        self.places.take((!is_proxy).then(|| network_of(address)))
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, place: Place, watcher: Watcher) {
        let connection = Connection {
            bridge: Arc::clone(&self.bridge),
            routes: self.routes.clone(),
            peer,
            watcher,
        };
        let tls = self.tls.clone();
        tokio::spawn(async move {
            connection.serve(stream, tls).await;
            drop(place);
        });
    }
}

struct Connection {
    bridge: Shared,
    routes: Router,
    peer: SocketAddr,
    watcher: Watcher,
}

impl Connection {
    async fn serve(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
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
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(bridge.config.server.write_timeout()));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bridge.config.server.header_timeout())
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        if let Err(error) = watcher.watch(connection).await {
            debug!(event = "http.connection", %error, "connection ended early");
        }
    }
}
