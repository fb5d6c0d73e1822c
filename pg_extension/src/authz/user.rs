//! Users as identity sources tell of them, organization units, and who manages whom. The sources are in `source`.

use super::definition::{self, define, refuse_used};
use super::owner::{self, require_free};
use super::reference::check_name;
use super::segregation::Watch;
use super::source::require_source;
use super::{Kind, Node, Reference, change};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use pgrx::JsonB;
use serde_json::json;

const MAX_ATTRIBUTE_BYTES: usize = 64 * 1024;

statements! {
    UNIT = "authz/define_unit.sql";
    HAS_UNIT = "authz/has_unit.sql";
    UNIT_CONTAINS = "authz/unit_contains.sql";
    DROP_UNIT = "authz/drop_unit.sql";
    UNIT_USE = "authz/unit_use.sql";
    ACCOUNT = "authz/define_account.sql";
    CLEAR = "authz/clear_account.sql";
    FORGET = "authz/forget_account.sql";
    CHAIN = "authz/manager_chain.sql";
    IS_MANAGER = "authz/is_manager.sql";
    IS_ENABLED = "authz/is_enabled.sql";
}

/// What a source tells of a user.
pub struct Account {
    /// Name of the user.
    pub name: String,
    /// The source that tells it.
    pub source: String,
    /// Name to show.
    pub display_name: Option<String>,
    /// Free attributes.
    pub attributes: Option<JsonB>,
    /// Organization unit.
    pub unit: Option<String>,
    /// Name of the manager.
    pub manager: Option<String>,
    /// Whether the user was made up for development.
    pub is_test: bool,
    /// Whether the source tells of no unit any more.
    pub is_unit_gone: bool,
    /// Whether it tells of no manager any more.
    pub is_manager_gone: bool,
}

/// Drops an organization unit that nobody and nothing belongs to.
pub fn drop_unit(name: &str) -> Result<()> {
    change::begin();
    require_unit(name)?;
    refuse_used(&UNIT_USE, arg(name), &format!("unit \"{name}\""))?;
    DROP_UNIT.with(|statement| statement.execute(&[arg(name)]));
    change::record("drop", &format!("unit:{name}"), json!({}));
    Ok(())
}

/// Defines an organization unit below another.
pub fn define_unit(name: &str, parent: Option<&str>, description: Option<&str>) -> Result<()> {
    check_name(name)?;
    change::begin();
    if let Some(parent) = parent {
        require_unit(parent)?;
        // A unit that is new is above nobody.
        let is_circle = has_unit(name)
            && UNIT_CONTAINS
                .with(|statement| statement.query_one(&[arg(name), arg(parent)], |_| ()))
                .is_some();
        if is_circle {
            return Err(Error::authority_cycle(
                &format!("unit {name}"),
                &format!("unit {parent}"),
            ));
        }
    }
    let watch = Watch::of_unit(name);
    let marked = owner::Before::of_unit(name);
    let changed = UNIT.with(|statement| statement.execute(&[arg(name), arg(parent), arg(description)]));
    if changed > 0 {
        marked.require_kept()?;
        change::record("define", &format!("unit:{name}"), json!({ "parent": parent }));
        watch.check()?;
    }
    Ok(())
}

