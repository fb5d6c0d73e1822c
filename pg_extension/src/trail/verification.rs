//! Whether the trail is whole, record by record.

use crate::error::{Error, Result};
use crate::sys::spi::{Row, arg, statements};
use vpd_text::trail::{Chain, Digest, Entry, Link, Person};

statements! {
    BEFORE = "trail/before.sql";
    RECORDS = "trail/records.sql";
    LAST = "trail/state.sql";
}

/// Records that are read at one go.
const BATCH: i64 = 10_000;

/// What a look at the trail came to.
pub struct Verified {
    pub records: i64,
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
}

/// Looks at the records from one number to another, both included; without them at all there are.
pub fn verify(from: Option<i64>, to: Option<i64>) -> Result<Verified> {
    let first = from.unwrap_or(1);
    if first < 1 || to.is_some_and(|to| to < first) {
        return Err(Error::argument(
            "the numbers of records are out of order",
            "Give the first and the last record to look at, from 1 on.",
        ));
    }
    let end = LAST
        .with(|statement| statement.query_one(&[], |row| row.required::<i64>(1)))
        .unwrap_or(0);
    let last = to.unwrap_or(end).min(end);
    let mut verified = Verified {
        records: 0,
        first_broken: None,
        problem: None,
    };
    let Some(mut chain) = before(first) else {
        return Ok(verified.broken_at(first, "sequence"));
    };
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
            verified.records += 1;
        }
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
fn before(first: i64) -> Option<Chain> {
    if first == 1 {
        return Some(Chain::behind(0, [0; 32]));
    }
    let hash =
        BEFORE.with(|statement| statement.query_one(&[arg(first - 1)], |row| row.required::<Vec<u8>>(1)))?;
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
