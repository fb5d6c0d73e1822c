//! Whether the trail is whole, record by record.

use super::end::last_sequence;
use crate::error::{Error, Result};
use crate::sys::document::Document;
use crate::sys::spi::{Row, arg, statements};
use serde_json::Value;
use std::collections::VecDeque;
use vpd_text::identity::Key;
use vpd_text::trail::{Chain, Digest, Entry, Fault, Link, Person, checkpoint_text};

statements! {
    BEFORE = "trail/before.sql";
    RECORDS = "trail/records.sql";
    STUB = "trail/stub.sql";
    CHECKPOINTS = "trail/checkpoints.sql";
    STRAY = "trail/stray.sql";
}

/// Records that are read at one go.
const BATCH: i64 = 10_000;

/// What a look at the trail came to.
pub struct Verified {
    pub records: i64,
    /// Checkpoints among them that are good.
    pub checkpoints: i64,
    /// The first record that is not what was written; `None` when all are.
    pub first_broken: Option<i64>,
    /// What is wrong with it.
    pub problem: Option<&'static str>,
}

/// One record, as it is stored.
struct Stored {
    sequence: i64,
    recorded_at: i64,
    texts: [Option<String>; 15],
    numbers: [Option<i64>; 4],
    salt: Option<Vec<u8>>,
    personal: Vec<u8>,
    hash: Vec<u8>,
    /// Whether the personal part is there, and says nothing once it was erased.
    is_sound: bool,
}

/// Looks at the records from one number to another, both included; without them at all there are.
pub fn verify(from: Option<i64>, to: Option<i64>) -> Result<Verified> {
    let stub = STUB.with(|statement| {
        statement.query_one(&[], |row| (row.required::<i64>(1), row.required::<Vec<u8>>(2)))
    });
    let dropped = stub.as_ref().map(|(last, _)| *last);
    let first = from.unwrap_or(dropped.unwrap_or(0) + 1);
    if first < 1 || to.is_some_and(|to| to < first) {
        return Err(Error::argument(
            "the numbers of records are out of order",
            "Give the first and the last record to look at, from 1 on.",
        ));
    }
    let end = last_sequence();
    let last = to.unwrap_or(end).min(end);
    let mut verified = Verified {
        records: 0,
        checkpoints: 0,
        first_broken: None,
        problem: None,
    };
    let mut signed = Checkpoints::from(first - 1);
    if let Err(broken) = signed.pass(first - 1, None) {
        return Ok(verified.broken_at(first - 1, broken));
    }
    let Some(mut chain) = before(first, stub) else {
        return Ok(verified.broken_at(first, "sequence"));
    };
    let mut erasures = Erasures::default();
    while chain.sequence() < last {
        let args = [arg(chain.sequence()), arg(last), arg(BATCH)];
        let batch = RECORDS.with(|statement| statement.query(&args, read));
        if batch.is_empty() {
            return Ok(verified.broken_at(chain.sequence() + 1, "missing"));
        }
        for stored in batch {
            let next = chain.sequence() + 1;
            if let Err(fault) = chain.follow(&stored.link()) {
                return Ok(verified.broken_at(next, fault.code()));
            }
            if !stored.is_sound {
                return Ok(verified.broken_at(next, Fault::Personal.code()));
            }
            erasures.note(&stored);
            verified.records += 1;
            match signed.pass(next, Some(chain.hash())) {
                Ok(count) => verified.checkpoints += count,
                Err(problem) => return Ok(verified.broken_at(next, problem)),
            }
        }
    }
    if from.is_none() && to.is_none() {
        let stray = STRAY.with(|statement| {
            statement.query_one(&[arg(dropped.unwrap_or(0)), arg(last_sequence())], |row| {
                row.get::<i64>(1)
            })
        });
        if let Some(stray) = stray.flatten() {
            return Ok(verified.broken_at(stray, "sequence"));
        }
        if erasures.are_more_than_told() && dropped.is_none() {
            return Ok(verified.broken_at(last, "erased"));
        }
    }
    // Signed, and not there; unless it was written meanwhile.
    if to.is_none() && signed.left().is_some_and(|sequence| sequence > last_sequence()) {
        return Ok(verified.broken_at(last + 1, "missing"));
    }
    Ok(verified)
}

impl Verified {
    fn broken_at(mut self, sequence: i64, problem: &'static str) -> Self {
        self.first_broken = Some(sequence);
        self.problem = Some(problem);
        self
    }
}

/// The chain up to the record before; `None` when that is missing.
fn before(first: i64, stub: Option<(i64, Vec<u8>)>) -> Option<Chain> {
    if first == 1 {
        return Some(Chain::behind(0, [0; 32]));
    }
    let hash = match stub {
        Some((last, hash)) if last == first - 1 => hash,
        _ => BEFORE
            .with(|statement| statement.query_one(&[arg(first - 1)], |row| row.required::<Vec<u8>>(1)))?,
    };
    Some(Chain::behind(first - 1, Digest::try_from(hash).ok()?))
}