/// Defines a user, or what one source tells of a user. What is not said stays as it is.
pub fn define_user(account: Account) -> Result<()> {
    change::begin();
    require_source(&account.source)?;
    check_attributes(account.attributes.as_ref())?;
    if account.name == super::ANONYMOUS {
        return Err(Error::argument(
            "\"anonymous\" is not a user",
            "It is the role of whoever is not authenticated.",
        ));
    }
    if let Some(unit) = &account.unit {
        require_unit(unit)?;
    }
    let manager = match &account.manager {
        Some(manager) => Some(Reference::new(Kind::User, manager.as_str()).require()?.id),
        None => None,
    };
    let reference = Reference::new(Kind::User, account.name.as_str());
    // The user may be new: nothing was written yet.
    let watch = Watch::of_nobody();
    let node = define(&reference, None)?;
    let watch = watch.reaching(node.id);
    let mut changed = ACCOUNT.with(|statement| {
        statement.execute(&[
            arg(node.id),
            arg(account.source.as_str()),
            arg(account.display_name.as_deref()),
            arg(account.attributes),
            arg(account.unit.as_deref()),
            arg(manager),
            arg(account.is_test),
        ])
    });
    if account.is_unit_gone || account.is_manager_gone {
        let args = [
            arg(node.id),
            arg(account.source.as_str()),
            arg(account.is_unit_gone),
            arg(account.is_manager_gone),
        ];
        changed += CLEAR.with(|statement| statement.execute(&args));
    }
    if changed > 0 {
        require_free(&node)?;
        refuse_circle(&node)?;
        change::record(
            "define",
            &reference.to_string(),
            json!({ "source": account.source, "unit": account.unit, "manager": account.manager }),
        );
        watch.check()?;
    }
    Ok(())
}

/// Forgets what one source tells of a user. Whoever no other source tells of is dropped; nothing is done for somebody who is not there.
pub fn forget(name: &str, source: &str) -> Result<()> {
    change::begin();
    let reference = Reference::new(Kind::User, name);
    let Some(node) = reference.find() else {
        return Ok(());
    };
    let watch = Watch::of_user(node.id);
    let forgotten = FORGET.with(|statement| statement.execute(&[arg(node.id), arg(source)]));
    if forgotten == 0 {
        return definition::drop(&reference);
    }
    require_free(&node)?;
    refuse_circle(&node)?;
    change::record(
        "define",
        &reference.to_string(),
        json!({ "source": source, "forgotten": true }),
    );
    watch.check()
}

/// An error when a user is above himself. Somebody who is nobody's manager is above nobody.
fn refuse_circle(node: &Node) -> Result<()> {
    let name = &node.reference.name;
    let is_above = IS_MANAGER
        .with(|statement| statement.query_one(&[arg(node.id)], |_| ()))
        .is_some();
    if is_above && chain(name).iter().any(|(_, above)| above == name) {
        return Err(Error::argument(
            "a user cannot be above himself",
            "Name a manager who does not report to the user.",
        ));
    }
    Ok(())
}

/// An error when the user was switched off.
pub fn require_enabled(name: &str) -> Result<()> {
    match is_enabled(name) {
        Some(false) => Err(Error::user_disabled()),
        _ => Ok(()),
    }
}

/// Whether the user is switched on; `None` when there is none.
pub fn is_enabled(name: &str) -> Option<bool> {
    IS_ENABLED
        .with(|statement| statement.query_one(&[arg(name)], |row| row.get::<bool>(1)))
        .flatten()
}

/// The managers above a user, the nearest first. Not for everybody: see `task::line`.
pub fn chain(name: &str) -> Vec<(i32, String)> {
    CHAIN
        .with(|statement| {
            statement.query(&[arg(name)], |row| {
                Some((row.get::<i32>(1)?, row.get::<String>(2)?))
            })
        })
        .into_iter()
        .flatten()
        .collect()
}

fn has_unit(name: &str) -> bool {
    HAS_UNIT
        .with(|statement| statement.query_one(&[arg(name)], |_| ()))
        .is_some()
}

fn require_unit(name: &str) -> Result<()> {
    if has_unit(name) {
        return Ok(());
    }
    Err(Error::not_found(
        "unit_not_found",
        format!("unit \"{name}\" does not exist"),
        "Define it first with vpd.define_unit.",
    ))
}

fn check_attributes(attributes: Option<&JsonB>) -> Result<()> {
    let Some(JsonB(attributes)) = attributes else {
        return Ok(());
    };
    if attributes.is_object() && attributes.to_string().len() <= MAX_ATTRIBUTE_BYTES {
        return Ok(());
    }
    Err(Error::argument(
        "the attributes are not usable",
        "Give a JSON object of at most 64 KiB: {\"e_mail\": \"…\", \"skills\": [\"…\"]}.",
    ))
}
