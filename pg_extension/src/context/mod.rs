//! The session context of this backend: whose session is attached, and until when.
//!
//! Invariant: it lives in backend memory, is written only by functions that checked a token (or attach the anonymous subject), and
//! ends with the transaction. Nothing a client can SET is read here.

mod application;
mod authority;
mod backend;
mod declaration;
mod global;
mod identity;
mod standing;
mod userenv;
mod value;

pub use application::{
    attribute, clear as clear_context, clear_all as clear_all_context, list as list_context, read, read_list,
    set as set_context, set_identifier,
};
pub use authority::{assume_role, require_authenticated, set_audit_identity};
pub use declaration::{
    create as create_context, declarations, forget as function_changed, known as known_declarations,
    relation_changed, remove as drop_context,
};
pub use global::note_change as globals_changed;
pub use identity::{Identity, Liveness};
pub use standing::{Standing, answer_holds_until, definitions_changed, known_standing};
pub use userenv::{sys_context, sys_context_cut};

use crate::error::{Error, Result};
use crate::guc::{self, AttachSearchPath};
use crate::sys::clock;
use crate::sys::hooks::function_call;
use crate::sys::marker::Marker;
use crate::sys::{connection, portal, reading, relation, shmem, spi, temporary, xact};
use crate::{audit, authz, hierarchy, load, policy, session};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use value::Values;

/// A session attached to the current transaction.
#[derive(Clone)]
struct Attached {
    identity: Rc<Identity>,
    /// When the session dies unless somebody uses it meanwhile; `None` for the anonymous subject, which has no clocks.
    liveness: Option<Liveness>,
    /// Revocations seen when it was last found alive.
    revocations: u64,
    /// The generation of the graph its authority was flattened from.
    authority: u64,
    /// What trusted functions have set.
    values: Rc<Values>,
    /// Tells identities and their values apart within this backend.
    serial: u64,
}

impl Attached {
    fn new(identity: Rc<Identity>, liveness: Option<Liveness>, revocations: u64, authority: u64) -> Self {
        let values = Rc::new(application::initial(&identity));
        Self {
            serial: value::serial(identity.serial, &values),
            identity,
            liveness,
            revocations,
            authority,
            values,
        }
    }
}

/// What a savepoint has to bring back.
struct Saved {
    level: i32,
    attached: Option<Attached>,
}

static ATTACHED: backend::Backend = backend::Backend;

thread_local! {
    static SAVED: RefCell<Vec<Saved>> = const { RefCell::new(Vec::new()) };
    static IS_UNANNOUNCED: Cell<bool> = const { Cell::new(false) };
    static HAS_ENDED_SESSIONS: Cell<bool> = const { Cell::new(false) };
    static ENDING: RefCell<Vec<(i32, pgrx::Uuid)>> = const { RefCell::new(Vec::new()) };
    /// Whether the standing changed since a plan was begun that has not run yet.
    static CHANGED_WHILE_PLANNING: Cell<bool> = const { Cell::new(false) };
    /// Whether the current transaction applies rows of another server, and said so.
    static HAS_REPLICATED: Cell<bool> = const { Cell::new(false) };
    static HAS_WORK_FOR_LAUNCHER: Cell<bool> = const { Cell::new(false) };
    /// How often another session was attached, or none.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
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
    replace(Some(Attached::new(identity, liveness, revocations, authority)))?;
    spi::announced(standing::follow);
    policy::session_changed(known_standing());
    Ok(())
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
    let attached = Attached::new(
        identity,
        Some(liveness),
        shmem::revocation_generation(),
        shmem::authority_generation(),
    );
    let _former = Former::behind(Some(attached));
    let _read_only = xact::ReadOnly::enter();
    spi::announced(standing::follow);
    policy::session_changed(known_standing());
    work()
}

/// Does something while nobody's session is attached; the former one is back afterwards, after an error too.
pub fn without_session<R>(work: impl FnOnce() -> R) -> R {
    let _former = Former::behind(None);
    work()
}

