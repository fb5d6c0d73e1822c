//! A transaction on a pooled connection, and the session attached to it.
//!
//! Invariant: the connection goes back to the pool only after COMMIT or ROLLBACK was answered. When the future that holds the
//! transaction is dropped at any other point (client gone, time-out, panic), the connection is closed, and the server rolls back.

use deadpool_postgres::Object;
use futures_util::future::try_join3;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Json, ToSql};
use uuid::Uuid;

use super::{DatabaseError, Pool, statement};
use crate::vpd::Token;

/// Whose session is attached.
#[derive(Debug, Clone)]
pub struct Identity {
    /// User of the session.
    pub user_name: String,
    /// Application the token was given to.
    pub app: String,
    /// Public identifier of the session.
    pub session_id: Uuid,
}

/// An open transaction.
pub struct Transaction {
    connection: Option<Object>,
}

impl Transaction {
    /// Opens a transaction without a session.
    pub async fn begin(pool: &Pool) -> Result<Self, DatabaseError> {
        let transaction = Self {
            connection: Some(pool.get().await?),
        };
        let begun = transaction
            .client()?
            .batch_execute("BEGIN")
            .await
            .map_err(DatabaseError::from);
        match begun {
            Ok(()) => Ok(transaction),
            Err(error) => transaction.finish(Err(error)).await,
        }
    }

    /// Opens a transaction and attaches the session of a token to it. Counts as use of the session.
    pub async fn attach(pool: &Pool, token: &Token) -> Result<(Self, Identity), DatabaseError> {
        Self::open(pool, token, "BEGIN").await
    }

    /// The same for a look that is no use: a read-only transaction leaves the idle clock alone.
    pub async fn attach_to_look(pool: &Pool, token: &Token) -> Result<(Self, Identity), DatabaseError> {
        Self::open(pool, token, "BEGIN READ ONLY").await
    }

    async fn open(pool: &Pool, token: &Token, begin: &str) -> Result<(Self, Identity), DatabaseError> {
        let transaction = Self {
            connection: Some(pool.get().await?),
        };
        match transaction.begin_attached(token, begin).await {
            Ok(identity) => Ok((transaction, identity)),
            Err(error) => transaction.finish(Err(error)).await,
        }
    }

    /// Runs a statement that answers exactly one row.
    pub async fn query_one(
        &self,
        text: &str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, DatabaseError> {
        let client = self.client()?;
        let prepared = client.prepare_cached(text).await?;
        Ok(client.query_one(&prepared, arguments).await?)
    }

    /// Runs a statement that answers one row of one column.
    pub async fn call<T>(&self, text: &str, arguments: &[&(dyn ToSql + Sync)]) -> Result<T, DatabaseError>
    where
        T: for<'a> FromSql<'a>,
    {
        Ok(self.query_one(text, arguments).await?.try_get(0)?)
    }

    /// Like `call`, for a statement whose column is JSON.
    pub async fn query_json<T>(
        &self,
        text: &str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<T, DatabaseError>
    where
        T: for<'a> serde::Deserialize<'a>,
    {
        self.call::<Json<T>>(text, arguments)
            .await
            .map(|Json(value)| value)
    }

    /// Ends the transaction: commits when the work succeeded, rolls back when it did not.
    pub async fn finish<T>(mut self, result: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.client()?.batch_execute(end).await;
        match (result, ended) {
            (Ok(value), Ok(())) => {
                self.give_back();
                Ok(value)
            }
            (Ok(_), Err(error)) => Err(error.into()),
            (Err(error), Ok(())) => {
                self.give_back();
                Err(error)
            }
            (Err(error), Err(_)) => Err(error),
        }
    }

    async fn begin_attached(&self, token: &Token, begin: &str) -> Result<Identity, DatabaseError> {
        let client = self.client()?;
        let attach = client.prepare_cached(statement::ATTACH_SESSION).await?;
        let identity = client.prepare_cached(statement::IDENTITY).await?;
        // Sent together: the three cost one round trip, and each fails when the one before it did.
        let arguments: [&(dyn ToSql + Sync); 1] = [token];
        let (_, _, row) = try_join3(
            client.batch_execute(begin),
            client.query_one(&attach, &arguments),
            client.query_one(&identity, &[]),
        )
        .await?;
        Ok(Identity {
            user_name: row.try_get(0)?,
            app: row.try_get(1)?,
            session_id: row.try_get(2)?,
        })
    }

    fn client(&self) -> Result<&Object, DatabaseError> {
        let closed = || DatabaseError::Pool(deadpool_postgres::PoolError::Closed);
        self.connection.as_ref().ok_or_else(closed)
    }

    fn give_back(&mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}
