//! Who breaks a rule, or would.

use super::holding::{Imagined, TooMuch, too_much};
use crate::authz::{Authority, Kind, Reference};
use crate::error::{Error, Result};
use crate::sys::clock::Timestamp;
use crate::sys::spi::{Moment, Row, arg, statements};
use pgrx::datum::TimestampWithTimeZone;
use std::collections::{HashMap, HashSet};

statements! {
    CONFLICTS = "segregation/conflicts.sql";
    CONCERNED = "segregation/concerned.sql";
    REACHED = "segregation/reached.sql";
    UNIT_USERS = "segregation/unit_users.sql";
    WAY = scanning "segregation/way.sql";
    SESSION = "segregation/session.sql";
    IS_ANY = "segregation/is_any.sql";
    NARROW = "segregation/narrow_existing.sql";
}

/// So many holders are looked at before it is asked whether others are fewer.
const FEW: i64 = 50;

/// So many lists of items are tried.
const MOST_WAYS: usize = 10;

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

/// Whom and what a change can concern.
#[derive(Default)]
struct Reach {
    /// Users, and others that hold something. `None`: everybody.
    holders: Option<Vec<i32>>,
    /// `None`: every rule.
    rules: Option<Vec<i32>>,
}

/// What can be broken by a change.
struct Concern {
    /// `None`: every rule.
    rules: Option<Vec<i32>>,
    /// Lists of items: whoever breaks one of the rules by the change has one of each list. None when it can do without.
    ways: Vec<Vec<i32>>,
}

/// Looks out for what a change does to those it reaches. Make one in the transaction that began the change, before anything is written, and check it
/// afterwards. Conflicts that were there before, such as those of an exception that ran out, stand in the way of nothing else.
pub struct Watch {
    /// The nodes that change; `None` for whatever may reach anybody.
    nodes: Option<Vec<i32>>,
    concern: Concern,
    before: Moment,
}

impl Watch {
    /// For a change of a node: of what it is, of whether it counts, or of who has it, but not of what it holds.
    pub fn of(node: i32) -> Self {
        Self::over(Some(vec![node]), concern(&[node], false, false))
    }

    /// For a role that a rule is to give to anybody: who had it before does not tell whom it reaches.
    pub fn of_rule(role: i32) -> Self {
        Self::over(None, concern(&[role], false, false))
    }

    /// For a change of what is told of a user, or of whether he counts.
    pub fn of_user(user: i32) -> Self {
        Self::over(Some(vec![user]), Concern::ANY)
    }

    /// For a change that reaches whom it is told of later, before it is checked.
    pub fn of_nobody() -> Self {
        Self::over(Some(Vec::new()), Concern::ANY)
    }

    /// The change reaches a node as well.
    pub fn reaching(mut self, node: i32) -> Self {
        if let Some(nodes) = &mut self.nodes {
            nodes.push(node);
        }
        self
    }

    /// For a grant.
    pub fn of_grant(granted: i32, holder: i32) -> Self {
        Self::over(Some(vec![holder]), concern(&[granted], false, false))
    }

    /// For a change of what a unit is below: it reaches the users of the unit, and of those below it.
    pub fn of_unit(unit: &str) -> Self {
        let concern = concern(&[], false, true);
        let users = match &concern.rules {
            Some(rules) if rules.is_empty() => Vec::new(),
            _ => UNIT_USERS.with(|statement| statement.query(&[arg(unit)], |row| row.required(1))),
        };
        Self::over(Some(users), concern)
    }

    /// For a change of what is believed of users.
    pub fn of_attributes() -> Self {
        Self::over(None, concern(&[], true, true))
    }

    /// For a change that may reach anybody, such as a load.
    pub fn everybody() -> Self {
        Self::over(None, Concern::ANY)
    }

    fn over(nodes: Option<Vec<i32>>, concern: Concern) -> Self {
        Self {
            nodes,
            concern,
            before: Moment::now(),
        }
    }

    /// Refuses the change when it made somebody break a rule.
    pub fn check(self) -> Result<()> {
        refuse(&self.conflicts())
    }

    /// The conflicts that the change made. Only of those who break a rule now it is asked what they held before.
    pub fn conflicts(self) -> Vec<Conflict> {
        let Some(reach) = self.reach() else {
            return Vec::new();
        };
        let mut users: Vec<i32> = too_much(reach.holders.as_deref(), reach.rules.as_deref(), None)
            .iter()
            .map(|held| held.user)
            .collect();
        if users.is_empty() {
            return Vec::new();
        }
        users.sort_unstable();
        users.dedup();
        let reach = Reach {
            holders: Some(users),
            rules: reach.rules,
        };
        let narrow = |found: &[Conflict]| narrow(reach.holders.clone(), reach.rules.clone(), found);
        // What was accepted and is held no more, whatever ended it, is not accepted again. One that is excused excuses nothing that begins when that is over.
        let before = self.before.read(|| read(&reach, None));
        narrow(&before);
        let after = read(&reach, None);
        narrow(&after);
        uncovered(unexcused(after), &unexcused(before))
    }

    /// `None` when there is nobody whom it reaches, or no rule to break.
    fn reach(&self) -> Option<Reach> {
        let rules = self.concern.rules.clone();
        let is_nobody = self.nodes.as_ref().is_some_and(Vec::is_empty);
        if is_nobody || rules.as_ref().is_some_and(Vec::is_empty) || !is_any() {
            return None;
        }
        let ways = self.nodes.iter().chain(&self.concern.ways).cloned().collect();
        Some(Reach {
            holders: holders(ways),
            rules,
        })
    }
}

