//! The paths from items up to whoever has them, and when each is open: a part of the graph in memory.

use crate::authz::times::Times;
use crate::guc;
use crate::sys::spi::{Row, arg, statements};
use crate::sys::{clock, progress};
use std::collections::{BTreeSet, HashMap};

statements! {
    OF_USERS = "segregation/held_by_users.sql";
    OF_ITEMS = "segregation/holding_items.sql";
}

/// A grant that does not exist.
#[derive(Clone, Copy)]
pub struct Imagined {
    pub holder: i32,
    pub granted: i32,
}

/// A part of the graph that is not switched off, with its nodes numbered so that whatever is granted comes before what holds it.
#[derive(Default)]
pub struct Paths {
    now: i64,
    nodes: Vec<Node>,
    numbers: HashMap<i32, usize>,
}

struct Node {
    id: i32,
    is_user: bool,
    /// What holds it, and between when.
    holders: Vec<(usize, i64, i64)>,
}

/// A grant between two nodes.
struct Grant {
    holder: i32,
    granted: i32,
    from: i64,
    until: i64,
}

impl Paths {
    /// What leads some holders to some nodes.
    pub fn below(holders: &[i32], items: &[i32], imagined: Option<Imagined>) -> Self {
        let args = [
            arg(holders.to_vec()),
            arg(imagined.map(|grant| grant.holder)),
            arg(imagined.map(|grant| grant.granted)),
            arg(guc::is_production()),
            arg(items.to_vec()),
        ];
        Self::read(&OF_USERS.with(|statement| statement.query(&args, line)))
    }

    /// Whoever has one of some nodes.
    pub fn above(items: &[i32]) -> Self {
        let args = [arg(items.to_vec()), arg(guc::is_production())];
        Self::read(&OF_ITEMS.with(|statement| statement.query(&args, line)))
    }

    fn read(lines: &[Option<Line>]) -> Self {
        let mut nodes: HashMap<i32, (bool, bool)> = HashMap::new();
        let mut grants = Vec::new();
        for line in lines.iter().flatten() {
            match line {
                Line::Node {
                    id,
                    is_user,
                    is_granted,
                } => {
                    nodes.insert(*id, (*is_user, *is_granted));
                }
                Line::Grant(grant) => grants.push(grant),
            }
        }
        grants.retain(|grant| {
            nodes.contains_key(&grant.holder)
                && nodes
                    .get(&grant.granted)
                    .is_some_and(|(_, is_granted)| *is_granted)
        });
        let mut graph = Self {
            now: clock::now().0,
            ..Self::default()
        };
        for id in from_the_ground(nodes.keys().copied(), &grants) {
            graph.numbers.insert(id, graph.nodes.len());
            graph.nodes.push(Node {
                id,
                is_user: nodes[&id].0,
                holders: Vec::new(),
            });
        }
        for grant in grants {
            let (holder, granted) = (graph.numbers[&grant.holder], graph.numbers[&grant.granted]);
            graph.nodes[granted]
                .holders
                .push((holder, grant.from, grant.until));
        }
        graph
    }

    /// The users who have an item, and when. In the order of the numbers each node is done when everything that it holds is; what was written into
    /// a circle by hand is done again until nothing is added.
    pub fn users_of(&self, item: i32) -> Vec<(i32, Times)> {
        let mut found = Vec::new();
        let Some(start) = self.numbers.get(&item) else {
            return found;
        };
        let mut times: HashMap<usize, Times> = HashMap::from([(*start, Times::from(self.now))]);
        let mut due = BTreeSet::from([*start]);
        while let Some(number) = due.pop_first() {
            progress::check_for_interrupts();
            let held = times[&number].clone();
            for (holder, from, until) in &self.nodes[number].holders {
                let through = held.within(*from, *until);
                if !through.stretches().is_empty() && times.entry(*holder).or_default().add(&through) {
                    due.insert(*holder);
                }
            }
        }
        for (number, times) in times {
            if self.nodes[number].is_user {
                found.push((self.nodes[number].id, times));
            }
        }
        found
    }
}

