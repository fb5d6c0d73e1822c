//! Defining and dropping what can be granted. Defining again changes what is told; what somebody else shipped or marked is not changed.

use super::owner::{may_change, require_free, require_unreferenced};
use super::reference::check_name;
use super::segregation::Watch;
use super::{Kind, Node, Reference, change, outside};
use crate::error::{Error, Result};
use crate::sys::spi::{Arg, Statement, arg, statements};
use serde_json::json;
use std::thread::LocalKey;

statements! {
    INSERT = "authz/insert.sql";
    IS_OTHER = "authz/is_described.sql";
    DESCRIBE = "authz/describe.sql";
    ENABLE = "authz/enable.sql";
    DROP = "authz/drop.sql";
    DROP_RESOURCE = "authz/drop_resource.sql";
    RESOURCE_USE = "authz/resource_use.sql";
    RULE_USE = "authz/rule_use.sql";
    RESOURCE = "authz/define_resource.sql";
    RESOURCE_OWNER = "authz/resource_owner.sql";
    PRIVILEGE = "authz/define_privilege.sql";
}

/// Actions that only show something.
pub(super) const VIEWING: [&str; 14] = [
    "view", "search", "read", "list", "inquire", "browse", "print", "export", "select", "get", "query",
    "display", "show", "find",
];

/// Defines something that has a name and a description.
pub fn define(reference: &Reference, description: Option<&str>) -> Result<Node> {
    check_name(&reference.name)?;
    change::begin();
    if let Some(node) = reference.find() {
        let is_changed = IS_OTHER
            .with(|statement| statement.query_one(&[arg(node.id), arg(description)], |_| ()))
            .is_some();
        if is_changed {
            require_free(&node)?;
            DESCRIBE.with(|statement| statement.execute(&[arg(node.id), arg(description)]));
            change::record(
                "define",
                &reference.to_string(),
                json!({ "description": description }),
            );
        }
        return Ok(node);
    }
    let id = INSERT.with(|statement| {
        statement.modify(
            &[
                arg(reference.kind.as_str()),
                arg(reference.name.as_str()),
                arg(description),
            ],
            |row| row.get::<i32>(1),
        )
    });
    change::record(
        "define",
        &reference.to_string(),
        json!({ "description": description }),
    );
    Ok(Node {
        id: id.into_iter().flatten().next().unwrap_or_default(),
        reference: reference.clone(),
        seeded_by: None,
    })
}

/// Defines what privileges can be about.
pub fn define_resource(name: &str, kind: &str, description: Option<&str>) -> Result<()> {
    check_name(name)?;
    check_name(kind)?;
    change::begin();
    let owner = resource_owner(name);
    let changed = RESOURCE.with(|statement| statement.execute(&[arg(name), arg(kind), arg(description)]));
    if changed > 0 {
        if let Some(Some(owner)) =
            owner.filter(|owner| owner.as_ref().is_some_and(|owner| !may_change(owner)))
        {
            return Err(Error::seeded(&format!("resource {name}"), &owner));
        }
        change::record(
            "define",
            &format!("resource:{name}"),
            json!({ "kind": kind, "description": description }),
        );
    }
    Ok(())
}

/// Drops a resource that no privilege is about.
pub fn drop_resource(name: &str) -> Result<()> {
    change::begin();
    let owner = resource_owner(name).ok_or_else(|| resource_not_found(name))?;
    if let Some(owner) = owner.filter(|owner| !may_change(owner)) {
        return Err(Error::seeded(&format!("resource {name}"), &owner));
    }
    refuse_used(&RESOURCE_USE, arg(name), &format!("resource \"{name}\""))?;
    DROP_RESOURCE.with(|statement| statement.execute(&[arg(name)]));
    change::record("drop", &format!("resource:{name}"), json!({}));
    Ok(())
}

/// An error when a query finds something that needs what is to be dropped.
pub(super) fn refuse_used(use_of: &'static LocalKey<Statement>, key: Arg, what: &str) -> Result<()> {
    let user = use_of.with(|statement| statement.query_one(&[key], |row| row.get::<String>(1)));
    match user.flatten() {
        None => Ok(()),
        Some(user) => Err(Error::definition_in_use(what, &user)),
    }
}

