//! Handoff tickets.

use super::derive::{self, Derived};
use super::token::{self, TokenKind};
use super::{app, end, era, line};
use crate::error::{Error, Result};
use crate::sys::lock::{self, Counted};
use crate::sys::spi::{arg, statements};
use crate::trail::{self, Event, shown_name};
use pgrx::Uuid;

statements! {
    ISSUE = "ticket/issue.sql";
    MAKE_ROOM = "ticket/make_room.sql";
    TAKE = "ticket/take.sql";
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
    let holder = line::holder(&session)?;
    let era = era::of_ticket(&holder.app, target_app);
    // Of the session, whichever of its tokens asks.
    lock::serialize(Counted::Tickets, holder.session_id.as_bytes());
    // It may have ended meanwhile.
    let holder = line::holder(&session)?;
    app::require_target(target_app)?;
    let (session_id, shown_session) = (holder.session_id, holder.session_id.to_string());
    let args = [
        arg(hash),
        arg(holder.session_id),
        arg(holder.app),
        arg(target_app),
        arg(challenge),
        arg(era),
    ];
    let store = || ISSUE.with(|statement| statement.execute(&args)) > 0;
    if !store() {
        // Any page can send a browser to where tickets are given out: the oldest makes way, so that nobody is kept from his own.
        MAKE_ROOM.with(|statement| statement.execute(&[arg(session_id)]));
        if !store() {
            // Its application was dropped meanwhile.
            return Err(Error::session_invalid());
        }
    }
    trail::record(&Event {
        name: "ticket.issued",
        session_id: Some(&shown_session),
        app: Some(target_app),
        is_change: true,
        ..Event::default()
    });
    Ok(ticket)
}

/// Redeems a ticket; `None` is a refusal, which the caller must commit.
pub fn redeem(ticket: &str, target_app: &str, verifier: &str) -> Result<Option<String>> {
    let Some(hash) = token::hash(TokenKind::Ticket, ticket) else {
        record_refusal(target_app, 0);
        return Ok(None);
    };
    if token::is_verifier(verifier)
        && let Some(taken) = take(&hash, target_app, verifier)
        && let Some(token) = open(&taken, &hash, target_app)?
    {
        return Ok(Some(token));
    }
    let ended = end::end_by_ticket(hash, "ticket_replayed");
    record_refusal(target_app, ended);
    Ok(None)
}

/// A ticket whose sessions ended because of it had been redeemed before.
fn record_refusal(target_app: &str, ended: u64) {
    trail::record(&Event {
        name: if ended > 0 {
            "ticket.replayed"
        } else {
            "ticket.refused"
        },
        verdict: Some("28000"),
        code: Some("ticket_invalid"),
        app: Some(shown_name(target_app)),
        row_count: i64::try_from(ended).ok(),
        ..Event::default()
    });
}

/// The token that a ticket gives; `None` when its session is over, or it died with an application.
fn open(taken: &Taken, hash: &[u8], target_app: &str) -> Result<Option<String>> {
    let Some(source) = line::source(taken.session_id) else {
        return Ok(None);
    };
    lock::serialize(Counted::Sessions, source.login.as_bytes());
    let era = era::begun(&source.user_name, target_app);
    // After the wait, and after the era was read: an application that ends from now on takes the new token along.
    if !taken.is_of_now(target_app) {
        return Ok(None);
    }
    let token = token::generate(TokenKind::Session)?;
    let opened = derive::derive(Derived {
        source: taken.session_id,
        app: target_app.to_owned(),
        token_hash: token::hash(TokenKind::Session, &token),
        ticket_hash: Some(hash.to_vec()),
        is_primary: false,
        on_behalf: None,
        era,
    })?;
    let Some(session_id) = opened else {
        return Ok(None);
    };
    trail::record(&Event {
        name: "ticket.redeemed",
        session_id: Some(&session_id.to_string()),
        user_name: Some(&source.user_name),
        app: Some(target_app),
        is_change: true,
        ..Event::default()
    });
    Ok(Some(token))
}

/// A ticket that was taken.
struct Taken {
    session_id: Uuid,
    source_app: String,
    made_in: i64,
}

impl Taken {
    /// False when it died with one of its applications.
    fn is_of_now(&self, target_app: &str) -> bool {
        self.made_in == era::of_ticket(&self.source_app, target_app)
    }
}

/// Takes a ticket. One redeemer has it, whatever the concurrency.
fn take(hash: &[u8], target_app: &str, verifier: &str) -> Option<Taken> {
    let challenge = token::sha256(verifier.as_bytes());
    let args = [arg(hash.to_vec()), arg(target_app), arg(challenge)];
    let taken = end::without_failing(|| {
        TAKE.with(|statement| {
            statement.modify(&args, |row| {
                Some(Taken {
                    session_id: row.get(1)?,
                    source_app: row.get(2)?,
                    made_in: row.get(3)?,
                })
            })
        })
    });
    taken.into_iter().next()?
}
