//! Who breaks a rule, or would.

use crate::authz::{Authority, Kind, Reference};
use crate::error::{Error, Result};
use crate::guc;
use crate::sys::clock::Timestamp;
use crate::sys::spi::{Statement, arg};
use pgrx::datum::TimestampWithTimeZone;
use std::collections::HashSet;

thread_local! {
    static CONFLICTS: Statement = const { Statement::scanning(include_str!("../../../../sql/query/segregation/conflicts.sql")) };
    static REACHED: Statement = const { Statement::new(include_str!("../../../../sql/query/segregation/reached.sql")) };
    static WAY: Statement = const { Statement::new(include_str!("../../../../sql/query/segregation/way.sql")) };
    static SESSION: Statement = const { Statement::new(include_str!("../../../../sql/query/segregation/session.sql")) };
    static IS_ANY: Statement = const { Statement::new(include_str!("../../../../sql/query/segregation/is_any.sql")) };
    static FORGET: Statement = const { Statement::new(include_str!("../../../../sql/query/segregation/forget_existing.sql")) };
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
    /// The exception that allows it.
    pub exception_id: Option<i64>,
    pub exception_expires_at: Option<TimestampWithTimeZone>,
    /// Whether it was accepted when the rule was defined.
    pub is_accepted: bool,
}

/// A grant that does not exist.
#[derive(Clone, Copy)]
struct Imagined {
    holder: i32,
    granted: i32,
}

/// Everybody who breaks a rule.
pub fn conflicts() -> Vec<Conflict> {
    read(None, None, None)
}

/// Everybody who breaks one rule.
pub(super) fn of_rule(rule: i32) -> Vec<Conflict> {
    read(None, None, Some(rule))
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
    let now = unexcused(read(Some(vec![user.id]), None, None));
    let then = unexcused(read(Some(vec![user.id]), Some(imagined), None));
    let is_new = |conflict: &Conflict| !now.iter().any(|known| known.covers(conflict));
    Ok(then.into_iter().filter(is_new).collect())
}

/// Looks out for what a change does to those it reaches. Make one in the transaction that began the change, before anything is written, and check it
/// afterwards. Conflicts that were there before, such as those of an exception that ran out, stand in the way of nothing else.
pub struct Watch {
    /// The nodes that change; `None` for whatever may reach anybody.
    nodes: Option<Vec<i32>>,
    before: Vec<Conflict>,
}

impl Watch {
    /// For a change of some nodes: of what they hold, or of who has them.
    pub fn of(nodes: &[i32]) -> Self {
        Self::over(Some(nodes.to_vec()))
    }

    /// For a change that may reach anybody, such as a load.
    pub fn everybody() -> Self {
        Self::over(None)
    }

    fn over(nodes: Option<Vec<i32>>) -> Self {
        let before = match reached(nodes.as_deref()) {
            // One that is excused excuses nothing that begins when that is over.
            Some(users) => unexcused(read_and_forget(users)),
            None => Vec::new(),
        };
        Self { nodes, before }
    }

    /// Refuses the change when it made somebody break a rule.
    pub fn check(self) -> Result<()> {
        refuse(&self.conflicts())
    }

    /// The conflicts that the change made.
    pub fn conflicts(self) -> Vec<Conflict> {
        let Some(users) = reached(self.nodes.as_deref()) else {
            return Vec::new();
        };
        unexcused(read_and_forget(users))
            .into_iter()
            .filter(|conflict| !self.before.iter().any(|known| known.covers(conflict)))
            .collect()
    }
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

    /// True when the other says nothing that this one does not.
    fn covers(&self, other: &Self) -> bool {
        self.rule_id == other.rule_id
            && self.user_id == other.user_id
            && other.item_ids.iter().all(|item| self.item_ids.contains(item))
            && self.since <= other.since
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
        statement.query(&args, |row| {
            let rule = row.required::<String>(1);
            (
                rule,
                row.get::<Vec<String>>(2).unwrap_or_default(),
                row.timestamp(3),
            )
        })
    });
    for (rule, items, excused_until) in broken {
        let until = excused_until.ok_or_else(|| Error::sod_session(&rule, &items))?;
        allowed_until = allowed_until.min(until);
    }
    Ok(allowed_until)
}

/// The conflicts of users. One that was accepted and is gone, whatever ended it, is not accepted again.
fn read_and_forget(users: Option<Vec<i32>>) -> Vec<Conflict> {
    let found = read(users.clone(), None, None);
    let items = |conflict: &Conflict| {
        let ids: Vec<String> = conflict.item_ids.iter().map(i32::to_string).collect();
        format!("{{{}}}", ids.join(","))
    };
    FORGET.with(|statement| {
        statement.execute(&[
            arg(users),
            arg(found.iter().map(|conflict| conflict.rule_id).collect::<Vec<_>>()),
            arg(found.iter().map(|conflict| conflict.user_id).collect::<Vec<_>>()),
            arg(found.iter().map(items).collect::<Vec<_>>()),
        ])
    });
    found
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

/// The users whom a change of some nodes reaches, `Some(None)` for everybody; `None` when there is nobody or no rule to break.
fn reached(nodes: Option<&[i32]>) -> Option<Option<Vec<i32>>> {
    if !is_any() {
        return None;
    }
    let Some(nodes) = nodes else { return Some(None) };
    let users = REACHED
        .with(|statement| statement.query_one(&[arg(nodes.to_vec())], |row| row.get::<Vec<i32>>(1)))
        .flatten();
    users
        .as_ref()
        .is_none_or(|users| !users.is_empty())
        .then_some(users)
}

fn is_any() -> bool {
    IS_ANY
        .with(|statement| statement.query_one(&[], |_| ()))
        .is_some()
}

fn read(users: Option<Vec<i32>>, imagined: Option<Imagined>, rule: Option<i32>) -> Vec<Conflict> {
    CONFLICTS.with(|statement| {
        statement.query(
            &[
                arg(users),
                arg(imagined.map(|grant| grant.holder)),
                arg(imagined.map(|grant| grant.granted)),
                arg(guc::is_production()),
                arg(rule),
            ],
            |row| Conflict {
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
            },
        )
    })
}