/// The session that comes back when this goes.
struct Former(Option<Attached>);

impl Former {
    fn behind(new: Option<Attached>) -> Self {
        Self(ATTACHED.replace(new))
    }
}

impl Drop for Former {
    fn drop(&mut self) {
        ATTACHED.replace(self.0.take());
        if is_attached() {
            policy::session_changed(known_standing());
        }
    }
}

/// Every open cursor goes with the former session.
fn replace(new: Option<Attached>) -> Result<()> {
    may_change_session()?;
    portal::close_all()?;
    CHANGES.set(CHANGES.get() + 1);
    save(ATTACHED.replace(new));
    Ok(())
}

/// An error inside a statement that reads tables under policy: it was planned for one session, and would go on as another.
fn may_change_session() -> Result<()> {
    if reading::is_any() {
        return Err(Error::session_in_use());
    }
    Ok(())
}

/// How often another session was attached to this backend, or none.
pub fn changes() -> u64 {
    CHANGES.get()
}

/// An error when rows that outlive the transaction may be those of a session: one is attached, or was since so many changes.
pub fn may_keep_rows(changes: u64) -> Result<()> {
    if is_attached() || CHANGES.get() != changes {
        return Err(Error::outlives_session(
            "a cursor or loop whose rows outlive the transaction",
            "Read the rows into an array before the transaction ends, or end it after the loop.",
        ));
    }
    Ok(())
}

/// Changes what trusted functions have set, until the transaction ends or a savepoint brings back what was before.
fn change_values(change: impl FnOnce(&mut Values)) {
    let Some(former) = ATTACHED.with_borrow(Clone::clone) else {
        return;
    };
    let mut values = (*former.values).clone();
    change(&mut values);
    if values != *former.values {
        save(Some(former));
        adopt(values);
        policy::session_changed(known_standing());
    }
}

/// Puts values in place.
fn adopt(values: Values) {
    ATTACHED.with_borrow_mut(|attached| {
        if let Some(attached) = attached {
            attached.values = Rc::new(values);
            attached.serial = value::serial(attached.identity.serial, &attached.values);
        }
    });
}

/// Keeps what a savepoint has to bring back.
fn save(former: Option<Attached>) {
    let level = xact::nest_level();
    SAVED.with_borrow_mut(|saved| {
        if level > 1 && saved.last().is_none_or(|last| last.level < level) {
            saved.push(Saved {
                level,
                attached: former,
            });
        }
    });
}

/// True while a session is attached.
pub fn is_attached() -> bool {
    ATTACHED.with_borrow(Option::is_some)
}

/// The attached identity.
pub fn identity() -> Option<Rc<Identity>> {
    ATTACHED.with_borrow(|attached| attached.as_ref().map(|attached| Rc::clone(&attached.identity)))
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
        policy::plans_mixed();
    }
    if refresh()? {
        let outdated = policy::session_changed(known_standing());
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
        policy::session_changed(known_standing());
    }
}

/// Looks whether the attached session has another standing than keepers were told last. Costs a look at three counters unless it has.
fn refresh() -> Result<bool> {
    if !is_attached() {
        return Ok(false);
    }
    spi::announced(|| {
        let authority = authority::refresh()?;
        let shared = application::refresh_shared();
        let definitions = standing::follow();
        Ok(authority || shared || definitions)
    })
}

/// True when the values of some context are shared between sessions, so that they may change at any time.
pub fn has_shared_values() -> bool {
    declaration::declarations().has_global()
}

/// Tells identities and what trusted functions have set for them apart within this backend; 0 without a session.
fn known_session() -> u64 {
    ATTACHED.with_borrow(|attached| attached.as_ref().map_or(0, |attached| attached.serial))
}

