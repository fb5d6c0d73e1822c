//! Handoff tickets.

use super::store;
use super::token::{self, TokenKind};
use crate::error::{Error, Result};
use crate::sys::lock::{self, Counted};
use crate::sys::spi::{Statement, arg};
use pgrx::Uuid;

thread_local! {
    static ISSUE: Statement = const { Statement::new(include_str!("../../../sql/query/ticket/issue.sql")) };
    static REDEEM: Statement = const { Statement::new(include_str!("../../../sql/query/ticket/redeem.sql")) };
    static END_REPLAYED: Statement = const { Statement::new(include_str!("../../../sql/query/ticket/end_replayed.sql")) };
}

/// Gives out a ticket for the session of `token`, to be redeemed by `target_app` with the verifier of `challenge`.
pub fn issue(token: &str, target_app: &str, challenge: &str) -> Result<String> {
    let session = token::hash(TokenKind::Session, token).ok_or_else(Error::session_invalid)?;
    let challenge = token::decode_challenge(challenge).ok_or_else(|| {
        Error::argument(
            "the challenge is not usable",
            "Use BASE64URL(SHA256(verifier)), 43 characters (RFC 7636, S256).",
        )
    })?;
    let ticket = token::generate(TokenKind::Ticket)?;
    let hash = token::hash(TokenKind::Ticket, &ticket).unwrap_or_default();
    lock::serialize(Counted::Tickets, &session);
    let verdict = ISSUE.with(|statement| {
        statement.modify(
            &[arg(session), arg(hash), arg(target_app), arg(challenge)],
            |row| row.get::<String>(1),
        )
    });
    match verdict.into_iter().next().flatten().as_deref() {
        Some("issued") => Ok(ticket),
        Some("app_not_found") => Err(Error::not_found(
            "app_not_found",
            "the target application is not registered",
            "See the view vpd.apps.",
        )),
        Some("limit_tickets") => Err(Error::limit(
            "limit_tickets",
            "the session has 10 open tickets already",
            "Redeem one of them, or wait until they expire.",
        )),
        _ => Err(Error::session_invalid()),
    }
}

/// Redeems a ticket; `None` is a refusal, which the caller must commit.
pub fn redeem(ticket: &str, target_app: &str, verifier: &str) -> Result<Option<String>> {
    let Some(hash) = token::hash(TokenKind::Ticket, ticket) else {
        return Ok(None);
    };
    if token::is_verifier(verifier) {
        let token = token::generate(TokenKind::Session)?;
        let token_hash = token::hash(TokenKind::Session, &token).unwrap_or_default();
        let challenge = token::sha256(verifier.as_bytes());
        let redeemed = REDEEM.with(|statement| {
            statement.modify(
                &[
                    arg(hash.clone()),
                    arg(target_app),
                    arg(challenge),
                    arg(token_hash),
                ],
                |row| row.get::<Uuid>(1),
            )
        });
        if redeemed.into_iter().flatten().next().is_some() {
            return Ok(Some(token));
        }
    }
    let ended = END_REPLAYED.with(|statement| statement.modify(&[arg(hash)], |row| row.get::<Uuid>(1)));
    let ended: Vec<Uuid> = ended.into_iter().flatten().collect();
    store::announce_ended(&ended, None);
    Ok(None)
}
