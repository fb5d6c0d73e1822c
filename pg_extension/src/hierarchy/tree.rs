//! The nodes of a hierarchy in memory, numbered so that whatever is below a node follows it without a gap.
//!
//! A key is found by one probe of a hash table over one block of bytes; about 30 bytes a node beside its key.

use crate::sys::memory;
use std::collections::HashMap;

/// Most bytes that a node takes beside its key while the tree is made.
const NODE: usize = 256;

/// The nodes that hang together from the top. What does not is not in it.
#[derive(Debug)]
pub struct Tree {
    /// All keys, one after the other.
    bytes: Vec<u8>,
    /// Where the key of each node begins, and the end.
    starts: Vec<u32>,
    /// The last node below each node, or itself.
    last: Vec<u32>,
    /// Slots of a hash table: the upper half of the hash, and the number of a node plus one.
    slots: Vec<u64>,
}

impl Tree {
    /// From keys and the keys of their parents.
    pub fn new(nodes: &[(String, Option<String>)]) -> Self {
        let keys: usize = nodes.iter().map(|(key, _)| key.len()).sum();
        memory::ask(nodes.len().saturating_mul(NODE).saturating_add(2 * keys));
        let places: HashMap<&str, usize> = nodes
            .iter()
            .enumerate()
            .map(|(place, (key, _))| (key.as_str(), place))
            .collect();
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
        let mut tops = Vec::new();
        for (place, (_, parent)) in nodes.iter().enumerate() {
            match parent {
                None => tops.push(place),
                Some(parent) => {
                    if let Some(parent) = places.get(parent.as_str()) {
                        children[*parent].push(place);
                    }
                }
            }
        }
        let mut tree = Self {
            bytes: Vec::new(),
            starts: vec![0],
            last: Vec::with_capacity(nodes.len()),
            slots: vec![0; (nodes.len() * 2).next_power_of_two().max(2)],
        };
        // Depth first, without recursion: a tree may be as deep as it has nodes.
        let mut open: Vec<(u32, std::slice::Iter<'_, usize>)> = vec![(u32::MAX, tops.iter())];
        while let Some((number, rest)) = open.last_mut() {
            if let Some(place) = rest.next() {
                let number = tree.push(nodes[*place].0.as_bytes());
                open.push((number, children[*place].iter()));
            } else {
                let (number, last) = (*number as usize, tree.last.len().saturating_sub(1) as u32);
                if let Some(entry) = tree.last.get_mut(number) {
                    *entry = last;
                }
                open.pop();
            }
        }
        tree
    }

    fn push(&mut self, key: &[u8]) -> u32 {
        let number = self.last.len() as u32;
        self.bytes.extend_from_slice(key);
        self.starts.push(self.bytes.len() as u32);
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

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.last.len()
    }

    /// The number of a key's node.
    pub fn find(&self, key: &[u8]) -> Option<u32> {
        let hash = hash(key);
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let entry = self.slots[slot];
            if entry == 0 {
                return None;
            }
            let number = (entry as u32).wrapping_sub(1);
            if entry >> 32 == hash >> 32 && self.key(number) == key {
                return Some(number);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The key of a node.
    pub fn key(&self, number: u32) -> &[u8] {
        let number = number as usize;
        &self.bytes[self.starts[number] as usize..self.starts[number + 1] as usize]
    }

    /// The last node below a node, or itself.
    pub fn last_below(&self, number: u32) -> u32 {
        self.last[number as usize]
    }
}

/// Eight bytes at a time: keys come from administrators, so nobody can choose them to collide.
fn hash(key: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = key.len() as u64;
    let mut chunks = key.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    let mut word = [0; 8];
    word[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    hash = (hash.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    (hash ^ (hash >> 29)).wrapping_mul(FACTOR).rotate_left(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(nodes: &[(&str, Option<&str>)]) -> Tree {
        let nodes: Vec<_> = nodes
            .iter()
            .map(|(key, parent)| ((*key).to_owned(), parent.map(str::to_owned)))
            .collect();
        Tree::new(&nodes)
    }

    #[test]
    fn what_is_below_a_node_follows_it() {
        let tree = tree(&[
            ("a2", Some("a")),
            ("b", None),
            ("a", None),
            ("a1", Some("a")),
            ("a1x", Some("a1")),
            ("b1", Some("b")),
        ]);
        assert_eq!(tree.len(), 6);
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
        let tree = tree(&[
            ("a", Some("b")),
            ("b", Some("a")),
            ("c", Some("nowhere")),
            ("d", None),
        ]);
        assert_eq!(tree.len(), 1);
        assert!(tree.find(b"a").is_none() && tree.find(b"c").is_none() && tree.find(b"d").is_some());
    }

    #[test]
    fn every_key_of_many_is_found() {
        let nodes: Vec<_> = (0..50_000).map(|n| (format!("item-{n:08}"), None)).collect();
        let tree = Tree::new(&nodes);
        for (key, _) in &nodes {
            let number = tree.find(key.as_bytes()).unwrap();
            assert_eq!(tree.key(number), key.as_bytes());
        }
        assert!(tree.find(b"item-00050000").is_none());
    }

    #[test]
    fn an_empty_tree_has_no_node() {
        assert_eq!(tree(&[]).find(b"a"), None);
    }
}
