//! What a user has, had or will have, and by which way through the graph.
//!
//! The ways are counted and the shortest is kept, in time that grows with the graph; there can be more of them than anybody can walk.

use super::claims::roles_here;
use crate::error::{Error, Result};
use crate::guc;
use crate::sys::clock::Timestamp;
use crate::sys::progress;
use crate::sys::spi::{Row, Statement, arg};
use pgrx::datum::TimestampWithTimeZone;
use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

thread_local! {
    static AT: Statement = const { Statement::new(include_str!("../../../sql/query/authz/entitlements.sql")) };
}

/// Most steps of all the ways that are told together; a way is as long as the graph is deep, and there is one to each thing.
const MAX_STEPS: usize = 4_000_000;

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

/// A line of the query.
enum Line {
    Node {
        id: i32,
        kind: String,
        name: String,
        is_start: bool,
        /// Whether it counts when it is granted.
        is_granted: bool,
    },
    /// Something is granted to a holder: a node of the graph, or one of a hierarchy by its name.
    Grant {
        holder: i32,
        granted: Option<i32>,
        name: Option<String>,
        valid_from: Timestamp,
        valid_until: Timestamp,
    },
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
    /// How many steps it has.
    length: usize,
    valid_from: Timestamp,
    valid_until: Timestamp,
}

/// Everything a user has at a moment, with the roles that a login would bring. Each way is made when it is asked for.
pub fn at(
    user: &str,
    claimed_roles: &[String],
    moment: TimestampWithTimeZone,
) -> Result<impl Iterator<Item = Entitled> + use<>> {
    if moment.is_infinity() || moment.is_neg_infinity() {
        return Err(Error::argument(
            "the moment is not finite",
            "Give a date; what holds for good holds at any date to come.",
        ));
    }
    let args = [
        arg(user),
        arg(roles_here(claimed_roles)),
        arg(moment),
        arg(guc::is_production()),
    ];
    let lines = AT.with(|statement| statement.query(&args, line));
    let mut reached = Reached::new(lines.into_iter().flatten().collect());
    reached.find_shortest();
    reached.count();
    let steps: usize = reached
        .nodes
        .iter()
        .filter_map(|node| node.shortest)
        .map(|way| way.length)
        .sum();
    if steps > MAX_STEPS {
        return Err(Error::limit(
            "limit_paths",
            "the ways to what the user has are too long to be told",
            "Grant to roles near the user what is now behind a long chain of roles; see the view vpd.grants.",
        ));
    }
    let order = reached.in_order();
    Ok(order.into_iter().filter_map(move |place| reached.entitled(place)))
}

fn line(row: &Row) -> Option<Line> {
    let id = row.get::<i32>(1)?;
    Some(match row.get::<String>(2) {
        Some(kind) => Line::Node {
            id,
            kind,
            name: row.get(3)?,
            is_start: row.get(7).unwrap_or(false),
            is_granted: row.get(8).unwrap_or(false),
        },
        None => Line::Grant {
            holder: id,
            granted: row.get(4),
            name: row.get(3),
            valid_from: row.timestamp(5)?,
            valid_until: row.timestamp(6)?,
        },
    })
}

impl Reached {
    fn new(lines: Vec<Line>) -> Self {
        let mut reached = Self::default();
        // One name can have been given to several, one after the other.
        let mut known: HashMap<i32, (usize, bool)> = HashMap::new();
        for line in &lines {
            if let Line::Node {
                id,
                kind,
                name,
                is_start,
                is_granted,
            } = line
            {
                let place = reached.place(kind, name);
                reached.nodes[place].is_start |= is_start;
                known.insert(*id, (place, *is_granted));
            }
        }
        for line in lines {
            let Line::Grant {
                holder,
                granted,
                name,
                valid_from,
                valid_until,
            } = line
            else {
                continue;
            };
            let granted = match (granted, name) {
                (Some(id), _) => known
                    .get(&id)
                    .filter(|(_, is_granted)| *is_granted)
                    .map(|(place, _)| *place),
                (None, name) => name.map(|name| reached.place("node", &name)),
            };
            if let (Some((holder, _)), Some(granted)) = (known.get(&holder), granted) {
                reached.nodes[*holder]
                    .holds
                    .push((granted, valid_from, valid_until));
            }
        }
        // Of several shortest ways the one whose names come first is told; what was granted for several times that overlap is one way.
        let names: Vec<String> = reached.nodes.iter().map(Node::reference).collect();
        for node in &mut reached.nodes {
            let order = |held: &(usize, Timestamp, Timestamp)| (names[held.0].as_str(), Reverse(held.2));
            node.holds.sort_by(|one, other| order(one).cmp(&order(other)));
            node.holds.dedup_by_key(|held| held.0);
        }
        reached
    }

