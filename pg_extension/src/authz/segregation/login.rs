//! Whether somebody may have in a session what he has.

use super::holding::{TooMuch, too_much};
use super::reached::is_any;
use crate::authz::Authority;
use crate::error::{Error, Result};
use crate::sys::clock::{self, Timestamp};
use crate::sys::spi::{arg, statements};
use std::collections::{HashMap, HashSet};

statements! {
    SESSION = "segregation/session.sql";
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
        let until = broken
            .accepted_until()
            .max(broken.excused_until)
            .ok_or_else(|| Error::sod_session(&broken.rule, &broken.items))?;
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
    /// Accepted is what the graph gives him now, for as long as it does, and not what a login brings or what he will get.
    fn accepted_until(&self) -> Option<Timestamp> {
        let user = self.accepted_user?;
        let held = too_much(Some(&[user]), Some(&[self.rule_id]), None);
        let now = clock::now().0;
        let all_until = |held: TooMuch| {
            let times: HashMap<i32, i64> = held.items.into_iter().zip(held.until).collect();
            self.item_ids
                .iter()
                .map(|item| times.get(item).copied())
                .min()
                .flatten()
        };
        held.into_iter()
            .filter(|held| held.since <= now)
            .filter_map(all_until)
            .filter(|until| *until > now)
            .max()
            .map(Timestamp)
    }
}
