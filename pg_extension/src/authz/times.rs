//! Times: when something is held, as stretches that neither meet nor overlap.

/// Stretches in order, each from a moment until another, which is not part of it; microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times(Vec<(i64, i64)>);

impl Times {
    /// From a moment on.
    pub fn from(moment: i64) -> Self {
        Self(vec![(moment, i64::MAX)])
    }

    /// The stretches.
    pub fn stretches(&self) -> &[(i64, i64)] {
        &self.0
    }

    /// What of it lies between two moments.
    pub fn within(&self, from: i64, until: i64) -> Self {
        let cut = self
            .0
            .iter()
            .map(|(start, end)| ((*start).max(from), (*end).min(until)));
        Self(cut.filter(|(start, end)| start < end).collect())
    }

    /// Adds others; true when there is more than before.
    pub fn add(&mut self, others: &Self) -> bool {
        if others.0.iter().all(|other| self.covers(*other)) {
            return false;
        }
        let mut all: Vec<(i64, i64)> = self.0.iter().chain(&others.0).copied().collect();
        all.sort_unstable();
        self.0.clear();
        for (start, end) in all {
            match self.0.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => self.0.push((start, end)),
            }
        }
        true
    }

    fn covers(&self, (start, end): (i64, i64)) -> bool {
        let after = self.0.partition_point(|stretch| stretch.0 <= start);
        after > 0 && self.0[after - 1].1 >= end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(stretches: &[(i64, i64)]) -> Times {
        let mut times = Times::default();
        for stretch in stretches {
            times.add(&Times(vec![*stretch]));
        }
        times
    }

    #[test]
    fn what_meets_or_overlaps_becomes_one() {
        assert_eq!(
            times(&[(5, 7), (1, 2), (2, 4), (6, 9)]).stretches(),
            [(1, 4), (5, 9)]
        );
        assert_eq!(times(&[(1, 2), (8, 9), (0, 10)]).stretches(), [(0, 10)]);
    }

    #[test]
    fn what_is_there_already_adds_nothing() {
        let mut all = times(&[(1, 5), (7, 9)]);
        assert!(!all.add(&times(&[(2, 3), (7, 9)])));
        assert!(!all.add(&Times::default()));
        assert!(all.add(&times(&[(4, 8)])));
        assert_eq!(all.stretches(), [(1, 9)]);
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let all = times(&[(1, 5), (7, 9)]);
        assert_eq!(all.within(4, 8).stretches(), [(4, 5), (7, 8)]);
        assert_eq!(all.within(5, 7).stretches(), []);
        assert_eq!(Times::from(3).within(0, i64::MAX).stretches(), [(3, i64::MAX)]);
    }
}
