//! What this backend knows of audit policies. Forgotten when somebody changes them, or the relation.

use super::condition::Condition;
use super::handler::Handler;
use super::predicates;
use crate::policy::announce_family;
use crate::sys::Oid;
use crate::sys::predicate::Compiled;
use crate::sys::relation::announce_change;
use crate::sys::restriction::{Command, Watched};
use crate::sys::running::Access;
use crate::sys::spi::{self, oid_arg, statements};
use crate::sys::{extension, lock};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

statements! {
    ANY = "access/any.sql";
    POLICIES = "access/policies.sql";
    PARTS = "access/parts.sql";
    TABLES_WITH = "access/tables_with.sql";
}

/// Whether the database has enabled audit policies, and some with a condition.
#[derive(Clone, Copy)]
struct Any {
    policy: bool,
    condition: bool,
}

thread_local! {
    static ANY_KNOWN: Cell<Option<Any>> = const { Cell::new(None) };
    /// The table of audit policies, when `ANY_KNOWN` was looked up.
    static TABLE: Cell<Option<Oid>> = const { Cell::new(None) };
    static RELATIONS: RefCell<HashMap<Oid, Policies>> = RefCell::default();
    /// Parts of relations that have audit policies of their own.
    static PARTS_KNOWN: RefCell<HashMap<Oid, Rc<Vec<Oid>>>> = RefCell::default();
}

/// The enabled audit policies of a relation.
pub type Policies = Rc<Vec<Rc<AuditPolicy>>>;

/// An enabled audit policy on a relation, or on one that it is a part of.
pub struct AuditPolicy {
    /// The relation that it is on, with its names.
    pub on: Oid,
    pub schema: String,
    pub table: String,
    pub name: Rc<str>,
    /// Numbers of the columns that a statement must name; `None` for any.
    pub columns: Option<Vec<i16>>,
    /// Whether it must name all of them.
    needs_all_columns: bool,
    pub commands: Vec<String>,
    /// The rows that it asks for; `None` for any, and for none.
    condition: Option<Condition>,
    /// Whether rows of the relation are those of a table, of which the condition is asked.
    is_table: bool,
    pub is_strict: bool,
    pub handler: Option<Handler>,
    /// Whether the statement is recorded, with its constants left out.
    pub tells_statement: bool,
}

impl AuditPolicy {
    /// Whether it asks for what a statement does. Where that goes to the relation more than once, each place may name other columns.
    pub fn asks_for(&self, access: &Access, is_repeated: impl Fn() -> bool) -> bool {
        self.commands.iter().any(|name| name == access.command.name())
            && self
                .columns
                .as_ref()
                .is_none_or(|columns| access.names(columns, self.needs_all_columns && !is_repeated()))
    }

    /// Whether it waits for a row of its condition. Those of parts are not asked for where the query names what they are a part of.
    pub fn waits(&self, access: &Access) -> bool {
        self.condition.is_some() && self.is_table && access.part_of.is_none() && access.is_of_rows()
    }

    /// Whether it is the one of that name on that table.
    pub fn is(&self, on: Oid, name: &str) -> bool {
        self.on == on && *self.name == *name
    }
}

/// Whether there is an audit policy at all. Costs nothing once it is known.
pub fn is_any() -> bool {
    ANY_KNOWN.get().unwrap_or_else(look).policy
}

/// Whether there is one with a condition.
pub fn has_conditions() -> bool {
    ANY_KNOWN.get().unwrap_or_else(look).condition
}

#[cold]
fn look() -> Any {
    // The table comes late in CREATE EXTENSION and goes early in DROP.
    TABLE.set(None);
    if extension::is_known() {
        TABLE.set(lock::table(c"audit_policy"));
    }
    let read = || {
        ANY.with(|statement| {
            statement.query_one(&[], |row| Any {
                policy: row.required(1),
                condition: row.required(2),
            })
        })
    };
    let found = TABLE.get().and_then(|_| spi::announced(read));
    let any = found.unwrap_or(Any {
        policy: false,
        condition: false,
    });
    ANY_KNOWN.set(Some(any));
    any
}

