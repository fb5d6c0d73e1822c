//! Cross-domain messages and the queue.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Token, session};
use crate::db::{DatabaseError, Identity, Pool, call, query_json, statement};

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

/// Records a keep-alive for another application. Does not count as use of the session: validating it does.
pub async fn record(
    pool: &Pool,
    token: &Token,
    target_app: &str,
) -> Result<(Identity, Token), DatabaseError> {
    let identity = session::look(pool, token).await?;
    let message: String = call(pool, statement::RECORD_MESSAGE, &[token, &target_app]).await?;
    Ok((identity, message.into()))
}

/// What became of a keep-alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It held; the idle clock moved on.
    Accepted,
    /// It was used before or is stale; the session goes on.
    Stale,
    /// Nobody recorded it; the session is over.
    Refused,
}

/// Validates and consumes a keep-alive. Only a message that holds counts as use of the session.
pub async fn validate(
    pool: &Pool,
    token: &Token,
    message: &Token,
) -> Result<(Identity, Verdict), DatabaseError> {
    let identity = session::look(pool, token).await?;
    // What the refusal ended is committed with it.
    let verdict = if call(pool, statement::VALIDATE_MESSAGE, &[token, message]).await? {
        Verdict::Accepted
    } else if session::identify(pool, token).await?.is_some() {
        Verdict::Stale
    } else {
        Verdict::Refused
    };
    Ok((identity, verdict))
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
