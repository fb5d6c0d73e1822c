//! Shared memory: the generations of revocations, exemptions, shared context values and of who may do what, how often a key was missed, and what the launcher knows of each database.

use super::database;
use pgrx::{PgAtomic, PgLwLock, pg_guard, pg_shmem_init, pg_sys};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Databases the launcher can serve.
pub const MAX_DATABASES: usize = 256;

/// One database, as the launcher sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct DatabaseSlot {
    /// The database; 0 in a free slot.
    pub database: u32,
    /// Seconds between two purges; 0 when the extension is not installed there.
    pub interval_seconds: u32,
    /// When the last purge was started, microseconds since 2000.
    pub started_at: i64,
    /// Until when no worker works there, microseconds since 2000.
    pub rests_until: i64,
}

/// A database that never reported is looked at again after this many seconds.
const RETRY_SECONDS: u32 = 60;

impl DatabaseSlot {
    /// A database of which nothing is known: it is due.
    pub fn unknown(database: u32) -> Self {
        Self {
            database,
            interval_seconds: RETRY_SECONDS,
            ..Self::default()
        }
    }

    /// When it is to be purged next, microseconds since 2000.
    pub fn due_at(&self) -> i64 {
        self.started_at + i64::from(self.interval_seconds) * 1_000_000
    }
}

/// The slots of all databases.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseSlots(pub [DatabaseSlot; MAX_DATABASES]);

impl Default for DatabaseSlots {
    fn default() -> Self {
        Self([DatabaseSlot::default(); MAX_DATABASES])
    }
}

// SAFETY: plain integers in an array, no pointer.
unsafe impl pgrx::PGRXSharedMemory for DatabaseSlots {}

// SAFETY: the names are unique to this library.
static REVOCATIONS: PgAtomic<AtomicU64> = unsafe { PgAtomic::new(c"pg_vpd_revocations") };
// SAFETY: as above.
static EXEMPTIONS: PgAtomic<AtomicU64> = unsafe { PgAtomic::new(c"pg_vpd_exemptions") };
// SAFETY: as above.
static GLOBAL_CONTEXTS: PgAtomic<AtomicU64> = unsafe { PgAtomic::new(c"pg_vpd_global_contexts") };
// SAFETY: as above.
static AUTHORITY: PgAtomic<AtomicU64> = unsafe { PgAtomic::new(c"pg_vpd_authority") };
// SAFETY: as above.
static UNKNOWN_KEYS: PgAtomic<AtomicU64> = unsafe { PgAtomic::new(c"pg_vpd_unknown_keys") };
// SAFETY: as above.
static LAUNCHER_CALLS: PgAtomic<AtomicU64> = unsafe { PgAtomic::new(c"pg_vpd_launcher_calls") };
// SAFETY: as above.
static LAUNCHER_PROCESS: PgAtomic<AtomicU32> = unsafe { PgAtomic::new(c"pg_vpd_launcher_process") };
// SAFETY: as above.
static DATABASES: PgLwLock<DatabaseSlots> = unsafe { PgLwLock::new(c"pg_vpd_databases") };

pub(super) fn init() {
    pg_shmem_init!(REVOCATIONS = AtomicU64::new(1));
    pg_shmem_init!(EXEMPTIONS = AtomicU64::new(1));
    pg_shmem_init!(GLOBAL_CONTEXTS = AtomicU64::new(1));
    pg_shmem_init!(AUTHORITY = AtomicU64::new(1));
    pg_shmem_init!(UNKNOWN_KEYS = AtomicU64::new(0));
    pg_shmem_init!(LAUNCHER_CALLS = AtomicU64::new(1));
    pg_shmem_init!(LAUNCHER_PROCESS = AtomicU32::new(0));
    pg_shmem_init!(DATABASES);
}

/// Set in a generation of a standby, so that it is none of the primary that the standby may become.
const OF_STANDBY: u64 = 1 << 63;

/// What tells whether something that was kept may be trusted: it was read under a generation, and may while that is the same. Read it before what
/// is kept under it. The counter of a standby is raised by nobody: there the generation is how far it has replayed what the primary has written, so
/// that whatever was changed is followed once it is there. A commit is visible before the position rises behind it.
fn generation(counter: &PgAtomic<AtomicU64>) -> u64 {
    // SAFETY: reads shared state.
    if unsafe { pg_sys::RecoveryInProgress() } {
        // SAFETY: as above; no time line is asked for.
        let replayed = unsafe { pg_sys::GetXLogReplayRecPtr(std::ptr::null_mut()) };
        return replayed | OF_STANDBY;
    }
    counter.get().load(Ordering::Acquire)
}

