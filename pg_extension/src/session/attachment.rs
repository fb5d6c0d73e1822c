//! Attaching a session to the transaction, and whether it still lives.
//!
//! A backend remembers the sessions it attached lately. One of them is attached again without a look into the tables while no session
//! has ended anywhere since it was last found alive and its time-outs are not reached: an ending is announced in shared memory
//! before it is acknowledged, and the idle clock only ever moves on.

use super::token::{self, TokenKind};
use crate::authz::{self, Authority, Claims, change};
use crate::context::{self, Identity, Liveness};
use crate::error::{Error, Result};
use crate::guc;
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
    static ANONYMOUS: RefCell<(u64, Rc<Identity>)> = RefCell::new((0, Rc::new(Identity::anonymous())));
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
    /// Generation of the graph its authority was flattened from.
    authority: u64,
}

/// Attaches the session of a token to the current transaction.
pub fn attach(token: &str) -> Result<()> {
    let hash = token::hash(TokenKind::Session, token).ok_or_else(Error::session_invalid)?;
    // Read before the rows are, so that whatever is ended meanwhile is noticed by the next statement.
    let revocations = shmem::revocation_generation();
    let authority = shmem::authority_generation();
    let now = clock::now();
    let is_alive = |known: &Known| {
        known.revocations == revocations
            && known.authority == authority
            && !change::has_changed()
            && now < known.liveness.idle_expires_at
            && now < known.identity.authority.valid_until
    };
    let mut known = match recall(&hash).filter(|known| is_alive(known) && !xact::is_standby()) {
        Some(known) => known,
        None => look_up(hash, revocations, authority, now)?,
    };
    let share = (known.liveness.idle_expires_at.0 - known.idle_started_at.0) / TOUCH_SHARE;
    if known.is_primary && now.0 - known.idle_started_at.0 > share && !xact::is_read_only() {
        // A busy session writes a few times in an idle time-out, a standby never.
        TOUCH.with(|statement| statement.execute(&[arg(known.root_id)]));
        known = look_up(known.token_hash, revocations, authority, now)?;
    }
    context::attach(known.identity, Some(known.liveness), revocations, authority)
}

/// The identity of the live, authenticated session of a token, as it stands now.
pub fn identity_of(token: &str) -> Result<Rc<Identity>> {
    let hash = token::hash(TokenKind::Session, token).ok_or_else(Error::session_invalid)?;
    let (revocations, authority) = (shmem::revocation_generation(), shmem::authority_generation());
    Some(look_up(hash, revocations, authority, clock::now())?.identity)
        .filter(|identity| identity.is_authenticated)
        .ok_or_else(Error::session_invalid)
}

/// Attaches the anonymous subject.
pub fn attach_anonymous() -> Result<()> {
    let authority = shmem::authority_generation();
    let (seen, known) = ANONYMOUS.with_borrow(|(seen, known)| (*seen, Rc::clone(known)));
    let is_current = seen == authority
        && clock::now() < known.authority.valid_until
        && !change::has_changed()
        && !xact::is_standby();
    let identity = if is_current {
        known
    } else {
        Rc::new(known.with_authority(known.flatten()?))
    };
    if !is_current && !change::has_changed() {
        ANONYMOUS.replace((authority, Rc::clone(&identity)));
    }
    context::attach(identity, None, shmem::revocation_generation(), authority)
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
            Some((read_identity(row, session_id), read_liveness(row, 5)?))
        })
    });
    rows.into_iter()
        .flatten()
        // Whose next statement is refused has no live session.
        .filter_map(|(identity, liveness)| {
            let authority = identity.flatten().ok()?;
            Some((Rc::new(identity.with_authority(authority)), liveness))
        })
        .collect()
}

/// Forgets every session, because this backend changed some, or the extension may have been dropped.
pub fn forget_all() {
    KNOWN.with_borrow_mut(Vec::clear);
}

fn recall(hash: &[u8]) -> Option<Known> {
    KNOWN.with_borrow(|known| known.iter().find(|known| known.token_hash == hash).cloned())
}

/// Reads a session and remembers it; the identity keeps its serial while what it carries is the same.
fn look_up(hash: Vec<u8>, revocations: u64, authority: u64, now: Timestamp) -> Result<Known> {
    let former = recall(&hash).map(|known| known.identity);
    let found = BY_TOKEN
        .with(|statement| {
            statement.query_one(&[arg(hash.clone())], |row| {
                Some((read(row, &hash)?, read_authority(row, now)))
            })
        })
        .flatten()
        .filter(|(known, _)| now < known.liveness.idle_expires_at)
        .map(|(known, kept)| {
            let identity = with_authority(&known.identity, kept)?;
            let identity = match &former {
                Some(former) if former.is_same(&identity) => Rc::new(Identity {
                    serial: former.serial,
                    ..identity
                }),
                _ => Rc::new(identity),
            };
            Ok(Known {
                identity,
                revocations: if xact::is_standby() { 0 } else { revocations },
                authority,
                ..known
            })
        })
        .transpose()?;
    KNOWN.with_borrow_mut(|known| {
        known.retain(|known| known.token_hash != hash);
        if let Some(found) = &found {
            known.truncate(REMEMBERED - 1);
            known.insert(0, found.clone());
        }
    });
    found.ok_or_else(Error::session_invalid)
}

/// With what was flattened when nothing has changed since, or with what is flattened now, which is kept.
fn with_authority(identity: &Identity, kept: Option<Authority>) -> Result<Identity> {
    let authority = match kept {
        Some(kept) => kept,
        None => {
            let authority = identity.flatten()?;
            if let Some(session_id) = identity.session_id {
                authz::keep(session_id, &authority);
            }
            authority
        }
    };
    Ok(identity.with_authority(authority))
}

/// What was flattened, if it was from the graph as it is now.
fn read_authority(row: &Row, now: Timestamp) -> Option<Authority> {
    let (current, version) = (row.get::<i64>(25)?, row.get::<i64>(26)?);
    let valid_until = row.timestamp(27)?;
    let is_current = current == version
        && now < valid_until
        && row.get::<String>(28)? == guc::environment()
        && !change::has_changed();
    let names = |number| {
        row.get::<Vec<String>>(number)
            .unwrap_or_default()
            .into_iter()
            .collect()
    };
    is_current.then(|| Authority {
        version,
        valid_until,
        roles: names(29),
        privileges: names(30),
        data_groups: row
            .get::<JsonB>(31)
            .map_or_else(Vec::new, |json| authz::read_groups(&json.0)),
        reports: names(32),
        groups: names(33),
    })
}

fn read(row: &Row, hash: &[u8]) -> Option<Known> {
    let session_id = row.get::<Uuid>(1)?;
    Some(Known {
        token_hash: hash.to_vec(),
        identity: Rc::new(read_identity(row, session_id)),
        root_id: row.get(2)?,
        is_primary: row.get(3)?,
        idle_started_at: row.timestamp(4)?,
        liveness: read_liveness(row, 5)?,
        revocations: 0,
        authority: 0,
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
        claims: Claims {
            roles: row.get(13).unwrap_or_default(),
            privileges: row.get(14).unwrap_or_default(),
            assumed_role: row.get(21),
            actor_session: row.get(23),
            acts_fully: row.get(24).unwrap_or(false),
        },
        actors: row.get(22).unwrap_or_default(),
        attributes: row.get::<JsonB>(15).map_or(Value::Null, |json| json.0),
        language: row.get(16),
        territory: row.get(17),
        date_format: row.get(18),
        number_format: row.get(19),
        created_at: row.timestamp(20),
        ..Identity::anonymous()
    }
}
