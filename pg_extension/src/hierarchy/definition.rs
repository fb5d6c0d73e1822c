//! Hierarchies: their levels, their mode, and the applications they do not filter.

use super::catalogue::{access_changed, checked_reason, levels, nodes_changed, require, subject};
use super::grant::close_orphans;
use super::node;
use crate::authz::change;
use crate::error::{Error, Result};
use crate::sys::spi::{self, arg, statements};
use crate::sys::{node_access, published};
use serde_json::json;

statements! {
    DEFINE = "hierarchy/define.sql";
    LEVELS_IN_USE = scanning "hierarchy/levels_in_use.sql";
    FOLLOW_LEVELS = scanning "hierarchy/follow_levels.sql";
    DROP_LEVELS = "hierarchy/drop_levels.sql";
    INSERT_LEVELS = "hierarchy/insert_levels.sql";
    PROTECTED_BY = "hierarchy/protected_by.sql";
    DROP = "hierarchy/drop.sql";
    SET_MODE = "hierarchy/set_mode.sql";
    HAS_APP = "hierarchy/has_app.sql";
    EXEMPT = "hierarchy/exempt.sql";
    REVOKE = "hierarchy/revoke_exemption.sql";
    REVOKE_ALL = "hierarchy/revoke_exemptions.sql";
}

/// The hierarchies that are shipped, with their levels.
const SHIPPED: [(&str, &str, &[&str]); 2] = [
    (
        "merchandise",
        "What is sold.",
        &[
            "company",
            "division",
            "group",
            "department",
            "class",
            "subclass",
            "item",
        ],
    ),
    (
        "organization",
        "Where it is sold.",
        &["company", "chain", "area", "region", "district", "location"],
    ),
];

/// Defines a hierarchy, or changes its levels and description. Nodes stay on the levels they are on, wherever those stand now.
pub fn define(name: &str, names: &[String], description: Option<&str>) -> Result<()> {
    check_name(name)?;
    check_levels(names)?;
    change::begin();
    let before: Vec<String> = levels(name).into_iter().map(|(name, _)| name).collect();
    let followed = places(&before, names);
    let in_use = LEVELS_IN_USE.with(|statement| statement.query(&[arg(name)], |row| row.get::<i32>(1)));
    if in_use
        .into_iter()
        .flatten()
        .any(|depth| !followed.iter().any(|(former, _)| *former == depth))
    {
        return Err(Error::level_in_use(name));
    }
    DEFINE.with(|statement| statement.execute(&[arg(name), arg(description)]));
    if before != names {
        DROP_LEVELS.with(|statement| statement.execute(&[arg(name)]));
        INSERT_LEVELS.with(|statement| statement.execute(&[arg(name), arg(names.to_vec())]));
        let (former, now): (Vec<i32>, Vec<i32>) = followed.into_iter().unzip();
        let moved = FOLLOW_LEVELS.with(|statement| statement.execute(&[arg(name), arg(former), arg(now)]));
        if moved > 0 {
            node::faultless(name, None)?;
            nodes_changed(Some(name));
        }
    }
    change::record("define", &subject(name), json!({ "levels": names }));
    Ok(())
}

/// Where each former level stands now, both counted from 1: at its name, or, when there are as many as before, at the new name in its place.
/// Levels that are gone have no place.
fn places(before: &[String], names: &[String]) -> Vec<(i32, i32)> {
    let depth = |place: usize| i32::try_from(place + 1).unwrap_or(i32::MAX);
    let now = |place: usize| {
        names.iter().position(|name| *name == before[place]).or_else(|| {
            let is_renamed = before.len() == names.len() && !before.contains(&names[place]);
            is_renamed.then_some(place)
        })
    };
    (0..before.len())
        .filter_map(|place| Some((depth(place), depth(now(place)?))))
        .collect()
}

/// Defines the hierarchies that are shipped, where they are missing.
pub fn install_shipped() -> Result<()> {
    change::begin();
    for (name, description, names) in SHIPPED {
        if require(name).is_err() {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            define(name, &names, Some(description))?;
        }
    }
    Ok(())
}

/// Drops a hierarchy that no table is protected by.
pub fn drop_hierarchy(name: &str) -> Result<()> {
    change::begin();
    require(name)?;
    if let Some(Some(table)) =
        PROTECTED_BY.with(|statement| statement.query_one(&[arg(name)], |row| row.get::<String>(1)))
    {
        return Err(Error::hierarchy_in_use(name, &table));
    }
    DROP.with(|statement| statement.execute(&[arg(name), arg(change::author())]));
    close_orphans(name, None)?;
    node_access::forget_index_plans();
    published::withdraw(name);
    change::record("drop", &subject(name), json!({}));
    Ok(())
}

