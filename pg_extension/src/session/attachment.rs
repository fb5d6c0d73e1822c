//! Attaching a session to the transaction, and whether it still lives.
//!
//! A backend remembers the sessions it attached lately. One of them is attached again without a look into the tables while no session
//! has ended anywhere since it was last found alive and its time-outs are not reached: an ending is announced in shared memory
//! before it is acknowledged, and the idle clock only ever moves on.

use super::token::{self, TokenKind};
use crate::context::{self, Identity, Liveness};
use crate::error::{Error, Result};
use crate::sys::clock::{self, Timestamp};
use crate::sys::spi::{Row, Statement, arg};
use crate::sys::{shmem, xact};
use pgrx::{JsonB, Uuid};
use serde_json::Value;
use std::cell::RefCell;
use std::rc::Rc;

/// Sessions remembered by a backend.
const REMEMBERED: usize = 32;
/// The idle clock is moved when this share of the idle time-out has passed since it was moved last.
const TOUCH_SHARE: i64 = 16;

thread_local! {
    static BY_TOKEN: Statement = const { Statement::new(include_str!("../../../sql/query/session/by_token.sql")) };
    static LIVENESS: Statement = const { Statement::new(include_str!("../../../sql/query/session/liveness.sql")) };
    static TOUCH: Statement = const { Statement::new(include_str!("../../../sql/query/session/touch.sql")) };
    static LIVE: Statement = const { Statement::scanning(include_str!("../../../sql/query/session/live.sql")) };
    static KNOWN: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
    static ANONYMOUS: Rc<Identity> = Rc::new(Identity::anonymous());
}

/// A session as it was when it was last found alive.
#[derive(Clone)]
struct Known {
    token_hash: Vec<u8>,
    identity: Rc<Identity>,
    root_id: Uuid,
    is_primary: bool,
    idle_started_at: Timestamp,
    liveness: Liveness,
    /// Revocations seen then; 0 when a standby told so, which nobody tells of endings.
    revocations: u64,
}

/// Attaches the session of a token to the current transaction.
pub fn attach(token: &str) -> Result<()> {
    let hash = token::hash(TokenKind::Session, token).ok_or_else(Error::session_invalid)?;
    // Read before the rows are, so that whatever is ended meanwhile is noticed by the next statement.
    let revocations = shmem::revocation_generation();
    let now = clock::now();
    let is_alive = |known: &Known| known.revocations == revocations && now < known.liveness.idle_expires_at;
    let mut known = match recall(&hash).filter(|known| is_alive(known) && !xact::is_standby()) {
        Some(known) => known,
        None => look_up(hash, revocations, now)?,
    };
    let share = (known.liveness.idle_expires_at.0 - known.idle_started_at.0) / TOUCH_SHARE;
    if known.is_primary && now.0 - known.idle_started_at.0 > share && !xact::is_read_only() {
        // A busy session writes a few times in an idle time-out, a standby never.
        TOUCH.with(|statement| statement.execute(&[arg(known.root_id)]));
        known = look_up(known.token_hash, revocations, now)?;
    }
    context::attach(known.identity, Some(known.liveness), revocations)
}

/// Attaches the anonymous subject.
pub fn attach_anonymous() -> Result<()> {
    context::attach(ANONYMOUS.with(Rc::clone), None, shmem::revocation_generation())
}

/// The clocks of a session as they stand now; `None` when it is over.
pub fn liveness(session_id: Uuid) -> Option<Liveness> {
    LIVENESS
        .with(|statement| statement.query_one(&[arg(session_id)], |row| read_liveness(row, 1)))
        .flatten()
        .filter(|liveness| clock::now() < liveness.idle_expires_at)
}

/// Live sessions, newest first, for an administrator who looks at what somebody sees: of one user or of everybody, or one session.
pub fn live_sessions(user: Option<&str>, session: Option<Uuid>, limit: i64) -> Vec<(Rc<Identity>, Liveness)> {
    let rows = LIVE.with(|statement| {
        statement.query(&[arg(user), arg(session), arg(limit)], |row| {
            let session_id = row.get::<Uuid>(1)?;
            Some((Rc::new(read_identity(row, session_id)), read_liveness(row, 5)?))
        })
    });
    rows.into_iter().flatten().collect()
}

/// Forgets every session, because this backend changed some, or the extension may have been dropped.
pub fn forget_all() {
    KNOWN.with_borrow_mut(Vec::clear);
}

fn recall(hash: &[u8]) -> Option<Known> {
    KNOWN.with_borrow(|known| known.iter().find(|known| known.token_hash == hash).cloned())
}

/// Reads a session and remembers it; the identity keeps its serial while what it carries is the same.
fn look_up(hash: Vec<u8>, revocations: u64, now: Timestamp) -> Result<Known> {
    let former = recall(&hash).map(|known| known.identity);
    let found = BY_TOKEN
        .with(|statement| statement.query_one(&[arg(hash.clone())], |row| read(row, &hash, former.as_ref())))
        .flatten()
        .filter(|known| now < known.liveness.idle_expires_at)
        .map(|known| Known {
            revocations: if xact::is_standby() { 0 } else { revocations },
            ..known
        });
    KNOWN.with_borrow_mut(|known| {
        known.retain(|known| known.token_hash != hash);
        if let Some(found) = &found {
            known.truncate(REMEMBERED - 1);
            known.insert(0, found.clone());
        }
    });
    found.ok_or_else(Error::session_invalid)
}

fn read(row: &Row, hash: &[u8], former: Option<&Rc<Identity>>) -> Option<Known> {
    let session_id = row.get::<Uuid>(1)?;
    let identity = read_identity(row, session_id);
    let identity = match former {
        Some(former) if former.is_same(&identity) => Rc::clone(former),
        _ => Rc::new(identity),
    };
    Some(Known {
        token_hash: hash.to_vec(),
        identity,
        root_id: row.get(2)?,
        is_primary: row.get(3)?,
        idle_started_at: row.timestamp(4)?,
        liveness: read_liveness(row, 5)?,
        revocations: 0,
    })
}

fn read_liveness(row: &Row, first: i32) -> Option<Liveness> {
    Some(Liveness {
        idle_expires_at: row.timestamp(first)?,
        expires_at: row.timestamp(first + 1)?,
    })
}

fn read_identity(row: &Row, session_id: Uuid) -> Identity {
    Identity {
        session_id: Some(session_id),
        user_name: row.get(7).unwrap_or_default(),
        app: row.get(8),
        pillar: row.get(9),
        is_authenticated: row.get(10).unwrap_or(false),
        audit_identity: row.get(11).unwrap_or_default(),
        acting_for: row.get(12),
        roles: row
            .get::<Vec<String>>(13)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        privileges: row
            .get::<Vec<String>>(14)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        attributes: row.get::<JsonB>(15).map_or(Value::Null, |json| json.0),
        language: row.get(16),
        territory: row.get(17),
        date_format: row.get(18),
        number_format: row.get(19),
        created_at: row.timestamp(20),
        ..Identity::anonymous()
    }
}
