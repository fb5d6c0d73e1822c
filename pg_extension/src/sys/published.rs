//! Blocks of bytes that one connection makes and all of its database read: each lies in a file once, however many have it mapped.
//!
//! What a block says is not known here. Invariants: a block that is found is the one that was asked for, by server, start of the server, database, topic
//! and version, and whole; it never changes; who finds none makes his own, so that nothing depends on there being one.

mod file;
mod form;

use super::random;
use super::{clock, database};
use form::Identity;
use pgrx::{PgLwLock, pg_guard, pg_shmem_init, pg_sys};

pub use file::{Published, bytes_of};
pub use form::PARTS;

/// Says what a block is made from. Nothing else ever has the same.
pub type Version = [u8; 16];

/// Versions that could not be published, remembered for all.
const REFUSED: usize = 16;
/// Who finds that a version could not be published tries again after so long.
const RETRY: i64 = 60 * 1_000_000;

/// What all processes know.
#[derive(Debug, Clone, Copy)]
struct State {
    /// Another after each start of the server, and after each crash: what a former one left is nobody's.
    generation: [u8; 16],
    refused: [(Version, i64); REFUSED],
}

// SAFETY: plain numbers, no pointer.
unsafe impl pgrx::PGRXSharedMemory for State {}

impl Default for State {
    fn default() -> Self {
        Self {
            generation: [0; 16],
            refused: [([0; 16], 0); REFUSED],
        }
    }
}

impl State {
    /// At a start no process has anything mapped.
    fn at_start() -> Self {
        file::sweep(|_, _| false);
        let mut state = Self::default();
        if let Some(bytes) = random::bytes() {
            state.generation.copy_from_slice(&bytes[..16]);
        }
        state
    }
}

// SAFETY: the name is unique to this library.
static STATE: PgLwLock<State> = unsafe { PgLwLock::new(c"pg_vpd_published") };

pub(super) fn init() {
    pg_shmem_init!(STATE = State::at_start());
}

/// Works with the identity of a block of this database. Without random bytes there is no generation, and nothing is published.
fn identified<R>(topic: &str, version: &Version, work: impl FnOnce(&Identity<'_>) -> Option<R>) -> Option<R> {
    if !super::is_preloaded() {
        return None;
    }
    let generation = STATE.share().generation;
    if generation == [0; 16] {
        return None;
    }
    work(&Identity {
        generation,
        database: database::oid(),
        topic,
        version: *version,
    })
}

/// The block of a topic and version, if somebody has published it.
pub fn find(topic: &str, version: &Version) -> Option<Published> {
    identified(topic, version, Published::open)
}

/// Publishes a block in place of the former of its topic. When it cannot be, nobody tries again for a while, and the log says why.
pub fn publish(topic: &str, version: &Version, parts: [&[u8]; PARTS], limit: usize) -> Option<Published> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let written = if length > limit {
        Err(format!("it takes {length} bytes, more than {limit}"))
    } else {
        identified(topic, version, |identity| {
            Some(file::write(identity, &parts).map_err(|error| error.to_string()))
        })
        .unwrap_or_else(|| Err("the server has no random bytes".to_owned()))
    };
    if let Err(reason) = written {
        refuse(version);
        pgrx::log!(
            "pg_vpd: each connection keeps its own copy of \"{topic}\", it cannot be shared: {reason}"
        );
        return None;
    }
    find(topic, version)
}

fn refuse(version: &Version) {
    let until = clock::now().0 + RETRY;
    let mut state = STATE.exclusive();
    // The one that ends first gives its place.
    if let Some(place) = state.refused.iter_mut().min_by_key(|(_, until)| *until) {
        *place = (*version, until);
    }
}

/// True when a version could not be published a short while ago.
pub fn is_refused(version: &Version) -> bool {
    let now = clock::now().0;
    !super::is_preloaded()
        || STATE
            .share()
            .refused
            .iter()
            .any(|(refused, until)| refused == version && now < *until)
}

/// Removes the block of a topic.
pub fn withdraw(topic: &str) {
    file::remove(database::oid(), topic);
}

/// Removes the blocks of this database but those of some topics, and those of databases that are gone.
pub fn keep(topics: &[&str]) {
    let own = database::oid();
    file::sweep(|of, name| {
        if of == own {
            file::is_of(name, own, topics)
        } else {
            // SAFETY: a look into the cache of databases; gives NULL for one that is gone.
            unsafe { !pg_sys::get_database_name(pg_sys::Oid::from(of)).is_null() }
        }
    });
}

/// Removes the blocks of all databases but these.
pub(super) fn keep_databases(known: &[u32]) {
    file::sweep(|of, _| known.contains(&of));
}

/// The turn to make the block of a topic: one at a time, while the others wait for him. Nothing that somebody who waits could hold may be waited for
/// in it: tables that are read are locked before.
pub struct Turn(pg_sys::LOCKTAG);

impl Turn {
    /// Waits for the turn.
    pub fn wait(topic: &str) -> Self {
        let key = form::checksum(topic.as_bytes());
        let tag = pg_sys::LOCKTAG {
            locktag_field1: database::oid(),
            locktag_field2: (key >> 32) as u32,
            locktag_field3: key as u32,
            // Functions for advisory locks use 1 and 2: nobody can take this one.
            locktag_field4: 0x5650,
            locktag_type: pg_sys::LockTagType::LOCKTAG_ADVISORY as u8,
            locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
        };
        // SAFETY: a lock of the transaction, which an abort gives back.
        unsafe { pg_sys::LockAcquire(&tag, pg_sys::ExclusiveLock as i32, false, false) };
        Self(tag)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: gives back what `wait` took.
            unsafe { pg_sys::LockRelease(&self.0, pg_sys::ExclusiveLock as i32, false) };
        }
    }
}
