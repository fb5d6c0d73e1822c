//! A table under policy with its partitions and children: row security and guard are put on all of them, and taken back.

use super::column;
use crate::error::{Error, Result};
use crate::sys::spi::{Statement, arg, oid_arg, run_command};
use crate::sys::{Oid, relation};

/// Tables that a warning names.
const MAX_NAMES: usize = 20;

thread_local! {
    static RELATION: Statement = const { Statement::new(include_str!("../../../sql/query/policy/relation.sql")) };
    static PROTECT: Statement = const { Statement::new(include_str!("../../../sql/query/policy/protect.sql")) };
    static UNPROTECT: Statement = const { Statement::new(include_str!("../../../sql/query/policy/unprotect.sql")) };
    static FAMILY: Statement = const { Statement::new(include_str!("../../../sql/query/policy/family.sql")) };
    static UNPROTECTED_MEMBERS: Statement = const { Statement::scanning(include_str!("../../../sql/query/policy/unprotected_members.sql")) };
    static FORGET_DROPPED: Statement = const { Statement::new(include_str!("../../../sql/query/policy/forget_dropped.sql")) };
}

/// Gives a table and its partitions back what protecting changed, unless a policy or mask is left.
pub fn unprotect_family(table: Oid) {
    for member in family(table).collect::<Vec<_>>() {
        unprotect(Some(member));
    }
}

/// Gives every table what it had before its first policy, because the extension is being dropped, and tells which are open then.
pub fn unprotect_all() {
    let open = unprotect(None);
    if !open.is_empty() {
        let more = match open.len().saturating_sub(MAX_NAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let names = open
            .iter()
            .take(MAX_NAMES)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        Error::policy_bypassed(
            format!("no row security is left on {names}{more}: whoever may read them sees every row"),
            "Roll the transaction back, or enable row security on them.",
        )
        .warn();
    }
}

/// Protects a table with its partitions and children; refuses when row security does not reach one of them.
pub fn protect_family(table: Oid) -> Result<()> {
    protect(table);
    protect_joined(&family(table).collect::<Vec<_>>())
}

/// Protects what just became a partition or child of a protected table, with everything below it; refuses what row security does not reach.
pub fn protect_joined(members: &[Oid]) -> Result<()> {
    for (parent, out_of_reach) in unprotected(Some(members)) {
        if let Some(name) = out_of_reach {
            return Err(Error::wrong_relation(
                format!("\"{name}\" is no table and cannot be part of a table under policy"),
                "Row security does not reach a foreign table; drop the policies of the parent first.",
            ));
        }
        protect(parent);
    }
    Ok(())
}

/// Protects what joined a family while nobody was looking, such as without the library. What cannot be protected is told and stops nothing:
/// whoever runs a command did not make it.
pub fn protect_stragglers() {
    for (parent, out_of_reach) in unprotected(None) {
        protect(parent);
        if let Some(name) = out_of_reach {
            Error::policy_bypassed(
                format!("\"{name}\" is part of a table under policy, and row security does not reach it"),
                "Take it out with ALTER TABLE … NO INHERIT or DETACH PARTITION; see vpd.posture().",
            )
            .warn();
        }
    }
}

/// Protected tables with members that are not; of those that row security does not reach one is named.
fn unprotected(members: Option<&[Oid]>) -> Vec<(Oid, Option<String>)> {
    let members = arg(members.map(<[Oid]>::to_vec));
    UNPROTECTED_MEMBERS
        .with(|statement| statement.query(&[members], |row| Some((row.get::<Oid>(1)?, row.get::<String>(2)))))
        .into_iter()
        .flatten()
        .collect()
}

/// Forgets tables that were dropped.
pub fn forget_dropped_tables() {
    FORGET_DROPPED.with(|statement| statement.execute(&[]));
}

/// Enables and forces row security on a table and its partitions, and puts the guard on them.
pub fn protect(table: Oid) {
    let commands = PROTECT.with(|statement| {
        statement.modify(&[oid_arg(table)], |row| {
            [1, 2, 3].map(|column| row.get::<String>(column))
        })
    });
    for command in commands.into_iter().flatten().flatten() {
        run_command(&command);
    }
    column::remember();
}

/// Returns the tables that had no row security before.
fn unprotect(table: Option<Oid>) -> Vec<String> {
    let table = table.map_or_else(
        || arg::<Option<i64>>(None),
        |table| arg(i64::from(table.to_u32())),
    );
    let commands = UNPROTECT.with(|statement| {
        statement.modify(&[table], |row| {
            let commands = [row.get::<String>(2), row.get::<String>(3)];
            (row.get::<Oid>(1), commands, row.get::<String>(4))
        })
    });
    let mut open = Vec::new();
    for (oid, commands, name) in commands {
        open.extend(name);
        for command in commands.into_iter().flatten() {
            run_command(&command);
        }
        if let Some(oid) = oid {
            relation::announce_change(oid);
        }
    }
    open
}

/// Makes every backend forget what it knows and planned of a table and its partitions, when the transaction commits.
pub fn announce(table: Oid) {
    for member in family(table) {
        relation::announce_change(member);
    }
}

/// The table, its partitions and children.
fn family(table: Oid) -> impl Iterator<Item = Oid> {
    FAMILY
        .with(|statement| statement.query(&[oid_arg(table)], |row| row.get::<Oid>(1)))
        .into_iter()
        .flatten()
}

/// Locks a table that policies can protect; tells whether its rows can be read through an unprotected parent.
pub fn lock_table(table: Oid) -> Result<bool> {
    let facts = RELATION.with(|statement| {
        statement.query_one(&[oid_arg(table)], |row| {
            (
                row.required::<String>(1),
                row.required::<String>(2),
                row.required::<String>(4),
                row.required::<bool>(5),
                row.required::<bool>(6),
            )
        })
    });
    let Some((kind, persistence, name, is_system, has_open_parent)) = facts else {
        return Err(Error::relation_not_found());
    };
    let (what, hint) = match kind.as_str() {
        "r" | "p" if is_system => return Err(Error::system_relation(&name)),
        "r" | "p" if persistence == "t" => ("a temporary table", "Policies protect lasting tables."),
        "r" | "p" => {
            relation::lock_exclusively(table);
            return Ok(has_open_parent);
        }
        "v" => ("a view", "Add the policy to the tables under the view."),
        "m" => (
            "a materialized view",
            "Row security does not reach its stored rows; put a policy on a table instead.",
        ),
        "f" => (
            "a foreign table",
            "Row security does not reach it; add the policy where the rows are stored.",
        ),
        _ => ("not a table", "Add the policy to a table."),
    };
    Err(Error::wrong_relation(format!("\"{name}\" is {what}"), hint))
}
