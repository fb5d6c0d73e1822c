//! What shows rows of a table under policy: views, materialized views, rules, publications.

use crate::error::{Error, Result};
use crate::sys::spi::{Statement, arg, oid_arg};
use crate::sys::{Oid, user};

thread_local! {
    static READER: Statement = const { Statement::scanning(include_str!("../../../../sql/query/reach/reader.sql")) };
    static READERS: Statement = const { Statement::scanning(include_str!("../../../../sql/query/reach/readers.sql")) };
    static PUBLICATION: Statement = const { Statement::scanning(include_str!("../../../../sql/query/reach/publication.sql")) };
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

/// Looks at everything with a rule that a role owns, after it was given what others owned.
pub fn check_readers_of(role: Oid) -> Result<()> {
    let readers = READERS.with(|statement| statement.query(&[oid_arg(role)], |row| row.get::<Oid>(1)));
    readers.into_iter().flatten().try_for_each(check_reader)
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