    /// The place of a node, which is a new one when it was not met before.
    fn place(&mut self, kind: &str, name: &str) -> usize {
        let nodes = &mut self.nodes;
        *self.places.entry(format!("{kind}:{name}")).or_insert_with(|| {
            nodes.push(Node {
                kind: kind.to_owned(),
                name: name.to_owned(),
                holds: Vec::new(),
                is_start: false,
                shortest: None,
                paths: 0,
            });
            nodes.len() - 1
        })
    }

    /// Places by kind and name.
    fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by_key(|place| {
            let node = &self.nodes[*place];
            (node.kind.as_str(), node.name.as_str())
        });
        order
    }

    /// Breadth first, and within a length in the order of the names: whatever is met for the first time is met by the way that is told.
    fn find_shortest(&mut self) {
        let mut next: VecDeque<usize> = self
            .in_order()
            .into_iter()
            .filter(|place| self.nodes[*place].is_start)
            .collect();
        for place in &next {
            self.nodes[*place].shortest = Some(Way {
                holder: None,
                length: 1,
                valid_from: Timestamp(i64::MIN),
                valid_until: Timestamp(i64::MAX),
            });
        }
        while let Some(holder) = next.pop_front() {
            progress::check_for_interrupts();
            let Some(way) = self.nodes[holder].shortest else {
                continue;
            };
            for (place, valid_from, valid_until) in self.nodes[holder].holds.clone() {
                let shortest = &mut self.nodes[place].shortest;
                if shortest.is_none() {
                    *shortest = Some(Way {
                        holder: Some(holder),
                        length: way.length + 1,
                        valid_from: way.valid_from.max(valid_from),
                        valid_until: way.valid_until.min(valid_until),
                    });
                    next.push_back(place);
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
            path.push(node.reference());
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

impl Node {
    fn reference(&self) -> String {
        format!("{}:{}", self.kind, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Roles by numbers, of which the first begins the ways; holders and what they hold.
    fn reached(names: &[&str], grants: &[(i32, i32)]) -> Reached {
        let nodes = (0..).zip(names).map(|(id, name)| Line::Node {
            id,
            kind: "role".to_owned(),
            name: (*name).to_owned(),
            is_start: id == 0,
            is_granted: true,
        });
        let grants = grants.iter().map(|(holder, granted)| Line::Grant {
            holder: *holder,
            granted: Some(*granted),
            name: None,
            valid_from: Timestamp(0),
            valid_until: Timestamp(9),
        });
        let mut reached = Reached::new(nodes.chain(grants).collect());
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
        let reached = reached(&["a", "b", "c"], &[(0, 1), (1, 2), (0, 2)]);
        assert_eq!(
            way(&reached, "c"),
            (vec!["role:a".to_owned(), "role:c".to_owned()], 2)
        );
    }

    #[test]
    fn of_two_shortest_ways_the_one_whose_names_come_first_is_told() {
        let reached = reached(&["a", "y", "x", "c"], &[(0, 1), (0, 2), (1, 3), (2, 3)]);
        assert_eq!(way(&reached, "c").0, ["role:a", "role:x", "role:c"]);
    }

    #[test]
    fn a_circle_is_walked_once() {
        let reached = reached(&["a", "b", "c"], &[(0, 1), (1, 2), (2, 1)]);
        assert_eq!(way(&reached, "c").0, ["role:a", "role:b", "role:c"]);
    }

    #[test]
    fn what_hangs_on_what_does_not_count_is_not_reached() {
        let reached = reached(&["a"], &[(0, 7), (7, 0)]);
        assert_eq!(reached.nodes.len(), 1);
        assert_eq!(way(&reached, "a").1, 1);
    }

    #[test]
    fn more_ways_than_can_be_counted_are_the_largest_number() {
        // From each layer two nodes lead to the next.
        let names: Vec<String> = (0..=240).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let layer = |first: i32| {
            [
                (first, first + 1),
                (first, first + 2),
                (first + 1, first + 3),
                (first + 2, first + 3),
            ]
        };
        let grants: Vec<(i32, i32)> = (0..80).flat_map(|number| layer(number * 3)).collect();
        assert_eq!(way(&reached(&names, &grants), "240").1, i64::MAX);
    }

    #[test]
    fn grants_of_several_times_are_one_way() {
        assert_eq!(way(&reached(&["a", "b"], &[(0, 1), (0, 1)]), "b").1, 1);
    }
}
