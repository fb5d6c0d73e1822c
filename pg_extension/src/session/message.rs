//! Cross-domain messages and the queue of an application.

use super::token::{self, TokenKind};
use super::{app, end, line};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use crate::trail::{self, Event};
use pgrx::datum::TimestampWithTimeZone;

statements! {
    RECORD = "message/record.sql";
    ACCEPT = "message/accept.sql";
    BROWSE = "message/browse.sql";
    ACKNOWLEDGE = "message/acknowledge.sql";
}

/// A message waiting for an application: id, kind, reason, when it was queued.
pub type QueueEntry = (i64, String, String, TimestampWithTimeZone);

/// Records a keep-alive for another application of the same session; returns its nonce.
pub fn record(token: &str, target_app: &str) -> Result<String> {
    let session = token::hash(TokenKind::Session, token).ok_or_else(Error::session_invalid)?;
    let message = token::generate(TokenKind::Message)?;
    let hash = token::hash(TokenKind::Message, &message).unwrap_or_default();
    let holder = line::holder(&session)?;
    app::require_target(target_app)?;
    if holder.app == target_app {
        return Err(Error::argument(
            "an application sends itself no message",
            "Name another application as the target.",
        ));
    }
    let args = [arg(hash), arg(holder.root_id), arg(holder.app), arg(target_app)];
    RECORD.with(|statement| statement.execute(&args));
    Ok(message)
}

/// What became of a keep-alive.
pub enum Verdict {
    /// It held; the idle clock moved on.
    Accepted,
    /// It was used before or is stale; nothing changed.
    Spent,
    /// Nobody recorded it for this session and application; the session was ended, which must be committed.
    Unknown,
}

/// Validates and consumes a keep-alive.
pub fn validate(token: &str, message: &str) -> Result<Verdict> {
    let session = token::hash(TokenKind::Session, token).ok_or_else(Error::session_invalid)?;
    let holder = line::holder(&session)?;
    let word = token::hash(TokenKind::Message, message).and_then(|hash| {
        let args = [
            arg(hash),
            arg(holder.root_id),
            arg(holder.app.as_str()),
            arg(holder.is_primary),
        ];
        let words = end::without_failing(|| {
            ACCEPT.with(|statement| statement.modify(&args, |row| row.get::<String>(1)))
        });
        words.into_iter().next().flatten()
    });
    match word.as_deref() {
        Some("accepted") => return Ok(Verdict::Accepted),
        Some("spent") => {
            record_refusal("message.stale", "message_stale", &holder);
            return Ok(Verdict::Spent);
        }
        _ => (),
    }
    record_refusal("message.refused", "message_invalid", &holder);
    end::end(vec![holder.root_id], "message_refused", Some(&holder.app));
    Ok(Verdict::Unknown)
}

fn record_refusal(name: &str, code: &str, holder: &line::Holder) {
    trail::record(&Event {
        name,
        verdict: Some("28000"),
        code: Some(code),
        session_id: Some(&holder.session_id.to_string()),
        app: Some(&holder.app),
        ..Event::default()
    });
}

/// Messages waiting for the token's application, left in place.
pub fn browse(token: &str) -> Vec<QueueEntry> {
    let hash = token::hash(TokenKind::Session, token).unwrap_or_default();
    BROWSE.with(|statement| {
        let rows = statement.query(&[arg(hash)], |row| {
            Some((
                row.get::<i64>(1)?,
                row.get::<String>(2)?,
                row.get::<String>(3)?,
                row.get(4)?,
            ))
        });
        rows.into_iter().flatten().collect()
    })
}

/// Removes one message; false when it is not there for this token.
pub fn acknowledge(token: &str, id: i64) -> bool {
    let hash = token::hash(TokenKind::Session, token).unwrap_or_default();
    ACKNOWLEDGE.with(|statement| statement.execute(&[arg(hash), arg(id)])) > 0
}
