//! The session context of this backend: whose session is attached, and until when.
//!
//! Invariant: it lives in backend memory, is written only by functions that checked a token (or attach the anonymous subject), and
//! ends with the transaction. Nothing a client can SET is read here.

mod application;
mod attached;
mod authority;
mod declaration;
mod global;
mod identity;
mod keepers;
mod liveness;
mod standing;
mod userenv;
mod value;

pub use application::{
    attributes_rest_on, clear as clear_context, clear_all as clear_all_context, list as list_context, read,
    read_list, set as set_context, set_identifier,
};
pub use attached::{changes, identity, is_attached, may_keep_rows};
pub use authority::{assume_role, require_authenticated, set_audit_identity};
pub use declaration::{
    create as create_context, declarations, forget as function_changed, known as known_declarations,
    plain_attribute, relation_changed, remove as drop_context, share as share_context,
};
pub use global::{note_change as globals_changed, transaction_ended as globals_ended};
pub use identity::{Identity, Liveness};
pub use keepers::{Keepers, fill as set_keepers};
pub use liveness::require_live;
pub use standing::{Standing, answer_holds_until, definitions_changed, known_standing};
pub use userenv::{sys_context, sys_context_cut};

use crate::error::{Error, Result};
use crate::guc::{self, AttachSearchPath};
use crate::sys::looking::ReadOnly;
use crate::sys::marker::Marker;
use crate::sys::{connection, shmem, spi, temporary};
use application::read as read_attribute;
use attached::{ATTACHED, Attached, SavedAside, replace};
use std::cell::Cell;
use std::rc::Rc;

thread_local! {
    /// Whether the standing changed since a plan was begun that has not run yet.
    static CHANGED_WHILE_PLANNING: Cell<bool> = const { Cell::new(false) };
}

/// Attaches a session that was just found alive; `revocations` and `authority` are the generations read before it was looked up.
pub fn attach(
    identity: Rc<Identity>,
    liveness: Option<Liveness>,
    revocations: u64,
    authority: u64,
) -> Result<()> {
    refuse_what_was_left()?;
    let identity = authority::as_narrowed(identity)?;
    replace(Some(attached(identity, liveness, revocations, authority)))?;
    spi::announced(follow);
    keepers::tell();
    Ok(())
}

/// A session with what it sees of shared values.
fn attached(
    identity: Rc<Identity>,
    liveness: Option<Liveness>,
    revocations: u64,
    authority: u64,
) -> Attached {
    let values = application::initial(&identity);
    Attached::new(identity, liveness, revocations, authority, values)
}

/// A session takes over a connection, and nothing that the one before has left on it may run in its name.
fn refuse_what_was_left() -> Result<()> {
    if let Some(kind) = temporary::object() {
        return Err(Error::outlives_session(
            &format!("a temporary {kind} left on the connection"),
            "Run DISCARD TEMP before attaching, and create temporary tables with ON COMMIT DROP after it.",
        ));
    }
    let rule = guc::attach_search_path();
    if rule == AttachSearchPath::Keep || !connection::has_other_search_path() {
        return Ok(());
    }
    if rule == AttachSearchPath::Refuse || connection::is_in_function_with_settings() {
        return Err(Error::outlives_session(
            "a search_path that the connection did not begin with",
            "Run RESET search_path before attaching, and not in a function that sets search_path; or see vpd.attach_search_path.",
        ));
    }
    connection::reset_search_path();
    Ok(())
}

/// Detaches the session, if any.
pub fn detach() {
    if is_attached() {
        replace(None).unwrap_or_else(|error| error.raise());
    }
}

/// Does something as another live session, for an administrator who looks at what it sees; the former session is back afterwards,
/// after an error too. The rights stay the caller's own. Nothing is written meanwhile: what others wrote, such as a function in a predicate, does
/// nothing in that name.
pub fn impersonate<R>(identity: Rc<Identity>, liveness: Liveness, work: impl FnOnce() -> R) -> R {
    let attached = attached(
        identity,
        Some(liveness),
        shmem::revocation_generation(),
        shmem::authority_generation(),
    );
    let _former = Former::behind(Some(attached));
    let _read_only = ReadOnly::enter();
    spi::announced(follow);
    keepers::tell();
    work()
}

/// Does something while nobody's session is attached; the former one is back afterwards, after an error too.
pub fn without_session<R>(work: impl FnOnce() -> R) -> R {
    let _former = Former::behind(None);
    work()
}