/// The enabled audit policies of a relation.
pub fn policies(relation: Oid) -> Policies {
    if let Some(known) = RELATIONS.with_borrow(|relations| relations.get(&relation).cloned()) {
        return known;
    }
    let found = spi::announced(|| {
        POLICIES.with(|statement| {
            statement.query(&[oid_arg(relation)], |row| {
                let (schema, table): (String, String) = (row.required(5), row.required(6));
                let condition: Option<String> = row.get(8);
                let handler: Option<String> = row.get(10);
                Rc::new(AuditPolicy {
                    on: row.required(4),
                    name: row.required::<String>(7).into(),
                    columns: row.get(1),
                    needs_all_columns: row.required(9),
                    commands: row.required(2),
                    condition: condition.map(|text| Condition::new(text, table.clone())),
                    is_strict: row.required::<String>(3) == "strict",
                    handler: handler.map(|name| Handler {
                        name,
                        function: row.get(11),
                        is_of_same_owner: row.get(13).unwrap_or(false),
                    }),
                    is_table: row.required(14),
                    tells_statement: row.required(12),
                    schema,
                    table,
                })
            })
        })
    });
    let found = Rc::new(found);
    RELATIONS.with_borrow_mut(|relations| relations.insert(relation, Rc::clone(&found)));
    found
}

/// Partitions and children of a relation, at whatever depth, that have audit policies of their own.
pub fn parts(relation: Oid) -> Rc<Vec<Oid>> {
    if let Some(known) = PARTS_KNOWN.with_borrow(|parts| parts.get(&relation).cloned()) {
        return known;
    }
    let found = spi::announced(|| {
        PARTS.with(|statement| statement.query(&[oid_arg(relation)], |row| row.required::<Oid>(1)))
    });
    let found = Rc::new(found);
    PARTS_KNOWN.with_borrow_mut(|parts| parts.insert(relation, Rc::clone(&found)));
    found
}

/// Tables under audit policies with a column of a type, or of a domain over it.
pub fn tables_with(kind: Oid) -> Vec<Oid> {
    TABLES_WITH.with(|statement| statement.query(&[oid_arg(kind)], |row| row.required::<Oid>(1)))
}

/// The condition for a relation, of the audit policy of a name on a table.
pub fn condition(relation: Oid, on: Oid, name: &str) -> Option<Rc<Compiled>> {
    let policies = policies(relation);
    let policy = policies.iter().find(|policy| policy.is(on, name))?;
    policy.condition.as_ref()?.compiled(relation)
}

/// The audit policies that wait for a row of a relation, for one of these commands.
pub fn watched(relation: Oid, commands: &[Command]) -> Vec<Watched> {
    policies(relation)
        .iter()
        .filter(|policy| {
            commands
                .iter()
                .any(|command| policy.commands.iter().any(|name| name == command.name()))
        })
        .filter_map(|policy| {
            let condition = policy.condition.as_ref()?;
            Some(Watched {
                table: policy.on,
                policy: Rc::clone(&policy.name),
                condition: condition.compiled(relation),
            })
        })
        .collect()
}

/// A relation changed, or all did: it may have become a part of another. Changes of audit policies are told as one of their table.
pub fn relation_changed(relation: Option<Oid>) {
    predicates::forget();
    RELATIONS.with_borrow_mut(HashMap::clear);
    PARTS_KNOWN.with_borrow_mut(HashMap::clear);
    let table = TABLE.get();
    if relation.is_none() || table.is_none() || relation == table {
        ANY_KNOWN.set(None);
        TABLE.set(None);
    }
}

/// A function changed: conditions may call it, and a handler may be it.
pub fn functions_changed() {
    RELATIONS.with_borrow_mut(HashMap::clear);
}

/// Everybody looks at the audit policies again when this transaction commits, and plans anew what goes to this table.
pub fn announce(relation: Oid) {
    announce_family(relation);
    if let Some(table) = lock::table(c"audit_policy") {
        announce_change(table);
    }
}
