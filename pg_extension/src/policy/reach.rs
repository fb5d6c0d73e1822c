//! What row security does not reach: commands that show or change stored rows without asking a policy.
//!
//! What it is not: it looks at no statement; the utility hook does and asks here.
//! Invariant: a role that policies apply to is refused; whoever they do not apply to is warned when the door stays open for others.

use crate::error::{Error, Result};
use crate::sys::spi::{Statement, arg, oid_arg};
use crate::sys::{Oid, user};

thread_local! {
    static READER: Statement = const { Statement::scanning(include_str!("../../../sql/query/reach/reader.sql")) };
    static PUBLICATION: Statement = const { Statement::scanning(include_str!("../../../sql/query/reach/publication.sql")) };
    static TYPE: Statement = const { Statement::scanning(include_str!("../../../sql/query/reach/type.sql")) };
}

/// An expression that is evaluated over stored rows sees hidden ones: its function is handed their values, and whether it fails,
/// or how large an index becomes, tells of them.
pub fn refuse_expression(what: &str) -> Error {
    Error::expression_refused(what)
}

/// The actions of a foreign key change and remove rows past their policies.
pub fn refuse_foreign_key() -> Error {
    Error::privilege_missing(
        "a foreign key of a table under policy is not allowed",
        "Ask a superuser or a role with BYPASSRLS to add it: its actions change and remove hidden rows.",
    )
}

/// A trigger is handed the rows that others write.
pub fn refuse_trigger() -> Error {
    Error::privilege_missing(
        "a trigger on a table under policy may be created by its owner only",
        "Ask the owner of the table: a trigger is handed the rows that others write.",
    )
}

/// PostgreSQL evaluates its own restrictive policies before those of the library, so their functions would be handed hidden rows.
pub fn refuse_native_policy() -> Error {
    Error::privilege_missing(
        "PostgreSQL's own policies on a table under policy may not be changed",
        "Use vpd.add_policy, or ask a superuser or a role with BYPASSRLS.",
    )
}

/// Looks at a view, a materialized view, or a table with rules that was just made or changed.
pub fn check_reader(relation: Oid) -> Result<()> {
    let facts = READER.with(|statement| {
        statement.query_one(&[oid_arg(relation)], |row| {
            (
                row.required::<bool>(1),
                row.required::<String>(2),
                row.required::<bool>(3),
            )
        })
    });
    let Some((is_stored, name, is_open)) = facts else {
        return Ok(());
    };
    if is_stored && !user::bypasses_policies() {
        return Err(refuse_stored());
    }
    if is_stored || is_open {
        Error::policy_bypassed(
            format!("\"{name}\" shows rows of a table under policy to everybody who may read it"),
            if is_stored {
                "Grant the materialized view to nobody whom the policies are meant for."
            } else {
                "Create the view WITH (security_invoker), or give it to an owner that policies apply to."
            },
        )
        .warn();
    }
    Ok(())
}

fn refuse_stored() -> Error {
    Error::privilege_missing(
        "a materialized view over a table under policy is not allowed",
        "Use a view; the stored rows of one session would be shown to others without asking a policy.",
    )
}

/// Looks at a publication that was just made or got more tables.
pub fn check_publication(name: &str) -> Result<()> {
    let count = PUBLICATION
        .with(|statement| statement.query_one(&[arg(name)], |row| row.required::<i64>(1)))
        .unwrap_or(0);
    if count == 0 {
        return Ok(());
    }
    if !user::bypasses_policies() {
        return Err(Error::privilege_missing(
            "a publication of a table under policy is not allowed",
            "Ask a superuser or a role with BYPASSRLS: subscribers get every row.",
        ));
    }
    Error::policy_bypassed(
        format!("the publication \"{name}\" sends every row of {count} tables under policy"),
        "Protect the tables on the subscriber as well, and let nobody else subscribe.",
    )
    .warn();
    Ok(())
}

/// An error when stored values of a type would be put through an expression.
pub fn check_type(oid: Oid) -> Result<()> {
    let is_stored = TYPE
        .with(|statement| statement.query_one(&[oid_arg(oid)], |row| row.required::<bool>(1)))
        .unwrap_or(true);
    if is_stored && !user::bypasses_policies() {
        return Err(refuse_expression("a change of this type"));
    }
    Ok(())
}