/// Rises whenever a transaction that ended sessions has committed.
pub fn revocation_generation() -> u64 {
    generation(&REVOCATIONS)
}

/// Makes every backend look at its session again before its next statement.
pub fn announce_revocation() {
    REVOCATIONS.get().fetch_add(1, Ordering::AcqRel);
}

/// Rises whenever a transaction that changed exemptions has committed.
pub fn exemption_generation() -> u64 {
    generation(&EXEMPTIONS)
}

/// Makes every backend look at the exemptions again before it plans or runs as an exempt role.
pub fn announce_exemptions() {
    EXEMPTIONS.get().fetch_add(1, Ordering::AcqRel);
}

/// Rises whenever a transaction that changed values shared between sessions has committed.
pub fn global_context_generation() -> u64 {
    generation(&GLOBAL_CONTEXTS)
}

/// Makes every backend read the shared values again before its next statement.
pub fn announce_global_contexts() {
    GLOBAL_CONTEXTS.get().fetch_add(1, Ordering::AcqRel);
}

/// Rises whenever a transaction that changed who may do what has committed.
pub fn authority_generation() -> u64 {
    generation(&AUTHORITY)
}

/// Makes every backend flatten its session again before its next statement.
pub fn announce_authority() {
    AUTHORITY.get().fetch_add(1, Ordering::AcqRel);
}

/// How many tokens of issuers that are trusted have named a key that is not known here, in all databases.
pub fn unknown_keys() -> u64 {
    UNKNOWN_KEYS.get().load(Ordering::Relaxed)
}

/// Counts a token that named a key which is not known. It stays counted when the transaction is rolled back, as it is when a token is refused.
pub fn count_unknown_key() {
    UNKNOWN_KEYS.get().fetch_add(1, Ordering::Relaxed);
}

/// Rises whenever the launcher should look at the databases again.
pub fn launcher_calls() -> u64 {
    LAUNCHER_CALLS.get().load(Ordering::Acquire)
}

/// Forgets what is known of this database, so that the launcher looks at it again.
pub fn call_launcher() {
    let database = database::oid();
    change_database(database, |slot| {
        *slot = DatabaseSlot {
            rests_until: slot.rests_until,
            ..DatabaseSlot::unknown(database)
        };
    });
    LAUNCHER_CALLS.get().fetch_add(1, Ordering::AcqRel);
}

/// The launcher runs in this process.
pub fn set_launcher_process(process: i32) {
    LAUNCHER_PROCESS
        .get()
        .store(process.unsigned_abs(), Ordering::Release);
}

/// The process of the launcher; 0 before it runs.
pub fn launcher_process() -> i32 {
    LAUNCHER_PROCESS.get().load(Ordering::Acquire).cast_signed()
}

/// A copy of the slots.
pub fn databases() -> Vec<DatabaseSlot> {
    DATABASES
        .share()
        .0
        .iter()
        .copied()
        .filter(|slot| slot.database != 0)
        .collect()
}

/// Frees the slots of databases that are gone.
pub fn keep_databases(known: &[u32]) {
    for slot in &mut DATABASES.exclusive().0 {
        if slot.database != 0 && !known.contains(&slot.database) {
            *slot = DatabaseSlot::default();
        }
    }
}

/// Changes one database's slot; a full table forgets nothing and ignores the newcomer.
pub fn change_database(database: u32, change: impl FnOnce(&mut DatabaseSlot)) {
    let mut slots = DATABASES.exclusive();
    let position = slots.0.iter().position(|slot| slot.database == database);
    let position = position.or_else(|| {
        let free = slots.0.iter().position(|slot| slot.database == 0)?;
        slots.0[free] = DatabaseSlot::unknown(database);
        Some(free)
    });
    if let Some(position) = position {
        change(&mut slots.0[position]);
    }
}

/// Whether a database is about to be dropped, copied or moved at this time. A worker asks when it is connected: who stops the workers says so first, and stops those that are connected then.
pub fn is_at_rest(database: u32, now: i64) -> bool {
    let slots = DATABASES.share();
    slots
        .0
        .iter()
        .any(|slot| slot.database == database && now < slot.rests_until)
}
