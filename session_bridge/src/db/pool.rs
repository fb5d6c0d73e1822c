//! Pools of connections, one for each role.
//!
//! Connections are recycled without a reset (`Fast`): identity lives in a transaction and ends with it, so there is nothing to
//! reset, and `Transaction` keeps connections with an open one from coming back.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Object, RecyclingMethod, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::warn;

use super::connect::{ConnectError, Role, encryption, parameters};
use super::{DatabaseError, EXTENSION_VERSION, statement};
use crate::config::Database;

/// Connections of one role.
pub type Pool = deadpool_postgres::Pool;

const WAIT: Duration = Duration::from_secs(5);

/// Makes the pool of a role. Nothing is connected yet.
pub fn create_pool(database: &Database, role: Role) -> Result<Pool, ConnectError> {
    let settings = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let way = Way {
        encryption: encryption(database)?,
        database: database.clone(),
        role,
    };
    let manager = Manager::from_connect(parameters(database, role)?, way, settings);
    let builder = Pool::builder(manager)
        .max_size(database.pool_size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(WAIT))
        .recycle_timeout(Some(WAIT));
    builder.build().map_err(|_| ConnectError::NoSuchRole("pool"))
}

/// How the connections of a pool are made: each with the password that its file has then.
struct Way {
    database: Database,
    role: Role,
    encryption: MakeRustlsConnect,
}

type Connecting<'a> =
    Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + 'a>>;

impl Connect for Way {
    fn connect(&self, at_start: &tokio_postgres::Config) -> Connecting<'_> {
        let current = parameters(&self.database, self.role).unwrap_or_else(|error| {
            warn!(event = "db.password", %error, "the password of before is used");
            at_start.clone()
        });
        Box::pin(async move {
            let (client, connection) = current.connect(self.encryption.clone()).await?;
            let driver = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    warn!(event = "db.connection", %error, "a connection broke");
                }
            });
            Ok((client, driver))
        })
    }
}

/// Runs one statement in a transaction of its own and returns its only column, as JSON or any other type.
///
/// For functions of the extension that take a token themselves: there is no transaction that could stay open.
pub async fn call<T>(pool: &Pool, text: &str, arguments: &[&(dyn ToSql + Sync)]) -> Result<T, DatabaseError>
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    let client: Object = pool.get().await?;
    let prepared = client.prepare_cached(text).await?;
    Ok(client.query_one(&prepared, arguments).await?.try_get(0)?)
}

/// Runs one statement in a transaction of its own, for what it does.
pub async fn run(pool: &Pool, text: &str, arguments: &[&(dyn ToSql + Sync)]) -> Result<(), DatabaseError> {
    let client: Object = pool.get().await?;
    let prepared = client.prepare_cached(text).await?;
    client.execute(&prepared, arguments).await?;
    Ok(())
}

/// Like `call`, for a statement whose column is JSON.
pub async fn query_json<T>(
    pool: &Pool,
    text: &str,
    arguments: &[&(dyn ToSql + Sync)],
) -> Result<T, DatabaseError>
where
    T: for<'a> serde::Deserialize<'a>,
{
    call::<Json<T>>(pool, text, arguments)
        .await
        .map(|Json(value)| value)
}

/// Asks whether the library supplies policies and the extension has the version this bridge was built for.
pub async fn ping(pool: &Pool) -> Result<bool, DatabaseError> {
    call(pool, statement::PING, &[&EXTENSION_VERSION]).await
}