/// The session that comes back when this goes, and with it what savepoints bring back.
struct Former {
    attached: Option<Attached>,
    _saved: SavedAside,
}

impl Former {
    fn behind(new: Option<Attached>) -> Self {
        Self {
            _saved: SavedAside::put(),
            attached: ATTACHED.replace(new),
        }
    }
}

impl Drop for Former {
    fn drop(&mut self) {
        ATTACHED.replace(self.attached.take());
        if is_attached() {
            keepers::tell();
        }
    }
}

/// What answers rest on now: for whoever derives something from them that is kept.
pub fn standing() -> Standing {
    look_while_planning();
    known_standing()
}

/// A statement starts: values that others share and have changed meanwhile, what the session may do now, and definitions as they are now, hold
/// from now on. An error when its plan carries a marker of plans that suit no more.
pub fn statement_started(carries: impl FnOnce(&[Marker]) -> bool) -> Result<()> {
    if CHANGED_WHILE_PLANNING.take() {
        keepers::plans_mixed();
    }
    if refresh()? {
        let outdated = keepers::tell();
        if !outdated.is_empty() && carries(&outdated) {
            return Err(Error::authority_changed());
        }
    }
    Ok(())
}

/// A plan is being made: it is made for what holds now. When that changes in the middle, the plan serves once.
fn look_while_planning() {
    if refresh().unwrap_or_else(|error| error.raise()) {
        CHANGED_WHILE_PLANNING.set(true);
        keepers::tell();
    }
}

/// A single-valued attribute as text, for the policies of a statement that is being planned.
pub fn attribute(namespace: &str, name: &str) -> Option<String> {
    look_while_planning();
    read_attribute(namespace, name)
}

/// Looks whether definitions changed, or time did it; true when they did since keepers were told last.
fn follow() -> bool {
    declaration::follow_changes();
    keepers::follow_definitions();
    standing::take_change()
}

/// Looks whether the attached session has another standing than keepers were told last. Costs a look at three counters unless it has.
fn refresh() -> Result<bool> {
    if !is_attached() {
        return Ok(false);
    }
    spi::announced(|| {
        let authority = authority::refresh()?;
        let shared = application::refresh_shared();
        let definitions = follow();
        Ok(authority || shared || definitions)
    })
}

/// True when the values of some context are shared between sessions, so that they may change at any time.
pub fn has_shared_values() -> bool {
    declaration::declarations().has_global()
}

/// The current transaction ended these sessions: this backend detaches at once if it has one of them.
pub fn sessions_ended(ended: &[pgrx::Uuid]) {
    if identity().is_some_and(|identity| identity.session_id.is_some_and(|id| ended.contains(&id))) {
        detach();
    }
}

/// PREPARE TRANSACTION would let the transaction end elsewhere, without its session and without its announcements.
pub fn may_be_prepared() -> Result<()> {
    if is_attached() {
        return Err(Error::outlives_session(
            "PREPARE TRANSACTION",
            "Detach the session, or commit in one phase.",
        ));
    }
    if global::has_changed() {
        return Err(Error::not_preparable("values of global contexts"));
    }
    Ok(())
}

/// A holdable cursor keeps rows after the transaction, for whoever comes next on the connection.
pub fn may_hold_cursor() -> Result<()> {
    if is_attached() {
        return Err(Error::outlives_session(
            "a cursor WITH HOLD",
            "Declare the cursor without HOLD.",
        ));
    }
    Ok(())
}

/// So does a temporary table.
pub fn may_keep_temporary_table() -> Result<()> {
    if is_attached() {
        return Err(Error::outlives_session(
            "a temporary table that outlives the transaction",
            "Add ON COMMIT DROP.",
        ));
    }
    Ok(())
}

/// A savepoint was released.
pub fn savepoint_released(level: i32) {
    authority::savepoint_released(level);
    attached::savepoint_released(level);
}

/// A savepoint was rolled back to. Keepers are told when it brought a session back.
pub fn savepoint_rolled_back(level: i32) {
    authority::savepoint_rolled_back(level);
    if attached::savepoint_rolled_back(level) {
        keepers::tell();
    }
}

/// Nothing is attached and nothing comes back any more.
pub fn transaction_ended() {
    attached::transaction_ended();
    authority::transaction_ended();
}
