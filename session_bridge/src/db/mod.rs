//! PostgreSQL as the bridge uses it: pools, transactions, the listening connection, migrations.
//!
//! Not here: what the calls mean (that is `vpd`). Invariant: a connection with an open transaction never returns to a pool,
//! and every statement text is a constant of this crate.

mod connect;
mod error;
mod listener;
mod migrate;
mod pool;
pub mod statement;
mod transaction;

pub use connect::{ConnectError, Role, Stream, connect};
pub(crate) use connect::{read_authorities, trusting};
pub use error::{DatabaseError, describe, token_of, told};
pub use listener::listen;
pub use migrate::{MigrateError, Options as MigrateOptions, migrate};
pub use pool::{Pool, call, create_pool, ping, query_json, run};
pub use transaction::{Identity, Transaction};

/// Version of the extension this bridge was built for.
pub const EXTENSION_VERSION: &str = env!("CARGO_PKG_VERSION");