fn read(row: &Row) -> Stored {
    let text = |number: i32| row.get::<String>(number);
    Stored {
        sequence: row.required(1),
        recorded_at: row.timestamp(2).map_or(0, |at| at.0),
        texts: std::array::from_fn(|place| text(3 + place as i32)),
        numbers: std::array::from_fn(|place| row.get(18 + place as i32)),
        personal: row.get(22).unwrap_or_default(),
        hash: row.get(23).unwrap_or_default(),
        salt: row.get(24),
        is_sound: row.get(25).unwrap_or(false),
    }
}

impl Stored {
    fn link(&self) -> Link<'_> {
        let text = |place: usize| self.texts[place].as_deref();
        Link {
            sequence: self.sequence,
            entry: Entry {
                recorded_at: self.recorded_at,
                event: text(0).unwrap_or_default(),
                verdict: text(1).unwrap_or_default(),
                database_role: text(2).unwrap_or_default(),
                code: text(3),
                session_id: text(4),
                app: text(5),
                relation: text(6),
                command: text(7),
                predicates: text(8),
                process_id: self.numbers[0],
                statement_id: self.numbers[1],
                row_count: self.numbers[2],
                transaction_id: self.numbers[3],
                person: Person {
                    user_name: text(9),
                    actors: text(10),
                    audit_identity: text(11),
                    client_address: text(12),
                    statement: text(13),
                    details: text(14),
                },
            },
            salt: self.salt.as_deref(),
            personal: &self.personal,
            hash: &self.hash,
        }
    }
}

/// Records that were erased, and how many of them records of erasures tell.
#[derive(Default)]
struct Erasures {
    found: i64,
    told: i64,
}

impl Erasures {
    fn note(&mut self, stored: &Stored) {
        self.found += i64::from(stored.salt.is_none());
        if stored.texts[0].as_deref() == Some("person.erased") {
            self.told = self.told.saturating_add(stored.numbers[2].unwrap_or(0));
        }
    }

    fn are_more_than_told(&self) -> bool {
        self.found > self.told
    }
}

/// Checkpoints on the way, read some at a time.
struct Checkpoints {
    read: VecDeque<Checkpoint>,
    next: i64,
}

struct Checkpoint {
    sequence: i64,
    hash: Vec<u8>,
    made_at: i64,
    signature: Vec<u8>,
    key: Option<Value>,
}

impl Checkpoints {
    fn from(sequence: i64) -> Self {
        let mut checkpoints = Self {
            read: VecDeque::new(),
            next: sequence,
        };
        checkpoints.read_on();
        checkpoints
    }

    fn read_on(&mut self) {
        let args = [arg(self.next), arg(i64::MAX), arg(1_000_i64)];
        let read = CHECKPOINTS.with(|statement| {
            statement.query(&args, |row| Checkpoint {
                sequence: row.required(1),
                hash: row.get(2).unwrap_or_default(),
                made_at: row.timestamp(3).map_or(0, |at| at.0),
                signature: row.get(4).unwrap_or_default(),
                key: row.get::<Document>(5).map(|document| document.known().clone()),
            })
        });
        if let Some(last) = read.last() {
            self.next = last.sequence + 1;
        }
        self.read = read.into();
    }

    /// Goes past a record; how many checkpoints it has. Its hash is not known where it was dropped.
    fn pass(&mut self, sequence: i64, hash: Option<&Digest>) -> std::result::Result<i64, &'static str> {
        let mut count = 0;
        while self.read.front().is_some_and(|next| next.sequence <= sequence) {
            if let Some(next) = self.read.pop_front() {
                next.check(hash)?;
                count += 1;
            }
            if self.read.is_empty() {
                self.read_on();
            }
        }
        Ok(count)
    }

    /// The next that nobody went past.
    fn left(&self) -> Option<i64> {
        self.read.front().map(|next| next.sequence)
    }
}

impl Checkpoint {
    fn check(&self, hash: Option<&Digest>) -> std::result::Result<(), &'static str> {
        let own = Digest::try_from(self.hash.as_slice()).map_err(|_| "checkpoint")?;
        if hash.is_some_and(|hash| *hash != own) {
            return Err("checkpoint");
        }
        let text = checkpoint_text(self.sequence, &own, self.made_at);
        let key = self.key.as_ref().and_then(Key::read).ok_or("signature")?;
        if key.verifies_bytes(&text, &self.signature) {
            Ok(())
        } else {
            Err("signature")
        }
    }
}
