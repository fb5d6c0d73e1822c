//! What every request shares: configuration, pools, provider, hub, figures.
//!
//! Invariant: nothing here decides anything; a second bridge beside this one gives the same answers.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::db::{ConnectError, Pool, Role, create_pool};
use crate::events::{Hub, Lookout};
use crate::http::{Sites, pages::PageError, places::Places};
use crate::identity::Provider;
use crate::metrics::Metrics;

/// Why the bridge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Database settings.
    #[error(transparent)]
    Database(#[from] ConnectError),
    /// Folder of an application's pages.
    #[error(transparent)]
    Pages(#[from] PageError),
    /// Identity provider settings.
    #[error("identity provider: {0}")]
    Identity(String),
    /// Figures.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// Listener.
    #[error("listener: {0}")]
    Listener(#[from] std::io::Error),
    /// Description of the routes.
    #[error("description of the routes: {0}")]
    Description(String),
    /// Certificate or key of the listener.
    #[error("server.tls: {0}")]
    Tls(String),
}

/// What every request shares.
pub struct Bridge {
    /// Configuration.
    pub config: Config,
    /// Connections of the role with profile `bridge`.
    pub pool: Pool,
    /// Connections of the role with profile `runtime`, for the demo data.
    pub runtime: Option<Pool>,
    /// Identity provider.
    pub provider: Provider,
    /// Places for connections.
    pub connections: Arc<Places>,
    /// Places for event streams.
    pub streams: Arc<Places>,
    /// Streams that wait for wake-ups.
    pub hub: Arc<Hub>,
    /// Looks into the queue for the streams.
    pub lookout: Lookout,
    /// Figures.
    pub metrics: Metrics,
    /// What answers on which host.
    pub sites: Sites,
    /// Told when the bridge stops.
    pub stop: CancellationToken,
}

impl Bridge {
    /// Prepares everything, within a runtime; nothing is connected yet.
    pub fn new(config: Config) -> Result<Self, StartError> {
        let runtime = config
            .demo
            .enabled
            .then(|| create_pool(&config.database, Role::Runtime))
            .transpose()?;
        let pool = create_pool(&config.database, Role::Bridge)?;
        let server = &config.server;
        Ok(Self {
            connections: Places::new(server.max_connections, server.max_connections_per_client),
            streams: Places::new(server.streams.max, server.streams.max_per_client),
            lookout: Lookout::start(pool.clone()),
            pool,
            runtime,
            provider: Provider::new(config.identity.clone()).map_err(StartError::Identity)?,
            hub: Arc::default(),
            metrics: Metrics::new()?,
            sites: Sites::new(&config)?,
            stop: CancellationToken::new(),
            config,
        })
    }
}
