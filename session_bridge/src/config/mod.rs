//! What an operator decides: addresses, database, identity provider, applications.
//!
//! Not here: anything the database decides (time-outs, policies, who may do what) and any secret; secrets are read from
//! files named here. Invariant: an unknown key is an error, so that a misspelt defence is never silently off.

mod check;
mod error;
mod load;
mod origin;
mod secret;
mod streams;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

pub use check::check;
pub use error::ConfigError;
pub use load::load;
pub use origin::Origin;
pub use secret::{Secret, create_secret, read_secret, require_private};
pub use streams::Streams;

/// The whole configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Listener and interceptor chain.
    pub server: Server,
    /// Log output.
    #[serde(default)]
    pub log: Log,
    /// PostgreSQL.
    pub database: Database,
    /// Identity provider.
    pub identity: Identity,
    /// Applications with a front end on this bridge.
    #[serde(default, rename = "app")]
    pub apps: Vec<App>,
    /// Keys of identity providers, for the process that hands them in.
    #[serde(default)]
    pub keys: Keys,
    /// Demo data endpoints.
    #[serde(default)]
    pub demo: Demo,
}

/// Listener and interceptor chain.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to listen on.
    pub bind: SocketAddr,
    /// Hosts (`host[:port]`) of the service and operation routes.
    #[serde(default)]
    pub service_hosts: Vec<String>,
    /// Certificate and key; without them plain HTTP is spoken.
    pub tls: Option<Tls>,
    /// Says that a proxy before the bridge ends TLS; allows plain HTTP on an address that is not loopback.
    #[serde(default)]
    pub behind_tls_proxy: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
    /// Address ranges that are refused.
    #[serde(default)]
    pub deny: Vec<IpNet>,
    /// Origins whose scripts may call the service routes; none by default.
    #[serde(default)]
    pub cors_origins: Vec<Origin>,
    /// Token bucket of each client address.
    #[serde(default)]
    pub rate_limit: RateLimit,
    /// Longest time a request may take, its body included.
    #[serde(default = "defaults::request_timeout")]
    request_timeout_seconds: u32,
    /// Longest time the head of a request may take.
    #[serde(default = "defaults::header_timeout")]
    header_timeout_seconds: u32,
    /// Largest request body.
    #[serde(default = "defaults::body_limit")]
    pub body_limit_bytes: usize,
    /// Longest time that a client may leave an answer unread.
    #[serde(default = "defaults::write_timeout")]
    write_timeout_seconds: u32,
    /// Most connections at once; more are closed.
    #[serde(default = "defaults::max_connections")]
    pub max_connections: usize,
    /// Most connections at once of one client network, which trusted proxies are not.
    #[serde(default = "defaults::max_connections_per_client")]
    pub max_connections_per_client: usize,
    /// Event streams.
    #[serde(default)]
    pub streams: Streams,
    /// Address to answer the operation routes on, in plain HTTP; they are on no other host then.
    pub operation_bind: Option<SocketAddr>,
}

impl Server {
    /// Longest time a request may take, its body included.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds.into())
    }

    /// Longest time the head of a request may take.
    pub fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_timeout_seconds.into())
    }

    /// Longest time that a client may leave an answer unread.
    pub fn write_timeout(&self) -> Duration {
        Duration::from_secs(self.write_timeout_seconds.into())
    }

    /// True when browsers reach the bridge over HTTPS.
    pub fn is_https(&self) -> bool {
        self.tls.is_some() || self.behind_tls_proxy
    }
}

/// Certificate chain and key of the listener, PEM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificate chain.
    pub certificate_file: PathBuf,
    /// Private key.
    pub key_file: PathBuf,
}

/// Token bucket of each client address.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests a second that refill the bucket.
    pub per_second: u32,
    /// Size of the bucket.
    pub burst: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            per_second: 100,
            burst: 400,
        }
    }
}

/// Log output, to standard error.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// One JSON object a line, or text.
    pub format: LogFormat,
    /// Filter in the syntax of `tracing`, such as `info,session_bridge=debug`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Json,
            filter: "warn,session_bridge=info".to_owned(),
        }
    }
}

/// Shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Text,
}

