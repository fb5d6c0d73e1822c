//! Templates of data roles: a base role times the nodes of a level of a hierarchy gives a role for each node, which has the base role
//! and a data group with the node.
//!
//! Invariant: nothing is added to a role or data group that the template did not make for the very node.

use crate::authz::{self, Kind, Reference, Validity, change, check_name, definition, role};
use crate::error::{Error, Result};
use crate::hierarchy;
use crate::sys::spi::{Row, arg, statements};
use serde_json::json;

statements! {
    DEFINE = "store/template_define.sql";
    DROP = "store/template_drop.sql";
    FIND = "store/template_find.sql";
    HAS_LEVEL = "store/template_level.sql";
    NODES = "store/template_nodes.sql";
    OBSOLETE = "store/template_obsolete.sql";
    IS_OWN = "store/data_role.sql";
    NOTE = "store/template_note.sql";
    FORGET = "store/template_forget.sql";
}

/// How roles are named when a template does not say.
pub const PATTERN: &str = "{base_role}:{node}";

/// What became of one role.
pub struct Generated {
    /// added, existing, obsolete or dropped.
    pub change: &'static str,
    pub role: String,
    pub node: String,
}

struct Template {
    base_role: String,
    hierarchy: String,
    level: String,
    pattern: String,
    has_roles: bool,
}

/// Defines a template, or changes it.
pub fn define(name: &str, base_role: &str, hierarchy: &str, level: &str, pattern: &str) -> Result<()> {
    check_name(name)?;
    change::begin();
    Reference::new(Kind::Role, base_role).require()?;
    if !pattern.contains("{node}") {
        return Err(Error::argument(
            "the pattern of names has no {node}",
            "Without it every role would have the same name; {base_role} and {label} can stand in it too.",
        ));
    }
    require_level(hierarchy, level)?;
    // Its roles would have what they were made from and what comes now.
    if find(name).is_some_and(|former| {
        former.has_roles && (former.base_role != base_role || former.hierarchy != hierarchy)
    }) {
        return Err(Error::template_in_use(name));
    }
    DEFINE.with(|statement| {
        statement.execute(&[
            arg(name),
            arg(base_role),
            arg(hierarchy),
            arg(level),
            arg(pattern),
        ])
    });
    change::record(
        "define",
        &format!("data_role_template:{name}"),
        json!({ "base_role": base_role, "hierarchy": hierarchy, "level": level, "name_pattern": pattern }),
    );
    Ok(())
}

/// Drops a template; the roles it gave stay.
pub fn drop_template(name: &str) -> Result<()> {
    change::begin();
    if DROP.with(|statement| statement.execute(&[arg(name)])) == 0 {
        return Err(not_found(name));
    }
    change::record("drop", &format!("data_role_template:{name}"), json!({}));
    Ok(())
}

/// Makes the roles that are missing, and tells which are there and which have lost their node.
pub fn generate(name: &str, drop_obsolete: bool) -> Result<Vec<Generated>> {
    change::begin();
    let template = find(name).ok_or_else(|| not_found(name))?;
    let base = Reference::new(Kind::Role, template.base_role.as_str());
    base.require()?;
    // Without it every node would seem to be gone.
    require_level(&template.hierarchy, &template.level)?;
    let nodes = NODES.with(|statement| {
        statement.query(
            &[arg(template.hierarchy.as_str()), arg(template.level.as_str())],
            pair,
        )
    });
    let mut generated = Vec::new();
    for (node, label) in nodes {
        let role = template.name_of(&node, &label);
        let reference = Reference::new(Kind::Role, role.as_str());
        let group = Reference::new(Kind::DataGroup, role.as_str());
        let owned = owned(&role, name, &node);
        match owned.role {
            Some(false) => return Err(Error::role_exists(&role)),
            _ if !owned.group => return Err(Error::role_exists(&role)),
            Some(true) => (),
            None => role::define_role(&role, "data", None, None)?,
        }
        definition::define(&group, None)?;
        hierarchy::grant(&role, &template.hierarchy, &node, (None, None), None)?;
        let has_base = authz::grant(&base, &reference, Validity::default())?;
        let has_group = authz::grant(&group, &reference, Validity::default())?;
        write_note(&role, name, &node);
        let is_new = owned.role.is_none() || has_base || has_group;
        generated.push(Generated {
            change: if is_new { "added" } else { "existing" },
            role,
            node,
        });
    }
    let obsolete = OBSOLETE.with(|statement| {
        statement.query(
            &[
                arg(name),
                arg(template.hierarchy.as_str()),
                arg(template.level.as_str()),
            ],
            pair,
        )
    });
    for (role, node) in obsolete {
        if drop_obsolete {
            let group = Reference::new(Kind::DataGroup, role.as_str());
            let is_own = owned(&role, name, &node).group && group.find().is_some();
            definition::drop(&Reference::new(Kind::Role, role.as_str()))?;
            if is_own {
                definition::drop(&group)?;
            }
        }
        generated.push(Generated {
            change: if drop_obsolete { "dropped" } else { "obsolete" },
            role,
            node,
        });
    }
    change::record(
        "generate",
        &format!("data_role_template:{name}"),
        json!({ "roles": generated.len() }),
    );
    Ok(generated)
}

