//! Eras: sessions that are ended together, all of them or those of a user, an application or an issuer, without being named.
//!
//! Whoever ends them sees no session that is being made by a transaction which is not committed yet, and waits for none, so that nobody can hold up
//! an end. Instead, what is made carries the generations of that moment, and is live as long as they are the same. Invariant: they are read before anything
//! else is that the new session rests on, and never go back.

use super::token;
use crate::sys::isolation;
use crate::sys::lookup::{Key, Moment};
use crate::sys::spi::{arg, statements};
use std::cell::RefCell;

/// Generations that a backend remembers.
const REMEMBERED: usize = 32;

statements! {
    END = "session/era.sql";
}

thread_local! {
    /// Generations of everybody, of applications and of issuers, by name, and the revocations seen before they were read.
    static KNOWN: RefCell<(u64, Vec<(String, i64)>)> = const { RefCell::new((0, Vec::new())) };
}

/// Whose sessions are ended together.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    Everybody,
    User(&'a str),
    App(&'a str),
    Issuer(&'a str),
}

impl Subject<'_> {
    /// What it goes by in the table.
    fn key(self) -> Vec<u8> {
        match self {
            Subject::Everybody => token::sha256(b"all"),
            Subject::User(name) => token::sha256(format!("user:{name}").as_bytes()),
            Subject::App(name) => token::sha256(format!("app:{name}").as_bytes()),
            Subject::Issuer(name) => token::sha256(format!("issuer:{name}").as_bytes()),
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
    let now = Eras::read(&moment);
    Era {
        of_session: now.of_session(user_name, app, None),
        of_token: now.of_app(app),
    }
}

/// The generation of an issuer, which a session that its token opens carries with the others.
pub fn of_issuer(issuer: &str) -> i64 {
    Eras::read(&Moment::now()).generation(Subject::Issuer(issuer))
}

/// The sum of the generations of two applications, which tickets carry.
pub fn of_ticket(source_app: &str, target_app: &str) -> i64 {
    let moment = Moment::now();
    let now = Eras::read(&moment);
    let both = now.of_app(source_app) + now.of_app(target_app);
    // Each counts once.
    if source_app == target_app { both / 2 } else { both }
}

/// The generations as they stand at a moment.
pub struct Eras<'a> {
    moment: &'a Moment,
    /// Revocations seen before; what was read since then still holds.
    revocations: Option<u64>,
}

impl<'a> Eras<'a> {
    /// All from the table.
    pub fn read(moment: &'a Moment) -> Self {
        Self {
            moment,
            revocations: None,
        }
    }

    /// Few change: those of everybody and of applications are remembered until sessions end somewhere.
    pub fn remembered(moment: &'a Moment, revocations: u64) -> Self {
        Self {
            moment,
            revocations: Some(revocations),
        }
    }

    /// What a session of a user and an application, and of the issuer that opened it, has to carry to be live. Each generation only rises: the sum is the same
    /// when all are.
    pub fn of_session(&self, user_name: &str, app: &str, issuer: Option<&str>) -> i64 {
        // No application has the name of an issuer, which is a URL.
        let of_issuer = issuer.map_or(0, |issuer| self.known(issuer, Subject::Issuer(issuer)));
        self.known("", Subject::Everybody)
            + self.generation(Subject::User(user_name))
            + self.of_app(app)
            + of_issuer
    }

    /// What a token of an application has to carry.
    pub fn of_app(&self, app: &str) -> i64 {
        self.known(app, Subject::App(app))
    }

    fn known(&self, name: &str, subject: Subject<'_>) -> i64 {
        let Some(revocations) = self.revocations else {
            return self.generation(subject);
        };
        let known = KNOWN.with_borrow(|(seen, known)| {
            let known = known.iter().find(|(known, _)| known == name);
            known.filter(|_| *seen == revocations).map(|(_, known)| *known)
        });
        known.unwrap_or_else(|| {
            let generation = self.generation(subject);
            KNOWN.with_borrow_mut(|(seen, known)| {
                if *seen != revocations || known.len() >= REMEMBERED {
                    known.clear();
                }
                *seen = revocations;
                known.push((name.to_owned(), generation));
            });
            generation
        })
    }

    /// 0 for what was never ended.
    fn generation(&self, subject: Subject<'_>) -> i64 {
        let row = self.moment.row(
            c"session_era",
            c"session_era_pkey",
            Key::Bytes(&subject.key()),
            |row| row.named::<i64>(c"generation"),
        );
        row.unwrap_or(0)
    }
}

/// Forgets what is remembered, because this backend changed it, or what it saw was undone.
pub fn forget() {
    KNOWN.with_borrow_mut(|(_, known)| known.clear());
}

/// Ends the era: whatever was made in it is dead when the transaction commits.
pub fn end(subject: Subject<'_>) {
    isolation::as_read_committed(|| END.with(|statement| statement.execute(&[arg(subject.key())])));
}
