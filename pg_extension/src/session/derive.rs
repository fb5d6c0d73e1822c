//! A session that comes out of a session: handed over to another application, or opened on behalf of somebody. It lies below it, has all its limits, lives
//! by its clocks and ends with it. A handoff within the pillar opens the session itself.

use super::era::Era;
use super::issuance::{self, Issued};
use super::{app, line};
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
    /// The application that gets the token, if there is one: nobody opens a session that only stands between two others.
    pub app: String,
    pub token_hash: Option<Vec<u8>>,
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
    /// The name for audit columns, when it is not that of the user.
    pub audit_identity: Option<String>,
}

/// Stores the token, and the session unless the source itself is shared; returns which one the token opens. `None` when the source is over, or there is
/// no such application.
pub fn derive(new: Derived) -> Result<Option<Uuid>> {
    // After the era was read: what is ended from now on is noticed.
    let (Some(source), Some(app)) = (line::source(new.source), app::find(&new.app)) else {
        return Ok(None);
    };
    issuance::require_issuer(new.source, &app.name)?;
    issuance::require_assurance(&app, source.acr.as_deref(), source.auth_time)?;
    let is_same_pillar = app.pillar == source.pillar;
    if new.on_behalf.is_some() && !is_same_pillar {
        return Err(Error::argument(
            "the application belongs to another pillar",
            "Act within the pillar of your session, and hand the new session over with a ticket.",
        ));
    }
    let session_id = if new.on_behalf.is_none() && is_same_pillar {
        issuance::require_room_for_token(new.source)?;
        new.source
    } else {
        issuance::require_room(&source.login, &app)?;
        match insert(new.source, &app.name, new.era, new.on_behalf) {
            Some(session_id) => session_id,
            None => return Ok(None),
        }
    };
    if let Some(token_hash) = new.token_hash {
        issuance::store(Issued {
            token_hash,
            session_id,
            app: &app.name,
            is_primary: new.is_primary,
            ticket_hash: new.ticket_hash,
            era: new.era.of_token,
        });
    }
    Ok(Some(session_id))
}

fn insert(source: Uuid, app: &str, era: Era, on_behalf: Option<OnBehalf>) -> Option<Uuid> {
    let (user_name, is_full, attributes, audit_identity) = match on_behalf {
        Some(acting) => (
            Some(acting.user_name),
            acting.is_full,
            acting.attributes,
            acting.audit_identity,
        ),
        None => (None, false, JsonB(json!({})), None),
    };
    let args = [
        arg(source),
        arg(app),
        arg(era.of_session),
        arg(user_name),
        arg(is_full),
        arg(attributes),
        arg(audit_identity),
    ];
    let derived = DERIVE.with(|statement| statement.modify(&args, |row| row.get::<Uuid>(1)));
    derived.into_iter().next().flatten()
}
