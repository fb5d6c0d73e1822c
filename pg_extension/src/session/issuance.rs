//! What every new session needs, a login as well as one that comes out of another: room under the limit of its application, and a token that opens it.

use super::app::App;
use super::end;
use crate::error::{Error, Result};
use crate::sys::clock::{self, Timestamp};
use crate::sys::spi::{Statement, arg, statements};
use pgrx::Uuid;
use std::thread::LocalKey;

statements! {
    OPEN = "session/count_open.sql";
    HELD = "session/count_held.sql";
    LEAST_USED = "session/least_used.sql";
    TOKENS = "session/count_tokens.sql";
    TOKEN = "session/insert_token.sql";
    ISSUER = "session/issuer_refuses.sql";
}

/// Most tokens of a session.
const MAX_TOKENS: i64 = 1_000;

/// A token that is given out.
pub struct Issued<'a> {
    pub token_hash: Vec<u8>,
    pub session_id: Uuid,
    pub app: &'a str,
    /// Whether use through it moves the clock.
    pub is_primary: bool,
    /// The ticket that it is given for.
    pub ticket_hash: Option<Vec<u8>>,
    /// Generation of its application.
    pub era: i64,
}

/// 53400 when somebody who is logged in holds as many live sessions in an application as it allows. The caller has serialized the logins of that person.
pub fn require_room(login: &str, app: &App) -> Result<()> {
    if surplus(login, app) > 0 {
        return Err(full(app));
    }
    Ok(())
}

/// The same for a login: where the application says so, those of his logins end that he used least recently.
pub fn make_room(login: &str, app: &App) -> Result<()> {
    let surplus = surplus(login, app);
    if surplus <= 0 {
        return Ok(());
    }
    let args = [arg(login), arg(app.name.as_str()), arg(surplus)];
    let least_used = || LEAST_USED.with(|statement| statement.query(&args, |row| row.required::<Uuid>(1)));
    let oldest = if app.ends_oldest { least_used() } else { Vec::new() };
    // What was handed over to it from elsewhere ends where it came from.
    if i64::try_from(oldest.len()).is_ok_and(|found| found < surplus) {
        return Err(full(app));
    }
    end::end(oldest, "limit_sessions", None);
    Ok(())
}

/// How many live sessions are too many for one more.
fn surplus(login: &str, app: &App) -> i64 {
    let args = [arg(login), arg(app.name.as_str())];
    let most = i64::from(app.max_sessions);
    let counted = |count: &'static LocalKey<Statement>| {
        let count = count.with(|statement| statement.query_one(&args, |row| row.required::<i64>(1)));
        count.map_or(1, |count| count - most + 1)
    };
    // Those that nobody has ended are quickly counted; which of them live is a longer question.
    if counted(&OPEN) <= 0 { 0 } else { counted(&HELD) }
}

fn full(app: &App) -> Error {
    Error::limit(
        "limit_sessions",
        format!("the user has {} live sessions already", app.max_sessions),
        "End one of them, or raise max_sessions_per_user of the application; with when_full => 'end_oldest' a login ends the one that was used least recently.",
    )
}

/// 28000 when an application demands that its users were authenticated otherwise, or more recently.
pub fn require_assurance(app: &App, acr: Option<&str>, auth_time: Timestamp) -> Result<()> {
    let is_accepted =
        app.required_acr.is_empty() || acr.is_some_and(|acr| app.required_acr.iter().any(|one| one == acr));
    let is_recent = app
        .max_auth_age
        .is_none_or(|age| clock::now().0.saturating_sub(auth_time.0) as f64 <= age * 1e6);
    if is_accepted && is_recent {
        return Ok(());
    }
    Err(Error::assurance_insufficient())
}

/// 28000 when the issuer whose token the session comes from does not speak for an application: what it may say goes no further by a handoff.
pub fn require_issuer(session_id: Uuid, app: &str) -> Result<()> {
    let refuses = ISSUER.with(|statement| statement.query_one(&[arg(session_id), arg(app)], |_| ()));
    if refuses.is_none() {
        return Ok(());
    }
    Err(Error::issuer_not_for_app())
}

/// 53400 when a session has as many tokens as one may have: whoever ends it has to reach them all.
pub fn require_room_for_token(session_id: Uuid) -> Result<()> {
    let count = TOKENS.with(|statement| {
        statement.query_one(&[arg(session_id), arg(MAX_TOKENS)], |row| row.required::<i64>(1))
    });
    if count.is_some_and(|count| count < MAX_TOKENS) {
        return Ok(());
    }
    Err(Error::limit(
        "limit_tokens",
        format!("the session has been handed over {MAX_TOKENS} times"),
        "Log in again.",
    ))
}

/// Stores a token.
pub fn store(issued: Issued<'_>) {
    TOKEN.with(|statement| {
        statement.execute(&[
            arg(issued.token_hash),
            arg(issued.session_id),
            arg(issued.app),
            arg(issued.is_primary),
            arg(issued.ticket_hash),
            arg(issued.era),
        ])
    });
}