impl Concern {
    const ANY: Self = Self {
        rules: None,
        ways: Vec::new(),
    };
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

/// Until when a person may have what he has in sessions, which ends with an exception; an error when a rule keeps it apart: a login, or acting
/// fully for somebody, can bring together what nobody administered.
pub fn allowed_until(person: &str, authority: &Authority) -> Result<Timestamp> {
    let mut allowed_until = Timestamp(i64::MAX);
    if !is_any() {
        return Ok(allowed_until);
    }
    let names = |set: &HashSet<String>| set.iter().cloned().collect::<Vec<String>>();
    let broken = SESSION.with(|statement| {
        let args = [
            arg(person),
            arg(names(&authority.roles)),
            arg(names(&authority.privileges)),
        ];
        statement.query(&args, |row| Broken {
            rule: row.required(1),
            items: row.get(2).unwrap_or_default(),
            excused_until: row.timestamp(3),
            rule_id: row.get(4).unwrap_or_default(),
            accepted_user: row.get(5),
            item_ids: row.get(6).unwrap_or_default(),
        })
    });
    for broken in broken {
        let until = if broken.is_as_accepted() {
            Timestamp(i64::MAX)
        } else {
            broken
                .excused_until
                .ok_or_else(|| Error::sod_session(&broken.rule, &broken.items))?
        };
        allowed_until = allowed_until.min(until);
    }
    Ok(allowed_until)
}

/// A rule that what a session has breaks.
struct Broken {
    rule: String,
    items: Vec<String>,
    /// Until when an exception allows it.
    excused_until: Option<Timestamp>,
    rule_id: i32,
    /// The user, when such a conflict of his was accepted.
    accepted_user: Option<i32>,
    item_ids: Vec<i32>,
}

impl Broken {
    /// Accepted is what the graph gives him, for as long as it does, and not what a login brings.
    fn is_as_accepted(&self) -> bool {
        self.accepted_user.is_some_and(|user| {
            too_much(Some(&[user]), Some(&[self.rule_id]), None)
                .iter()
                .any(|held| self.item_ids.iter().all(|item| held.items.contains(item)))
        })
    }
}

/// What was accepted of some users (`None`: of everybody) under some rules is what they still hold.
fn narrow(users: Option<Vec<i32>>, rules: Option<Vec<i32>>, found: &[Conflict]) {
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
fn uncovered(conflicts: Vec<Conflict>, known: &[Conflict]) -> Vec<Conflict> {
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

/// The rules with an item below some nodes; perhaps below what users have by their attributes, and those about units.
fn concern(nodes: &[i32], are_attributes: bool, are_units: bool) -> Concern {
    let (mut rules, mut others) = (Vec::new(), Some(Vec::new()));
    if is_any() {
        let args = [arg(nodes.to_vec()), arg(are_attributes), arg(are_units)];
        let read = |row: &Row| {
            let few = row.get::<i32>(3).and_then(|few| usize::try_from(few).ok());
            (row.required::<i32>(1), row.get::<Vec<i32>>(2).zip(few))
        };
        for (rule, items) in CONCERNED.with(|statement| statement.query(&args, read)) {
            rules.push(rule);
            others = others.zip(items).map(|(mut others, items)| {
                others.push(items);
                others
            });
        }
    }
    Concern {
        rules: Some(rules),
        ways: ways(&others.unwrap_or_default()),
    }
}

/// Lists with so many items of each of some lists, in several ways: nobody knows yet which are held by few.
fn ways(lists: &[(Vec<i32>, usize)]) -> Vec<Vec<i32>> {
    let longest = lists.iter().map(|(items, _)| items.len()).max().unwrap_or(0);
    (0..longest.min(MOST_WAYS))
        .map(|first| {
            lists
                .iter()
                .flat_map(|(items, few)| items.iter().cycle().skip(first).take(*few))
                .copied()
                .collect()
        })
        .collect()
}

/// What holds the nodes of one of some lists, whichever is held by fewer; `None`: it may be anybody.
fn holders(mut ways: Vec<Vec<i32>>) -> Option<Vec<i32>> {
    let mut limit = FEW;
    while !ways.is_empty() {
        let mut next = Vec::new();
        for way in ways {
            let args = [arg(way.clone()), arg(limit)];
            let found = REACHED.with(|statement| {
                statement.query_one(&args, |row| (row.get::<Vec<i32>>(1), row.required::<bool>(2)))
            });
            match found {
                // Whoever meets its rule.
                Some((_, true)) => (),
                Some((Some(holders), false)) => return Some(holders),
                _ => next.push(way),
            }
        }
        ways = next;
        limit = limit.saturating_mul(8);
    }
    None
}

fn is_any() -> bool {
    IS_ANY
        .with(|statement| statement.query_one(&[], |_| ()))
        .is_some()
}

/// The text of an array.
fn array(ids: &[i32]) -> String {
    let ids: Vec<String> = ids.iter().map(i32::to_string).collect();
    format!("{{{}}}", ids.join(","))
}

fn read(reach: &Reach, imagined: Option<Imagined>) -> Vec<Conflict> {
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
