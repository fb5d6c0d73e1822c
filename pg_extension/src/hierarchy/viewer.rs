//! Who sees a node: from the data groups that have it up to whoever holds them, by grants, by the rule of a parametric role, or because a login
//! brought an enterprise role.
//!
//! Everything that holds a group is met once and by a shortest way, in time that grows with the graph; there can be more ways than anybody can walk.

use crate::guc;
use crate::sys::progress;
use crate::sys::spi::{Row, arg, statements};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

statements! {
    WHO = "hierarchy/who_can_see.sql";
}

/// A user who sees a node, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// `None` for whoever logs in with the role that the path begins with.
    pub user_name: Option<String>,
    pub data_group: String,
    /// The node that was granted: the one asked for, or one above it.
    pub node: String,
    pub path: String,
}

/// The users who see a node through data groups, and the roles that a login can bring.
pub fn of_node(hierarchy: &str, node: &str) -> Vec<Viewer> {
    let args = [arg(hierarchy), arg(node), arg(guc::is_production())];
    let lines = WHO.with(|statement| statement.query(&args, line));
    Holding::new(lines.into_iter().flatten().collect()).viewers()
}

/// A line of the query.
enum Line {
    DataGroup { id: i32, node: String },
    Node { id: i32, node: Node },
    Grant { holder: i32, granted: i32 },
    Rule { role: i32, user: String },
    Session { role: i32, user: String },
    Claim { role: i32 },
}

struct Node {
    name: String,
    kind: String,
    /// Whether it counts when it is granted.
    is_granted: bool,
}

/// Whatever holds the data groups.
#[derive(Default)]
struct Holding {
    nodes: HashMap<i32, Node>,
    /// The nodes of each data group.
    data_groups: HashMap<i32, Vec<String>>,
    /// What holds each node.
    holders: HashMap<i32, Vec<i32>>,
    /// Who has a role otherwise, and what his way begins with.
    users: HashMap<i32, Vec<(&'static str, String)>>,
    claimed: Vec<i32>,
}

/// The shortest way from a node to the data group: the next node, none at the end, and how many follow.
type Ways = HashMap<i32, (Option<i32>, usize)>;

impl Holding {
    fn new(lines: Vec<Line>) -> Self {
        let mut holding = Self::default();
        for line in lines {
            match line {
                Line::DataGroup { id, node } => holding.data_groups.entry(id).or_default().push(node),
                Line::Node { id, node } => drop(holding.nodes.insert(id, node)),
                Line::Grant { holder, granted } => holding.holders.entry(granted).or_default().push(holder),
                Line::Rule { role, user } => holding.users.entry(role).or_default().push(("user", user)),
                Line::Session { role, user } => {
                    holding.users.entry(role).or_default().push(("session", user))
                }
                Line::Claim { role } => holding.claimed.push(role),
            }
        }
        holding
    }

    /// By user, role, data group and node; roles that anybody may log in with come last.
    fn viewers(&self) -> Vec<Viewer> {
        let mut viewers = Vec::new();
        for (data_group, nodes) in &self.data_groups {
            let Some(group) = self.nodes.get(data_group) else {
                continue;
            };
            for (user_name, path) in self.viewers_of(*data_group) {
                for node in nodes {
                    viewers.push(Viewer {
                        user_name: user_name.clone(),
                        data_group: group.name.clone(),
                        node: node.clone(),
                        path: path.clone(),
                    });
                }
            }
        }
        viewers.sort_by(|one, other| {
            let key = |viewer: &Viewer| (viewer.user_name.is_none(), viewer.user_name.clone());
            let rest = |viewer: &Viewer| {
                (
                    viewer.data_group.clone(),
                    viewer.node.clone(),
                    viewer.path.clone(),
                )
            };
            key(one)
                .cmp(&key(other))
                .then_with(|| rest(one).cmp(&rest(other)))
        });
        viewers.dedup();
        viewers
    }

    /// Who holds a data group, each by a shortest way; of several the one whose names come first.
    fn viewers_of(&self, data_group: i32) -> Vec<(Option<String>, String)> {
        let ways = self.ways(data_group);
        let mut users: HashMap<&str, (usize, String)> = HashMap::new();
        let mut meet = |user, length, path: String| match users.entry(user) {
            Entry::Vacant(entry) => drop(entry.insert((length, path))),
            Entry::Occupied(mut entry) if (length, &path) < (entry.get().0, &entry.get().1) => {
                entry.insert((length, path));
            }
            Entry::Occupied(_) => (),
        };
        for (id, (_, length)) in &ways {
            progress::check_for_interrupts();
            let Some(node) = self.nodes.get(id) else { continue };
            if node.kind == "user" {
                meet(node.name.as_str(), *length, self.path(*id, &ways));
            }
            for (begins, user) in self.users.get(id).into_iter().flatten() {
                let path = format!("{begins}:{user} > {}", self.path(*id, &ways));
                meet(user.as_str(), length + 1, path);
            }
        }
        let roles = self.claimed.iter().filter(|role| ways.contains_key(role));
        users
            .into_iter()
            .map(|(user, (_, path))| (Some(user.to_owned()), path))
            .chain(roles.map(|role| (None, self.path(*role, &ways))))
            .collect()
    }

