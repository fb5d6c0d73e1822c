//! Looks into a hierarchy by the numbers of its nodes: whatever is below a node follows it without a gap. Knows no server.
//!
//! A key is found by one probe of a hash table over one block of bytes; about 30 bytes a node beside its key. The lists may lie in memory that others
//! made: nothing in them is trusted to lead to a place that is there, and what leads nowhere finds no node.

/// The lists, as `numbering` makes them.
#[derive(Debug, Clone, Copy)]
pub struct Tree<'a> {
    /// All keys, one after the other.
    pub keys: &'a [u8],
    /// Where the key of each node begins, and the end.
    pub starts: &'a [u32],
    /// The last node below each node, or itself.
    pub last: &'a [u32],
    /// Slots of a hash table: the upper half of the hash, and the number of a node plus one.
    pub slots: &'a [u64],
}

impl<'a> Tree<'a> {
    /// How many nodes there are.
    pub fn count(&self) -> usize {
        self.last.len()
    }

    /// The number of a key's node.
    pub fn find(&self, key: &[u8]) -> Option<u32> {
        let hash = hash(key);
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        for _ in 0..self.slots.len() {
            let entry = *self.slots.get(slot)?;
            if entry == 0 {
                return None;
            }
            let number = (entry as u32).wrapping_sub(1);
            if entry >> 32 == hash >> 32 && self.key(number) == Some(key) {
                return Some(number).filter(|number| (*number as usize) < self.count());
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    /// The key of a node.
    pub fn key(&self, number: u32) -> Option<&'a [u8]> {
        let number = number as usize;
        let (start, end) = (*self.starts.get(number)?, *self.starts.get(number + 1)?);
        self.keys.get(start as usize..end as usize)
    }

    /// The last node below a node, or itself.
    pub fn last_below(&self, number: u32) -> u32 {
        self.last
            .get(number as usize)
            .copied()
            .filter(|last| *last >= number && (*last as usize) < self.count())
            .unwrap_or(number)
    }
}

/// Eight bytes at a time: keys come from administrators, so nobody can choose them to collide.
pub(super) fn hash(key: &[u8]) -> u64 {
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

    /// Lists that somebody spoiled find nothing, and come to an end.
    #[test]
    fn spoiled_lists_find_no_node() {
        let key = b"a";
        let entry = hash(key) >> 32 << 32 | 1;
        for tree in [
            Tree {
                keys: b"",
                starts: &[],
                last: &[],
                slots: &[],
            },
            Tree {
                keys: b"a",
                starts: &[0, 1],
                last: &[],
                slots: &[entry, entry],
            },
            Tree {
                keys: b"a",
                starts: &[0],
                last: &[0],
                slots: &[entry, entry],
            },
            Tree {
                keys: b"a",
                starts: &[1, 0],
                last: &[0],
                slots: &[entry, entry],
            },
            Tree {
                keys: b"a",
                starts: &[0, u32::MAX],
                last: &[0],
                slots: &[entry; 4],
            },
            Tree {
                keys: b"a",
                starts: &[0, 1],
                last: &[0],
                slots: &[hash(key) >> 32 << 32; 2],
            },
            Tree {
                keys: b"a",
                starts: &[0, 1],
                last: &[0],
                slots: &[u64::MAX; 3],
            },
        ] {
            assert_eq!(tree.find(key), None, "{tree:?}");
        }
    }

    #[test]
    fn what_lies_below_a_node_never_leads_out_of_the_tree() {
        for (last, expected) in [([1, 1], 1), ([7, 1], 0), ([u32::MAX, 1], 0)] {
            let tree = Tree {
                keys: b"",
                starts: &[0, 0, 0],
                last: &last,
                slots: &[0],
            };
            assert_eq!(tree.last_below(0), expected);
        }
        let tree = Tree {
            keys: b"",
            starts: &[0, 0, 0],
            last: &[1, 0],
            slots: &[0],
        };
        assert_eq!((tree.last_below(1), tree.last_below(9)), (1, 9));
    }
}
