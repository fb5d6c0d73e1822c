//! What this backend knows of audit policies. Forgotten when somebody changes them, or the relation.

use super::predicates;
use crate::sys::Oid;
use crate::sys::relation::announce_change;
use crate::sys::spi::{self, oid_arg, statements};
use crate::sys::{extension, lock};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

statements! {
    ANY = "access/any.sql";
    POLICIES = "access/policies.sql";
}

thread_local! {
    /// Whether the database has an enabled audit policy.
    static IS_ANY: Cell<Option<bool>> = const { Cell::new(None) };
    /// The table of audit policies, when `IS_ANY` was looked up.
    static TABLE: Cell<Option<Oid>> = const { Cell::new(None) };
    static RELATIONS: RefCell<HashMap<Oid, Rc<Vec<AuditPolicy>>>> = RefCell::default();
}

/// An enabled audit policy on a relation, or on one that it is a part of.
pub struct AuditPolicy {
    /// The relation that it is on.
    pub on: Oid,
    /// Numbers of the columns of which a statement must name one; `None` for all.
    pub columns: Option<Vec<i16>>,
    pub commands: Vec<String>,
    pub is_strict: bool,
}

/// Whether there is an audit policy at all. Costs nothing once it is known.
pub fn is_any() -> bool {
    IS_ANY.get().unwrap_or_else(look)
}

#[cold]
fn look() -> bool {
    // The table comes late in CREATE EXTENSION and goes early in DROP.
    TABLE.set(None);
    if extension::is_known() {
        TABLE.set(lock::table(c"audit_policy"));
    }
    let is_any = TABLE.get().is_some()
        && spi::announced(|| ANY.with(|statement| statement.query_one(&[], |row| row.required::<bool>(1))))
            .unwrap_or(false);
    IS_ANY.set(Some(is_any));
    is_any
}

/// The enabled audit policies of a relation.
pub fn policies(relation: Oid) -> Rc<Vec<AuditPolicy>> {
    if let Some(known) = RELATIONS.with_borrow(|relations| relations.get(&relation).cloned()) {
        return known;
    }
    let found = spi::announced(|| {
        POLICIES.with(|statement| {
            statement.query(&[oid_arg(relation)], |row| AuditPolicy {
                on: row.required(4),
                columns: row.get(1),
                commands: row.required(2),
                is_strict: row.required::<String>(3) == "strict",
            })
        })
    });
    let found = Rc::new(found);
    RELATIONS.with_borrow_mut(|relations| relations.insert(relation, Rc::clone(&found)));
    found
}

/// A relation changed, or all did: it may have become a part of another. Changes of audit policies are told as one of their table.
pub fn relation_changed(relation: Option<Oid>) {
    predicates::forget();
    RELATIONS.with_borrow_mut(HashMap::clear);
    let table = TABLE.get();
    if relation.is_none() || table.is_none() || relation == table {
        IS_ANY.set(None);
        TABLE.set(None);
    }
}

/// Everybody looks at the audit policies again when this transaction commits.
pub fn announce() {
    if let Some(table) = lock::table(c"audit_policy") {
        announce_change(table);
    }
}
