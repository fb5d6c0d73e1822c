//! What a user has, had or will have, and by which way through the graph.
//!
//! The ways are counted and the shortest is kept, in time that grows with the graph; there can be more of them than anybody can walk.

use super::claims::roles_here;
use crate::guc;
use crate::sys::clock::Timestamp;
use crate::sys::spi::{Statement, arg};
use pgrx::datum::TimestampWithTimeZone;
use std::collections::{HashMap, VecDeque};

thread_local! {
    static AT: Statement = const { Statement::scanning(include_str!("../../../sql/query/authz/entitlements.sql")) };
}

/// Something a user has.
pub struct Entitled {
    /// user, group, role, duty, privilege, entitlement, data_group, or node of a hierarchy.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The shortest way to it: `user:alice`, `role:Buyer`, ….
    pub path: Vec<String>,
    /// How many ways lead to it; the largest number there is stands for more.
    pub paths: i64,
    /// From when that way holds.
    pub valid_from: Option<TimestampWithTimeZone>,
    /// Until when.
    pub valid_until: Option<TimestampWithTimeZone>,
}

impl Entitled {
    /// As a reference is written.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.kind, self.name)
    }
}

/// What is granted to a holder; without one, what a way begins with.
struct Step {
    holder: Option<String>,
    kind: String,
    name: String,
    valid_from: Timestamp,
    valid_until: Timestamp,
}

/// The part of the graph that a user has.
#[derive(Default)]
struct Reached {
    nodes: Vec<Node>,
    /// Places of the nodes by their references.
    places: HashMap<String, usize>,
}

struct Node {
    kind: String,
    name: String,
    /// What it holds, and the time of the grant.
    holds: Vec<(usize, Timestamp, Timestamp)>,
    is_start: bool,
    /// The last step of the shortest way, and its time.
    shortest: Option<Way>,
    paths: i64,
}

#[derive(Clone, Copy)]
struct Way {
    holder: Option<usize>,
    valid_from: Timestamp,
    valid_until: Timestamp,
}

/// Everything a user has at a moment, with the roles that a login would bring.
pub fn at(user: &str, claimed_roles: &[String], moment: TimestampWithTimeZone) -> Vec<Entitled> {
    let steps = AT.with(|statement| {
        statement.query(
            &[
                arg(user),
                arg(roles_here(claimed_roles)),
                arg(moment),
                arg(guc::is_production()),
            ],
            |row| {
                Some(Step {
                    holder: row.get(1),
                    kind: row.get(2)?,
                    name: row.get(3)?,
                    valid_from: row.timestamp(4)?,
                    valid_until: row.timestamp(5)?,
                })
            },
        )
    });
    let mut reached = Reached::new(steps.into_iter().flatten().collect());
    reached.find_shortest();
    reached.count();
    (0..reached.nodes.len())
        .filter_map(|place| reached.entitled(place))
        .collect()
}

impl Reached {
    fn new(steps: Vec<Step>) -> Self {
        let mut reached = Self::default();
        for step in &steps {
            reached
                .places
                .entry(format!("{}:{}", step.kind, step.name))
                .or_insert_with(|| {
                    reached.nodes.push(Node {
                        kind: step.kind.clone(),
                        name: step.name.clone(),
                        holds: Vec::new(),
                        is_start: false,
                        shortest: None,
                        paths: 0,
                    });
                    reached.nodes.len() - 1
                });
        }
        for step in &steps {
            let place = reached.places[&format!("{}:{}", step.kind, step.name)];
            match &step.holder {
                None => reached.nodes[place].is_start = true,
                Some(holder) => {
                    if let Some(holder) = reached.places.get(holder) {
                        reached.nodes[*holder]
                            .holds
                            .push((place, step.valid_from, step.valid_until));
                    }
                }
            }
        }
        reached
    }

