//! Numbers the nodes of a hierarchy so that whatever is below a node follows it without a gap. Knows no server.
//!
//! What it needs beside the lists goes with it. Nodes are gathered one by one, in any order, and into a few long lists: a million of them leaves
//! no million pieces of memory behind.

use super::tree::{Tree, hash};

/// No node.
const NONE: u32 = u32::MAX;

/// Bytes that numbering takes for each node beside the keys: places of nodes by key, and the links between them; then the lists.
const NODE: usize = 72;

/// There are more nodes, or longer keys, than numbers of four bytes can tell apart.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Nodes with their parents, as they were read.
#[derive(Debug, Default)]
pub struct Nodes {
    keys: Texts,
    parents: Texts,
    /// The nodes that have no parent.
    tops: Vec<bool>,
}

/// The lists of a tree.
#[derive(Debug, Default)]
pub struct Lists {
    /// As [`Tree::keys`].
    pub keys: Vec<u8>,
    /// As [`Tree::starts`].
    pub starts: Vec<u32>,
    /// As [`Tree::last`].
    pub last: Vec<u32>,
    /// As [`Tree::slots`].
    pub slots: Vec<u64>,
}

/// Texts, one after the other.
#[derive(Debug, Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Texts {
    fn push(&mut self, text: &str) -> Result<(), TooLarge> {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends
            .push(u32::try_from(self.bytes.len()).map_err(|_| TooLarge)?);
        Ok(())
    }

    fn get(&self, place: u32) -> &[u8] {
        let place = place as usize;
        let start = place.checked_sub(1).map_or(0, |former| self.ends[former]);
        &self.bytes[start as usize..self.ends[place] as usize]
    }
}

impl Nodes {
    /// Adds a node.
    pub fn push(&mut self, key: &str, parent: Option<&str>) -> Result<(), TooLarge> {
        self.keys.push(key)?;
        self.parents.push(parent.unwrap_or_default())?;
        self.tops.push(parent.is_none());
        // Numbers are counted from one in some places.
        (self.tops.len() < NONE as usize - 1)
            .then_some(())
            .ok_or(TooLarge)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.tops.len()
    }

    /// Bytes that numbering them takes at most.
    pub fn cost(&self) -> usize {
        self.count() * NODE + self.keys.bytes.len()
    }

    /// The nodes that hang together from the top. What does not is not in it: circles, and what is below a key that is not there.
    pub fn numbered(&self) -> Lists {
        let links = Links::of(self);
        let mut lists = Lists {
            keys: Vec::with_capacity(self.keys.bytes.len()),
            starts: Vec::with_capacity(self.count() + 1),
            last: Vec::with_capacity(self.count()),
            slots: vec![0; (self.count() * 2).next_power_of_two().max(2)],
        };
        lists.starts.push(0);
        // Depth first and along the links: a tree may be as deep as it has nodes.
        let mut numbers = vec![NONE; self.count()];
        let mut place = links.first_top;
        while place != NONE {
            let node = place as usize;
            numbers[node] = lists.push(self.keys.get(place));
            place = links.first_child[node];
            if place == NONE {
                place = lists.close(node as u32, &links, &numbers);
            }
        }
        lists
    }
}

/// How nodes hang together, by their places.
struct Links {
    first_top: u32,
    parent: Vec<u32>,
    first_child: Vec<u32>,
    next_sibling: Vec<u32>,
}

impl Links {
    fn of(nodes: &Nodes) -> Self {
        let places = Places::of(&nodes.keys);
        let mut links = Self {
            first_top: NONE,
            parent: vec![NONE; nodes.count()],
            first_child: vec![NONE; nodes.count()],
            next_sibling: vec![NONE; nodes.count()],
        };
        // From the end, so that those who came first stand first.
        for place in (0..nodes.count() as u32).rev() {
            let node = place as usize;
            let first = if nodes.tops[node] {
                &mut links.first_top
            } else {
                let Some(parent) = places.find(&nodes.keys, nodes.parents.get(place)) else {
                    continue;
                };
                links.parent[node] = parent;
                &mut links.first_child[parent as usize]
            };
            links.next_sibling[node] = std::mem::replace(first, place);
        }
        links
    }
}

/// The places of nodes by their keys: a hash table of places plus one.
struct Places(Vec<u32>);

impl Places {
    fn of(keys: &Texts) -> Self {
        let mut places = Self(vec![0; (keys.ends.len() * 2).next_power_of_two().max(2)]);
        for place in 0..keys.ends.len() as u32 {
            let slot = places.slot(keys, keys.get(place));
            places.0[slot] = place + 1;
        }
        places
    }

    fn find(&self, keys: &Texts, key: &[u8]) -> Option<u32> {
        self.0[self.slot(keys, key)].checked_sub(1)
    }

