//! The ring of a database: records on their way to the one process that writes them down.
//!
//! It lies in a file that all connections of the database map, so what is in it survives the end of a connection and of the server. What a record says is not known
//! here. Invariant: appending reads no catalogue and raises no error: it is done in the middle of transactions that fail.

mod block;
mod file;

pub use block::Batch;
pub use file::databases;

use super::{clock, database, latch, random, shmem};
use crate::guc;
use block::Block;
use file::Mapped;
use pgrx::{PgLwLock, pg_guard, pg_shmem_init, pg_sys};
use std::cell::{Cell, OnceCell};
use std::sync::atomic::Ordering;

/// What all processes know.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// Another after each start of the server, and after each crash.
    generation: [u64; 2],
}

// SAFETY: plain numbers, no pointer.
unsafe impl pgrx::PGRXSharedMemory for State {}

// SAFETY: the name is unique to this library.
static STATE: PgLwLock<State> = unsafe { PgLwLock::new(c"pg_vpd_rings") };

thread_local! {
    static RING: OnceCell<Option<Mapped>> = const { OnceCell::new() };
    /// Whether the log was told that there is none.
    static IS_TOLD: Cell<bool> = const { Cell::new(false) };
}

pub(super) fn init() {
    pg_shmem_init!(
        STATE = State {
            generation: two_numbers()
        }
    );
}

fn two_numbers() -> [u64; 2] {
    let bytes = random::bytes().unwrap_or_default();
    let mut numbers = [0; 2];
    for (number, bytes) in numbers.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut word = [0; 8];
        word.copy_from_slice(bytes);
        *number = u64::from_le_bytes(word);
    }
    numbers
}

/// Opens the ring of a database.
fn open(database: u32) -> Option<Mapped> {
    let state = STATE.exclusive();
    let mapped = file::map(database, guc::audit_ring_size())?;
    mapped.prepare(two_numbers(), state.generation);
    Some(mapped)
}

/// Works with the ring of this database; `None` when it cannot be had, which the log is told once.
fn with<R>(work: impl FnOnce(&Block) -> R) -> Option<R> {
    RING.with(|ring| {
        let found = ring.get_or_init(|| open(database::oid())).as_ref().map(|mapped| work(mapped));
        if found.is_none() && !IS_TOLD.replace(true) {
            pgrx::log!("pg_vpd: the audit trail of this database cannot be reached, because its file in pg_dynshmem cannot be made");
        }
        found
    })
}

/// Appends a record; its number. Waits a bounded time for room. `None` when there was none: that is counted, and told in the trail.
pub fn append(record: &[u8]) -> Option<u64> {
    with(|block| {
        let mut waited = 0;
        loop {
            if let Some(number) = block.append(record, pause) {
                return Some(number);
            }
            // Where nobody writes there will be no room; where somebody does, whoever fills the ring waits as others do.
            let is_hopeless = block.is_stalled() && block.header().scribe.load(Ordering::Acquire) == 0;
            if is_hopeless || waited >= guc::audit_wait_milliseconds() {
                block.note_loss(clock::now().0);
                return None;
            }
            latch::wake(writer(block));
            // SAFETY: sleeps for a millisecond.
            unsafe { pg_sys::pg_usleep(1_000) }
            waited += 1;
        }
    })
    .flatten()
}

/// Another appends: that takes less than a microsecond, unless it was put aside.
fn pause(tries: u32) {
    if tries < 100 {
        std::hint::spin_loop();
    } else {
        // SAFETY: sleeps for ten microseconds.
        unsafe { pg_sys::pg_usleep(10) }
    }
}

/// Longest record there may be.
pub fn longest() -> usize {
    block::longest(guc::audit_ring_size())
}

/// The number of the last record.
pub fn last_number() -> u64 {
    with(|block| block.last_number()).unwrap_or(0)
}

/// Whether the record of a number was written down for good.
pub fn is_durable(number: u64) -> bool {
    with(|block| block.header().durable.load(Ordering::Acquire) >= number).unwrap_or(false)
}

/// The process that writes records of this database down; 0 when there is none.
pub fn scribe() -> i32 {
    with(|block| block.header().scribe.load(Ordering::Acquire)).unwrap_or(0)
}

/// Wakes the process that writes, or the launcher, which starts one.
pub fn wake() {
    with(|block| latch::wake(writer(block)));
}

fn writer(block: &Block) -> i32 {
    match block.header().scribe.load(Ordering::Acquire) {
        0 => shmem::launcher_process(),
        scribe => scribe,
    }
}

/// This process is the one that writes, or is it no more.
pub fn set_scribe(process: i32) {
    with(|block| block.header().scribe.store(process, Ordering::Release));
}

/// Which ring it is, to whoever reads it.
pub fn id() -> Option<[u8; 16]> {
    with(Block::id)
}

/// Reads on, at most so many records.
pub fn peek(most: usize) -> Batch {
    with(|block| block.peek(most)).unwrap_or_default()
}

/// What was read is written down.
pub fn advance(batch: &Batch) {
    with(|block| block.advance(batch));
}

/// How full it is, from 0 to 1.
pub fn usage() -> f64 {
    with(Block::usage).unwrap_or(0.0)
}

/// How many records found no room and have not been told of, and since when.
pub fn lost() -> (u64, i64) {
    with(|block| {
        let header = block.header();
        (
            header.lost.load(Ordering::Acquire),
            header.lost_since.load(Ordering::Acquire),
        )
    })
    .unwrap_or_default()
}

/// So many were told of.
pub fn told_of_lost(count: u64) {
    with(|block| block.header().lost.fetch_sub(count, Ordering::AcqRel));
}

/// The rings of all databases, for the launcher.
#[derive(Default)]
pub struct Rings(Vec<(u32, Mapped)>);

impl Rings {
    /// Of the databases that were found to have one, those that there are; the others are removed.
    pub fn look(&mut self, found: &[u32], all: &[u32]) {
        self.0.retain(|(database, _)| all.contains(database));
        for database in found {
            if !all.contains(database) {
                file::remove(*database);
            } else if self.0.iter().all(|(had, _)| had != database)
                && let Some(mapped) = open(*database)
            {
                self.0.push((*database, mapped));
            }
        }
    }

    /// Of these databases, those with something to be written down, and nobody who does.
    pub fn waiting(&self, known: &[u32]) -> Vec<u32> {
        self.0
            .iter()
            .filter(|(database, mapped)| {
                known.contains(database)
                    && mapped.has_unread()
                    && mapped.header().scribe.load(Ordering::Acquire) == 0
            })
            .map(|(database, _)| *database)
            .collect()
    }
}
