//! A bridge on a free port of loopback, without a database behind it.

use std::sync::Arc;
use std::time::Duration;

use session_bridge::bridge::Bridge;
use session_bridge::config::{Config, check};
use session_bridge::http::serve_on;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::client::{Answer, send};

/// A running bridge; it stops when it is dropped.
pub struct RunningBridge {
    pub port: u16,
    _serving: JoinHandle<()>,
    _stop: DropGuard,
}

impl RunningBridge {
    /// Starts with the configuration of the tests.
    pub async fn start() -> Self {
        Self::start_with("", "").await
    }

    /// Starts with more lines in the section `server`, and more sections.
    pub async fn start_with(server: &str, sections: &str) -> Self {
        crate::set_up();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let config: Config = toml::from_str(&configuration(port, server, sections)).unwrap();
        check(&config).unwrap();
        let bridge = Arc::new(Bridge::new(config).unwrap());
        let stop: CancellationToken = bridge.stop.clone();
        let serving = tokio::spawn(async move { serve_on(listener, bridge).await.unwrap() });
        Self {
            port,
            _serving: serving,
            _stop: stop.drop_guard(),
        }
    }

    /// Starts to serve with more lines in the section `server`, and tells why that ended.
    pub async fn try_start_with(server: &str) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let config: Config = toml::from_str(&configuration(port, server, "")).unwrap();
        let bridge = Arc::new(Bridge::new(config).unwrap());
        let stop: CancellationToken = bridge.stop.clone();
        let _stop = stop.drop_guard();
        let served = tokio::time::timeout(Duration::from_secs(5), serve_on(listener, bridge)).await;
        served.unwrap_or(Ok(())).map_err(|error| error.to_string())
    }

    /// Sends a request to a host of this bridge; `{port}` in the text is replaced.
    pub async fn send(&self, request: &str) -> Answer {
        send(self.port, &request.replace("{port}", &self.port.to_string())).await
    }
}

fn configuration(port: u16, server: &str, sections: &str) -> String {
    // Port 1 of loopback: nothing listens there.
    format!(
        r#"
        [server]
        bind = "127.0.0.1:{port}"
        service_hosts = ["127.0.0.1:{port}"]
        {server}
        [database]
        host = "127.0.0.1"
        port = 1
        dbname = "none"
        bridge = {{ user = "nobody" }}
        [identity]
        mode = "dev"
        issuer = "http://login.localhost:{port}"
        client_id = "session-bridge"
        [[identity.dev_user]]
        name = "alice"
        [[app]]
        name = "portal"
        origin = "http://portal.localhost:{port}"
        [[app]]
        name = "floor"
        origin = "http://floor.localhost:{port}"
        handoff_from = "portal"
        {sections}
        "#
    )
}
