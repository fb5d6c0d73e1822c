//! Attaching a session to the transaction, and whether it still lives.
//!
//! A backend remembers the sessions it attached lately. One of them is attached again without a look into the tables while no session
//! has ended anywhere since it was last found alive and its time-outs are not reached: an ending is announced in shared memory
//! before it is acknowledged, and the idle clock only ever moves on.

use super::era::{self, Eras};
use super::line::{self, Line};
use super::token::{self, TokenKind};
use crate::authz::{self, Authority, Claims, change};
use crate::context::{self, Identity, Liveness};
use crate::error::{Error, Result};
use crate::guc;
use crate::recent::Recent;
use crate::sys::clock::{self, Timestamp};
use crate::sys::document::Document;
use crate::sys::lookup::{Key, Moment};
use crate::sys::spi::{Row, arg, statements};
use crate::sys::{Oid, lock, shmem, xact};
use crate::trail::{self, Event};
use pgrx::Uuid;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

/// Sessions remembered by a backend.
const REMEMBERED: usize = 32;
/// Sessions of which a backend remembers that it attached them.
const MAX_BEFORE: usize = 2_048;
/// The idle clock is moved when this share of the idle time-out has passed since it was moved last.
const TOUCH_SHARE: i64 = 16;

statements! {
    LIVENESS = "session/liveness.sql";
    TOUCH = "session/touch.sql";
    LIVE = scanning "session/live.sql";
}

thread_local! {
    static KNOWN: RefCell<Recent<Known>> = const { RefCell::new(Recent::of(REMEMBERED)) };
    /// Sessions that this backend attached, and the audit trail was told of.
    static ATTACHED_BEFORE: RefCell<HashSet<Uuid>> = RefCell::default();
    /// The table of sessions, as it was when one was looked up.
    static TABLE: Cell<Option<Oid>> = const { Cell::new(None) };
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
    let mut known = match recall(&hash).filter(is_alive) {
        Some(known) => known,
        None => look_up(hash, revocations, authority, now)?,
    };
    record_first(&known.identity);
    let share = (known.liveness.idle_expires_at.0 - known.idle_started_at.0) / TOUCH_SHARE;
    if known.is_primary && now.0 - known.idle_started_at.0 > share && !xact::is_read_only() {
        // A busy session writes a few times in an idle time-out, a standby never.
        TOUCH.with(|statement| statement.execute(&[arg(known.root_id)]));
        known = look_up(known.token_hash, revocations, authority, now)?;
    }
    context::attach(known.identity, Some(known.liveness), revocations, authority)
}