/// PostgreSQL.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Host name, address, or directory of the unix socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Name of the database.
    pub dbname: String,
    /// Whether the connection is encrypted.
    #[serde(default)]
    pub sslmode: SslMode,
    /// Certificate authority of the server, PEM; needed with `verify-full`.
    pub ca_file: Option<PathBuf>,
    /// Connections of each pool.
    #[serde(default = "defaults::pool_size")]
    pub pool_size: usize,
    /// The role with profile `bridge`.
    pub bridge: Login,
    /// The role with profile `runtime`; needed for the demo data only.
    pub runtime: Option<Login>,
    /// The role with profile `key_steward`; for `keys sync`, which is a process of its own.
    pub keys: Option<Login>,
    /// The administrator, for `migrate`, `load` and `policy`.
    pub admin: Option<Login>,
}

/// Whether the connection to PostgreSQL is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Not encrypted: for a unix socket or a loopback address only.
    #[default]
    Disable,
    /// Encrypted; certificate and host name are checked.
    VerifyFull,
}

/// How one role logs in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Host of this role's connections when it differs from the database's.
    pub host: Option<String>,
    /// Role.
    pub user: String,
    /// File with the password, readable by its owner only.
    pub password_file: Option<PathBuf>,
}

/// Identity provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// `oidc` for a provider, `dev` for the built-in one.
    pub mode: IdentityMode,
    /// Issuer, exactly as in its tokens; in mode `dev` also the origin the built-in provider answers on.
    pub issuer: String,
    /// Client of this bridge at the provider; the database has to accept it as audience.
    pub client_id: String,
    /// File with the client's secret; without it the bridge is a public client.
    pub client_secret_file: Option<PathBuf>,
    /// Certificate authority of the provider, PEM; the system's authorities when not set.
    pub ca_file: Option<PathBuf>,
    /// Scope to ask for.
    #[serde(default = "defaults::scope")]
    pub scope: String,
    /// Users of the built-in provider; the password of each is the name.
    #[serde(default, rename = "dev_user")]
    pub dev_users: Vec<DevUser>,
}

/// Kind of identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentityMode {
    /// An OpenID Connect provider.
    Oidc,
    /// The built-in provider for development; loopback only.
    Dev,
}

/// A user of the built-in provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevUser {
    /// Name and password.
    pub name: String,
    /// Claim `roles`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Claim `attributes`.
    #[serde(default)]
    pub attributes: serde_json::Map<String, serde_json::Value>,
}

/// An application with a front end on this bridge.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Name it is registered with in the database.
    pub name: String,
    /// Pillar that it is registered in; applications that hand sessions over to each other are in one.
    #[serde(default = "defaults::pillar")]
    pub pillar: String,
    /// Origin of its pages.
    pub origin: Origin,
    /// Folder of its pages.
    pub pages: Option<PathBuf>,
    /// Folder served as `/shared`.
    pub shared_pages: Option<PathBuf>,
    /// Application that hands its session over to this one.
    pub handoff_from: Option<String>,
    /// Databases and services that its sessions may be shown to by token; none by default.
    #[serde(default)]
    pub audiences: Vec<String>,
}

/// How often the keys of identity providers are fetched.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// Pause between two looks at a provider whose keys nobody misses, a tenth more or less.
    interval_seconds: u32,
    /// Shortest pause between two looks at a provider, however many unknown keys are named.
    pause_seconds: u32,
}

impl Keys {
    /// Pause between two looks at a provider whose keys nobody misses.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_seconds.into())
    }

    /// Shortest pause between two looks at a provider.
    pub fn pause(&self) -> Duration {
        Duration::from_secs(self.pause_seconds.into())
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            interval_seconds: 300,
            pause_seconds: 60,
        }
    }
}

/// Demo data endpoints.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Demo {
    /// Serve `/api/orders` and `/api/profits`.
    pub enabled: bool,
}

mod defaults {
    pub fn request_timeout() -> u32 {
        15
    }

    pub fn header_timeout() -> u32 {
        10
    }

    pub fn body_limit() -> usize {
        64 * 1024
    }

    pub fn write_timeout() -> u32 {
        30
    }

    pub fn max_connections() -> usize {
        4096
    }

    pub fn max_connections_per_client() -> usize {
        512
    }

    pub fn pool_size() -> usize {
        16
    }

    pub fn pillar() -> String {
        "default".to_owned()
    }

    pub fn scope() -> String {
        "openid profile".to_owned()
    }
}
