//! Ending sessions: whatever the reason, a session ends with all that came out of it, and whoever holds a token of one is told.

use super::ending;
use super::era::{self, Subject};
use super::token::{self, TokenKind};
use crate::context;
use crate::error::Result;
use crate::sys::isolation;
use crate::sys::spi::{Arg, Row, Statement, arg, statements};
use crate::trail::{self, Event};
use pgrx::Uuid;
use serde_json::json;

statements! {
    END = "session/end.sql";
    ABOVE = "session/above.sql";
    ANNOUNCE = "session/announce.sql";
    OWN_LIVE = "session/own_live.sql";
    OF_TOKEN = "session/of_token.sql";
    OF_LOGIN = "session/of_login.sql";
    LOGIN_OF_TOKEN = "session/login_of_token.sql";
    OF_TICKET = "session/of_ticket.sql";
    OF_USER = "session/of_user.sql";
    OF_APP = scanning "session/of_app.sql";
    OF_ISSUER = scanning "session/of_issuer.sql";
    OF_EVERYBODY = scanning "session/of_everybody.sql";
}

/// Ends the session of a token; an unknown one ends nothing.
pub fn end_by_token(token: &str, reason: &str) {
    if let Some(hash) = token::hash(TokenKind::Session, token) {
        let chosen = choose(&OF_TOKEN, &[arg(hash)]);
        end(chosen, reason, None);
    }
}

/// Where somebody is logged in yet whose sessions ended here.
pub struct LoggedOut {
    pub issuer: String,
    pub id_token_hint: Option<String>,
}

/// Ends the session of a token and those of all applications that the same login at its identity provider opened; an unknown one ends nothing.
pub fn log_out(token: &str) -> Option<LoggedOut> {
    const REASON: &str = "logout";
    let hash = token::hash(TokenKind::Session, token)?;
    let login = LOGIN_OF_TOKEN.with(|statement| {
        statement.query_one(&[arg(hash.clone())], |row| {
            let issuer: String = row.required(1);
            let names = (row.get::<String>(2), row.required::<String>(3));
            (issuer, names, row.get::<String>(4))
        })
    });
    end(choose(&OF_TOKEN, &[arg(hash)]), REASON, None);
    let (issuer, (session, subject), id_token_hint) = login?;
    if session.is_some() {
        end_login(&issuer, session.as_deref(), Some(&subject), REASON);
    }
    Some(LoggedOut {
        issuer,
        id_token_hint,
    })
}

/// Ends the sessions that a login at an identity provider opened: by its session there, or its user there, or both.
pub fn end_login(issuer: &str, session: Option<&str>, subject: Option<&str>, reason: &str) -> u64 {
    let chosen = without_failing(|| choose(&OF_LOGIN, &[arg(issuer), arg(session), arg(subject)]));
    end(chosen, reason, None)
}

/// Ends what a redeemed ticket gave; one that was never redeemed ends nothing. Returns how many sessions ended.
pub fn end_by_ticket(ticket_hash: Vec<u8>, reason: &str) -> u64 {
    let chosen = choose(&OF_TICKET, &[arg(ticket_hash)]);
    end(chosen, reason, None)
}

/// Ends one session; false when there is no such live one.
pub fn end_by_id(session_id: Uuid, reason: &str) -> bool {
    end(vec![session_id], reason, None) > 0
}

/// Ends one session of the attached user when the transaction commits. Not before: a row changed now would stay locked for as long
/// as the user likes, and whoever else wants to end the session would wait.
pub fn end_own(session_id: Uuid) -> Result<bool> {
    let identity = context::require_authenticated()?;
    let user = identity.user_name.as_str();
    let is_own = OWN_LIVE
        .with(|statement| statement.query_one(&[arg(session_id), arg(user)], |_| ()))
        .is_some();
    if is_own {
        ending::at_commit(session_id);
        context::sessions_ended(&[session_id]);
    }
    Ok(is_own)
}

/// The transaction is about to commit: what was asked for is done, while it still can be.
pub fn transaction_commits() {
    end(ending::take_due(), "logout", None);
    ending::wake();
}

/// Ends every session of a user, those that are being made too.
pub fn end_user(user_name: &str, reason: &str) -> u64 {
    era::end(Subject::User(user_name));
    end_dead(choose(&OF_USER, &[arg(user_name)]), reason)
}

/// Ends every session that was opened through an application, and the tokens and tickets it has in others.
pub fn end_app(app: &str, reason: &str) -> u64 {
    era::end(Subject::App(app));
    end_dead(choose(&OF_APP, &[arg(app)]), reason)
}

/// Ends every session that the token of an issuer opened, those that are being made too.
pub fn end_issuer(issuer: &str, reason: &str) -> u64 {
    era::end(Subject::Issuer(issuer));
    end_dead(choose(&OF_ISSUER, &[arg(issuer)]), reason)
}

/// Ends every session.
pub fn end_all(reason: &str) -> u64 {
    era::end(Subject::Everybody);
    end_dead(choose(&OF_EVERYBODY, &[]), reason)
}

/// Ends sessions and all that came out of them; returns how many. Queues a close message for every application but one that holds a token of these, and
/// tells this and the other backends.
pub fn end(chosen: Vec<Uuid>, reason: &str, except_app: Option<&str>) -> u64 {
    if chosen.is_empty() {
        return 0;
    }
    let chosen = choose(&ABOVE, &[arg(chosen)]);
    end_held(chosen, true, reason, except_app)
}

/// The same for sessions that are dead without it, by their era or their clocks, so that nobody is waited for. One that somebody else holds is told of when the purge
/// comes to it.
pub fn end_dead(chosen: Vec<Uuid>, reason: &str) -> u64 {
    end_held(chosen, false, reason, None)
}

fn end_held(chosen: Vec<Uuid>, is_waited_for: bool, reason: &str, except_app: Option<&str>) -> u64 {
    if chosen.is_empty() {
        return 0;
    }
    let args = [arg(chosen), arg(reason), arg(is_waited_for)];
    let ended = without_failing(|| END.with(|statement| statement.modify(&args, Ended::of)));
    for one in &ended {
        one.record(reason);
    }
    let ended: Vec<Uuid> = ended.into_iter().map(|one| one.session_id).collect();
    if !ended.is_empty() {
        ANNOUNCE.with(|statement| statement.execute(&[arg(ended.clone()), arg(except_app)]));
        ending::wake_at_commit(&ended);
    }
    context::sessions_ended(&ended);
    ended.len() as u64
}

/// A session that ended.
struct Ended {
    session_id: Uuid,
    user_name: String,
    app: String,
}

impl Ended {
    fn of(row: &Row) -> Self {
        Self {
            session_id: row.required(1),
            user_name: row.required(2),
            app: row.required(3),
        }
    }

    fn record(&self, reason: &str) {
        trail::record(&Event {
            name: "session.ended",
            session_id: Some(&self.session_id.to_string()),
            user_name: Some(&self.user_name),
            app: Some(&self.app),
            details: Some(&json!({ "reason": reason })),
            is_change: true,
            ..Event::default()
        });
    }
}

/// Runs a statement that may have to wait for another which does the same. At the higher levels the server would then refuse it, and the session would
/// stay as it is because somebody else was changing it.
pub fn without_failing<T>(work: impl FnOnce() -> T) -> T {
    isolation::as_read_committed(work)
}

fn choose(statement: &'static std::thread::LocalKey<Statement>, args: &[Arg]) -> Vec<Uuid> {
    let chosen = statement.with(|statement| statement.query(args, |row| row.get::<Uuid>(1)));
    chosen.into_iter().flatten().collect()
}