/// Records that this backend attaches a session for the first time, or for the first time after it has attached many others.
fn record_first(identity: &Identity) {
    let Some(session_id) = identity.session_id else {
        return;
    };
    let is_first = ATTACHED_BEFORE.with_borrow_mut(|before| {
        if before.len() >= MAX_BEFORE {
            before.clear();
        }
        before.insert(session_id)
    });
    if is_first {
        trail::record(&Event {
            name: "session.attached",
            session_id: Some(&session_id.to_string()),
            user_name: Some(&identity.user_name),
            app: identity.app.as_deref(),
            ..Event::default()
        });
    }
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
    let is_current =
        seen == authority && clock::now() < known.authority.valid_until && !change::has_changed();
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

/// The clocks of a session as they stand now; `None` when it is over, or the token is dead that it was attached by.
pub fn liveness(identity: &Identity) -> Option<Liveness> {
    let args = [arg(identity.session_id?), arg(identity.token_hash.as_deref())];
    LIVENESS
        .with(|statement| statement.query_one(&args, read_liveness))
        .flatten()
        .filter(|liveness| clock::now() < liveness.idle_expires_at)
}

/// Live sessions, newest first, for an administrator who looks at what somebody sees: of one user or of everybody, or one session.
pub fn live_sessions(user: Option<&str>, session: Option<Uuid>, limit: i64) -> Vec<(Rc<Identity>, Liveness)> {
    let rows = LIVE.with(|statement| {
        statement.query(&[arg(user), arg(session), arg(limit)], |row| {
            Some((read_identity(row), read_liveness(row)?))
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

/// A relation changed, or all did: the extension may have been dropped, and created again, when it is the table of sessions. Changes of rows are announced.
pub fn relation_changed(relation: Option<Oid>) {
    if relation.is_none() || relation == TABLE.get() {
        forget_all();
    }
}

/// Forgets every session, because this backend changed some, or the extension may have been dropped.
pub fn forget_all() {
    KNOWN.with_borrow_mut(Recent::clear);
    TABLE.set(None);
    era::forget();
    authz::forget_version();
}

fn read_liveness(row: &Row) -> Option<Liveness> {
    Some(Liveness {
        idle_expires_at: row.timestamp_named(c"idle_expires_at")?,
        expires_at: row.timestamp_named(c"expires_at")?,
    })
}

fn recall(hash: &[u8]) -> Option<Known> {
    KNOWN.with_borrow_mut(|known| known.find(|known| known.token_hash == hash).cloned())
}

/// Reads a session and remembers it; the identity keeps its serial while what it carries is the same.
fn look_up(hash: Vec<u8>, revocations: u64, authority: u64, now: Timestamp) -> Result<Known> {
    let former = recall(&hash).map(|known| known.identity);
    let found = read(&hash, revocations, authority, now)
        .filter(|stored| now < stored.line.liveness.idle_expires_at)
        .map(|stored| {
            let flattened = match stored.authority {
                Some(kept) => kept,
                None => flatten(&stored.identity)?,
            };
            let mut identity = Identity {
                authority: Rc::new(flattened),
                ..stored.identity
            };
            if let Some(former) = former.filter(|former| former.is_same(&identity)) {
                identity.serial = former.serial;
            }
            Ok(Known {
                token_hash: hash.clone(),
                identity: Rc::new(identity),
                root_id: stored.line.root_id,
                is_primary: stored.is_primary,
                idle_started_at: stored.line.idle_started_at,
                liveness: stored.line.liveness,
                revocations,
                authority,
            })
        })
        .transpose()?;
    KNOWN.with_borrow_mut(|known| {
        known.forget(|known| known.token_hash == hash);
        if let Some(found) = &found {
            known.keep(found.clone());
        }
    });
    found.ok_or_else(Error::session_invalid)
}

/// What a session has now, kept for whoever attaches it next.
fn flatten(identity: &Identity) -> Result<Authority> {
    let authority = identity.flatten()?;
    if let Some(session_id) = identity.session_id {
        authz::keep(session_id, &authority);
    }
    Ok(authority)
}

/// What the tables hold of a session.
struct Stored {
    identity: Identity,
    /// What was flattened, if that still holds.
    authority: Option<Authority>,
    is_primary: bool,
    line: Line,
}

/// The session that a token opens, with its clocks, which the caller compares with the wall clock. `None` when there is no such token, or it died with its
/// application, or a session from this one up to the login was ended.
fn read(hash: &[u8], revocations: u64, generation: u64, now: Timestamp) -> Option<Stored> {
    if TABLE.get().is_none() {
        TABLE.set(lock::table(c"session"));
    }
    let version = authz::version_in(generation);
    let moment = Moment::now();
    let eras = Eras::remembered(&moment, revocations);
    let opened = line::of_token(&moment, &eras, hash, |row| Some(read_identity(row)))?;
    let authority = moment.row(
        c"session_authority",
        c"session_authority_session_idx",
        Key::Uuid(opened.session_id),
        |row| read_authority(row, version, now),
    );
    Some(Stored {
        identity: Identity {
            app: Some(opened.app),
            token_hash: Some(hash.to_vec()),
            ..opened.session
        },
        authority,
        is_primary: opened.is_primary,
        line: opened.line,
    })
}

/// What was flattened, if it was from the graph as it is now.
fn read_authority(row: &Row, current: i64, now: Timestamp) -> Option<Authority> {
    let version = row.named::<i64>(c"version")?;
    let valid_until = row.timestamp_named(c"valid_until")?;
    let is_current = version == current
        && now < valid_until
        && row.named::<String>(c"environment")? == guc::environment()
        && !change::has_changed();
    if !is_current {
        return None;
    }
    // What cannot be read is flattened again: a set of data groups that was left out would filter nothing.
    let names = |name| Some(row.named::<Vec<String>>(name)?.into_iter().collect());
    Some(Authority {
        version,
        valid_until,
        roles: names(c"roles")?,
        privileges: names(c"privileges")?,
        data_groups: authz::read_groups(row.named::<Document>(c"data_groups")?.known())?,
        reports: names(c"reports")?,
        groups: names(c"groups")?,
    })
}

/// What a row of the table of sessions carries.
fn read_identity(row: &Row) -> Identity {
    Identity {
        session_id: row.named(c"id"),
        user_name: row.named(c"user_name").unwrap_or_default(),
        app: row.named(c"app"),
        pillar: row.named(c"pillar"),
        is_authenticated: row.named(c"is_authenticated").unwrap_or(false),
        audit_identity: row.named(c"audit_identity").unwrap_or_default(),
        acting_for: row.named(c"acting_for"),
        claims: Claims {
            roles: row.named(c"roles").unwrap_or_default(),
            privileges: row.named(c"privileges").unwrap_or_default(),
            groups: row.named(c"claimed_groups").unwrap_or_default(),
            assumed_role: row.named(c"assumed_role"),
            actor_session: row.named(c"actor_session_id"),
            acts_fully: row.named(c"acts_fully").unwrap_or(false),
        },
        actors: row.named(c"actors").unwrap_or_default(),
        attributes: row
            .named::<Document>(c"attributes")
            .map_or(Value::Null, |document| document.known().clone()),
        language: row.named(c"language"),
        territory: row.named(c"territory"),
        date_format: row.named(c"date_format"),
        number_format: row.named(c"number_format"),
        created_at: row.timestamp_named(c"created_at"),
        ..Identity::anonymous()
    }
}
