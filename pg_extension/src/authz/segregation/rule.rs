//! Rules: what nobody may hold, or do to one object, together.

use super::conflict;
use crate::authz::owner::{check_owner, may_change};
use crate::authz::{Kind, Reference, change};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use serde_json::json;

statements! {
    FIND = "segregation/find_rule.sql";
    DEFINE = "segregation/define_rule.sql";
    DEFINE_ITEMS = "segregation/define_items.sql";
    SEED = "segregation/seed_rule.sql";
    DROP = "segregation/drop_rule.sql";
    HAS_UNIT = "segregation/has_unit.sql";
    ACCEPT = "segregation/accept_existing.sql";
}

/// What a rule says.
pub struct Definition {
    /// References of privileges, duties, roles.
    pub items: Vec<String>,
    /// How many of them one person may have.
    pub at_most: i32,
    /// global, unit or object.
    pub scope: String,
    /// The organization unit, for the scope unit.
    pub unit: Option<String>,
    pub description: Option<String>,
    /// Whether it is refused when somebody breaks it already.
    pub enforces_existing: bool,
}

/// Defines a rule, or changes it.
pub fn define(name: &str, definition: &Definition) -> Result<()> {
    check_name(name)?;
    change::begin();
    if let Some((_, owner)) = find(name) {
        require_free(name, owner)?;
    }
    let items = items(definition)?;
    check_scope(definition)?;
    let id = DEFINE
        .with(|statement| {
            statement.modify(
                &[
                    arg(name),
                    arg(definition.at_most),
                    arg(definition.scope.as_str()),
                    arg(definition.unit.clone()),
                    arg(definition.description.clone()),
                    arg(change::author()),
                ],
                |row| row.get::<i32>(1),
            )
        })
        .into_iter()
        .flatten()
        .next()
        .unwrap_or_default();
    DEFINE_ITEMS.with(|statement| statement.execute(&[arg(id), arg(items.clone())]));
    let held_apart = match definition.scope.as_str() {
        "object" => &[],
        _ => items.as_slice(),
    };
    let at_most = usize::try_from(definition.at_most).unwrap_or_default();
    let broken = conflict::unexcused(conflict::of_rule(id, held_apart, at_most));
    if definition.enforces_existing {
        conflict::refuse(&broken)?;
    } else {
        for conflict in &broken {
            ACCEPT.with(|statement| {
                statement.execute(&[
                    arg(id),
                    arg(conflict.user_id),
                    arg(conflict.item_ids.clone()),
                    arg(conflict.since),
                ])
            });
        }
    }
    change::record(
        "define",
        &format!("sod_rule:{name}"),
        json!({
            "items": definition.items,
            "at_most": definition.at_most,
            "scope": definition.scope,
            "unit": definition.unit,
            "accepted": broken.iter().map(|conflict| &conflict.user_name).collect::<Vec<_>>(),
        }),
    );
    Ok(())
}

/// Drops a rule.
pub fn drop_rule(name: &str) -> Result<()> {
    change::begin();
    let id = require(name)?;
    DROP.with(|statement| statement.execute(&[arg(id)]));
    change::record("drop", &format!("sod_rule:{name}"), json!({}));
    Ok(())
}

/// Marks a rule as belonging to somebody: others neither change nor drop it.
pub fn mark_rule(name: &str, owner: Option<&str>) -> Result<()> {
    change::begin();
    require(name)?;
    check_owner(owner)?;
    set_owner(name, owner);
    Ok(())
}

/// Says whom a rule belongs to.
pub fn set_owner(name: &str, owner: Option<&str>) {
    SEED.with(|statement| statement.execute(&[arg(name), arg(owner)]));
    change::record("seed", &format!("sod_rule:{name}"), json!({ "owner": owner }));
}

/// The rule of a name, which the caller may change.
fn require(name: &str) -> Result<i32> {
    let (id, owner) = find(name).ok_or_else(|| {
        Error::not_found(
            "sod_rule_not_found",
            format!("rule \"{name}\" does not exist"),
            "See the view vpd.sod_rules.",
        )
    })?;
    require_free(name, owner)?;
    Ok(id)
}

/// Key and owner of a rule.
fn find(name: &str) -> Option<(i32, Option<String>)> {
    FIND.with(|statement| {
        statement.query_one(&[arg(name)], |row| {
            Some((row.get::<i32>(1)?, row.get::<String>(2)))
        })
    })
    .flatten()
}

/// An error when the rule belongs to somebody else.
fn require_free(name: &str, owner: Option<String>) -> Result<()> {
    match owner {
        Some(owner) if !may_change(&owner) => Err(Error::seeded(&format!("sod_rule:{name}"), &owner)),
        _ => Ok(()),
    }
}

fn items(definition: &Definition) -> Result<Vec<i32>> {
    let mut ids = Vec::with_capacity(definition.items.len());
    for item in &definition.items {
        let reference = Reference::parse(item)?;
        let is_action = reference.kind == Kind::Privilege && reference.name.contains(':');
        let may_be_item = match definition.scope.as_str() {
            "object" => is_action,
            _ => matches!(reference.kind, Kind::Privilege | Kind::Duty | Kind::Role),
        };
        if !may_be_item {
            return Err(Error::argument(
                format!("{item} cannot be part of this rule"),
                "Name privileges, duties and roles; for the scope object, privileges on resources: privilege:purchase_order:approve.",
            ));
        }
        ids.push(reference.require()?.id);
    }
    ids.sort_unstable();
    ids.dedup();
    if definition.at_most < 1 || usize::try_from(definition.at_most).is_ok_and(|most| most >= ids.len()) {
        return Err(Error::argument(
            "the rule would keep nothing apart",
            "Name more items than at_most, which is 1 or more.",
        ));
    }
    Ok(ids)
}

fn check_scope(definition: &Definition) -> Result<()> {
    match (definition.scope.as_str(), &definition.unit) {
        ("global" | "object", None) => Ok(()),
        ("unit", Some(unit)) => {
            let is_there = HAS_UNIT.with(|statement| statement.query_one(&[arg(unit.as_str())], |_| ()));
            is_there.ok_or_else(|| {
                Error::not_found(
                    "unit_not_found",
                    format!("unit \"{unit}\" does not exist"),
                    "Define it first with vpd.define_unit.",
                )
            })
        }
        _ => Err(Error::argument(
            "this is no scope",
            "Use global, object, or unit with the name of an organization unit.",
        )),
    }
}

fn check_name(name: &str) -> Result<()> {
    let is_good = !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= 256
        && !name.chars().any(char::is_control);
    if is_good {
        return Ok(());
    }
    Err(Error::argument(
        "the name is not usable",
        "Use 1 to 256 characters, none of them a control character, without spaces at the ends.",
    ))
}
