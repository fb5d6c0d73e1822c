//! Who holds which items of rules, and when: worked out over the graph in memory, from each item up to whoever has it.
//!
//! A node has its times once, however many ways lead to it: there can be more ways, and more times of single ways, than anybody can count.
//! Invariant: what is held through a way is held while all of its grants are valid, and a user has what any way gives him.

use super::paths::{Imagined, Paths};
use crate::authz::times::Times;
use crate::sys::progress;
use crate::sys::spi::{arg, statements};
use std::collections::{BTreeMap, HashMap, HashSet};

statements! {
    RULES = "segregation/rules.sql";
    UNIT_MEMBERS = "segregation/unit_members.sql";
}

/// A moment from which a user holds more than a rule allows, and what.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMuch {
    pub rule: i32,
    pub user: i32,
    /// In order.
    pub items: Vec<i32>,
    /// Microseconds.
    pub since: i64,
    /// Until when each of the items is held without a break.
    pub until: Vec<i64>,
}

struct Rule {
    id: i32,
    at_most: usize,
    is_for_unit: bool,
    items: Vec<i32>,
}

/// Whoever holds too much, now or later; of some holders, who need not be users, and rules, or of all.
pub fn too_much(holders: Option<&[i32]>, rules: Option<&[i32]>, imagined: Option<Imagined>) -> Vec<TooMuch> {
    let found = read_rules(rules);
    let mut items: Vec<i32> = found.iter().flat_map(|rule| rule.items.iter().copied()).collect();
    items.sort_unstable();
    items.dedup();
    if items.is_empty() {
        return Vec::new();
    }
    let graph = match holders {
        Some(holders) => Paths::below(holders, &items, imagined),
        None => Paths::above(&items),
    };
    let holders: HashMap<i32, Vec<(i32, Times)>> = items
        .into_iter()
        .map(|item| (item, graph.users_of(item)))
        .collect();
    let mut all = Vec::new();
    for rule in &found {
        let mut held: HashMap<i32, Vec<(i32, &Times)>> = HashMap::new();
        for item in &rule.items {
            for (user, times) in &holders[item] {
                held.entry(*user).or_default().push((*item, times));
            }
        }
        for (user, held) in held {
            progress::check_for_interrupts();
            for (since, items) in moments(&held, rule.at_most) {
                let (items, until) = items.into_iter().unzip();
                all.push(TooMuch {
                    rule: rule.id,
                    user,
                    items,
                    since,
                    until,
                });
            }
        }
    }
    without_strangers(all, &found)
}

/// Each moment at which something begins to be held and more is held than is allowed; what is held then, and until when without a break.
fn moments(held: &[(i32, &Times)], at_most: usize) -> Vec<(i64, Vec<(i32, i64)>)> {
    if held.len() <= at_most {
        return Vec::new();
    }
    // At one moment what ends goes first: it is held no more.
    let mut turns: Vec<(i64, Option<i64>, i32)> = Vec::new();
    for (item, times) in held {
        for (from, until) in times.stretches() {
            turns.push((*from, Some(*until), *item));
            turns.push((*until, None, *item));
        }
    }
    turns.sort_unstable();
    let (mut found, mut now) = (Vec::new(), BTreeMap::new());
    for (place, (moment, begins_until, item)) in turns.iter().enumerate() {
        match begins_until {
            Some(until) => now.insert(*item, *until),
            None => now.remove(item),
        };
        let is_last = turns.get(place + 1).is_none_or(|next| next.0 != *moment);
        if is_last && begins_until.is_some() && now.len() > at_most {
            found.push((*moment, now.iter().map(|(item, until)| (*item, *until)).collect()));
        }
    }
    found
}

fn read_rules(rules: Option<&[i32]>) -> Vec<Rule> {
    let mut found: Vec<Rule> = Vec::new();
    let rows = RULES.with(|statement| {
        statement.query(&[arg(rules.map(<[i32]>::to_vec))], |row| {
            Some((
                row.get::<i32>(1)?,
                row.get::<i32>(2)?,
                row.get::<bool>(3)?,
                row.get::<i32>(4)?,
            ))
        })
    });
    for (id, at_most, is_for_unit, item) in rows.into_iter().flatten() {
        match found.last_mut() {
            Some(rule) if rule.id == id => rule.items.push(item),
            _ => found.push(Rule {
                id,
                at_most: usize::try_from(at_most).unwrap_or_default(),
                is_for_unit,
                items: vec![item],
            }),
        }
    }
    found
}

/// What a rule of a unit says is said of its users alone. Few hold too much: they are looked at, and not everybody in the unit.
fn without_strangers(mut all: Vec<TooMuch>, rules: &[Rule]) -> Vec<TooMuch> {
    let of_units: HashSet<i32> = rules
        .iter()
        .filter(|rule| rule.is_for_unit)
        .map(|rule| rule.id)
        .collect();
    let users: HashSet<i32> = all
        .iter()
        .filter(|held| of_units.contains(&held.rule))
        .map(|held| held.user)
        .collect();
    if users.is_empty() {
        return all;
    }
    let list = |ids: &HashSet<i32>| arg(ids.iter().copied().collect::<Vec<_>>());
    let members: HashSet<(i32, i32)> = UNIT_MEMBERS
        .with(|statement| {
            statement.query(&[list(&of_units), list(&users)], |row| {
                (row.required(1), row.required(2))
            })
        })
        .into_iter()
        .collect();
    all.retain(|held| !of_units.contains(&held.rule) || members.contains(&(held.rule, held.user)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_begins_when_something_begins() {
        let times = |stretches: &[(i64, i64)]| {
            let mut times = Times::default();
            for (from, until) in stretches {
                times.add(&Times::from(*from).within(*from, *until));
            }
            times
        };
        let (a, b, c) = (times(&[(0, 10), (20, 30)]), times(&[(5, 25)]), times(&[(10, 20)]));
        let held = [(1, &a), (2, &b), (3, &c)];
        assert_eq!(
            moments(&held, 1),
            [
                (5, vec![(1, 10), (2, 25)]),
                (10, vec![(2, 25), (3, 20)]),
                (20, vec![(1, 30), (2, 25)])
            ]
        );
        assert_eq!(moments(&held, 2), []);
        // A handover is no conflict.
        assert_eq!(moments(&[(1, &times(&[(0, 5)])), (2, &times(&[(5, 9)]))], 1), []);
    }
}
