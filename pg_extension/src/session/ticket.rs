//! Handoff tickets.

use super::derive::{self, Derived};
use super::end;
use super::era;
use super::token::{self, TokenKind};
use crate::error::{Error, Result};
use crate::sys::lock::{self, Counted};
use crate::sys::spi::{arg, statements};
use pgrx::Uuid;

statements! {
    HOLDER = "session/holder.sql";
    ISSUE = "ticket/issue.sql";
    TAKE = "ticket/take.sql";
}

/// Whoever holds a token.
pub struct Holder {
    pub session_id: Uuid,
    pub app: String,
    /// Whether use through the token moves the clock.
    pub is_primary: bool,
}

/// The holder of a token of a live session.
pub fn holder(token_hash: &[u8]) -> Result<Holder> {
    HOLDER
        .with(|statement| {
            statement.query_one(&[arg(token_hash.to_vec())], |row| {
                Some(Holder {
                    session_id: row.get(1)?,
                    app: row.get(2)?,
                    is_primary: row.get(3)?,
                })
            })
        })
        .flatten()
        .ok_or_else(Error::session_invalid)
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
    let holder = holder(&session)?;
    let era = era::of_ticket(&holder.app, target_app);
    // Of the session, whichever of its tokens asks.
    lock::serialize(Counted::Tickets, holder.session_id.as_bytes());
    let verdict = ISSUE.with(|statement| {
        statement.modify(
            &[arg(session), arg(hash), arg(target_app), arg(challenge), arg(era)],
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
        let challenge = token::sha256(verifier.as_bytes());
        let taken = end::without_failing(|| {
            TAKE.with(|statement| {
                statement.modify(&[arg(hash.clone()), arg(target_app), arg(challenge)], |row| {
                    Some((row.get::<Uuid>(1)?, row.get::<String>(2)?, row.get::<String>(3)?))
                })
            })
        });
        if let Some((source, user_name, login)) = taken.into_iter().flatten().next() {
            lock::serialize(Counted::Sessions, login.as_bytes());
            let era = era::begun(&user_name, target_app);
            let token = token::generate(TokenKind::Session)?;
            let opened = derive::derive(Derived {
                source,
                app: target_app.to_owned(),
                token_hash: token::hash(TokenKind::Session, &token).unwrap_or_default(),
                ticket_hash: Some(hash.clone()),
                is_primary: false,
                on_behalf: None,
                era,
            })?;
            if opened.is_some() {
                return Ok(Some(token));
            }
        }
    }
    end::end_by_ticket(hash, "ticket_replayed");
    Ok(None)
}