    /// Breadth first, and within a length in the order of the names.
    fn ways(&self, data_group: i32) -> Ways {
        let mut ways = Ways::from([(data_group, (None, 0))]);
        let (mut level, mut length) = (vec![data_group], 0);
        while !level.is_empty() {
            length += 1;
            let mut next = Vec::new();
            for id in level {
                progress::check_for_interrupts();
                if !self.nodes.get(&id).is_some_and(|node| node.is_granted) {
                    continue;
                }
                for holder in self.holders.get(&id).into_iter().flatten() {
                    if self.nodes.contains_key(holder)
                        && let Entry::Vacant(entry) = ways.entry(*holder)
                    {
                        entry.insert((Some(id), length));
                        next.push(*holder);
                    }
                }
            }
            next.sort_by_key(|id| self.nodes.get(id).map(|node| (&node.kind, &node.name)));
            level = next;
        }
        ways
    }

    fn path(&self, from: i32, ways: &Ways) -> String {
        let mut steps = Vec::new();
        let mut next = Some(from);
        while let Some(id) = next {
            if let Some(node) = self.nodes.get(&id) {
                steps.push(format!("{}:{}", node.kind, node.name));
            }
            next = ways.get(&id).and_then(|way| way.0);
        }
        steps.join(" > ")
    }
}

fn line(row: &Row) -> Option<Line> {
    let id = row.get::<i32>(2)?;
    let text = || row.get::<String>(4);
    Some(match row.get::<String>(1)?.as_str() {
        "data_group" => Line::DataGroup { id, node: text()? },
        "node" => Line::Node {
            id,
            node: Node {
                name: text()?,
                kind: row.get(5)?,
                is_granted: row.get(6)?,
            },
        },
        "grant" => Line::Grant {
            holder: id,
            granted: row.get(3)?,
        },
        "rule" => Line::Rule {
            role: id,
            user: text()?,
        },
        "session" => Line::Session {
            role: id,
            user: text()?,
        },
        "claim" => Line::Claim { role: id },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: i32, kind: &str, name: &str) -> Line {
        Line::Node {
            id,
            node: Node {
                name: name.to_owned(),
                kind: kind.to_owned(),
                is_granted: true,
            },
        }
    }

    fn grant(granted: i32, holder: i32) -> Line {
        Line::Grant { holder, granted }
    }

    fn paths(lines: Vec<Line>) -> Vec<(Option<String>, String)> {
        let viewers = Holding::new(lines).viewers();
        viewers
            .into_iter()
            .map(|viewer| (viewer.user_name, viewer.path))
            .collect()
    }

    fn group() -> Vec<Line> {
        vec![
            Line::DataGroup {
                id: 0,
                node: "north".to_owned(),
            },
            node(0, "data_group", "G"),
        ]
    }

    #[test]
    fn of_two_shortest_ways_the_one_whose_names_come_first_is_told() {
        let mut lines = group();
        lines.extend([node(1, "role", "b"), node(2, "role", "a"), node(3, "user", "u")]);
        lines.extend([grant(0, 1), grant(0, 2), grant(1, 3), grant(2, 3)]);
        assert_eq!(
            paths(lines),
            [(Some("u".to_owned()), "user:u > role:a > data_group:G".to_owned())]
        );
    }

    #[test]
    fn a_rule_a_session_and_a_claim_give_a_role() {
        let mut lines = group();
        lines.extend([node(1, "role", "r"), grant(0, 1), Line::Claim { role: 1 }]);
        lines.push(Line::Session {
            role: 1,
            user: "u".to_owned(),
        });
        lines.push(Line::Rule {
            role: 1,
            user: "v".to_owned(),
        });
        assert_eq!(
            paths(lines),
            [
                (
                    Some("u".to_owned()),
                    "session:u > role:r > data_group:G".to_owned()
                ),
                (Some("v".to_owned()), "user:v > role:r > data_group:G".to_owned()),
                (None, "role:r > data_group:G".to_owned()),
            ]
        );
    }

    #[test]
    fn a_ladder_is_climbed_once() {
        let mut lines = group();
        lines.extend([grant(0, 1), grant(0, 2)]);
        for step in 0..60 {
            for (granted, holder) in [(1, 3), (1, 4), (2, 3), (2, 4)] {
                lines.push(grant(step * 2 + granted, step * 2 + holder));
            }
        }
        lines.extend((1..=122).map(|id| node(id, "role", &id.to_string())));
        lines.extend([node(200, "user", "u"), grant(121, 200)]);
        let found = paths(lines);
        assert_eq!((found.len(), found[0].1.split(" > ").count()), (1, 63));
    }
}