    /// The slot of a key, or the free one where it belongs. More than half of the slots are free.
    fn slot(&self, keys: &Texts, key: &[u8]) -> usize {
        let mask = self.0.len() - 1;
        let mut slot = hash(key) as usize & mask;
        while let Some(place) = self.0[slot].checked_sub(1) {
            if keys.get(place) == key {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }
}

impl Lists {
    /// For looks.
    pub fn tree(&self) -> Tree<'_> {
        Tree {
            keys: &self.keys,
            starts: &self.starts,
            last: &self.last,
            slots: &self.slots,
        }
    }

    fn push(&mut self, key: &[u8]) -> u32 {
        let number = self.last.len() as u32;
        self.keys.extend_from_slice(key);
        self.starts.push(self.keys.len() as u32);
        self.last.push(number);
        let hash = hash(key);
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = (hash >> 32 << 32) | u64::from(number + 1);
        number
    }

    /// Notes what the last node is below one without children, and below all that it ends; the place to go on from.
    fn close(&mut self, place: u32, links: &Links, numbers: &[u32]) -> u32 {
        let last = self.last.len().saturating_sub(1) as u32;
        let mut place = place;
        while place != NONE {
            let node = place as usize;
            self.last[numbers[node] as usize] = last;
            if links.next_sibling[node] != NONE {
                return links.next_sibling[node];
            }
            place = links.parent[node];
        }
        NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(nodes: &[(&str, Option<&str>)]) -> Lists {
        let mut gathered = Nodes::default();
        for (key, parent) in nodes {
            gathered.push(key, *parent).unwrap();
        }
        gathered.numbered()
    }

    #[test]
    fn what_is_below_a_node_follows_it() {
        let lists = lists(&[
            ("a2", Some("a")),
            ("b", None),
            ("a", None),
            ("a1", Some("a")),
            ("a1x", Some("a1")),
            ("b1", Some("b")),
        ]);
        let tree = lists.tree();
        assert_eq!(tree.count(), 6);
        let range = |key: &str| {
            tree.find(key.as_bytes())
                .map(|first| (first, tree.last_below(first)))
        };
        for (key, below) in [("a", 4), ("a1", 2), ("b", 2), ("a2", 1), ("a1x", 1)] {
            assert_eq!(
                range(key).map(|(first, last)| last - first + 1),
                Some(below),
                "{key}"
            );
        }
        for (above, below) in [("a", "a1x"), ("a1", "a1x"), ("b", "b1"), ("a", "a2")] {
            let ((first, last), inner) = (range(above).unwrap(), range(below).unwrap().0);
            assert!((first..=last).contains(&inner));
        }
        let (first, last) = range("a").unwrap();
        assert!(!(first..=last).contains(&range("b1").unwrap().0));
        assert_eq!(tree.find(b"c"), None);
        assert_eq!(tree.find(b""), None);
    }

    #[test]
    fn circles_and_orphans_are_left_out() {
        let lists = lists(&[
            ("a", Some("b")),
            ("b", Some("a")),
            ("c", Some("nowhere")),
            ("d", None),
            ("e", Some("c")),
            ("f", Some("f")),
        ]);
        let tree = lists.tree();
        assert_eq!(tree.count(), 1);
        for key in ["a", "b", "c", "e", "f"] {
            assert_eq!(tree.find(key.as_bytes()), None, "{key}");
        }
        assert!(tree.find(b"d").is_some());
    }

    #[test]
    fn every_key_of_many_is_found() {
        let mut nodes = Nodes::default();
        let key = |n: usize| format!("item-{n:08}");
        for n in 0..50_000 {
            nodes.push(&key(n), None).unwrap();
        }
        let lists = nodes.numbered();
        let tree = lists.tree();
        for n in 0..50_000 {
            let number = tree.find(key(n).as_bytes()).unwrap();
            assert_eq!(tree.key(number), Some(key(n).as_bytes()));
        }
        assert!(tree.find(b"item-00050000").is_none());
    }

    #[test]
    fn a_tree_as_deep_as_it_has_nodes_is_numbered() {
        let mut nodes = Nodes::default();
        nodes.push("0", None).unwrap();
        for n in 1..100_000 {
            nodes.push(&n.to_string(), Some(&(n - 1).to_string())).unwrap();
        }
        let lists = nodes.numbered();
        let tree = lists.tree();
        for n in [0, 1, 500, 99_999] {
            let number = tree.find(n.to_string().as_bytes()).unwrap();
            assert_eq!((number, tree.last_below(number)), (n, 99_999));
        }
    }

    /// Against sets of what is below each node, of random trees with circles and orphans among them.
    #[test]
    fn random_trees_agree_with_walking_up() {
        let mut seed = 1_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..200 {
            let count = random(30) as usize + 1;
            let parents: Vec<Option<usize>> = (0..count)
                .map(|_| Some(random(count as u64 + 2) as usize).filter(|parent| *parent <= count))
                .collect();
            let mut nodes = Nodes::default();
            for (node, parent) in parents.iter().enumerate() {
                let parent = parent.map(|parent| parent.to_string());
                nodes.push(&node.to_string(), parent.as_deref()).unwrap();
            }
            let lists = nodes.numbered();
            let tree = lists.tree();
            // Whoever is met on the way up, to the top; none for who does not get there.
            let above = |node: usize| {
                let mut way = vec![node];
                while let Some(parent) = parents[way[way.len() - 1]] {
                    if parent >= count || way.contains(&parent) {
                        return None;
                    }
                    way.push(parent);
                }
                Some(way)
            };
            for node in 0..count {
                let number = tree.find(node.to_string().as_bytes());
                assert_eq!(number.is_some(), above(node).is_some());
                let Some(number) = number else { continue };
                for other in 0..count {
                    let is_below = above(other).is_some_and(|way| way.contains(&node));
                    let is_in = tree
                        .find(other.to_string().as_bytes())
                        .is_some_and(|other| (number..=tree.last_below(number)).contains(&other));
                    assert_eq!(is_in, is_below, "{parents:?}: {other} below {node}");
                }
            }
        }
    }

    #[test]
    fn an_empty_tree_has_no_node() {
        assert_eq!(lists(&[]).tree().find(b"a"), None);
        assert_eq!(Lists::default().tree().find(b"a"), None);
    }
}
