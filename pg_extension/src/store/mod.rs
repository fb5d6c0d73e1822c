//! The policy store: every definition of a database as one document, and the way back.
//!
//! A document names things, never numbers of this database, and says nothing that changes by being loaded elsewhere. An import
//! compares it with what is there and applies the difference through the same functions that SQL calls, so that all their checks hold.
//! Invariant: everything is imported, or nothing.

mod application;
mod catalogue;
mod change;
mod graph;
mod hierarchy;
mod identity;
mod policy;
mod section;
mod sections;
mod segregation;
mod task;
pub mod template;

pub use catalogue::install as install_catalogue;
pub use change::Change;
pub use section::Extent;

use crate::error::{Error, Result};
use crate::guc;
use crate::sys::memory;
use crate::sys::spi::statements;
use crate::sys::xact::{self, Fate};
use change::{Pruning, apply, compare, report};
use section::Moment;
use sections::sections;
use serde_json::Value;
use std::collections::BTreeSet;
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
    let moment = Moment {
        test_users: test_users(document),
        ..now()
    };
    // What there is, what is wanted and the difference are about as large as the document, each.
    memory::ask_for_growth(0);
    let document = Document::read(document, sections(), &moment);
    let mut faults = document.faults;
    let mut foreign = BTreeSet::new();
    let differences: Vec<_> = document
        .sections
        .into_iter()
        .map(|wanted| compare(wanted, &moment, pruning, &mut foreign))
        .collect();
    faults.extend(apply(&differences));
    (report(&differences, &faults), faults)
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
