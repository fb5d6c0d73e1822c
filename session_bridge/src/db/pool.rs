//! Pools of connections, one for each role.
//!
//! Connections are recycled without a reset (`Fast`): identity lives in a transaction and ends with it, so there is nothing to
//! reset, and `Transaction` keeps connections with an open one from coming back.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, RecyclingMethod, Runtime};
use tokio_postgres::types::{Json, ToSql};

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
    let manager = Manager::from_config(parameters(database, role)?, encryption(database)?, settings);
    let builder = Pool::builder(manager)
        .max_size(database.pool_size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(WAIT))
        .recycle_timeout(Some(WAIT));
    builder.build().map_err(|_| ConnectError::NoSuchRole("pool"))
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
