//! Counters of policies in shared memory: a table of bounded size, one entry a policy that ever ran a function or refused a row.
//!
//! It says nothing of what a policy is, and nothing of templates, whose predicates are made once and cost nothing to look up.
//! Invariant: the lock is held for a few memory reads and writes only, never across anything that can raise an error.

use super::readiness::is_ready;
use super::{clock, database};
use pgrx::{PgLwLock, pg_guard, pg_shmem_init, pg_sys};
use std::cell::Cell;

/// Policies counted in the whole cluster.
pub const MAX_ENTRIES: usize = 1024;
const NAME_BYTES: usize = 63;
/// Entries of dropped databases are looked for this often at most, while the table is full.
const SWEEP_SECONDS: i64 = 60;

thread_local! {
    static SWEPT_AT: Cell<i64> = const { Cell::new(i64::MIN) };
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    /// A policy function ran so many microseconds.
    Call(u64),
    /// A predicate was used again without running the function.
    Hit,
    /// A function failed, or returned what is no predicate.
    Error,
    /// A new row was refused.
    Denial,
}

/// The counters of one policy.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    database: u32,
    /// Table of the policy.
    pub relation: u32,
    name: [u8; NAME_BYTES],
    name_length: u8,
    /// Function calls that returned.
    pub calls: u64,
    /// Uses without a call.
    pub hits: u64,
    /// Time of all calls, microseconds.
    pub total_us: u64,
    /// Time of the longest.
    pub max_us: u64,
    /// Failures.
    pub errors: u64,
    /// Refused rows.
    pub denials: u64,
    /// Since when, microseconds since 2000.
    pub since: i64,
}

impl Entry {
    const FREE: Self = Self {
        database: 0,
        relation: 0,
        name: [0; NAME_BYTES],
        name_length: 0,
        calls: 0,
        hits: 0,
        total_us: 0,
        max_us: 0,
        errors: 0,
        denials: 0,
        since: 0,
    };

    /// Name of the policy.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.name[..usize::from(self.name_length)]).into_owned()
    }

    fn add(&mut self, event: Event) {
        match event {
            Event::Call(micros) => {
                self.calls += 1;
                self.total_us = self.total_us.saturating_add(micros);
                self.max_us = self.max_us.max(micros);
            }
            Event::Hit => self.hits += 1,
            Event::Error => self.errors += 1,
            Event::Denial => self.denials += 1,
        }
    }
}

struct Table {
    entries: [Entry; MAX_ENTRIES],
    /// Entries in use, at the front.
    used: usize,
    /// Events of policies that found no room.
    lost: u64,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            entries: [Entry::FREE; MAX_ENTRIES],
            used: 0,
            lost: 0,
        }
    }
}

impl Table {
    fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        let mut index = 0;
        while index < self.used {
            if keep(&self.entries[index]) {
                index += 1;
            } else {
                self.used -= 1;
                self.entries[index] = self.entries[self.used];
            }
        }
    }
}

// SAFETY: plain integers in arrays, no pointer.
unsafe impl pgrx::PGRXSharedMemory for Table {}

// SAFETY: the name is unique to this library.
static TABLE: PgLwLock<Table> = unsafe { PgLwLock::new(c"pg_vpd_statistics") };

pub(super) fn init() {
    pg_shmem_init!(TABLE);
}

/// Counts an event of a policy of this database.
pub fn count(relation: pg_sys::Oid, policy: &str, event: Event) {
    if is_ready() && !try_count(relation, policy, event) {
        sweep();
        if !try_count(relation, policy, event) {
            TABLE.exclusive().lost += 1;
        }
    }
}

fn try_count(relation: pg_sys::Oid, policy: &str, event: Event) -> bool {
    let name = &policy.as_bytes()[..policy.len().min(NAME_BYTES)];
    let (database, relation) = (database::oid(), relation.to_u32());
    let now = clock::now().0;
    let mut table = TABLE.exclusive();
    let used = table.used;
    let is_it = |entry: &Entry| {
        entry.relation == relation
            && entry.database == database
            && entry.name[..usize::from(entry.name_length)] == *name
    };
    if let Some(entry) = table.entries[..used].iter_mut().find(|entry| is_it(entry)) {
        entry.add(event);
        return true;
    }
    if used == MAX_ENTRIES {
        return false;
    }
    let mut entry = Entry {
        database,
        relation,
        name_length: name.len() as u8,
        since: now,
        ..Entry::FREE
    };
    entry.name[..name.len()].copy_from_slice(name);
    entry.add(event);
    table.entries[used] = entry;
    table.used += 1;
    true
}

/// The counters of this database.
pub fn entries() -> Vec<Entry> {
    let database = database::oid();
    let table = TABLE.share();
    table.entries[..table.used]
        .iter()
        .filter(|entry| entry.database == database)
        .copied()
        .collect()
}

/// Entries in use in the cluster, and events that found no room since the last reset anywhere.
pub fn usage() -> (usize, u64) {
    let table = TABLE.share();
    (table.used, table.lost)
}

/// Sets the counters of this database to nothing.
pub fn reset() {
    let database = database::oid();
    let mut table = TABLE.exclusive();
    table.retain(|entry| entry.database != database);
    table.lost = 0;
}

/// Makes room: the entries of databases that were dropped go.
fn sweep() {
    let now = clock::now().0;
    if now < SWEPT_AT.get().saturating_add(SWEEP_SECONDS * 1_000_000) {
        return;
    }
    SWEPT_AT.set(now);
    let mut databases: Vec<u32> = {
        let table = TABLE.share();
        table.entries[..table.used]
            .iter()
            .map(|entry| entry.database)
            .collect()
    };
    databases.sort_unstable();
    databases.dedup();
    // SAFETY: catalogue look-up inside a transaction; a database that is gone gives NULL.
    databases.retain(|database| unsafe { pg_sys::get_database_name(pg_sys::Oid::from(*database)).is_null() });
    TABLE
        .exclusive()
        .retain(|entry| !databases.contains(&entry.database));
}