    /// Breadth first: whatever is met for the first time is met by a shortest way.
    fn find_shortest(&mut self) {
        let mut next = VecDeque::new();
        for (place, node) in self.nodes.iter_mut().enumerate() {
            if node.is_start {
                node.shortest = Some(Way {
                    holder: None,
                    valid_from: Timestamp(i64::MIN),
                    valid_until: Timestamp(i64::MAX),
                });
                next.push_back((place, i64::MIN, i64::MAX));
            }
        }
        while let Some((holder, from, until)) = next.pop_front() {
            for (place, valid_from, valid_until) in self.nodes[holder].holds.clone() {
                let (from, until) = (from.max(valid_from.0), until.min(valid_until.0));
                let shortest = &mut self.nodes[place].shortest;
                if shortest.is_none() {
                    *shortest = Some(Way {
                        holder: Some(holder),
                        valid_from: Timestamp(from),
                        valid_until: Timestamp(until),
                    });
                    next.push_back((place, from, until));
                }
            }
        }
    }

    /// Each node once, after everything that holds it. What was written into a circle by hand is counted as far as ways come to it from outside.
    fn count(&mut self) {
        let mut holders = vec![0; self.nodes.len()];
        for (place, ..) in self.nodes.iter().flat_map(|node| &node.holds) {
            holders[*place] += 1;
        }
        for node in &mut self.nodes {
            node.paths = i64::from(node.is_start);
        }
        let mut next: Vec<usize> = (0..holders.len()).filter(|place| holders[*place] == 0).collect();
        while let Some(holder) = next.pop() {
            let paths = self.nodes[holder].paths;
            for (place, ..) in self.nodes[holder].holds.clone() {
                let node = &mut self.nodes[place];
                node.paths = node.paths.saturating_add(paths);
                holders[place] -= 1;
                if holders[place] == 0 {
                    next.push(place);
                }
            }
        }
    }

    fn entitled(&self, place: usize) -> Option<Entitled> {
        let node = &self.nodes[place];
        let way = node.shortest?;
        let mut path = Vec::new();
        let mut step = Some(place);
        while let Some(place) = step {
            let node = &self.nodes[place];
            path.push(format!("{}:{}", node.kind, node.name));
            step = node.shortest.and_then(|way| way.holder);
        }
        path.reverse();
        Some(Entitled {
            kind: node.kind.clone(),
            name: node.name.clone(),
            path,
            paths: node.paths.max(1),
            valid_from: TimestampWithTimeZone::try_from(way.valid_from.0).ok(),
            valid_until: TimestampWithTimeZone::try_from(way.valid_until.0).ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(holder: Option<&str>, name: &str) -> Step {
        Step {
            holder: holder.map(|name| format!("role:{name}")),
            kind: "role".to_owned(),
            name: name.to_owned(),
            valid_from: Timestamp(0),
            valid_until: Timestamp(9),
        }
    }

    fn reached(steps: Vec<Step>) -> Reached {
        let mut reached = Reached::new(steps);
        reached.find_shortest();
        reached.count();
        reached
    }

    fn way(reached: &Reached, name: &str) -> (Vec<String>, i64) {
        let found = reached.entitled(reached.places[&format!("role:{name}")]).unwrap();
        (found.path, found.paths)
    }

    #[test]
    fn the_shortest_of_two_ways_is_told_and_both_are_counted() {
        let reached = reached(vec![
            step(None, "a"),
            step(Some("a"), "b"),
            step(Some("b"), "c"),
            step(Some("a"), "c"),
        ]);
        assert_eq!(
            way(&reached, "c"),
            (vec!["role:a".to_owned(), "role:c".to_owned()], 2)
        );
    }

    #[test]
    fn a_circle_is_walked_once() {
        let reached = reached(vec![
            step(None, "a"),
            step(Some("a"), "b"),
            step(Some("b"), "c"),
            step(Some("c"), "b"),
        ]);
        assert_eq!(way(&reached, "c").0, ["role:a", "role:b", "role:c"]);
    }

    #[test]
    fn more_ways_than_can_be_counted_are_the_largest_number() {
        let mut steps = vec![step(None, "0")];
        for layer in 0..80 {
            for _ in 0..2 {
                steps.push(step(Some(&layer.to_string()), &(layer + 1).to_string()));
            }
        }
        assert_eq!(way(&reached(steps), "80").1, i64::MAX);
    }
}
