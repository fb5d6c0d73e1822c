//! Who breaks a rule, or would.

use super::holding::{TooMuch, too_much};
use super::paths::Imagined;
use super::reached::{Reach, holders, ways};
use crate::authz::{Kind, Reference};
use crate::error::{Error, Result};
use crate::sys::spi::{Row, arg, statements};
use pgrx::datum::TimestampWithTimeZone;
use std::collections::HashMap;

statements! {
    CONFLICTS = "segregation/conflicts.sql";
    WAY = scanning "segregation/way.sql";
    NARROW = "segregation/narrow_existing.sql";
}

/// A user who holds, or will hold, more than a rule allows.
#[derive(Debug, Clone)]
pub struct Conflict {
    pub rule_id: i32,
    pub rule: String,
    pub user_id: i32,
    pub user_name: String,
    pub item_ids: Vec<i32>,
    pub items: Vec<String>,
    /// From when.
    pub since: Option<TimestampWithTimeZone>,
    begins_at: i64,
    /// Until when each of the items is held without a break.
    held_until: Vec<i64>,
    /// The exception that allows it.
    pub exception_id: Option<i64>,
    pub exception_expires_at: Option<TimestampWithTimeZone>,
    /// Whether it was accepted when the rule was defined.
    pub is_accepted: bool,
}

/// Everybody who breaks a rule.
pub fn conflicts() -> Vec<Conflict> {
    read(&Reach::default(), None)
}

/// Everybody who breaks one rule, as it is defined now: no more than so many of these items are to be held.
pub(super) fn of_rule(rule: i32, items: &[i32], at_most: usize) -> Vec<Conflict> {
    // Whoever has more of them than that has one of any so many.
    let few = items.len().saturating_sub(at_most);
    let rules = Some(vec![rule]);
    let found = read(
        &Reach {
            holders: holders(ways(&[(items.to_vec(), few)])),
            rules: rules.clone(),
        },
        None,
    );
    // Nobody else breaks it: what was accepted of others is gone.
    narrow(None, rules, &found);
    found
}

/// The conflicts that granting something to a user would make.
pub fn what_if(user: &str, granted: &str) -> Result<Vec<Conflict>> {
    let user = Reference::new(Kind::User, user).require()?;
    let granted = match Reference::parse(granted) {
        Ok(reference) if matches!(reference.kind, Kind::Role | Kind::Group) => reference,
        _ => Reference::new(Kind::Role, granted),
    }
    .require()?;
    let imagined = Imagined {
        holder: user.id,
        granted: granted.id,
    };
    let reach = Reach {
        holders: Some(vec![user.id]),
        rules: None,
    };
    let now = unexcused(read(&reach, None));
    let then = unexcused(read(&reach, Some(imagined)));
    Ok(uncovered(then, &now))
}

impl Conflict {
    /// What is wrong with it, in words that follow a name.
    pub fn reason(&self) -> String {
        format!(
            "would break the rule \"{}\" with {}",
            self.rule,
            self.items.join(", ")
        )
    }

    /// What leads from the user to what he must not hold together: kinds and names, his own among them.
    pub fn way(&self) -> Vec<(String, String)> {
        let rows = WAY.with(|statement| {
            statement.query(&[arg(self.user_id), arg(self.item_ids.clone())], |row| {
                Some((row.get::<String>(1)?, row.get::<String>(2)?))
            })
        });
        rows.into_iter().flatten().collect()
    }

    /// True when the other says nothing that this one does not: all of it is held from the beginning of this one until the other begins.
    fn covers(&self, other: &Self) -> bool {
        let lasts = |item: &i32| {
            self.item_ids
                .iter()
                .zip(&self.held_until)
                .any(|(own, until)| own == item && *until > other.begins_at)
        };
        self.rule_id == other.rule_id
            && self.user_id == other.user_id
            && self.begins_at <= other.begins_at
            && other.item_ids.iter().all(lasts)
    }
}

/// What was accepted of some users (`None`: of everybody) under some rules is what they still hold.
pub(super) fn narrow(users: Option<Vec<i32>>, rules: Option<Vec<i32>>, found: &[Conflict]) {
    NARROW.with(|statement| {
        statement.execute(&[
            arg(users),
            arg(found.iter().map(|conflict| conflict.rule_id).collect::<Vec<_>>()),
            arg(found.iter().map(|conflict| conflict.user_id).collect::<Vec<_>>()),
            arg(found
                .iter()
                .map(|conflict| array(&conflict.item_ids))
                .collect::<Vec<_>>()),
            arg(rules),
            arg(found.iter().map(|conflict| conflict.since).collect::<Vec<_>>()),
        ])
    });
}

/// Those that none of the known ones covers.
pub(super) fn uncovered(conflicts: Vec<Conflict>, known: &[Conflict]) -> Vec<Conflict> {
    let mut of_user: HashMap<(i32, i32), Vec<&Conflict>> = HashMap::new();
    for conflict in known {
        of_user
            .entry((conflict.rule_id, conflict.user_id))
            .or_default()
            .push(conflict);
    }
    let is_new = |conflict: &Conflict| {
        of_user
            .get(&(conflict.rule_id, conflict.user_id))
            .is_none_or(|known| !known.iter().any(|known| known.covers(conflict)))
    };
    conflicts.into_iter().filter(is_new).collect()
}

/// Those that no exception and no acceptance allows.
pub(super) fn unexcused(conflicts: Vec<Conflict>) -> Vec<Conflict> {
    conflicts
        .into_iter()
        .filter(|conflict| conflict.exception_id.is_none() && !conflict.is_accepted)
        .collect()
}

/// An error that names the first of some conflicts.
pub(super) fn refuse(conflicts: &[Conflict]) -> Result<()> {
    match conflicts {
        [] => Ok(()),
        [first, others @ ..] => Err(Error::sod_grant(
            &first.user_name,
            &first.rule,
            &first.items,
            others.len(),
        )),
    }
}

/// The text of an array.
fn array(ids: &[i32]) -> String {
    let ids: Vec<String> = ids.iter().map(i32::to_string).collect();
    format!("{{{}}}", ids.join(","))
}

pub(super) fn read(reach: &Reach, imagined: Option<Imagined>) -> Vec<Conflict> {
    let found = too_much(reach.holders.as_deref(), reach.rules.as_deref(), imagined);
    if found.is_empty() {
        return Vec::new();
    }
    let since = |too_much: &TooMuch| TimestampWithTimeZone::try_from(too_much.since).ok();
    let args = [
        arg(found.iter().map(|too_much| too_much.rule).collect::<Vec<_>>()),
        arg(found.iter().map(|too_much| too_much.user).collect::<Vec<_>>()),
        arg(found
            .iter()
            .map(|too_much| array(&too_much.items))
            .collect::<Vec<_>>()),
        arg(found.iter().map(since).collect::<Vec<_>>()),
    ];
    let told = |row: &Row| {
        let place = row.required::<i64>(11);
        &found[usize::try_from(place - 1).unwrap_or_default()]
    };
    CONFLICTS.with(|statement| {
        statement.query(&args, |row| Conflict {
            rule_id: row.required(1),
            rule: row.required(2),
            user_id: row.required(3),
            user_name: row.required(4),
            item_ids: row.required(5),
            items: row.required(6),
            since: row.get(7),
            exception_id: row.get(8),
            exception_expires_at: row.get(9),
            is_accepted: row.get(10).unwrap_or(false),
            begins_at: told(row).since,
            held_until: told(row).until.clone(),
        })
    })
}
