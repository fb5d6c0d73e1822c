//! What the attached session may do: kept up with the graph while the transaction runs, and narrowed when the session asks for it.

use super::attached::{ATTACHED, adopt_identity, identity, may_change_session, save};
use super::liveness::require_live;
use super::{Identity, keepers};
use crate::authz::{self, change, delegation};
use crate::error::{Error, Result};
use crate::sys::clock::{self, Timestamp};
use crate::sys::{shmem, xact};
use std::cell::RefCell;
use std::rc::Rc;

/// What a user gave up in this transaction, and in which level of it.
struct Narrowing {
    level: i32,
    user_name: String,
    role: String,
}

thread_local! {
    static NARROWED: RefCell<Vec<Narrowing>> = const { RefCell::new(Vec::new()) };
}

/// Flattens the attached session again when the graph has changed, or a grant began or ended; true when it may do something else now, an error when
/// it has what a rule keeps apart.
pub fn refresh() -> Result<bool> {
    let generation = shmem::authority_generation();
    let due = ATTACHED.with_borrow(|attached| {
        let attached = attached.as_ref()?;
        let is_current = attached.authority == generation
            && !change::has_changed()
            && holds(attached.identity.authority.valid_until);
        (!is_current).then(|| Rc::clone(&attached.identity))
    });
    let Some(identity) = due else {
        return Ok(false);
    };
    if !xact::is_in_progress() || is_as_on_primary(&identity) {
        return Ok(false);
    }
    let fresh = Rc::new(identity.with_authority(identity.flatten()?));
    let has_changed = fresh.serial != identity.serial;
    if has_changed {
        save(ATTACHED.with_borrow(Clone::clone));
    }
    adopt_identity(fresh, generation);
    Ok(has_changed)
}

/// Runs with one of the session's roles from now on.
pub fn assume_role(role: &str) -> Result<()> {
    may_change_session()?;
    let generation = shmem::authority_generation();
    let identity = require_authenticated()?;
    if !identity.authority.roles.contains(role) {
        return Err(Error::role_not_held());
    }
    let narrowed = narrowed(&identity, role)?;
    NARROWED.with_borrow_mut(|given_up| {
        given_up.push(Narrowing {
            level: xact::nest_level(),
            user_name: identity.user_name.clone(),
            role: role.to_owned(),
        });
    });
    change_to(narrowed, generation);
    Ok(())
}

/// A session that is attached again, or another of the same user, has no more than he kept in this transaction.
pub fn as_narrowed(identity: Rc<Identity>) -> Result<Rc<Identity>> {
    let role = NARROWED.with_borrow(|given_up| {
        let last = given_up.iter().rfind(|last| last.user_name == identity.user_name);
        last.map(|last| last.role.clone())
    });
    match (role, &identity.claims.assumed_role) {
        (None, _) => Ok(identity),
        (Some(role), Some(own)) if role == *own => Ok(identity),
        (Some(role), None) => narrowed(&identity, &role).map(Rc::new),
        // It was made with another role than the one that was kept.
        (Some(_), Some(_)) => narrowed(&identity, authz::ANONYMOUS).map(Rc::new),
    }
}

fn narrowed(identity: &Identity, role: &str) -> Result<Identity> {
    let mut narrowed = Identity::clone(identity);
    narrowed.claims.assumed_role = Some(role.to_owned());
    let authority = narrowed.flatten()?;
    Ok(narrowed.with_authority(authority))
}

/// A savepoint was released.
pub fn savepoint_released(level: i32) {
    NARROWED.with_borrow_mut(|given_up| {
        for narrowing in given_up.iter_mut().filter(|narrowing| narrowing.level == level) {
            narrowing.level = level - 1;
        }
    });
}

/// A savepoint was rolled back to: what was given up after it is there again.
pub fn savepoint_rolled_back(level: i32) {
    NARROWED.with_borrow_mut(|given_up| given_up.retain(|narrowing| narrowing.level < level));
}

/// Everybody has what he had.
pub fn transaction_ended() {
    NARROWED.with_borrow_mut(Vec::clear);
}

/// Puts another name into audit columns from now on, for as long as the session may.
pub fn set_audit_identity(name: &str) -> Result<()> {
    let generation = shmem::authority_generation();
    let identity = require_authenticated()?;
    if !identity
        .authority
        .privileges
        .contains(delegation::SET_AUDIT_IDENTITY)
    {
        return Err(Error::privilege_missing(
            "the session may not set the audit identity",
            "Grant the privilege session:set_audit_identity to one of its roles.",
        ));
    }
    authz::check_name(name)?;
    change_to(identity.with_audit_identity(name), generation);
    Ok(())
}

/// The attached session of an authenticated user, alive and with what it may do now. Whatever acts for a session asks here at the moment it acts, after
/// it has waited for others: not everything that acts is a statement that was looked at when it started.
pub fn require_authenticated() -> Result<Rc<Identity>> {
    require_live()?;
    if refresh()? {
        keepers::tell();
    }
    identity()
        .filter(|identity| identity.is_authenticated)
        .ok_or_else(Error::session_invalid)
}

/// Until the transaction ends, or a savepoint brings back what was before. The generation is one that was read before the graph was.
fn change_to(new: Identity, generation: u64) {
    save(ATTACHED.with_borrow(Clone::clone));
    adopt_identity(Rc::new(new), generation);
    keepers::tell();
}

/// Most hold for good, so that the clock need not be read.
fn holds(until: Timestamp) -> bool {
    until.0 == i64::MAX || clock::now() < until
}

/// The generation of a standby rises with whatever the primary writes: there the version is compared.
fn is_as_on_primary(identity: &Identity) -> bool {
    xact::is_standby()
        && holds(identity.authority.valid_until)
        && identity.authority.version == authz::version()
}
