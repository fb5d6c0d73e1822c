//! Handlers: functions that are called when a statement comes under an audit policy, in the manner of Oracle's handler modules.
//!
//! A handler runs as its owner. Invariant: whatever it does, the statement goes on; that it failed is recorded.

use crate::error::{Error, Result};
use crate::sys::call::call_as_owner;
use crate::sys::portal::Held;
use crate::sys::spi::{oid_arg, statements};
use crate::sys::{Oid, function, relation, user, xact};
use crate::trail::{self, Event};
use serde_json::json;
use std::cell::Cell;

statements! {
    HANDLER = "access/handler.sql";
    CURSORS = "access/cursors.sql";
}

/// What a handler is.
pub const SIGNATURE: &str =
    "It must be a function (object_schema text, object_name text, policy_name text) that returns void.";
/// There is no such function.
const GONE: &str = "42883";
/// It belongs to somebody else now, with whose rights it would run.
const OF_OTHER: &str = "42501";
/// Plans of several processes run, in which nothing can be undone.
const PARALLEL: &str = "0A000";

thread_local! {
    /// Whether one is running: what it does is recorded, and calls none.
    static IS_RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// The function that an audit policy calls, as it is now.
pub struct Handler {
    pub name: String,
    /// `None` when there is no such function any more.
    pub function: Option<Oid>,
    /// Whether it belongs to whom it belonged to when it was named.
    pub is_of_same_owner: bool,
}

/// Schema and name of a function, and its owner, that can be a handler, and that the caller may have called for others.
pub fn checked(function: Oid) -> Result<[String; 3]> {
    let facts = HANDLER.with(|statement| {
        statement.query_one(&[oid_arg(function)], |row| {
            (
                row.required::<String>(1),
                row.required::<String>(2),
                row.required::<bool>(3),
                row.required::<String>(4),
            )
        })
    });
    let Some((schema, name, true, owner)) = facts else {
        return Err(Error::argument("the handler has the wrong signature", SIGNATURE));
    };
    // It runs with the rights of its owner.
    if function::owner(function).is_some_and(user::has_rights_of) {
        return Ok([schema, name, owner]);
    }
    Err(Error::privilege_missing(
        format!("the handler {schema}.{name} belongs to another role, with whose rights it would run"),
        "Name a function of your own, or become a member of the role.",
    ))
}

impl Handler {
    /// Calls it for an audit policy on a table, both with their names.
    pub fn call(&self, table: Oid, names: [&str; 3]) {
        if IS_RUNNING.get() {
            return;
        }
        if let Err(state) = self.attempt(&names) {
            let [_, _, policy] = names;
            trail::record(&Event {
                name: "handler.failed",
                verdict: Some(&state),
                relation: Some(&relation::full_name(table)),
                details: Some(&json!({ "policy": policy, "handler": self.name })),
                ..Event::default()
            });
        }
    }

    /// The SQLSTATE that it failed with.
    fn attempt(&self, names: &[&str]) -> std::result::Result<(), String> {
        let function = self.function.ok_or(GONE)?;
        if !self.is_of_same_owner {
            return Err(OF_OTHER.to_owned());
        }
        if !xact::can_attempt() {
            return Err(PARALLEL.to_owned());
        }
        xact::attempt(|| {
            let _running = Running::enter();
            let cursors = CURSORS.with(|statement| statement.query(&[], |row| row.required::<String>(1)));
            let _held = Held::cursors(&cursors);
            call_as_owner(function, names)
        })
        .map_err(|failure| failure.state)
    }
}

struct Running;

impl Running {
    fn enter() -> Self {
        IS_RUNNING.set(true);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        IS_RUNNING.set(false);
    }
}
