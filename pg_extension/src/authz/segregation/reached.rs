//! Whom and which rules a change reaches.

use crate::sys::spi::{Row, arg, statements};

statements! {
    CONCERNED = "segregation/concerned.sql";
    REACHED = "segregation/reached.sql";
    IS_ANY = "segregation/is_any.sql";
}

/// So many holders are looked at before it is asked whether others are fewer.
const FEW: i64 = 50;

/// So many lists of items are tried.
const MOST_WAYS: usize = 10;

/// Whom and what a change can concern.
#[derive(Default)]
pub struct Reach {
    /// Users, and others that hold something. `None`: everybody.
    pub holders: Option<Vec<i32>>,
    /// `None`: every rule.
    pub rules: Option<Vec<i32>>,
}

/// What can be broken by a change.
pub struct Concern {
    /// `None`: every rule.
    pub rules: Option<Vec<i32>>,
    /// Lists of items: whoever breaks one of the rules by the change has one of each list. None when it can do without.
    pub ways: Vec<Vec<i32>>,
}

impl Concern {
    pub const ANY: Self = Self {
        rules: None,
        ways: Vec::new(),
    };
}

/// The rules with an item below some nodes; perhaps below what users have by their attributes, and those about units.
pub fn concern(nodes: &[i32], are_attributes: bool, are_units: bool) -> Concern {
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
pub fn ways(lists: &[(Vec<i32>, usize)]) -> Vec<Vec<i32>> {
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
pub fn holders(mut ways: Vec<Vec<i32>>) -> Option<Vec<i32>> {
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

pub fn is_any() -> bool {
    IS_ANY
        .with(|statement| statement.query_one(&[], |_| ()))
        .is_some()
}
