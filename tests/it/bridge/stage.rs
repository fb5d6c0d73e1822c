//! A database with the extension and a bridge before it.

use std::sync::Arc;

use postgres::Client;
use serde_json::{Value, json};
use session_bridge::bridge::Bridge;
use session_bridge::config::{Config, check};
use session_bridge::http::serve_on;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use vpd_tests::{Cluster, Database, Result, role, until};

use super::wire::{Answer, send};

/// The client of the bridge at its provider.
const CLIENT: &str = "session-bridge";
/// How many event streams a session, and a client, may have.
pub const STREAMS_PER_SESSION: usize = 3;
pub const STREAMS_PER_CLIENT: usize = 6;
/// The one audience that sessions of the portal may be shown to by token.
pub const AUDIENCE: &str = "https://second.example";

/// A bridge that serves; it stops when the stage goes.
pub struct Stage {
    port: u16,
    bridge: Arc<Bridge>,
    _runtime: Runtime,
}

impl Stage {
    /// Starts a bridge with one connection of each role, so that every request meets what the one before it left.
    pub fn before(database: &Database<'_>) -> Result<Self> {
        Self::start(database.cluster(), database.name(), 1)
    }

    /// Starts a bridge before a database of a cluster. Its built-in provider is trusted there, and has handed its key in.
    pub fn start(cluster: &Cluster, database: &str, pool_size: usize) -> Result<Self> {
        let stage = Self::open(cluster, database, pool_size, |port| {
            Ok(json!({
                "mode": "dev",
                "issuer": origin("login", port),
                "client_id": CLIENT,
                "dev_user": [
                    {"name": "alice", "roles": ["manager"], "attributes": {"regions": ["West"]}},
                    {"name": "bob", "roles": ["clerk"]},
                ],
            }))
        })?;
        let keys = stage.ask("GET /jwks.json", "login", &[], "")?.body;
        cluster.connect(role::KEYS, database)?.query(
            "SELECT FROM vpd.set_issuer_keys($1, $2::text::jsonb)",
            &[&stage.origin("login"), &keys],
        )?;
        Ok(stage)
    }

    /// Starts a bridge for a provider that is started when the port of the bridge is known; gives back its issuer. It is trusted, and its keys are not there yet.
    pub fn with_provider(database: &Database<'_>, start: impl FnOnce(u16) -> Result<String>) -> Result<Self> {
        Self::open(database.cluster(), database.name(), 4, |port| {
            let issuer = start(port)?;
            Ok(json!({"mode": "oidc", "issuer": issuer, "client_id": CLIENT, "scope": "openid"}))
        })
    }

    fn open(
        cluster: &Cluster,
        database: &str,
        pool_size: usize,
        identity: impl FnOnce(u16) -> Result<Value>,
    ) -> Result<Self> {
        let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let port = listener.local_addr()?.port();
        let identity = identity(port)?;
        let issuer = identity["issuer"].as_str().unwrap_or_default().to_owned();
        let config: Config =
            serde_json::from_value(configuration(cluster, database, port, pool_size, identity))?;
        check(&config)?;
        let mut admin = cluster.connect("postgres", database)?;
        for app in ["portal", "floor"] {
            let origins = vec![origin(app, port)];
            admin.execute(
                "SELECT vpd.register_app($1, 'retail', $2, max_sessions_per_user => 5)",
                &[&app, &origins],
            )?;
        }
        admin.execute(
            "SELECT vpd.trust_issuer($1, ARRAY[$2], roles_claim => 'roles', attribute_claims => '{\"app\": \"attributes\"}')",
            &[&issuer, &CLIENT],
        )?;
        let bridge = {
            let _within = runtime.enter();
            Arc::new(Bridge::new(config)?)
        };
        runtime.spawn(serve_on(listener, Arc::clone(&bridge)));
        Ok(Self {
            port,
            bridge,
            _runtime: runtime,
        })
    }

    /// Whether a request has a connection of the bridge's role, or is waiting for one.
    pub fn is_connection_in_use(&self) -> bool {
        let pool = self.bridge.pool.status();
        pool.available < pool.size || pool.waiting > 0
    }

    /// Origin of an application.
    pub fn origin(&self, app: &str) -> String {
        origin(app, self.port)
    }

