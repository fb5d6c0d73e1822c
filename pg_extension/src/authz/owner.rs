//! Whom a definition belongs to: what somebody shipped or marked, others do not change.

use super::reference::check_name;
use super::{Kind, Node, Reference, change};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use crate::sys::user;
use serde_json::json;
use std::cell::Cell;

statements! {
    REFERENCES = "authz/seeded_references.sql";
    SEED = "authz/seed.sql";
    HELD_OWNERS = "authz/held_owners.sql";
    IS_MEMBER = "authz/is_member.sql";
}

thread_local! {
    /// The owner in whose name definitions are made now.
    static OWNER: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Marks a definition, and what it holds now, as belonging to somebody: others may add to it and not change it.
pub fn mark_seeded(reference: &Reference, owner: Option<&str>) -> Result<()> {
    change::begin();
    let node = reference.require()?;
    require_free(&node)?;
    check_owner(owner)?;
    let owners =
        HELD_OWNERS.with(|statement| statement.query(&[arg(node.id)], |row| row.required::<String>(1)));
    let foreign: Vec<String> = owners.into_iter().filter(|owner| !may_change(owner)).collect();
    SEED.with(|statement| statement.execute(&[arg(node.id), arg(owner), arg(foreign)]));
    change::record("seed", &reference.to_string(), json!({ "owner": owner }));
    Ok(())
}

/// An error when the caller cannot mark anything as belonging to somebody.
pub fn check_owner(owner: Option<&str>) -> Result<()> {
    let Some(owner) = owner else { return Ok(()) };
    check_name(owner)?;
    if may_change(owner) {
        return Ok(());
    }
    Err(Error::argument(
        "you are no member of the owner",
        "Name a database role that you are a member of, or ask a superuser.",
    ))
}

/// Does something in the name of an owner: what a shipped catalogue brings along belongs to the extension, whoever installs it.
pub fn as_owner<T>(owner: &'static str, work: impl FnOnce() -> T) -> T {
    /// Gives the former owner back, when unwinding too.
    struct Former(Option<&'static str>);
    impl Drop for Former {
        fn drop(&mut self) {
            OWNER.set(self.0);
        }
    }
    let _former = Former(OWNER.replace(Some(owner)));
    work()
}

/// True when the current user may change what the owner has marked: a superuser, or a member of the database role of that name.
pub fn may_change(owner: &str) -> bool {
    user::is_superuser()
        || OWNER.get() == Some(owner)
        || IS_MEMBER
            .with(|statement| {
                statement.query_one(&[arg(user::current_name()), arg(owner)], |row| row.get::<bool>(1))
            })
            .flatten()
            .unwrap_or(false)
}

/// An error when the node belongs to somebody else.
pub fn require_free(node: &Node) -> Result<()> {
    match &node.seeded_by {
        Some(owner) if !may_change(owner) => Err(Error::seeded(&node.reference.to_string(), owner)),
        _ => Ok(()),
    }
}

/// Whose grant or rule refers to a node that the caller therefore cannot take away. Users are locked out all the same.
pub fn foreign_reference(node: &Node) -> Option<String> {
    if node.reference.kind == Kind::User {
        return None;
    }
    let owners = REFERENCES.with(|statement| statement.query(&[arg(node.id)], |row| row.get::<String>(1)));
    owners.into_iter().flatten().find(|owner| !may_change(owner))
}

/// An error when what somebody else shipped would lose the node.
pub(super) fn require_unreferenced(node: &Node) -> Result<()> {
    match foreign_reference(node) {
        Some(owner) => Err(Error::seeded(
            &format!("what refers to {}", node.reference),
            &owner,
        )),
        None => Ok(()),
    }
}
