//! What a table brings along when it becomes a partition or child of a protected one: what is refused on a protected table is not made on an
//! open one first.
//!
//! Invariant: what a table has from its new parent is the parent's, and what a protected table has was looked at when it was made.

use super::defence::warn_of_native_policy;
use super::reader::{check_publication, check_reader};
use super::stored_code;
use crate::error::{Error, Result};
use crate::policy::compose::require_index_allowed;
use crate::policy::{family, mask};
use crate::sys::spi::{Statement, arg};
use crate::sys::{Oid, user};

thread_local! {
    static BROUGHT: Statement = const { Statement::scanning(include_str!("../../../../sql/query/reach/brought.sql")) };
}

/// A thing that a joined table brings.
struct Brought {
    what: String,
    /// The table that brings it, the protected table it comes to, or what reads it.
    object: Oid,
    name: Option<String>,
}

/// Looks at what became a partition or child: it is protected as its parent is, or refused.
pub fn follow_joined(members: &[Oid]) -> Result<()> {
    let brought = look(members)?;
    stored_code::check_joined(members)?;
    family::protect_joined(members)?;
    mask::check_joined(members)?;
    check_shown(&brought)
}

/// What is brought by tables that are not protected yet; refused to roles that policies apply to, as it would be on a protected table.
fn look(members: &[Oid]) -> Result<Vec<Brought>> {
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
        "foreign_key" => Err(Error::foreign_key_refused()),
        "reference" => Err(Error::reference_refused()),
        "index" => Err(Error::index_expression_refused()),
        "plain_index" => require_index_allowed(brought.object),
        "statistics" => Err(Error::expression_refused("the statistics object")),
        "generated" => Err(Error::expression_refused("the generated column")),
        "check" => Err(Error::expression_refused("the CHECK constraint")),
        "native_policy" => Err(Error::native_policy_refused()),
        _ => Ok(()),
    }
}

/// Refuses, or warns of, what shows rows of tables that are protected now.
fn check_shown(brought: &[Brought]) -> Result<()> {
    for thing in brought {
        match (thing.what.as_str(), &thing.name) {
            ("native_policy", _) => warn_of_native_policy(thing.object),
            ("publication", Some(name)) => check_publication(name)?,
            ("reader", _) => check_reader(thing.object)?,
            _ => (),
        }
    }
    Ok(())
}
