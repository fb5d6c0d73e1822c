//! Defining and dropping what can be granted. Defining again changes what is told; what somebody else shipped or marked is not changed.

use super::segregation::Watch;
use super::{Kind, Node, Reference, change, outside};
use crate::error::{Error, Result};
use crate::sys::spi::{Statement, arg};
use crate::sys::{user, xact};
use serde_json::json;
use std::cell::Cell;
use std::thread::LocalKey;

thread_local! {
    /// The owner in whose name definitions are made now.
    static OWNER: Cell<Option<&'static str>> = const { Cell::new(None) };
    static INSERT: Statement = const { Statement::new(include_str!("../../../sql/query/authz/insert.sql")) };
    static IS_OTHER: Statement = const { Statement::new(include_str!("../../../sql/query/authz/is_described.sql")) };
    static DESCRIBE: Statement = const { Statement::new(include_str!("../../../sql/query/authz/describe.sql")) };
    static ENABLE: Statement = const { Statement::new(include_str!("../../../sql/query/authz/enable.sql")) };
    static DROP: Statement = const { Statement::new(include_str!("../../../sql/query/authz/drop.sql")) };
    static REFERENCES: Statement = const { Statement::new(include_str!("../../../sql/query/authz/seeded_references.sql")) };
    static SEED: Statement = const { Statement::new(include_str!("../../../sql/query/authz/seed.sql")) };
    static IS_MEMBER: Statement = const { Statement::new(include_str!("../../../sql/query/authz/is_member.sql")) };
    static ROLE: Statement = const { Statement::new(include_str!("../../../sql/query/authz/define_role.sql")) };
    static DROP_RESOURCE: Statement = const { Statement::new(include_str!("../../../sql/query/authz/drop_resource.sql")) };
    static RESOURCE_USE: Statement = const { Statement::new(include_str!("../../../sql/query/authz/resource_use.sql")) };
    static RESOURCE: Statement = const { Statement::new(include_str!("../../../sql/query/authz/define_resource.sql")) };
    static RESOURCE_OWNER: Statement = const { Statement::new(include_str!("../../../sql/query/authz/resource_owner.sql")) };
    static PRIVILEGE: Statement = const { Statement::new(include_str!("../../../sql/query/authz/define_privilege.sql")) };
}

const ROLE_KINDS: [&str; 7] = [
    "enterprise",
    "application",
    "job",
    "duty",
    "data",
    "abstract",
    "parametric",
];

const MAX_NAME_CHARS: usize = 256;

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

/// Defines a role of a kind; `rule` says who has a parametric one.
pub fn define_role(name: &str, kind: &str, description: Option<&str>, rule: Option<&str>) -> Result<()> {
    if !ROLE_KINDS.contains(&kind) {
        return Err(Error::argument(
            "unknown kind of role",
            format!("Use {}.", ROLE_KINDS.join(", ")),
        ));
    }
    if (kind == "parametric") != rule.is_some() {
        return Err(Error::argument(
            "a parametric role, and no other, has a rule",
            "Write a predicate over the user's attributes: $.grade >= 5 && $.skills[*] == \"forklift\".",
        ));
    }
    let reference = Reference::new(Kind::Role, name);
    let existing = reference.find();
    let node = define(&reference, description)?;
    let is_new = existing.is_none();
    let watch = if kind == "parametric" {
        Watch::of_rule(node.id)
    } else {
        Watch::of(node.id)
    };
    let changed = xact::attempt(|| {
        let rules = ROLE.with(|statement| {
            statement.modify(&[arg(node.id), arg(kind), arg(rule)], |row| row.get::<String>(1))
        });
        Ok(rules)
    })
    .map_err(|failure| {
        Error::argument(
            format!("the rule is no SQL/JSON path: {}", failure.message),
            "Write a predicate over the user's attributes: $.grade >= 5 && $.skills[*] == \"forklift\".",
        )
    })?;
    if changed.iter().flatten().any(|rule| has_variable(rule)) {
        return Err(Error::argument(
            "the rule names a variable, and nothing gives it a value",
            "Write the value itself: $.grade >= 5.",
        ));
    }
    if !changed.is_empty() && !is_new {
        require_free(&node)?;
    }
    if !changed.is_empty() {
        change::record(
            "define",
            &reference.to_string(),
            json!({ "kind": kind, "rule": rule }),
        );
        watch.check()?;
    }
    Ok(())
}

/// Whether an SQL/JSON path, as the server writes it, names a variable: `$"name"`, outside of a quoted text.
fn has_variable(path: &str) -> bool {
    let (mut is_quoted, mut last) = (false, ' ');
    for letter in path.chars() {
        match letter {
            '"' if is_quoted && last != '\\' => is_quoted = false,
            '"' if !is_quoted && last == '$' => return true,
            '"' if !is_quoted => is_quoted = true,
            _ => (),
        }
        // A backslash that is itself escaped escapes nothing.
        last = if last == '\\' && letter == '\\' {
            ' '
        } else {
            letter
        };
    }
    false
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
    refuse_used(&RESOURCE_USE, "resource", name)?;
    DROP_RESOURCE.with(|statement| statement.execute(&[arg(name)]));
    change::record("drop", &format!("resource:{name}"), json!({}));
    Ok(())
}

/// An error when a query finds something that needs what is to be dropped.
pub(super) fn refuse_used(use_of: &'static LocalKey<Statement>, kind: &str, name: &str) -> Result<()> {
    let user = use_of.with(|statement| statement.query_one(&[arg(name)], |row| row.get::<String>(1)));
    match user.flatten() {
        None => Ok(()),
        Some(user) => Err(Error::definition_in_use(&format!("{kind} \"{name}\""), &user)),
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
    require_free(&node)?;
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
/// no delegation and no exception. A user loses every session.
pub fn drop(reference: &Reference) -> Result<()> {
    change::begin();
    let node = reference.require()?;
    require_free(&node)?;
    require_unreferenced(&node)?;
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

/// Marks a definition, and what it holds now, as belonging to somebody: others may add to it and not change it.
pub fn mark_seeded(reference: &Reference, owner: Option<&str>) -> Result<()> {
    change::begin();
    let node = reference.require()?;
    require_free(&node)?;
    check_owner(owner)?;
    SEED.with(|statement| statement.execute(&[arg(node.id), arg(owner)]));
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
fn require_unreferenced(node: &Node) -> Result<()> {
    match foreign_reference(node) {
        Some(owner) => Err(Error::seeded(
            &format!("what refers to {}", node.reference),
            &owner,
        )),
        None => Ok(()),
    }
}

/// An error when a name cannot be one.
pub fn check_name(name: &str) -> Result<()> {
    let is_good = !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= MAX_NAME_CHARS
        && !name.chars().any(char::is_control);
    if is_good {
        return Ok(());
    }
    Err(Error::argument(
        "the name is not usable",
        "Use 1 to 256 characters, none of them a control character, without spaces at the ends.",
    ))
}

#[cfg(test)]
mod tests {
    use super::has_variable;

    #[test]
    fn variables_of_a_path_are_found_outside_of_texts_only() {
        for path in [
            r#"($."grade" >= $"min")"#,
            r#"$"a""#,
            r#"($."a" == "\\" && $."b" == $"c")"#,
        ] {
            assert!(has_variable(path), "{path}");
        }
        for path in [
            r#"($."grade" >= 5)"#,
            r#"($."price" == "$")"#,
            r#"($."price" == "$\"min\"")"#,
            r#"($."a" like_regex "^x$")"#,
            r#"($."$" == "a$")"#,
        ] {
            assert!(!has_variable(path), "{path}");
        }
    }
}
