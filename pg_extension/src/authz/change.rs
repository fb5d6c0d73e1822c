//! Changes of the graph: one transaction at a time, announced to every backend at commit, and written down.

use super::outside::{self, Author};
use crate::error::{Error, Result};
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
    write(outside::author().as_ref(), action, subjects, detail);
}

/// Writes down what the session of somebody did that is not attached.
pub fn record_by(author: &Author, action: &str, subject: &str, detail: Value) {
    write(Some(author), action, vec![subject.to_owned()], detail);
}

fn write(author: Option<&Author>, action: &str, subjects: Vec<String>, detail: Value) {
    RECORD.with(|statement| {
        statement.execute(&[
            arg(name_of(author)),
            arg(author.map(|author| author.user_name.clone())),
            arg(author.map(|author| author.actors.clone())),
            arg(author.map(|author| author.login.clone())),
            arg(action),
            arg(subjects),
            arg(JsonB(detail)),
        ])
    });
}

/// Who changes something now: the audit identity of the session, or the database role that is logged in.
pub fn author() -> String {
    name_of(outside::author().as_ref())
}

fn name_of(author: Option<&Author>) -> String {
    author.map_or_else(user::session_name, |author| author.audit_identity.clone())
}

/// True when the current transaction changed the graph.
pub fn has_changed() -> bool {
    HAS_CHANGED.get()
}

/// An error when the transaction would end elsewhere, where nobody tells of the change.
pub fn may_be_prepared() -> Result<()> {
    if HAS_CHANGED.get() {
        return Err(Error::not_preparable("who may do what"));
    }
    Ok(())
}

/// A savepoint was released.
pub fn savepoint_released(level: i32) {
    RAISED_AT.set(RAISED_AT.get().map(|raised_at| raised_at.min(level - 1)));
}

/// A savepoint was rolled back to; the version may have gone back with it.
pub fn savepoint_rolled_back(level: i32) {
    RAISED_AT.set(RAISED_AT.get().filter(|raised_at| *raised_at < level));
}

/// The transaction is over; when it was committed, everybody flattens anew.
pub fn transaction_ended(is_committed: bool) {
    RAISED_AT.set(None);
    if HAS_CHANGED.take() && is_committed {
        shmem::announce_authority();
    }
}
