//! Eras: sessions that are ended together, all of them or those of a user or an application, without being named.
//!
//! Whoever ends them sees no session that is being made by a transaction which is not committed yet, and waits for none, so that nobody can hold up
//! an end. Instead, what is made carries the generations of that moment, and is live as long as they are the same. Invariant: they are read before anything
//! else is that the new session rests on, and never go back.

use super::token;
use crate::sys::lookup::{Key, Moment};
use crate::sys::spi::{Statement, arg};

thread_local! {
    static END: Statement = const { Statement::new(include_str!("../../../sql/query/session/era.sql")) };
}

/// Whose sessions are ended together.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    Everybody,
    User(&'a str),
    App(&'a str),
}

impl Subject<'_> {
    /// What it goes by in the table.
    fn key(self) -> Vec<u8> {
        match self {
            Subject::Everybody => token::sha256(b"all"),
            Subject::User(name) => token::sha256(format!("user:{name}").as_bytes()),
            Subject::App(name) => token::sha256(format!("app:{name}").as_bytes()),
        }
    }
}

/// What a new session and its token carry.
#[derive(Debug, Clone, Copy)]
pub struct Era {
    pub of_session: i64,
    pub of_token: i64,
}

/// The era in which something is made for a user and an application. To be read first.
pub fn begun(user_name: &str, app: &str) -> Era {
    let moment = Moment::now();
    Era {
        of_session: of_session(&moment, user_name, app),
        of_token: of(&moment, &[Subject::App(app)]),
    }
}

/// What a session of a user and an application has to carry to be live.
pub fn of_session(moment: &Moment, user_name: &str, app: &str) -> i64 {
    of(
        moment,
        &[Subject::Everybody, Subject::User(user_name), Subject::App(app)],
    )
}

/// The generations of some applications, which tokens and tickets carry.
pub fn of_apps(apps: &[&str]) -> i64 {
    let apps: Vec<_> = apps.iter().map(|app| Subject::App(app)).collect();
    of(&Moment::now(), &apps)
}

/// The generations of several, added up. Each only rises: the sum is the same when all are.
pub fn of(moment: &Moment, subjects: &[Subject<'_>]) -> i64 {
    let generation = |subject: &Subject<'_>| {
        moment.row(
            c"session_era",
            c"session_era_pkey",
            Key::Bytes(&subject.key()),
            |row| row.named::<i64>(c"generation"),
        )
    };
    subjects.iter().filter_map(generation).sum()
}

/// Ends the era: whatever was made in it is dead when the transaction commits.
pub fn end(subject: Subject<'_>) {
    super::end::without_failing(|| END.with(|statement| statement.execute(&[arg(subject.key())])));
}
