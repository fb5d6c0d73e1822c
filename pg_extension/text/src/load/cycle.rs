//! Circles among managers or groups.

use std::collections::{HashMap, HashSet};

/// The nodes on circles, or between two of them, of a graph given by its edges.
pub fn nodes<N: Copy + Eq + std::hash::Hash>(edges: &[(N, N)]) -> HashSet<N> {
    let mut left: HashSet<N> = edges.iter().flat_map(|(from, to)| [*from, *to]).collect();
    // What nothing leads away from is on no circle, and what nothing leads to is on none either.
    strip(&mut left, edges.iter().copied());
    strip(&mut left, edges.iter().map(|(from, to)| (*to, *from)));
    left
}

/// Takes away, again and again, the nodes without an edge to one that is left.
fn strip<N: Copy + Eq + std::hash::Hash>(left: &mut HashSet<N>, edges: impl Iterator<Item = (N, N)>) {
    let mut before: HashMap<N, Vec<N>> = HashMap::new();
    let mut count: HashMap<N, u32> = HashMap::new();
    for (from, to) in edges.filter(|(from, to)| left.contains(from) && left.contains(to)) {
        before.entry(to).or_default().push(from);
        *count.entry(from).or_default() += 1;
    }
    let mut ends: Vec<N> = left
        .iter()
        .copied()
        .filter(|node| !count.contains_key(node))
        .collect();
    while let Some(end) = ends.pop() {
        left.remove(&end);
        for from in before.remove(&end).unwrap_or_default() {
            if let Some(count) = count.get_mut(&from) {
                *count -= 1;
                if *count == 0 {
                    ends.push(from);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_and_what_hangs_on_them_is_not() {
        assert_eq!(nodes(&[(1, 2), (2, 3), (3, 4)]), HashSet::new());
        assert_eq!(nodes(&[(1, 1), (2, 1)]), HashSet::from([1]));
        assert_eq!(
            nodes(&[(0, 1), (1, 2), (2, 3), (3, 1), (3, 4)]),
            HashSet::from([1, 2, 3])
        );
        assert_eq!(nodes(&[(1, 2), (1, 2), (2, 3)]), HashSet::new());
    }
}
