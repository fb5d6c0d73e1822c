//! A few things that were of use last, the newest first. What is not asked for again makes room.

/// At most `limit` things.
pub struct Recent<T> {
    limit: usize,
    kept: Vec<T>,
}

impl<T> Recent<T> {
    /// Nothing yet.
    pub const fn of(limit: usize) -> Self {
        Self {
            limit,
            kept: Vec::new(),
        }
    }

    /// The newest that is meant; it is the newest of all then.
    pub fn find(&mut self, is_meant: impl Fn(&T) -> bool) -> Option<&T> {
        let place = self.kept.iter().position(is_meant)?;
        self.kept[..=place].rotate_right(1);
        self.kept.first()
    }

    /// Keeps it, in place of the oldest when there is no more room.
    pub fn keep(&mut self, thing: T) {
        self.kept.truncate(self.limit.saturating_sub(1));
        self.kept.insert(0, thing);
    }

    /// Lets go of the oldest while they are too much together; the newest stays.
    pub fn make_room(&mut self, is_too_much: impl Fn(&[T]) -> bool) {
        while self.kept.len() > 1 && is_too_much(&self.kept) {
            self.kept.pop();
        }
    }

    /// Forgets those that are meant.
    pub fn forget(&mut self, is_meant: impl Fn(&T) -> bool) {
        self.kept.retain(|thing| !is_meant(thing));
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.kept.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn what_was_not_asked_for_longest_makes_room() {
        let mut recent = Recent::of(2);
        recent.keep(1);
        recent.keep(2);
        assert_eq!(recent.find(|kept| *kept == 1), Some(&1));
        recent.keep(3);
        assert_eq!(recent.find(|kept| *kept == 2), None);
        assert_eq!(recent.find(|kept| *kept == 1), Some(&1));
        recent.forget(|kept| *kept == 1);
        assert_eq!(recent.find(|kept| *kept == 1), None);
        assert_eq!(recent.find(|kept| *kept == 3), Some(&3));
        recent.keep(4);
        recent.make_room(|kept| kept.iter().sum::<i32>() > 3);
        assert_eq!(recent.find(|kept| *kept == 3), None);
        assert_eq!(recent.find(|kept| *kept == 4), Some(&4));
        recent.clear();
        assert_eq!(recent.find(|_| true), None);
    }
}
