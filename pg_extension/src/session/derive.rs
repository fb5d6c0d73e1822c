//! A session that comes out of a session: handed over to another application, or opened on behalf of somebody. It lies below it, has all its limits, lives
//! by its clocks and ends with it.

use super::era::Era;
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use pgrx::{JsonB, Uuid};
use serde_json::json;

statements! {
    DERIVE = "session/derive.sql";
}

/// What is to come out of a session.
pub struct Derived {
    pub source: Uuid,
    /// The application that gets the token.
    pub app: String,
    pub token_hash: Vec<u8>,
    /// The ticket that it is given for.
    pub ticket_hash: Option<Vec<u8>>,
    /// Whether use through the token moves the clock.
    pub is_primary: bool,
    /// For whom it acts; for himself when nobody is named.
    pub on_behalf: Option<OnBehalf>,
    pub era: Era,
}

/// For whom a session is to act, and how.
pub struct OnBehalf {
    pub user_name: String,
    pub is_full: bool,
    pub attributes: JsonB,
}

/// Stores the token, and the session unless the source itself is shared; returns which one the token opens. `None` when the source is over, or there is
/// no such application.
pub fn derive(new: Derived) -> Result<Option<Uuid>> {
    let (user_name, is_full, attributes) = match new.on_behalf {
        Some(acting) => (Some(acting.user_name), acting.is_full, acting.attributes),
        None => (None, false, JsonB(json!({}))),
    };
    let derived = DERIVE.with(|statement| {
        statement.modify(
            &[
                arg(new.source),
                arg(new.app),
                arg(new.token_hash),
                arg(new.ticket_hash),
                arg(new.is_primary),
                arg(user_name),
                arg(is_full),
                arg(attributes),
                arg(new.era.of_session),
                arg(new.era.of_token),
            ],
            |row| (row.get::<String>(1), row.get::<Uuid>(2), row.get::<i32>(3)),
        )
    });
    let Some((verdict, session_id, limit)) = derived.into_iter().next() else {
        return Ok(None);
    };
    match verdict.as_deref() {
        Some("derived" | "shared") => Ok(session_id),
        Some("limit_sessions") => Err(limit_reached(limit.unwrap_or(0))),
        _ => Err(Error::argument(
            "the application belongs to another pillar",
            "Act within the pillar of your session, and hand the new session over with a ticket.",
        )),
    }
}

/// 53400: the user holds as many sessions as the application allows.
pub fn limit_reached(limit: i32) -> Error {
    Error::limit(
        "limit_sessions",
        format!("the user has {limit} live sessions already"),
        "End one of them, or raise max_sessions_per_user of the application.",
    )
}
