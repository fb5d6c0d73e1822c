//! Writing records down: numbered, chained, each part into its table.
//!
//! Invariant: a record of the ring is written once, though the scribe may come to it again after a crash: up to which one was written stands in the same transaction.

use super::end::end;
use crate::error::{Error, Result};
use crate::sys::clock::{self, Timestamp};
use crate::sys::copy::{self, Row};
use crate::sys::ring::{self, Batch};
use crate::sys::spi::{self, arg, statements};
use crate::sys::{notification, random};
use serde_json::json;
use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::CStr;
use vpd_text::trail::{Chain, Digest, Entry, Person, decode, personal_digest};

statements! {
    SET_STATE = "trail/set_state.sql";
    COUNT_ALARM = "trail/count_alarm.sql";
    PARTITION = "trail/partition.sql";
}

const CHANNEL: &CStr = c"vpd_alarm";
/// What somebody should look at soon.
const ALARMS: [&str; 5] = [
    "audit.gap",
    "audit.lost",
    "message.refused",
    "ticket.replayed",
    "token.replayed",
];
/// Days of a record are told by this, to know whether their partition was seen.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

thread_local! {
    /// Days whose partition is there.
    static DAYS: RefCell<HashSet<i64>> = RefCell::default();
}

/// A record with its place.
struct Placed<'a> {
    sequence: i64,
    entry: Entry<'a>,
    salt: [u8; 16],
    personal: Digest,
    hash: Digest,
}

/// Writes what was read from the ring, and that records were lost.
pub fn write(batch: &Batch, lost: u64, lost_since: i64) -> Result<()> {
    let end = end().ok_or_else(Error::audit_unavailable)?;
    let mut chain = Chain::behind(end.sequence, end.hash);
    let ring = ring::id().ok_or_else(Error::audit_unavailable)?.to_vec();
    let is_same_ring = end.ring.as_ref() == Some(&ring);
    let gap = json!({ "reason": "records of the ring are damaged" }).to_string();
    let loss = json!({ "since": lost_since, "count": lost }).to_string();
    let mut entries: Vec<Entry<'_>> = batch
        .records
        .iter()
        .filter(|record| {
            !is_same_ring || i64::try_from(record.number).is_ok_and(|number| number > end.number)
        })
        .map(|record| decode(&record.bytes).unwrap_or_else(|| told("audit.gap", None, &gap)))
        .collect();
    if batch.is_damaged {
        entries.push(told("audit.gap", None, &gap));
    }
    if lost > 0 {
        entries.push(told("audit.lost", i64::try_from(lost).ok(), &loss));
    }
    let placed = place(&mut chain, &entries)?;
    make_partitions(&placed);
    store(&placed);
    let number = batch.records.last().map_or(end.number, |last| last.number as i64);
    SET_STATE.with(|statement| {
        statement.execute(&[
            arg(chain.sequence()),
            arg(chain.hash().to_vec()),
            arg(ring),
            arg(number),
        ])
    });
    raise_alarms(&placed);
    Ok(())
}

/// Counts what somebody should look at soon, and tells whoever listens.
fn raise_alarms(placed: &[Placed<'_>]) {
    for event in ALARMS {
        let times = placed
            .iter()
            .filter(|record| record.entry.event == event)
            .map(|record| record.entry.recorded_at);
        let (count, last) = times.fold((0_i64, i64::MIN), |(count, last), time| {
            (count + 1, last.max(time))
        });
        if count > 0 {
            COUNT_ALARM.with(|statement| statement.execute(&[arg(event), arg(last), arg(count)]));
        }
    }
    let alarms = placed
        .iter()
        .filter(|record| ALARMS.contains(&record.entry.event));
    notification::send_unless_held_up(
        CHANNEL,
        alarms.map(|record| format!("{} {}", record.sequence, record.entry.event)),
    );
}

/// A record of the trail about itself.
fn told<'a>(event: &'a str, count: Option<i64>, details: &'a str) -> Entry<'a> {
    Entry {
        recorded_at: clock::now().0,
        event,
        verdict: "ok",
        row_count: count,
        person: Person {
            details: Some(details),
            ..Person::default()
        },
        ..Entry::default()
    }
}

fn place<'a>(chain: &mut Chain, entries: &[Entry<'a>]) -> Result<Vec<Placed<'a>>> {
    entries
        .iter()
        .map(|entry| {
            let mut salt = [0; 16];
            salt.copy_from_slice(&random::bytes().ok_or_else(Error::audit_unavailable)?[..16]);
            let personal = personal_digest(&salt, &entry.person);
            let (sequence, hash) = chain.append(entry, &personal);
            Ok(Placed {
                sequence,
                entry: *entry,
                salt,
                personal,
                hash,
            })
        })
        .collect()
}

/// Makes the partitions of months that have none.
fn make_partitions(placed: &[Placed<'_>]) {
    let days: HashSet<i64> = placed
        .iter()
        .map(|record| record.entry.recorded_at.div_euclid(DAY))
        .filter(|day| DAYS.with_borrow(|known| !known.contains(day)))
        .collect();
    for day in days {
        let commands = PARTITION.with(|statement| {
            statement.query(&[arg(i32::try_from(day).unwrap_or_default())], |row| {
                row.required::<String>(1)
            })
        });
        for command in commands {
            spi::run_command(&command);
        }
        DAYS.with_borrow_mut(|known| known.insert(day));
    }
}

fn store(placed: &[Placed<'_>]) {
    let mut rows = placed.iter();
    let columns = [
        c"sequence",
        c"recorded_at",
        c"event",
        c"verdict",
        c"code",
        c"database_role",
        c"process_id",
        c"session_id",
        c"app",
        c"relation",
        c"command",
        c"statement_id",
        c"row_count",
        c"transaction_id",
        c"predicates",
        c"personal_hash",
        c"hash",
    ];
    copy::into_table(c"audit_record", &columns, |row| {
        rows.next().map(|record| write_record(row, record)).is_some()
    });
    let mut rows = placed.iter();
    let columns = [
        c"sequence",
        c"recorded_at",
        c"salt",
        c"user_name",
        c"actors",
        c"audit_identity",
        c"client_address",
        c"statement",
        c"details",
    ];
    copy::into_table(c"audit_person", &columns, |row| {
        rows.next().map(|record| write_person(row, record)).is_some()
    });
}

fn write_record(row: &mut Row, record: &Placed<'_>) {
    let entry = &record.entry;
    row.optional_int8(Some(record.sequence));
    row.timestamp(Timestamp(entry.recorded_at));
    row.text(entry.event);
    row.text(entry.verdict);
    row.optional_text(entry.code);
    row.text(entry.database_role);
    row.optional_int8(entry.process_id);
    row.optional_text(entry.session_id);
    row.optional_text(entry.app);
    row.optional_text(entry.relation);
    row.optional_text(entry.command);
    row.optional_int8(entry.statement_id);
    row.optional_int8(entry.row_count);
    row.optional_int8(entry.transaction_id);
    row.optional_text(entry.predicates);
    row.bytes(&record.personal);
    row.bytes(&record.hash);
}

fn write_person(row: &mut Row, record: &Placed<'_>) {
    let person = &record.entry.person;
    row.optional_int8(Some(record.sequence));
    row.timestamp(Timestamp(record.entry.recorded_at));
    row.bytes(&record.salt);
    for text in [
        person.user_name,
        person.actors,
        person.audit_identity,
        person.client_address,
        person.statement,
        person.details,
    ] {
        row.optional_text(text);
    }
}
