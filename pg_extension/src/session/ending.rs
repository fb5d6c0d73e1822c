//! What a transaction has to do about sessions when it ends: sessions that are to be ended with it, whether others have to look at theirs again, and who waits for
//! news of those that ended.

use super::attachment::forget_all;
use crate::error::{Error, Result};
use crate::sys::{notification, shmem, xact};
use pgrx::Uuid;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;

/// The channel on which ended sessions are told, by their identifiers.
const CHANNEL: &CStr = c"vpd_queue";

thread_local! {
    /// Sessions that end when the transaction commits, each with the level of savepoints it was asked at.
    static AT_COMMIT: RefCell<Vec<(i32, Uuid)>> = const { RefCell::new(Vec::new()) };
    /// Sessions that were ended, for whoever listens.
    static ENDED: RefCell<Vec<Uuid>> = const { RefCell::new(Vec::new()) };
    /// Whether rows of sessions were changed.
    static HAS_CHANGED: Cell<bool> = const { Cell::new(false) };
    /// Whether what is changed now is announced to nobody.
    static IS_UNANNOUNCED: Cell<bool> = const { Cell::new(false) };
}

/// Ends a session when the transaction commits.
pub(super) fn at_commit(session_id: Uuid) {
    AT_COMMIT.with_borrow_mut(|ending| ending.push((xact::nest_level(), session_id)));
}

/// Whoever listens is woken when the transaction commits.
pub(super) fn wake_at_commit(ended: &[Uuid]) {
    ENDED.with_borrow_mut(|sessions| sessions.extend_from_slice(ended));
}

/// Wakes whoever listens. It is left out when notifications cannot be had now: nobody who fills their queue, or keeps it locked, keeps a session alive.
pub(super) fn wake() {
    let ended = ENDED.take();
    if !ended.is_empty() {
        notification::send_unless_held_up(CHANNEL, ended.iter().map(Uuid::to_string));
    }
}

/// The sessions that are to be ended now.
pub(super) fn take_due() -> Vec<Uuid> {
    AT_COMMIT
        .take()
        .into_iter()
        .map(|(_, session_id)| session_id)
        .collect()
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
pub fn rows_changed() {
    if IS_UNANNOUNCED.get() {
        return;
    }
    xact::commit_durably();
    HAS_CHANGED.set(true);
    forget_all();
}

/// A savepoint was released.
pub fn savepoint_released(level: i32) {
    AT_COMMIT.with_borrow_mut(|ending| {
        for (asked_at, _) in ending.iter_mut().filter(|(asked_at, _)| *asked_at == level) {
            *asked_at = level - 1;
        }
    });
}

/// A savepoint was rolled back to.
pub fn savepoint_rolled_back(level: i32) {
    AT_COMMIT.with_borrow_mut(|ending| ending.retain(|(asked_at, _)| *asked_at < level));
}

/// The transaction is over; when it was committed, everybody looks at his session again.
pub fn transaction_ended(is_committed: bool) {
    AT_COMMIT.with_borrow_mut(Vec::clear);
    ENDED.with_borrow_mut(Vec::clear);
    if HAS_CHANGED.take() && is_committed {
        shmem::announce_revocation();
    }
}

/// Something was undone: sessions that were read by a transaction which wrote something may be read from that: from rows that are none, or with grants
/// that are none.
pub fn forget_what_was_undone() {
    if xact::has_written() {
        forget_all();
    }
}

/// An error when the transaction would end elsewhere with something of this left to do.
pub fn may_be_prepared() -> Result<()> {
    if AT_COMMIT.with_borrow(|ending| !ending.is_empty()) {
        return Err(Error::outlives_session(
            "PREPARE TRANSACTION",
            "Detach the session, or commit in one phase.",
        ));
    }
    if HAS_CHANGED.get() {
        return Err(Error::not_preparable("sessions"));
    }
    Ok(())
}