/// An error when the attached session has expired or was ended, at whatever isolation level the transaction runs.
/// Costs a look at the clock and at a counter unless a session ended somewhere or a time-out came near.
pub fn require_live() -> Result<()> {
    // Most statements of a server are none of our business: they cost this look and no more.
    if !ATTACHED.with_borrow(|attached| {
        attached
            .as_ref()
            .is_some_and(|attached| attached.liveness.is_some())
    }) {
        return Ok(());
    }
    let now = clock::now();
    let revocations = shmem::revocation_generation();
    let suspect = ATTACHED.with_borrow(|attached| {
        let attached = attached.as_ref()?;
        let liveness = attached.liveness?;
        let is_unquestioned = attached.revocations == revocations && now < liveness.idle_expires_at;
        (!is_unquestioned).then(|| Rc::clone(&attached.identity))
    });
    let Some(identity) = suspect else {
        return Ok(());
    };
    let liveness = spi::announced(|| session::liveness(&identity)).ok_or_else(Error::session_invalid)?;
    ATTACHED.with_borrow_mut(|attached| {
        if let Some(attached) = attached {
            attached.liveness = Some(liveness);
            attached.revocations = revocations;
        }
    });
    Ok(())
}

/// Does work on rows of sessions that changes what nobody may have seen: no backend needs to look at its session again for it.
pub fn without_announcement<R>(work: impl FnOnce() -> R) -> R {
    /// Gives the switch back, when unwinding too.
    struct Former(bool);
    impl Drop for Former {
        fn drop(&mut self) {
            IS_UNANNOUNCED.set(self.0);
        }
    }
    let _former = Former(IS_UNANNOUNCED.replace(true));
    work()
}

/// The current transaction changed rows of sessions: every backend looks at its session again when it commits.
pub fn session_rows_changed() {
    if IS_UNANNOUNCED.get() {
        return;
    }
    xact::commit_durably();
    HAS_ENDED_SESSIONS.set(true);
    session::forget_all();
}

/// The current transaction applies rows of another server: what any backend knows may be another when it commits.
pub fn rows_replicated() {
    if HAS_REPLICATED.replace(true) {
        return;
    }
    session_rows_changed();
    globals_changed();
    authz::change::note();
    policy::exemption::note_change();
    relation::announce_every_change();
}

/// The current transaction ended these sessions: this backend detaches at once if it has one of them.
pub fn sessions_ended(ended: &[pgrx::Uuid]) {
    if identity().is_some_and(|identity| identity.session_id.is_some_and(|id| ended.contains(&id))) {
        detach();
    }
}

/// Ends a session when the transaction commits; if it is the attached one, nothing is attached from now on.
pub fn end_at_commit(session_id: pgrx::Uuid) {
    ENDING.with_borrow_mut(|ending| ending.push((xact::nest_level(), session_id)));
    sessions_ended(&[session_id]);
}

/// The transaction is about to commit: what was asked for is done, while it still can be.
pub fn transaction_committing() {
    for (_, session_id) in ENDING.take() {
        session::end_by_id(session_id, "logout");
    }
}

/// The launcher of the purge workers is to look at this database when the transaction commits.
pub fn call_launcher_at_commit() {
    HAS_WORK_FOR_LAUNCHER.set(true);
}

/// The transaction committed: its effects are visible to others now.
pub fn transaction_committed() {
    if HAS_ENDED_SESSIONS.get() {
        shmem::announce_revocation();
    }
    if HAS_WORK_FOR_LAUNCHER.get() {
        shmem::call_launcher();
    }
    global::transaction_ended(true);
    authz::change::transaction_ended(true);
    load::transaction_ended();
    rows_written();
    forget_everything();
}

/// The transaction was prepared: it leaves this backend, and how it ends is decided elsewhere.
pub fn transaction_prepared() {
    forget_what_was_undone();
    load::transaction_ended();
    rows_written();
    forget_everything();
}

/// The transaction was rolled back.
pub fn transaction_aborted() {
    forget_what_was_undone();
    global::transaction_ended(false);
    authz::change::transaction_ended(false);
    load::transaction_ended();
    rows_written();
    forget_everything();
}