    /// Port of the bridge.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host:port` of a site: an application, `login`, or `service`.
    pub fn host(&self, site: &str) -> String {
        match site {
            "service" => format!("127.0.0.1:{}", self.port),
            app => format!("{app}.localhost:{}", self.port),
        }
    }

    /// Sends a request: method and path, site, more headers, body.
    pub fn ask(&self, line: &str, site: &str, headers: &[&str], body: &str) -> Result<Answer> {
        send(self.port, &self.host(site), line, headers, body)
    }

    /// A service request with a bearer token.
    pub fn call(&self, line: &str, token: &str, body: &Value) -> Result<Answer> {
        let bearer = format!("Authorization: Bearer {token}");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.ask(
            line,
            "service",
            &[&bearer, "Content-Type: application/json"],
            &body,
        )
    }

    /// A request of an application's own page.
    pub fn page(&self, line: &str, app: &str, cookie: &str, body: &Value) -> Result<Answer> {
        let (cookie, body) = (format!("Cookie: {cookie}"), body.to_string());
        self.ask(
            line,
            app,
            &[
                &cookie,
                "Sec-Fetch-Site: same-origin",
                "Content-Type: application/json",
            ],
            &body,
        )
    }

    /// An identity token of the development provider.
    pub fn identity_token(&self, user: &str) -> Result<String> {
        let form = format!("grant_type=password&username={user}&password={user}");
        let answer = self.ask(
            "POST /token",
            "login",
            &["Content-Type: application/x-www-form-urlencoded"],
            &form,
        )?;
        answer.text("id_token")
    }

    /// A session of a user in an application, as a service creates it; the token.
    pub fn log_in(&self, user: &str, app: &str) -> Result<String> {
        let body = json!({"identity_token": self.identity_token(user)?, "app": app});
        let answer = self.ask(
            "POST /v1/sessions",
            "service",
            &["Content-Type: application/json"],
            &body.to_string(),
        )?;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.text("token")
    }

    /// Status and code of asking whose session a token is; `200` and the user when it is one.
    pub fn whose(&self, token: &str) -> Result<(u16, String)> {
        let answer = self.call("GET /v1/sessions/current", token, &Value::Null)?;
        let field = if answer.status == 200 { "user_name" } else { "code" };
        Ok((answer.status, answer.text(field)?))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.bridge.stop.cancel();
    }
}

/// Waits until connections of the bridge have done these statements, as patterns, and nothing since.
pub fn wait_until_idle_after(admin: &mut Client, statements: &[&str]) -> Result<()> {
    let query = "SELECT EXISTS (SELECT FROM pg_stat_activity
                                 WHERE datname = current_database() AND application_name = 'session-bridge'
                                   AND state = 'idle' AND query LIKE $1)";
    for statement in statements {
        until(&format!("the bridge is idle after {statement}"), || {
            Ok(admin.query_one(query, &[statement])?.get(0))
        })?;
    }
    Ok(())
}

/// Connections of the bridge in a database, by state.
pub fn bridge_connections(admin: &mut Client, state: &str) -> Result<i64> {
    let query = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND application_name = 'session-bridge' AND state LIKE $1";
    Ok(admin.query_one(query, &[&state])?.get(0))
}

fn origin(app: &str, port: u16) -> String {
    format!("http://{app}.localhost:{port}")
}

fn configuration(cluster: &Cluster, database: &str, port: u16, pool_size: usize, identity: Value) -> Value {
    json!({
        "server": {
            "bind": format!("127.0.0.1:{port}"),
            "service_hosts": [format!("127.0.0.1:{port}")],
            "streams": {"max_per_session": STREAMS_PER_SESSION, "max_per_client": STREAMS_PER_CLIENT},
        },
        "database": {
            "host": cluster.socket_folder(),
            "port": cluster.port(),
            "dbname": database,
            "pool_size": pool_size,
            "bridge": {"user": role::WEB},
        },
        "identity": identity,
        "app": [
            {"name": "portal", "origin": origin("portal", port), "audiences": [AUDIENCE]},
            {"name": "floor", "origin": origin("floor", port), "handoff_from": "portal"},
        ],
    })
}
