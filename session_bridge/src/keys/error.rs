//! Why no keys could be handed in.

use crate::db::{ConnectError, describe};

/// Why no keys could be handed in.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database refused, or the connection broke.
    #[error("{}", describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// Nobody is trusted.
    #[error("the database trusts no issuer: register one with vpd.trust_issuer")]
    NoIssuer,
    /// Standard output is gone.
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
}
