//! What a table brings along when it becomes a partition or child of a protected one: what is refused on a protected table is not made on an
//! open one first.
//!
//! Invariant: what a table has from its new parent is the parent's, and what a protected table has was looked at when it was made.

use super::{check_publication, check_reader, refuse_expression, refuse_foreign_key, refuse_native_policy};
use crate::error::{Error, Result};
use crate::policy::require_index_allowed;
use crate::sys::spi::{Statement, arg};
use crate::sys::{Oid, user};

thread_local! {
    static BROUGHT: Statement = const { Statement::scanning(include_str!("../../../../sql/query/reach/brought.sql")) };
}

/// A thing that a joined table brings.
pub struct Brought {
    what: String,
    /// The table that brings it, the protected table it comes to, or what reads it.
    object: Oid,
    name: Option<String>,
}

/// What is brought by tables that are not protected yet; refused to roles that policies apply to, as it would be on a protected table.
pub fn look(members: &[Oid]) -> Result<Vec<Brought>> {
    let brought: Vec<Brought> = BROUGHT
        .with(|statement| {
            statement.query(&[arg(members.to_vec())], |row| {
                Some(Brought {
                    what: row.get(1)?,
                    object: row.get(2)?,
                    name: row.get(3),
                })
            })
        })
        .into_iter()
        .flatten()
        .collect();
    if !user::bypasses_policies() {
        brought.iter().try_for_each(refuse)?;
    }
    Ok(brought)
}

fn refuse(brought: &Brought) -> Result<()> {
    match brought.what.as_str() {
        "foreign_key" => Err(refuse_foreign_key()),
        "reference" => Err(Error::reference_refused()),
        "index" => Err(Error::index_expression_refused()),
        "plain_index" => require_index_allowed(brought.object),
        "statistics" => Err(refuse_expression("the statistics object")),
        "generated" => Err(refuse_expression("the generated column")),
        "check" => Err(refuse_expression("the CHECK constraint")),
        "native_policy" => Err(refuse_native_policy()),
        _ => Ok(()),
    }
}

/// Refuses, or warns of, what shows rows of tables that are protected now.
pub fn check_shown(brought: &[Brought]) -> Result<()> {
    for thing in brought {
        match (thing.what.as_str(), &thing.name) {
            ("native_policy", _) => super::warn_of_native_policy(thing.object),
            ("publication", Some(name)) => check_publication(name)?,
            ("reader", _) => check_reader(thing.object)?,
            _ => (),
        }
    }
    Ok(())
}
