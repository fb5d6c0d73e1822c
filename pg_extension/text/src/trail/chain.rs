//! Whether a chain of records is whole: each has the number that follows, says the hash of the one before, and has the hash of what it says.

use super::{Digest, Entry, link, personal_digest};

/// A record with its place in the trail, as it is stored or was exported.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// Its number.
    pub sequence: i64,
    /// What it says.
    pub entry: Entry<'a>,
    /// The salt of its personal part; `None` once that was erased.
    pub salt: Option<&'a [u8]>,
    /// The hash of its personal part.
    pub personal: &'a [u8],
    /// Its own hash.
    pub hash: &'a [u8],
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It has not the number that follows: records are missing, or came in between.
    Sequence,
    /// Its personal part is not what was hashed.
    Personal,
    /// What it says, or the record before it, is not what was hashed.
    Hash,
}

impl Fault {
    /// Its name in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Personal => "personal_part",
            Self::Hash => "hash",
        }
    }
}

/// A chain that is gone through, record by record.
#[derive(Debug, Clone, Copy)]
pub struct Chain {
    sequence: i64,
    hash: Digest,
}

impl Chain {
    /// Begins behind a record; at the beginning of the trail behind number 0 and a hash of zeros.
    #[must_use]
    pub fn behind(sequence: i64, hash: Digest) -> Self {
        Self { sequence, hash }
    }

    /// The last number.
    #[must_use]
    pub fn sequence(&self) -> i64 {
        self.sequence
    }

    /// The last hash.
    #[must_use]
    pub fn hash(&self) -> &Digest {
        &self.hash
    }

    /// Adds a record that is being written; returns its number and hash.
    pub fn append(&mut self, entry: &Entry<'_>, personal: &Digest) -> (i64, Digest) {
        self.sequence += 1;
        self.hash = link(&self.hash, self.sequence, entry, personal);
        (self.sequence, self.hash)
    }

    /// Goes on to a record that was written.
    ///
    /// # Errors
    /// It is not the next one as it was written.
    pub fn follow(&mut self, record: &Link<'_>) -> Result<(), Fault> {
        if record.sequence != self.sequence + 1 {
            return Err(Fault::Sequence);
        }
        let personal = Digest::try_from(record.personal).map_err(|_| Fault::Personal)?;
        if record
            .salt
            .is_some_and(|salt| personal_digest(salt, &record.entry.person) != personal)
        {
            return Err(Fault::Personal);
        }
        let (_, hash) = self.append(&record.entry, &personal);
        if record.hash == hash {
            Ok(())
        } else {
            Err(Fault::Hash)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::Person;

    #[test]
    fn a_chain_is_whole_until_something_is_changed() {
        let entry = Entry {
            event: "denied",
            verdict: "42501",
            person: Person {
                user_name: Some("alice"),
                ..Person::default()
            },
            ..Entry::default()
        };
        let personal = personal_digest(b"salt", &entry.person);
        let mut written = Chain::behind(0, [0; 32]);
        let hashes: Vec<(i64, Digest)> = (0..3).map(|_| written.append(&entry, &personal)).collect();
        let record = |place: usize| Link {
            sequence: hashes[place].0,
            entry,
            salt: Some(b"salt"),
            personal: &personal,
            hash: &hashes[place].1,
        };
        let mut read = Chain::behind(0, [0; 32]);
        for place in 0..3 {
            assert_eq!(read.follow(&record(place)), Ok(()));
        }
        let start = || Chain::behind(0, [0; 32]);
        assert_eq!(start().follow(&record(1)), Err(Fault::Sequence));
        let other = Entry {
            verdict: "ok",
            ..entry
        };
        assert_eq!(
            start().follow(&Link {
                entry: other,
                ..record(0)
            }),
            Err(Fault::Hash)
        );
        let bob = Entry {
            person: Person {
                user_name: Some("bob"),
                ..entry.person
            },
            ..entry
        };
        assert_eq!(
            start().follow(&Link {
                entry: bob,
                ..record(0)
            }),
            Err(Fault::Personal)
        );
        // Erased: nobody can tell who it was, and the chain is whole.
        let erased = Entry {
            person: Person::default(),
            ..entry
        };
        assert_eq!(
            start().follow(&Link {
                entry: erased,
                salt: None,
                ..record(0)
            }),
            Ok(())
        );
    }
}
