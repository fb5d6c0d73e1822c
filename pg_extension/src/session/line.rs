//! A session and the line from it up to its login: whether each of them is open, and by whose clocks they live. Read without a plan.
//!
//! Functions that somebody calls in the course of a session ask here; the views `session_clock` and `live_token` give the same answer to statements that look at many
//! sessions. Invariant: nothing is live that hangs in the air, lies below something that was ended, or was made in an era that is over.

use super::era::Eras;
use crate::context::Liveness;
use crate::error::{Error, Result};
use crate::sys::clock::{self, Timestamp};
use crate::sys::lookup::{Key, Moment};
use crate::sys::spi::Row;
use pgrx::Uuid;
use pgrx::datum::Interval;

/// No line of sessions is as long: each counts for the limit of its application.
const MAX_DEPTH: usize = 10_000;

/// What is above a session.
pub struct Line {
    /// The login, which may be the session itself.
    pub root_id: Uuid,
    /// Who is logged in.
    pub login: String,
    /// When the login was used last.
    pub idle_started_at: Timestamp,
    /// Its clocks, which the caller compares with the wall clock.
    pub liveness: Liveness,
}

/// What a token opens.
pub struct Opened<R> {
    pub session_id: Uuid,
    /// The application that the token was given to.
    pub app: String,
    /// Whether use through the token moves the clock.
    pub is_primary: bool,
    /// What the caller read of the session.
    pub session: R,
    pub line: Line,
}

/// What goes on from a live session: to another application, or to somebody on whose behalf it acts.
pub struct Source {
    pub user_name: String,
    pub pillar: String,
    /// Who is logged in.
    pub login: String,
    /// How he was authenticated, and when.
    pub acr: Option<String>,
    pub auth_time: Timestamp,
}

/// Whoever holds a token.
pub struct Holder {
    pub session_id: Uuid,
    pub root_id: Uuid,
    pub app: String,
    /// Whether use through the token moves the clock.
    pub is_primary: bool,
}

/// What a token opens, unless it died with its application, or something from its session up to the login was ended.
pub fn of_token<R>(
    moment: &Moment,
    eras: &Eras<'_>,
    hash: &[u8],
    read: impl FnOnce(&Row) -> Option<R>,
) -> Option<Opened<R>> {
    let (session_id, app, is_primary, token_era) =
        moment.row(c"session_token", c"session_token_pkey", Key::Bytes(hash), |row| {
            Some((
                row.named::<Uuid>(c"session_id")?,
                row.named::<String>(c"app")?,
                row.named::<bool>(c"is_primary")?,
                row.named::<i64>(c"made_in")?,
            ))
        })?;
    if token_era != eras.of_app(&app) {
        return None;
    }
    let (session, line) = of_session(moment, eras, session_id, read)?;
    Some(Opened {
        session_id,
        app,
        is_primary,
        session,
        line,
    })
}

/// A session, unless something from it up to the login was ended.
pub fn of_session<R>(
    moment: &Moment,
    eras: &Eras<'_>,
    session_id: Uuid,
    read: impl FnOnce(&Row) -> Option<R>,
) -> Option<(R, Line)> {
    let (session, mut link) = row_of(moment, session_id, |row| Some((read(row)?, Link::of_open(row)?)))?;
    let mut root_id = session_id;
    for step in 0.. {
        if !link.is_open(eras) || step > MAX_DEPTH {
            return None;
        }
        let Some(parent_id) = link.parent_id else { break };
        root_id = parent_id;
        link = row_of(moment, parent_id, Link::of_open)?;
    }
    let used_at = moment.row(
        c"session_use",
        c"session_use_root_idx",
        Key::Uuid(root_id),
        |row| row.timestamp_named(c"used_at"),
    );
    let idle_started_at = used_at.map_or(link.accessed_at, |used_at| used_at.max(link.accessed_at));
    let idle_expires_at = Timestamp(idle_started_at.0.saturating_add(link.idle_timeout));
    let line = Line {
        root_id,
        login: link.user_name,
        idle_started_at,
        liveness: Liveness {
            idle_expires_at: idle_expires_at.min(link.expires_at),
            expires_at: link.expires_at,
        },
    };
    Some((session, line))
}

/// Who holds the token of a live session. 28000 for any other.
pub fn holder(token_hash: &[u8]) -> Result<Holder> {
    let moment = Moment::now();
    of_token(&moment, &Eras::read(&moment), token_hash, |_| Some(()))
        .filter(|opened| opened.line.is_live())
        .map(|opened| Holder {
            session_id: opened.session_id,
            root_id: opened.line.root_id,
            app: opened.app,
            is_primary: opened.is_primary,
        })
        .ok_or_else(Error::session_invalid)
}

/// A live session that something is to come out of.
pub fn source(session_id: Uuid) -> Option<Source> {
    let moment = Moment::now();
    let (mut source, line) = of_session(&moment, &Eras::read(&moment), session_id, |row| {
        Some(Source {
            user_name: row.named(c"user_name")?,
            pillar: row.named(c"pillar")?,
            login: String::new(),
            acr: row.named(c"acr"),
            auth_time: row.timestamp_named(c"auth_time")?,
        })
    })?;
    source.login = line.login.clone();
    line.is_live().then_some(source)
}

impl Line {
    fn is_live(&self) -> bool {
        clock::now() < self.liveness.idle_expires_at
    }
}

fn row_of<R>(moment: &Moment, id: Uuid, read: impl FnOnce(&Row) -> Option<R>) -> Option<R> {
    moment.row(c"session", c"session_pkey", Key::Uuid(id), read)
}

/// One of the line, which was not ended by itself.
struct Link {
    parent_id: Option<Uuid>,
    user_name: String,
    /// The application it was opened through.
    app: String,
    /// The issuer whose token opened it.
    issuer: Option<String>,
    made_in: i64,
    /// When it was used last, as far as the purge has folded uses in.
    accessed_at: Timestamp,
    /// Microseconds.
    idle_timeout: i64,
    expires_at: Timestamp,
}

impl Link {
    /// `None` when the session was ended.
    fn of_open(row: &Row) -> Option<Self> {
        if row.timestamp_named(c"ended_at").is_some() {
            return None;
        }
        let idle_timeout = row.named::<Interval>(c"idle_timeout")?.as_micros();
        Some(Self {
            parent_id: row.named(c"parent_id"),
            user_name: row.named(c"user_name")?,
            app: row.named(c"app")?,
            issuer: row.named(c"issuer"),
            made_in: row.named(c"made_in")?,
            accessed_at: row.timestamp_named(c"last_access_at")?,
            idle_timeout: i64::try_from(idle_timeout).ok()?,
            expires_at: row.timestamp_named(c"expires_at")?,
        })
    }

    /// Whether it was not ended together with others.
    fn is_open(&self, eras: &Eras<'_>) -> bool {
        self.made_in == eras.of_session(&self.user_name, &self.app, self.issuer.as_deref())
    }
}
