//! What this backend knows of the policies of each table it has met. Forgotten by relation as soon as somebody changes them.

use super::group::{self, DrivingContext};
use super::kind::Kind;
use super::mask::stored;
use super::predicate::{self, Predicate, Table};
use crate::error::Error;
use crate::sys::Oid;
use crate::sys::extension;
use crate::sys::marker::Marker;
use crate::sys::restriction::Command;
use crate::sys::spi::{Row, Statement, oid_arg};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

thread_local! {
    static PROTECTED: Statement = const { Statement::new(include_str!("../../../sql/query/policy/protected_relation.sql")) };
    static POLICIES: Statement = const { Statement::new(include_str!("../../../sql/query/policy/policies_of_relation.sql")) };
    static RELATIONS: RefCell<HashMap<Oid, Option<Rc<Relation>>>> = RefCell::new(HashMap::new());
    static DRIVERS: Statement = const { Statement::new(include_str!("../../../sql/query/policy/driving_contexts.sql")) };
    static ROLES: Statement = const { Statement::new(include_str!("../../../sql/query/exemption/roles.sql")) };
    static FORGOTTEN: Cell<u64> = const { Cell::new(0) };
}

/// A protected table.
pub struct Relation {
    pub oid: Oid,
    pub schema: String,
    pub name: String,
    /// Whether any policy or mask, enabled or not, is on the table itself. A partition without policies of its own shows nothing when it
    /// is read directly; nor does a table that is being restored, until it has its guard.
    pub has_policies: bool,
    /// Roles that policies do not apply to.
    pub exempt_roles: Vec<Oid>,
    /// The enabled policies, by name.
    pub policies: Vec<Policy>,
    /// The policy groups beside SYS_DEFAULT.
    pub groups: Vec<String>,
    /// The attributes of the session that choose among them.
    pub drivers: Vec<DrivingContext>,
}

impl Relation {
    /// The table, as its predicates are told of it.
    pub fn table(&self) -> Table<'_> {
        Table {
            oid: self.oid,
            schema: &self.schema,
            name: &self.name,
        }
    }
}

/// A policy and its compiled predicate.
pub struct Policy {
    pub name: String,
    pub commands: Vec<Command>,
    pub is_update_checked: bool,
    pub group: String,
    /// Numbers of the columns of which a statement must reference one; `None` for a policy that always applies.
    pub relevant_columns: Option<Vec<i16>>,
    /// Whether the relevant columns show NULL to queries, instead of rows being left out.
    pub is_masking: bool,
    pub predicate: Predicate,
}

/// The relation's policies; `None` when it is not protected or the extension is not installed here.
pub fn relation(oid: Oid) -> Option<Rc<Relation>> {
    if let Some(known) = RELATIONS.with_borrow(|relations| relations.get(&oid).cloned()) {
        return known;
    }
    let before = FORGOTTEN.get();
    let loaded = if extension::is_installed() {
        load(oid).map(Rc::new)
    } else {
        None
    };
    // A change announced while it was being read makes what was read good for this one use only.
    if before == FORGOTTEN.get() {
        RELATIONS.with_borrow_mut(|relations| relations.insert(oid, loaded.clone()));
    }
    loaded
}

/// True when the table is under policy.
pub fn is_protected(oid: Oid) -> bool {
    relation(oid).is_some()
}

/// Forgets one relation, or all.
pub fn forget_relation(oid: Option<Oid>) {
    FORGOTTEN.set(FORGOTTEN.get().wrapping_add(1));
    let forgotten = RELATIONS.with_borrow_mut(|relations| match oid {
        Some(oid) => relations.remove(&oid).into_iter().collect::<Vec<_>>(),
        None => std::mem::take(relations).into_values().collect(),
    });
    if forgotten.iter().any(Option::is_some) {
        predicate::forget_shared();
    }
    drop(forgotten);
}

/// Forgets every compiled predicate and plans with policy functions, because some function changed.
pub fn forget_predicates() {
    let is_any_protected = RELATIONS.with_borrow(|relations| relations.values().any(Option::is_some));
    if is_any_protected {
        forget_relation(None);
        Marker::Context.invalidate();
    }
}

fn load(oid: Oid) -> Option<Relation> {
    let (schema, name, is_complete) = PROTECTED.with(|statement| {
        statement.query_one(&[oid_arg(oid)], |row| {
            (
                row.required::<String>(1),
                row.required::<String>(2),
                row.required::<bool>(3),
            )
        })
    })?;
    let rows = POLICIES.with(|statement| statement.query(&[oid_arg(oid)], read_policy));
    let has_policies = is_complete && (!rows.is_empty() || stored::has_own(oid));
    let policies = rows
        .into_iter()
        .filter_map(|(is_enabled, policy)| is_enabled.then_some(policy))
        .collect();
    let drivers = DRIVERS.with(|statement| {
        statement.query(&[oid_arg(oid)], |row| DrivingContext {
            namespace: row.required(1),
            attribute: row.required(2),
        })
    });
    Some(Relation {
        oid,
        schema,
        name,
        has_policies,
        exempt_roles: exempt_roles(oid),
        policies,
        groups: group::groups(oid),
        drivers,
    })
}

/// The roles that are exempt on a table.
fn exempt_roles(table: Oid) -> Vec<Oid> {
    ROLES
        .with(|statement| statement.query(&[oid_arg(table)], |row| row.get::<Oid>(1)))
        .into_iter()
        .flatten()
        .collect()
}

/// One policy, and whether it is enabled. What cannot be read is an error: a policy that was left out, or that is for fewer commands than it
/// was written for, would open the table.
fn read_policy(row: &Row) -> (bool, Policy) {
    let unreadable = || -> ! { Error::catalogue_unreadable().raise() };
    let kind: String = row.required(5);
    let is_shared = kind.starts_with("shared_");
    let kind = Kind::parse(&kind).unwrap_or_else(|| unreadable());
    let predicate = if row.required(3) {
        let associations = row.get::<Vec<String>>(12).unwrap_or_default();
        Predicate::function(kind, is_shared, row.get::<Oid>(4), associations)
    } else {
        Predicate::template(row.required(2))
    };
    let commands: Vec<Command> = row
        .required::<Vec<String>>(6)
        .iter()
        .map(|command| Command::parse(command).unwrap_or_else(|| unreadable()))
        .collect();
    if commands.is_empty() {
        unreadable();
    }
    let policy = Policy {
        name: row.required(1),
        commands,
        is_update_checked: row.required(7),
        group: row.required(9),
        relevant_columns: row.get::<Vec<i16>>(10),
        is_masking: row.required(11),
        predicate,
    };
    (row.required(8), policy)
}
