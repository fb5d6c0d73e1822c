//! The policy store: every definition of a database as one document, and the way back.
//!
//! A document names things, never numbers of this database, and says nothing that changes by being loaded elsewhere. An import
//! compares it with what is there and applies the difference through the same functions that SQL calls, so that all their checks hold.
//! Invariant: everything is imported, or nothing.

mod application;
mod audit_policy;
mod catalogue;
mod change;
mod delegation;
mod grant;
mod graph;
mod held;
mod hierarchy;
mod identity;
mod issuer;
mod order;
mod policy;
mod section;
mod sections;
mod segregation;
mod step;
mod task;
pub mod template;
mod times;

pub use catalogue::install as install_catalogue;
pub use change::Change;
pub use section::Extent;

use crate::error::{Error, Result};
use crate::guc;
use crate::sys::memory;
use crate::sys::spi::statements;
use crate::sys::xact::{self, Fate};
use change::{Difference, Pruning, compare, report};
use held::Held;
use section::Moment;
use sections::sections;
use serde_json::Value;
use std::collections::BTreeSet;
use step::apply;
use vpd_text::store::document::{self, Document, Fault};

statements! {
    NOW = "store/now.sql";
}

/// Every definition of the database.
pub fn export(extent: Extent) -> Value {
    let included = sections().filter(|section| extent.includes(section));
    document::written(included.map(|section| (section, (section.read)())), &now())
}

/// Imports a document and returns the difference it made. With `prune`, what a section of the document does not have is removed.
pub fn import(document: &Value, prune: bool) -> Result<Vec<Change>> {
    let (lines, faults) = run(document, Pruning::of(prune));
    if faults.is_empty() {
        Ok(lines)
    } else {
        Err(Error::definitions_invalid(&told(&faults)))
    }
}

/// The difference that an import would make, and every fault. The import is done and taken back, so that nothing is promised that would be refused.
pub fn difference(document: &Value, prune: bool) -> Result<Vec<Change>> {
    xact::provisionally(|| Ok(Fate::Undone(run(document, Pruning::of(prune)).0)))
}

fn run(document: &Value, pruning: Pruning) -> (Vec<Change>, Vec<Fault>) {
    let mut held = Held::default();
    loop {
        let (differences, mut faults) = compared(document, pruning);
        // Somebody may have changed it meanwhile: what is to change is locked, and compared again.
        if held.covers(&differences) {
            faults.extend(apply(&differences));
            return (report(&differences, &faults), faults);
        }
    }
}

/// The difference to what there is now, and what is wrong with the form of the document.
fn compared(document: &Value, pruning: Pruning) -> (Vec<Difference>, Vec<Fault>) {
    let moment = Moment {
        test_users: test_users(document),
        ..now()
    };
    // What there is, what is wanted and the difference are about as large as the document, each.
    memory::ask_for_growth(0);
    let document = Document::read(document, sections(), &moment);
    let mut foreign = BTreeSet::new();
    let differences = document
        .sections
        .into_iter()
        .map(|mut wanted| {
            (wanted.section.gather)(&mut wanted);
            compare(wanted, &moment, pruning, &mut foreign)
        })
        .collect();
    (differences, document.faults)
}

/// The names of the users that a document calls test users.
fn test_users(document: &Value) -> BTreeSet<String> {
    let users = document.get("users").and_then(Value::as_array);
    users
        .into_iter()
        .flatten()
        .filter(|user| user.get("is_test").and_then(Value::as_bool) == Some(true))
        .filter_map(|user| user.get("name").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

/// Place and reason of each fault.
fn told(faults: &[Fault]) -> Vec<String> {
    faults
        .iter()
        .map(|fault| format!("{}: {}", fault.place, fault.reason))
        .collect()
}

fn now() -> Moment {
    Moment {
        now: NOW
            .with(|statement| statement.query_one(&[], |row| row.get::<String>(1)))
            .flatten()
            .unwrap_or_default(),
        is_production: guc::is_production(),
        test_users: BTreeSet::new(),
    }
}
