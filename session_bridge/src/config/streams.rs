//! How many event streams there may be, and how long one lasts.

use std::time::Duration;

use serde::Deserialize;

/// Event streams.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Streams {
    /// Most at once. The other connections are for requests.
    pub max: usize,
    /// Most at once of one client network.
    pub max_per_client: usize,
    /// Most at once of one session; the oldest makes way.
    pub max_per_session: usize,
    /// After this time a stream ends; browsers open another by themselves.
    lifetime_seconds: u32,
}

impl Streams {
    /// After this time a stream ends.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.lifetime_seconds.into())
    }
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            max: 3072,
            max_per_client: 256,
            max_per_session: 16,
            lifetime_seconds: 3600,
        }
    }
}
