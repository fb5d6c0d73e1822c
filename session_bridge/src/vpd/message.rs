//! Cross-domain messages and the queue.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Token;
use crate::db::{DatabaseError, Identity, Pool, Transaction, call, query_json, statement};

/// A message in the queue of an application.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Queued {
    /// Order of arrival; 0 when the session is over and nothing is queued.
    pub id: i64,
    /// `close`.
    pub kind: String,
    /// Why.
    pub reason: String,
    /// When it was queued.
    pub created_at: String,
}

/// Records a keep-alive for another application.
pub async fn record(
    pool: &Pool,
    token: &Token,
    target_app: &str,
) -> Result<(Identity, Token), DatabaseError> {
    let (transaction, identity) = Transaction::attach(pool, token).await?;
    let result = transaction
        .call::<String>(statement::RECORD_MESSAGE, &[token, &target_app])
        .await;
    transaction
        .finish(result.map(|message| (identity, message.into())))
        .await
}

/// Validates and consumes a keep-alive; false is a refusal that ended the session, and is committed.
pub async fn validate(
    pool: &Pool,
    token: &Token,
    message: &Token,
) -> Result<(Identity, bool), DatabaseError> {
    let (transaction, identity) = Transaction::attach(pool, token).await?;
    let result = transaction
        .call(statement::VALIDATE_MESSAGE, &[token, message])
        .await;
    transaction
        .finish(result.map(|is_accepted| (identity, is_accepted)))
        .await
}

/// Messages waiting for the token's application; works after the session ended and does not count as use.
pub async fn browse(pool: &Pool, token: &Token) -> Result<Vec<Queued>, DatabaseError> {
    query_json(pool, statement::BROWSE_QUEUE, &[token]).await
}

/// The same for many tokens at once; the answers are in the order of the tokens.
pub async fn browse_all(pool: &Pool, tokens: &[Token]) -> Result<Vec<Vec<Queued>>, DatabaseError> {
    let mut all: Vec<Vec<Queued>> = tokens.iter().map(|_| Vec::new()).collect();
    let found: Vec<(usize, Queued)> = query_json(pool, statement::BROWSE_QUEUES, &[&tokens]).await?;
    for (position, queued) in found {
        if let Some(own) = all.get_mut(position) {
            own.push(queued);
        }
    }
    Ok(all)
}

/// Removes a message; false when there is no such message.
pub async fn acknowledge(pool: &Pool, token: &Token, id: i64) -> Result<bool, DatabaseError> {
    call(pool, statement::ACK_MESSAGE, &[token, &id]).await
}