/// Whom a resource belongs to; `None` when there is no such resource.
fn resource_owner(name: &str) -> Option<Option<String>> {
    RESOURCE_OWNER.with(|statement| statement.query_one(&[arg(name)], |row| row.get::<String>(1)))
}

fn resource_not_found(name: &str) -> Error {
    Error::not_found(
        "resource_not_found",
        format!("resource \"{name}\" does not exist"),
        "Define it first with vpd.define_resource; a privilege is named resource:action.",
    )
}

/// Defines a privilege: `resource:action` on a resource that is defined, or a name without a colon.
pub fn define_privilege(name: &str, description: Option<&str>, mode: Option<&str>) -> Result<()> {
    if mode.is_some_and(|mode| !["view", "edit"].contains(&mode)) {
        return Err(Error::argument("unknown mode", "Use view or edit."));
    }
    let parts = name.rsplit_once(':');
    if let Some((resource, action)) = parts
        && (action.trim().is_empty() || resource_owner(resource).is_none())
    {
        return Err(resource_not_found(resource));
    }
    let reference = Reference::new(Kind::Privilege, name);
    let existing = reference.find();
    let node = define(&reference, description)?;
    if let Some((resource, action)) = parts {
        // Defining again without a mode leaves the mode as it is.
        let changed = PRIVILEGE.with(|statement| {
            statement.execute(&[
                arg(node.id),
                arg(resource),
                arg(action),
                arg(mode.unwrap_or(default_mode(action))),
                arg(mode.is_some()),
            ])
        });
        if changed > 0 && existing.is_some() {
            require_free(&node)?;
        }
    }
    Ok(())
}

/// The mode of an action for which none is said.
pub fn default_mode(action: &str) -> &'static str {
    let is_viewing = VIEWING.iter().any(|viewing| viewing.eq_ignore_ascii_case(action));
    if is_viewing { "view" } else { "edit" }
}

/// Switches something on or off: whoever holds it gets nothing from it while it is off. A user who is switched off loses every session.
pub fn enable(reference: &Reference, is_enabled: bool, reason: Option<&str>) -> Result<bool> {
    change::begin();
    let node = reference.require()?;
    // Whoever a user belongs to, he can be locked out.
    if is_enabled || reference.kind != Kind::User {
        require_free(&node)?;
    }
    if !is_enabled {
        require_unreferenced(&node)?;
    }
    let watch = match reference.kind {
        Kind::User => Watch::of_user(node.id),
        _ => Watch::of(node.id),
    };
    let changed = ENABLE.with(|statement| statement.execute(&[arg(node.id), arg(is_enabled)]));
    if changed == 0 {
        return Ok(false);
    }
    if reference.kind == Kind::User {
        // When he is let in again as well: a session that was created while he was switched off is not to come back with him.
        outside::user_lost(&reference.name, "disabled");
    }
    let action = if is_enabled { "enable" } else { "disable" };
    change::record(action, &reference.to_string(), json!({ "reason": reason }));
    watch.check()?;
    Ok(true)
}

/// Drops something with everything that was granted to or from it, and what its name was written into: whoever has the name next inherits
/// no delegation and no exception. A user loses every session. What a rule of duties names is not dropped: the rule would keep less apart than it says.
pub fn drop(reference: &Reference) -> Result<()> {
    change::begin();
    let node = reference.require()?;
    require_free(&node)?;
    require_unreferenced(&node)?;
    refuse_used(&RULE_USE, arg(node.id), &reference.to_string())?;
    DROP.with(|statement| {
        statement.execute(&[
            arg(node.id),
            arg(change::author()),
            arg(reference.to_string()),
            arg((reference.kind == Kind::User).then_some(reference.name.as_str())),
        ])
    });
    if reference.kind == Kind::User {
        outside::user_lost(&reference.name, "dropped");
    }
    change::record("drop", &reference.to_string(), json!({}));
    Ok(())
}