/// A row of the queries.
enum Line {
    Node {
        id: i32,
        is_user: bool,
        is_granted: bool,
    },
    Grant(Grant),
}

fn line(row: &Row) -> Option<Line> {
    let id = row.get::<i32>(1)?;
    Some(match row.get::<i32>(2) {
        None => Line::Node {
            id,
            is_user: row.get(5)?,
            is_granted: row.get(6)?,
        },
        Some(granted) => Line::Grant(Grant {
            holder: id,
            granted,
            from: row.timestamp(3)?.0,
            until: row.timestamp(4)?.0,
        }),
    })
}

/// Nodes in an order in which whatever is granted comes before what holds it; those on circles, and above them, in any.
fn from_the_ground(nodes: impl Iterator<Item = i32>, grants: &[&Grant]) -> Vec<i32> {
    let mut open: HashMap<i32, usize> = nodes.map(|id| (id, 0)).collect();
    let mut holders: HashMap<i32, Vec<i32>> = HashMap::new();
    for grant in grants {
        *open.entry(grant.holder).or_default() += 1;
        holders.entry(grant.granted).or_default().push(grant.holder);
    }
    let mut order: Vec<i32> = Vec::with_capacity(open.len());
    order.extend(open.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id));
    let mut next = 0;
    while let Some(id) = order.get(next).copied() {
        next += 1;
        open.remove(&id);
        for holder in holders.remove(&id).unwrap_or_default() {
            if let Some(count) = open.get_mut(&holder) {
                *count -= 1;
                if *count == 0 {
                    order.push(holder);
                }
            }
        }
    }
    order.extend(open.into_keys());
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A graph with now at 0; users are those with a number of 1000 or more.
    fn graph(grants: &[(i32, i32, i64, i64)]) -> Paths {
        let mut lines: Vec<Option<Line>> = grants
            .iter()
            .map(|(holder, granted, from, until)| {
                let grant = Grant {
                    holder: *holder,
                    granted: *granted,
                    from: *from,
                    until: *until,
                };
                Some(Line::Grant(grant))
            })
            .collect();
        for id in grants
            .iter()
            .flat_map(|(holder, granted, ..)| [*holder, *granted])
        {
            lines.push(Some(Line::Node {
                id,
                is_user: id >= 1000,
                is_granted: true,
            }));
        }
        Paths {
            now: 0,
            ..Paths::read(&lines)
        }
    }

    fn stretches(graph: &Paths, item: i32) -> Vec<(i32, Vec<(i64, i64)>)> {
        let users = graph.users_of(item).into_iter();
        let mut users: Vec<_> = users
            .map(|(id, times)| (id, times.stretches().to_vec()))
            .collect();
        users.sort_unstable();
        users
    }

    #[test]
    fn a_way_holds_while_all_of_its_grants_do_and_ways_add_up() {
        let graph = graph(&[
            (1000, 2, 0, 50),
            (1000, 3, 40, 90),
            (2, 1, 10, 70),
            (3, 1, 0, 80),
            (1001, 2, 60, 99),
        ]);
        assert_eq!(
            stretches(&graph, 1),
            [(1000, vec![(10, 80)]), (1001, vec![(60, 70)])]
        );
    }

    #[test]
    fn a_ladder_of_dated_grants_is_climbed_once() {
        // 2^60 ways, all with other times.
        let mut grants = Vec::new();
        for step in 0..60 {
            for other in 0..2 {
                let (from, until) = (i64::from(step * 2 + other), 1000 - i64::from(step * 3 + other));
                grants.push((2 * step + 2, 2 * step + other, from, until));
                grants.push((2 * step + 3, 2 * step + other, from, until));
            }
        }
        grants.push((1000, 120, 0, 1000));
        assert_eq!(stretches(&graph(&grants), 0), [(1000, vec![(118, 823)])]);
    }

    #[test]
    fn a_circle_ends() {
        let graph = graph(&[(1000, 2, 0, 50), (2, 3, 0, 40), (3, 2, 5, 90), (3, 1, 0, 30)]);
        assert_eq!(stretches(&graph, 1), [(1000, vec![(0, 30)])]);
    }
}
