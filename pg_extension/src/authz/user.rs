//! Users as identity sources tell of them, organization units, and who manages whom.

use super::definition::{self, define, refuse_used};
use super::owner::{self, require_free};
use super::reference::check_name;
use super::segregation::Watch;
use super::{Kind, Node, Reference, change};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use pgrx::JsonB;
use serde_json::json;
use std::collections::{HashMap, HashSet};

const MAX_ATTRIBUTE_BYTES: usize = 64 * 1024;

statements! {
    SOURCE = "authz/define_source.sql";
    KEEP_DOCUMENTS = scanning "authz/keep_documents.sql";
    HAS_SOURCE = "authz/has_source.sql";
    UNIT = "authz/define_unit.sql";
    HAS_UNIT = "authz/has_unit.sql";
    UNIT_CONTAINS = "authz/unit_contains.sql";
    DROP_SOURCE = "authz/drop_source.sql";
    SOURCE_USE = scanning "authz/source_use.sql";
    DROP_UNIT = "authz/drop_unit.sql";
    UNIT_USE = "authz/unit_use.sql";
    ACCOUNT = "authz/define_account.sql";
    CLEAR = "authz/clear_account.sql";
    FORGET = "authz/forget_account.sql";
    MANAGERS = scanning "authz/believed_managers.sql";
    CHAIN = "authz/manager_chain.sql";
    IS_MANAGER = "authz/is_manager.sql";
    IS_ENABLED = "authz/is_enabled.sql";
}

/// The source of users that are administered here.
pub const LOCAL_SOURCE: &str = "local";

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

/// Defines an identity source; of two that disagree the one with the lower precedence is believed.
pub fn define_source(name: &str, precedence: i32, description: Option<&str>) -> Result<()> {
    let is_good = name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_.-".contains(letter));
    if !is_good {
        return Err(Error::argument(
            "the name of the source is not usable",
            "Use a lower case letter, then letters, digits, _, . or -, at most 63.",
        ));
    }
    change::begin();
    let former = HAS_SOURCE.with(|statement| statement.query_one(&[arg(name)], |row| row.required::<i32>(1)));
    // Another precedence lets other attributes and other managers be believed; of a source that is new nobody was told yet.
    let watch = former.filter(|former| *former != precedence).map(|_| {
        KEEP_DOCUMENTS.with(|statement| statement.execute(&[arg(name)]));
        let watch = (Watch::of_attributes(), circle(&managers()).is_some());
        (watch, owner::Before::of_source(name))
    });
    let state = SOURCE.with(|statement| {
        statement.modify(&[arg(name), arg(precedence), arg(description)], |row| {
            row.get::<bool>(1)
        })
    });
    match state.first() {
        None => Err(Error::argument(
            "another source has this precedence",
            "Give each source a precedence of its own; see the view vpd.sources.",
        )),
        Some(_) => {
            if let Some(((_, false), _)) = &watch
                && let Some(user) = circle(&managers())
            {
                return Err(Error::argument(
                    format!("user \"{user}\" would be above himself"),
                    "Give the source another precedence, or mend the managers that one of the sources tells of.",
                ));
            }
            change::record(
                "define",
                &format!("source:{name}"),
                json!({ "precedence": precedence }),
            );
            watch.map_or(Ok(()), |((watch, _), marked)| {
                marked.require_kept()?;
                watch.check()
            })
        }
    }
}

/// Drops an identity source that tells of nobody.
pub fn drop_source(name: &str) -> Result<()> {
    if name == LOCAL_SOURCE {
        return Err(Error::argument(
            "the source of users who are administered here stays",
            "Give it another precedence with vpd.define_source.",
        ));
    }
    change::begin();
    require_source(name)?;
    refuse_used(&SOURCE_USE, arg(name), &format!("source \"{name}\""))?;
    DROP_SOURCE.with(|statement| statement.execute(&[arg(name)]));
    change::record("drop", &format!("source:{name}"), json!({}));
    Ok(())
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
    match IS_ENABLED.with(|statement| statement.query_one(&[arg(name)], |row| row.get::<bool>(1))) {
        Some(Some(false)) => Err(Error::user_disabled()),
        _ => Ok(()),
    }
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

/// Who is whose manager, as it is believed now.
fn managers() -> HashMap<String, String> {
    MANAGERS
        .with(|statement| statement.query(&[], |row| Some((row.get::<String>(1)?, row.get::<String>(2)?))))
        .into_iter()
        .flatten()
        .collect()
}

/// Somebody who is above himself.
fn circle(managers: &HashMap<String, String>) -> Option<&str> {
    let mut done: HashSet<&str> = HashSet::new();
    for user in managers.keys() {
        let (mut line, mut next) = (HashSet::new(), Some(user.as_str()));
        while let Some(user) = next.filter(|user| !done.contains(user)) {
            if !line.insert(user) {
                return Some(user);
            }
            next = managers.get(user).map(String::as_str);
        }
        done.extend(line);
    }
    None
}

fn require_source(name: &str) -> Result<()> {
    HAS_SOURCE
        .with(|statement| statement.query_one(&[arg(name)], |_| ()))
        .ok_or_else(|| {
            Error::not_found(
                "source_not_found",
                "the identity source does not exist",
                "Define it first with vpd.define_source.",
            )
        })
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
