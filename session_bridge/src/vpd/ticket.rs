//! Handoff tickets: issue and redeem.

use super::Token;
use crate::db::{DatabaseError, Identity, Pool, Transaction, call, statement};

/// A ticket that was given out.
#[derive(Debug)]
pub struct Issued {
    /// The ticket.
    pub ticket: Token,
    /// How long it lives, in seconds.
    pub expires_in: i64,
}

/// Gives out a ticket for another application, bound to a challenge.
pub async fn issue(
    pool: &Pool,
    token: &Token,
    target_app: &str,
    challenge: &str,
) -> Result<(Identity, Issued), DatabaseError> {
    let (transaction, identity) = Transaction::attach(pool, token).await?;
    let result = async {
        let row = transaction
            .query_one(statement::ISSUE_TICKET, &[token, &target_app, &challenge])
            .await?;
        let ticket: String = row.try_get(0)?;
        Ok(Issued {
            ticket: ticket.into(),
            expires_in: row.try_get(1)?,
        })
    };
    let result = result.await;
    transaction.finish(result.map(|issued| (identity, issued))).await
}

/// Redeems a ticket; `None` is a refusal. One statement in its own transaction, so it commits either way.
pub async fn redeem(
    pool: &Pool,
    ticket: &Token,
    target_app: &str,
    verifier: &Token,
) -> Result<Option<Token>, DatabaseError> {
    let token: Option<String> =
        call(pool, statement::REDEEM_TICKET, &[ticket, &target_app, verifier]).await?;
    Ok(token.map(Token::from))
}
