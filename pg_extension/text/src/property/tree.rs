//! Trees by numbers, against walking up.

use crate::hierarchy::numbering::Nodes;
use crate::hierarchy::tree::Tree;
use crate::load::cycle;
use std::collections::{HashMap, HashSet};

/// More cost time, and show nothing that these do not.
const MOST_NODES: usize = 64;

/// The bytes are nodes: a key of up to 15 bytes, and the place of the parent; circles, orphans and trees come by themselves.
pub fn hold(bytes: &[u8]) {
    let nodes = nodes(bytes);
    numbered(&nodes);
    circles(&nodes);
    spoiled(bytes);
}

/// A node: its key, and that of its parent.
type Node = (String, Option<String>);

fn nodes(mut bytes: &[u8]) -> Vec<Node> {
    let mut keys: Vec<String> = Vec::new();
    let mut parents = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<2>() {
        let (key, rest) = rest.split_at((head[0] as usize % 16).min(rest.len()));
        bytes = rest;
        let key = String::from_utf8_lossy(key).into_owned();
        if !keys.contains(&key) && keys.len() < MOST_NODES {
            keys.push(key);
            parents.push(head[1] as usize);
        }
    }
    // One place beyond the last is no parent, one more a parent that is not there.
    let key = |place: usize| match place % (keys.len() + 2) {
        none if none == keys.len() => None,
        place => Some(
            keys.get(place)
                .cloned()
                .unwrap_or_else(|| "nowhere, and long enough".to_owned()),
        ),
    };
    let parents: Vec<_> = parents.into_iter().map(key).collect();
    keys.iter().cloned().zip(parents).collect()
}

/// Whoever is met on the way up, to the top; none for who does not get there.
fn way<'a>(parents: &HashMap<&'a str, Option<&'a str>>, node: &'a str) -> Option<Vec<&'a str>> {
    let mut way = vec![node];
    let mut place = node;
    while let Some(parent) = parents.get(place)? {
        if way.contains(parent) {
            return None;
        }
        way.push(parent);
        place = parent;
    }
    Some(way)
}

fn numbered(nodes: &[Node]) {
    let mut gathered = Nodes::default();
    for (key, parent) in nodes {
        assert!(gathered.push(key, parent.as_deref()).is_ok());
    }
    let lists = gathered.numbered();
    let tree = lists.tree();
    agreed(&tree, nodes);
}

/// The tree answers as walking up does.
fn agreed(tree: &Tree<'_>, nodes: &[Node]) {
    let parents: HashMap<&str, Option<&str>> = nodes
        .iter()
        .map(|(key, parent)| (key.as_str(), parent.as_deref()))
        .collect();
    let hanging: Vec<(&str, Vec<&str>)> = nodes
        .iter()
        .filter_map(|(key, _)| Some((key.as_str(), way(&parents, key)?)))
        .collect();
    assert_eq!(tree.count(), hanging.len());
    for (key, _) in nodes {
        let is_hanging = hanging.iter().any(|(hanging, _)| hanging == key);
        let number = tree.find(key.as_bytes());
        assert_eq!(number.is_some(), is_hanging, "{key:?} of {nodes:?}");
        let Some(number) = number else { continue };
        assert_eq!(tree.key(number), Some(key.as_bytes()));
        let below = number..=tree.last_below(number);
        for (other, way) in &hanging {
            let is_in = tree
                .find(other.as_bytes())
                .is_some_and(|other| below.contains(&other));
            assert_eq!(
                is_in,
                way.contains(&key.as_str()),
                "{other:?} below {key:?} of {nodes:?}"
            );
        }
    }
}

/// Who is on a circle, or between two of them, is whoever can be reached from one and reaches one.
fn circles(nodes: &[Node]) {
    let edges: Vec<(&str, &str)> = nodes
        .iter()
        .filter_map(|(key, parent)| Some((key.as_str(), parent.as_deref()?)))
        .collect();
    let all: HashSet<&str> = edges.iter().flat_map(|(one, other)| [*one, *other]).collect();
    let ways: HashMap<&str, HashSet<&str>> = all.iter().map(|node| (*node, reached(&edges, node))).collect();
    let on_circle: Vec<&str> = all
        .iter()
        .copied()
        .filter(|node| ways[node].contains(node))
        .collect();
    let expected: HashSet<&str> = all
        .iter()
        .copied()
        .filter(|node| {
            on_circle
                .iter()
                .any(|circle| circle == node || ways[circle].contains(node))
                && on_circle
                    .iter()
                    .any(|circle| circle == node || ways[node].contains(circle))
        })
        .collect();
    assert_eq!(cycle::nodes(&edges), expected, "{edges:?}");
}

fn reached<'a>(edges: &[(&'a str, &'a str)], from: &str) -> HashSet<&'a str> {
    let mut found = HashSet::new();
    let mut next = vec![from];
    while let Some(place) = next.pop() {
        for (_, other) in edges.iter().filter(|(one, _)| *one == place) {
            if found.insert(*other) {
                next.push(other);
            }
        }
    }
    found
}

/// Lists that somebody spoiled lead nowhere else, and come to an end.
fn spoiled(bytes: &[u8]) {
    let Some((count, rest)) = bytes.split_first() else {
        return;
    };
    let numbers: Vec<u32> = rest.iter().map(|byte| u32::from(*byte).wrapping_sub(4)).collect();
    let (starts, last) = numbers.split_at((*count as usize).min(numbers.len()));
    let (words, _) = rest.as_chunks::<8>();
    let slots: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let tree = Tree {
        keys: rest,
        starts,
        last,
        slots: &slots,
    };
    for key in rest.windows(3).take(MOST_NODES).chain([&rest[..0]]) {
        if let Some(number) = tree.find(key) {
            assert!((number as usize) < tree.count());
            assert_eq!(tree.key(number), Some(key));
        }
    }
    for number in 0..tree.count() as u32 {
        let last = tree.last_below(number);
        assert!(last >= number && (last as usize) < tree.count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(key: &str, parent: Option<&str>) -> Node {
        (key.to_owned(), parent.map(str::to_owned))
    }

    #[test]
    #[should_panic(expected = "\"c\" below \"a\"")]
    fn control_a_tree_of_other_nodes_is_noticed() {
        let mut other = Nodes::default();
        for (key, parent) in [("a", None), ("b", None), ("c", Some("b"))] {
            other.push(key, parent).unwrap();
        }
        let nodes = [node("a", None), node("b", None), node("c", Some("a"))];
        agreed(&other.numbered().tree(), &nodes);
    }
}
