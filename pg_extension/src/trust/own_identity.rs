//! What this database says of the attached session to others: a token of a minute's life, signed with its own key.
//!
//! Invariant: identity, who acts, whose name is written down, how the user was authenticated, and nothing else. A session that gave up roles says nothing: the other
//! side knows nothing of what it gave up.

use super::acceptance::EPOCH;
use super::issuer::check_name;
use crate::authz::change;
use crate::context;
use crate::error::{Error, Result};
use crate::session::{self, Provenance};
use crate::signing;
use crate::sys::clock::{self, Timestamp};
use crate::sys::connection;
use crate::sys::random;
use crate::sys::spi::{arg, statements};
use vpd_text::identity::{ASSERTION_TYPE, Assertion, MAX_LIFETIME};
use vpd_text::token::sha256;

const MAX_AUDIENCE: usize = 256;

statements! {
    NAME = "trust/own_name.sql";
    SET_NAME = "trust/set_own_name.sql";
    FORGET_NAME = "trust/forget_own_name.sql";
}

/// By which name this database speaks; `None` when it does not.
pub fn own_name() -> Option<String> {
    NAME.with(|statement| statement.query_one(&[], |row| row.get::<String>(1)))
        .flatten()
}

/// Gives this database a name to speak by, or takes it.
pub fn set_own_name(name: Option<&str>) -> Result<()> {
    match name {
        None => FORGET_NAME.with(|statement| statement.execute(&[])),
        Some(name) => {
            check_name(name)?;
            SET_NAME.with(|statement| statement.execute(&[arg(name), arg(change::author())]))
        }
    };
    Ok(())
}

/// A token that tells an audience who the attached session is, for so many seconds and no longer than the session lasts.
pub fn sign_identity(audience: &str, lifetime: f64) -> Result<String> {
    if !connection::is_asked_by_client() {
        return Err(Error::privilege_missing(
            "an identity is signed for whoever asks for it himself",
            "Call vpd.sign_identity in a statement of its own: one that names no table, outside of functions.",
        ));
    }
    let identity = context::require_authenticated()?;
    check(audience, lifetime)?;
    let issuer = own_name().ok_or_else(|| {
        Error::not_ready(
            "this database has no name that others know it by",
            "Give it one with vpd.set_issuer_name.",
        )
    })?;
    let session_id = identity.session_id.ok_or_else(Error::session_invalid)?;
    let liveness = session::liveness(&identity).ok_or_else(Error::session_invalid)?;
    let Provenance {
        acr,
        auth_time,
        is_narrowed,
    } = session::provenance(session_id).ok_or_else(Error::session_invalid)?;
    if is_narrowed || identity.claims.assumed_role.is_some() {
        return Err(Error::privilege_missing(
            "a session that runs with one role alone has no identity for others",
            "Sign from a session with all roles: elsewhere it would not be known that some were given up.",
        ));
    }
    let id = random::bytes().ok_or_else(|| {
        Error::not_ready(
            "no random numbers are to be had",
            "Look at the server's source of entropy.",
        )
    })?;
    let now = seconds(clock::now());
    let claims = Assertion {
        issuer: &issuer,
        audience,
        user: &identity.user_name,
        actors: &identity.actors,
        audit_identity: &identity.audit_identity,
        acting_for: identity.acting_for.as_deref(),
        pillar: identity.pillar.as_deref(),
        session: &sha256(session_id.to_string().as_bytes()),
        acr: acr.as_deref(),
        auth_time: (auth_time != clock::LONG_AGO).then(|| seconds(auth_time)),
        issued_at: now,
        expires_at: seconds(liveness.idle_expires_at).min(now + lifetime.ceil() as i64),
        id: &id[..16],
    }
    .claims();
    signing::sign_token(ASSERTION_TYPE, &claims)
}

fn check(audience: &str, lifetime: f64) -> Result<()> {
    let is_name = (1..=MAX_AUDIENCE).contains(&audience.len())
        && audience.chars().all(|letter| letter.is_ascii_graphic());
    if !is_name {
        return Err(Error::argument(
            "this is no audience",
            "Use a URL or a name of 1 to 256 visible ASCII characters: one that whoever gets the token knows itself by.",
        ));
    }
    if !(1.0..=MAX_LIFETIME).contains(&lifetime) {
        return Err(Error::argument(
            "lifetime is out of range",
            "Use 1 second to 5 minutes.",
        ));
    }
    Ok(())
}

/// Whole seconds since 1970.
fn seconds(time: Timestamp) -> i64 {
    time.0.div_euclid(1_000_000) + EPOCH as i64
}
