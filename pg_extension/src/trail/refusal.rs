//! Refusals, failures and changes, as `sys` tells of them.

use super::event::{Event, record};
use crate::error::Error;
use crate::sys::xact;
use serde_json::Value;
use std::cell::{Cell, RefCell};

thread_local! {
    /// What the server reported last.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Whether the refusal that is on its way was recorded.
    static IS_RECORDED: Cell<bool> = const { Cell::new(false) };
}

/// The library refuses something.
pub fn refused(error: &Error) {
    if error.is_denial() {
        IS_RECORDED.set(true);
        record(&Event {
            name: "denied",
            verdict: Some(&xact::sqlstate_of(error.sqlstate() as i32)),
            code: Some(error.code()),
            ..Event::default()
        });
    }
}

/// The server reports an error: a denial of its own is recorded, one of the library was.
pub fn failed(sqlstate: &str) {
    let is_recorded = IS_RECORDED.take();
    LAST.replace(Some(sqlstate.to_owned()));
    if !is_recorded && matches!(sqlstate, "42501" | "44000" | "28000") {
        record(&Event {
            name: "denied",
            verdict: Some(sqlstate),
            ..Event::default()
        });
    }
}

/// Errors of former statements say nothing of what comes.
pub fn forget_failure() {
    LAST.with_borrow_mut(|last| *last = None);
}

/// The SQLSTATE of the error that was reported last; forgotten with this.
pub fn last_failure() -> Option<String> {
    LAST.with_borrow_mut(Option::take)
}

/// A function that changes something was called.
pub fn changed(function: &str, arguments: &Value, verdict: &str) {
    record(&Event {
        name: "changed",
        verdict: (verdict != "ok").then_some(verdict),
        command: Some(function),
        details: Some(arguments),
        is_change: verdict == "ok",
        ..Event::default()
    });
}