/// Closes or opens a hierarchy.
pub fn set_mode(name: &str, mode: &str, reason: &str) -> Result<()> {
    if !matches!(mode, "closed" | "open") {
        return Err(Error::argument("unknown mode", "Use closed or open."));
    }
    let reason = checked_reason(reason)?;
    change::begin();
    let before = require(name)?;
    if before != mode {
        SET_MODE.with(|statement| statement.execute(&[arg(name), arg(mode)]));
        access_changed(Some(name));
        node_access::forget_index_plans();
    }
    change::record(
        "mode",
        &subject(name),
        json!({ "before": before, "after": mode, "reason": reason }),
    );
    Ok(())
}

/// Exempts the sessions of an application.
pub fn exempt_app(app: &str, hierarchy: Option<&str>, reason: &str) -> Result<()> {
    let reason = checked_reason(reason)?;
    change::begin();
    if let Some(name) = hierarchy {
        require(name)?;
    }
    if HAS_APP
        .with(|statement| statement.query_one(&[arg(app)], |_| ()))
        .is_none()
    {
        return Err(Error::not_found(
            "app_not_found",
            format!("application \"{app}\" is not registered"),
            "Register it with vpd.register_app.",
        ));
    }
    let added = EXEMPT
        .with(|statement| statement.execute(&[arg(app), arg(hierarchy), arg(reason), arg(change::author())]));
    if added == 0 {
        return Err(Error::app_exemption_exists(app));
    }
    access_changed(hierarchy);
    node_access::forget_index_plans();
    change::record(
        "exempt",
        &format!("app:{app}"),
        json!({ "hierarchy": hierarchy, "reason": reason }),
    );
    Ok(())
}

/// Revokes an exemption.
pub fn revoke_exemption(app: &str, hierarchy: Option<&str>, reason: &str) -> Result<()> {
    let reason = checked_reason(reason)?;
    change::begin();
    let revoked =
        REVOKE.with(|statement| statement.execute(&[arg(app), arg(hierarchy), arg(change::author())]));
    if revoked == 0 {
        return Err(Error::not_found(
            "exemption_not_found",
            "the application is not exempt from that",
            "See the view vpd.hierarchy_exemptions; NULL stands for every hierarchy.",
        ));
    }
    access_changed(hierarchy);
    node_access::forget_index_plans();
    change::record(
        "revoke_exemption",
        &format!("app:{app}"),
        json!({ "hierarchy": hierarchy, "reason": reason }),
    );
    Ok(())
}

/// An application is dropped: another that is registered under its name is exempt from nothing.
pub fn app_dropped(app: &str) {
    if REVOKE_ALL.with(|statement| statement.execute(&[arg(app), arg(change::author())])) == 0 {
        return;
    }
    access_changed(None);
    node_access::forget_index_plans();
    change::record(
        "revoke_exemption",
        &format!("app:{app}"),
        json!({ "hierarchy": null, "reason": "the application was dropped" }),
    );
}

/// Rows of the tables were changed by hand: every hierarchy is read again.
pub fn tables_changed() {
    // The functions say themselves what they changed.
    if spi::is_internal() {
        return;
    }
    change::begin();
    nodes_changed(None);
    access_changed(None);
    node_access::forget_index_plans();
}

fn check_name(name: &str) -> Result<()> {
    let mut letters = name.chars();
    let is_good = name.len() <= 63
        && letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    is_good.then_some(()).ok_or_else(|| {
        Error::argument(
            "this is no name of a hierarchy",
            "Use 1 to 63 lower case letters, digits and _, a letter first.",
        )
    })
}

fn check_levels(names: &[String]) -> Result<()> {
    let is_name = |name: &String| {
        (1..=63).contains(&name.chars().count()) && name.trim() == name && !name.chars().any(char::is_control)
    };
    let is_unique = |place: usize| !names[..place].contains(&names[place]);
    let is_good =
        (1..=100).contains(&names.len()) && names.iter().all(is_name) && (0..names.len()).all(is_unique);
    is_good.then_some(()).ok_or_else(|| {
        Error::argument(
            "these are no levels of a hierarchy",
            "Give 1 to 100 different names of 1 to 63 characters, from the top to the bottom.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::places;

    fn moved(before: &[&str], names: &[&str]) -> Vec<(i32, i32)> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        places(&owned(before), &owned(names))
    }

    #[test]
    fn a_name_that_stays_keeps_its_nodes() {
        assert_eq!(moved(&["a", "c"], &["a", "b", "c"]), [(1, 1), (2, 3)]);
        assert_eq!(moved(&["a", "b", "c"], &["a", "c"]), [(1, 1), (3, 2)]);
        assert_eq!(moved(&["a", "b"], &["b", "a"]), [(1, 2), (2, 1)]);
    }

    #[test]
    fn only_as_many_levels_as_before_are_renamed() {
        assert_eq!(moved(&["a", "b"], &["a", "x"]), [(1, 1), (2, 2)]);
        assert_eq!(moved(&["a", "b", "c"], &["a", "x"]), [(1, 1)]);
        assert_eq!(moved(&["a", "b", "c"], &["b", "x", "c"]), [(2, 1), (3, 3)]);
    }
}