/// Says which template and node a data role came from, so that the template goes on with it.
pub fn note(role: &str, template: &str, node: &str) -> Result<()> {
    change::begin();
    Reference::new(Kind::Role, role).require()?;
    if find(template).is_none() {
        return Err(not_found(template));
    }
    write_note(role, template, node);
    change::record(
        "note",
        &format!("role:{role}"),
        json!({ "template": template, "node": node }),
    );
    Ok(())
}

/// A role is no template's any more.
pub fn forget(role: &str) -> Result<()> {
    change::begin();
    FORGET.with(|statement| statement.execute(&[arg(role)]));
    change::record("forget", &format!("role:{role}"), json!({}));
    Ok(())
}

/// What there is of the name of a role that a template gives for a node.
struct Owned {
    /// Whether the role is the template's own; `None` when there is none.
    role: Option<bool>,
    /// Whether there is no data group but the template's own.
    group: bool,
}

fn owned(role: &str, template: &str, node: &str) -> Owned {
    IS_OWN
        .with(|statement| {
            statement.query_one(&[arg(role), arg(template), arg(node)], |row| Owned {
                role: row.get(1),
                group: row.get(2).unwrap_or(false),
            })
        })
        .unwrap_or(Owned {
            role: Some(false),
            group: false,
        })
}

fn require_level(hierarchy: &str, level: &str) -> Result<()> {
    HAS_LEVEL
        .with(|statement| statement.query_one(&[arg(hierarchy), arg(level)], |_| ()))
        .ok_or_else(|| {
            Error::not_found(
                "level_not_found",
                format!("hierarchy \"{hierarchy}\" has no level \"{level}\""),
                "See the view vpd.hierarchies.",
            )
        })
}

fn write_note(role: &str, template: &str, node: &str) {
    NOTE.with(|statement| statement.execute(&[arg(role), arg(template), arg(node)]));
}

fn find(name: &str) -> Option<Template> {
    FIND.with(|statement| {
        statement.query_one(&[arg(name)], |row| {
            Some(Template {
                base_role: row.get(1)?,
                hierarchy: row.get(2)?,
                level: row.get(3)?,
                pattern: row.get(4)?,
                has_roles: row.get(5)?,
            })
        })
    })
    .flatten()
}

impl Template {
    /// The name of the role for a node. What stands in a node's key is not looked at for placeholders again.
    fn name_of(&self, node: &str, label: &str) -> String {
        let values = [
            ("{base_role}", self.base_role.as_str()),
            ("{node}", node),
            ("{label}", label),
        ];
        let mut name = String::new();
        let mut rest = self.pattern.as_str();
        while let Some(place) = rest.find('{') {
            name.push_str(&rest[..place]);
            rest = &rest[place..];
            match values
                .iter()
                .find(|(placeholder, _)| rest.starts_with(placeholder))
            {
                Some((placeholder, value)) => {
                    name.push_str(value);
                    rest = &rest[placeholder.len()..];
                }
                None => {
                    name.push('{');
                    rest = &rest[1..];
                }
            }
        }
        name + rest
    }
}

fn pair(row: &Row) -> (String, String) {
    (row.get(1).unwrap_or_default(), row.get(2).unwrap_or_default())
}

fn not_found(name: &str) -> Error {
    Error::not_found(
        "template_not_found",
        format!("there is no template \"{name}\""),
        "See the view vpd.data_role_templates.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced_once() {
        let template = Template {
            base_role: "Buyer {node}".to_owned(),
            hierarchy: String::new(),
            level: String::new(),
            pattern: "{base_role}/{node} {label}{x}{".to_owned(),
            has_roles: false,
        };
        assert_eq!(
            template.name_of("{label}", "West"),
            "Buyer {node}/{label} West{x}{"
        );
    }
}
