//! Changes of the graph: one transaction at a time, announced to every backend at commit, and written down.

use crate::context::{self, Identity};
use crate::sys::spi::{Statement, arg};
use crate::sys::{shmem, user, xact};
use pgrx::JsonB;
use serde_json::Value;
use std::cell::Cell;

thread_local! {
    static RAISE: Statement = const { Statement::new(include_str!("../../../sql/query/authz/raise_version.sql")) };
    static RECORD: Statement = const { Statement::new(include_str!("../../../sql/query/authz/record_change.sql")) };
    /// Whether the current transaction changed the graph, so that it may see what others do not.
    static HAS_CHANGED: Cell<bool> = const { Cell::new(false) };
    /// The level of (sub)transactions in which the version was raised; once is enough, because what is flattened in a transaction that
    /// changes the graph is kept for nobody.
    static RAISED_AT: Cell<Option<i32>> = const { Cell::new(None) };
}

/// Waits until nobody else changes the graph. What is read from now on is what everybody before has left; call it before anything
/// is checked. The change is announced when the transaction commits.
pub fn begin() {
    HAS_CHANGED.set(true);
    if RAISED_AT.get().is_none() {
        RAISE.with(|statement| statement.execute(&[]));
        RAISED_AT.set(Some(xact::nest_level()));
    }
}

/// The graph changes by rows that bring their version along: nothing is raised here, and nobody waited for.
pub fn note() {
    HAS_CHANGED.set(true);
}

/// Writes down who did what to what.
pub fn record(action: &str, subject: &str, detail: Value) {
    record_each(action, vec![subject.to_owned()], detail);
}

/// Writes down that the same was done to each of several.
pub fn record_each(action: &str, subjects: Vec<String>, detail: Value) {
    write(context::identity().as_deref(), action, subjects, detail);
}

/// Writes down what the session of somebody did that is not attached.
pub fn record_by(identity: &Identity, action: &str, subject: &str, detail: Value) {
    write(Some(identity), action, vec![subject.to_owned()], detail);
}

fn write(identity: Option<&Identity>, action: &str, subjects: Vec<String>, detail: Value) {
    let author = identity.map_or_else(user::session_name, |identity| identity.audit_identity.clone());
    RECORD.with(|statement| {
        statement.execute(&[
            arg(author),
            arg(identity.map(|identity| identity.user_name.clone())),
            arg(identity.map(|identity| identity.actors.clone())),
            arg(identity.map(|identity| identity.login().to_owned())),
            arg(action),
            arg(subjects),
            arg(JsonB(detail)),
        ])
    });
}

/// Who changes something now: the audit identity of the session, or the database role that is logged in.
pub fn author() -> String {
    context::identity().map_or_else(user::session_name, |identity| identity.audit_identity.clone())
}

/// True when the current transaction changed the graph.
pub fn has_changed() -> bool {
    HAS_CHANGED.get()
}

/// A savepoint was released.
pub fn subtransaction_committed(level: i32) {
    RAISED_AT.set(RAISED_AT.get().map(|raised_at| raised_at.min(level - 1)));
}

/// A savepoint was rolled back to; the version may have gone back with it.
pub fn subtransaction_aborted(level: i32) {
    RAISED_AT.set(RAISED_AT.get().filter(|raised_at| *raised_at < level));
}

/// The transaction is over; when it was committed, everybody flattens anew.
pub fn transaction_ended(is_committed: bool) {
    RAISED_AT.set(None);
    if HAS_CHANGED.take() && is_committed {
        shmem::announce_authority();
    }
}
