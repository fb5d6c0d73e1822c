//! A set of nodes by their numbers: one bit a node, so that a look costs the same for one granted node and for a hundred thousand.

/// Which nodes are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSet(Vec<u64>);

impl NodeSet {
    /// None of so many nodes.
    pub fn empty(nodes: usize) -> Self {
        Self(vec![0; nodes.div_ceil(64)])
    }

    /// Adds the nodes from one number to another, both included.
    pub fn insert(&mut self, first: u32, last: u32) {
        let (first, last) = (first as usize, last as usize);
        for word in first / 64..=last / 64 {
            let from = if word == first / 64 { first % 64 } else { 0 };
            let to = if word == last / 64 { last % 64 } else { 63 };
            if let Some(bits) = self.0.get_mut(word) {
                *bits |= (u64::MAX >> (63 - to)) & (u64::MAX << from);
            }
        }
    }

    /// Keeps what the other has too.
    pub fn intersect(&mut self, other: &Self) {
        for (bits, others) in self.0.iter_mut().zip(&other.0) {
            *bits &= others;
        }
    }

    /// True when the node is in.
    pub fn contains(&self, node: u32) -> bool {
        self.0
            .get(node as usize / 64)
            .is_some_and(|bits| bits >> (node % 64) & 1 == 1)
    }

    /// Bytes it takes.
    pub fn bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }

    /// How many nodes are in.
    pub fn count(&self) -> usize {
        self.0.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    /// The nodes that are in, in order.
    pub fn nodes(&self) -> impl Iterator<Item = u32> {
        self.0.iter().enumerate().flat_map(|(word, bits)| {
            (0..64)
                .filter(move |place| bits >> place & 1 == 1)
                .map(move |place| word as u32 * 64 + place)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_added_across_words() {
        for (first, last) in [(0, 0), (3, 63), (63, 64), (5, 130), (128, 199)] {
            let mut set = NodeSet::empty(200);
            set.insert(first, last);
            assert_eq!(
                set.nodes().collect::<Vec<_>>(),
                (first..=last).collect::<Vec<_>>()
            );
            assert_eq!(set.count(), (last - first + 1) as usize);
            assert!(set.contains(first) && set.contains(last) && !set.contains(last + 1));
        }
    }

    #[test]
    fn what_both_have_stays() {
        let (mut one, mut other) = (NodeSet::empty(100), NodeSet::empty(100));
        one.insert(10, 80);
        other.insert(70, 99);
        one.intersect(&other);
        assert_eq!(one.nodes().collect::<Vec<_>>(), (70..=80).collect::<Vec<_>>());
    }
}