/// A savepoint was released: what it would bring back, its parent brings back.
pub fn subtransaction_committed(level: i32) {
    authority::subtransaction_committed(level);
    authz::change::subtransaction_committed(level);
    load::subtransaction_committed(level);
    ENDING.with_borrow_mut(|ending| {
        for (asked_at, _) in ending.iter_mut().filter(|(asked_at, _)| *asked_at == level) {
            *asked_at = level - 1;
        }
    });
    SAVED.with_borrow_mut(|saved| {
        if saved.last().is_some_and(|last| last.level == level)
            && let Some(last) = saved.pop()
        {
            let parent = level - 1;
            if parent > 1 && saved.last().is_none_or(|before| before.level < parent) {
                saved.push(Saved {
                    level: parent,
                    ..last
                });
            }
        }
    });
}

/// A savepoint was rolled back to: the session attached before it is attached again.
pub fn subtransaction_aborted(level: i32) {
    forget_what_was_undone();
    authz::change::subtransaction_aborted(level);
    authority::subtransaction_aborted(level);
    load::subtransaction_aborted(level);
    // Its news go with a sub-transaction.
    HAS_REPLICATED.set(false);
    // What was seen of nodes that are taken back. Expressions are evaluated in the middle of a statement, without one of their own.
    hierarchy::statement_started();
    rows_written();
    ENDING.with_borrow_mut(|ending| ending.retain(|(asked_at, _)| *asked_at < level));
    let mut is_restored = false;
    SAVED.with_borrow_mut(|saved| {
        while saved.last().is_some_and(|last| last.level >= level) {
            if let Some(last) = saved.pop() {
                ATTACHED.replace(last.attached);
                is_restored = true;
            }
        }
    });
    function_call::forget_from(level);
    if is_restored && is_attached() {
        policy::session_changed(known_standing());
    }
}

/// Sessions that were read by a transaction which wrote something may be read from that: from rows that are none, or with grants that are none.
fn forget_what_was_undone() {
    if xact::has_written() {
        session::forget_all();
    }
}

/// What triggers remember of the rows they saw is good no more.
fn rows_written() {
    audit::transaction_ended();
    authz::segregation::transaction_ended();
}

/// Nothing is attached and nothing is due any more.
pub fn forget_everything() {
    policy::statement_started();
    function_call::transaction_ended();
    ATTACHED.replace(None);
    SAVED.with_borrow_mut(Vec::clear);
    authority::transaction_ended();
    ENDING.with_borrow_mut(Vec::clear);
    HAS_ENDED_SESSIONS.set(false);
    HAS_REPLICATED.set(false);
    HAS_WORK_FOR_LAUNCHER.set(false);
}

/// PREPARE TRANSACTION would let the transaction end elsewhere, without its session and without its announcements.
pub fn may_prepare_transaction() -> Result<()> {
    if is_attached() || ENDING.with_borrow(|ending| !ending.is_empty()) {
        return Err(Error::outlives_session(
            "PREPARE TRANSACTION",
            "Detach the session, or commit in one phase.",
        ));
    }
    for (has_changed, what) in [
        (HAS_ENDED_SESSIONS.get(), "sessions"),
        (global::has_changed(), "values of global contexts"),
        (authz::change::has_changed(), "who may do what"),
    ] {
        if has_changed {
            return Err(Error::not_preparable(what));
        }
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

/// TRUNCATE asks no policy.
pub fn refuse_truncate() -> Error {
    Error::privilege_missing(
        "TRUNCATE is not allowed on a table under policy",
        "Use DELETE, which removes the rows that policies let you see; a role with BYPASSRLS may truncate.",
    )
}

/// Policies stand on row security.
pub fn refuse_unprotecting() -> Error {
    Error::privilege_missing(
        "row security of a table under policy may not be switched off",
        "Drop its policies with vpd.drop_policy, or ask a superuser.",
    )
}

/// A foreign key to a table under policy tells which of its rows exist.
pub fn refuse_reference() -> Error {
    Error::reference_refused()
}
