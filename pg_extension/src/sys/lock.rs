//! Locks of the extension, none of which a plain user can take: advisory locks are open to everybody and would let anyone
//! stop a login or the purge.

use crate::error::{Error, Result};
use pgrx::{pg_guard, pg_sys};
use std::cell::RefCell;
use std::ffi::CStr;

/// Keys of a sort that a transaction locks one by one; from then on it locks the whole sort, because the server has one table for the locks of
/// everybody, and its size is fixed.
const MAX_KEYS: usize = 64;

thread_local! {
    /// What is locked until the process ends.
    static OF_PROCESS: RefCell<Vec<(pg_sys::LOCKTAG, u32)>> = const { RefCell::new(Vec::new()) };
    /// What the transaction has locked: the class, the key and the depth of the (sub)transaction; `WHOLE` for the whole class.
    static HELD: RefCell<Vec<(pg_sys::Oid, u32, i32)>> = const { RefCell::new(Vec::new()) };
}

/// The key that stands for a whole class.
const WHOLE: u32 = 0;

/// The key of the one worker that purges, in the class of the settings.
const PURGE: u32 = 1;
/// The key of the one worker that writes the audit trail, likewise.
const SCRIBE: u32 = 2;

/// A prepared transaction would keep its locks from everybody else for as long as it likes, over restarts too.
pub fn may_prepare_transaction() -> Result<()> {
    if HELD.with_borrow(|held| !held.is_empty()) {
        return Err(Error::not_preparable("sessions, tickets or records of actions"));
    }
    Ok(())
}

/// The transaction is over.
pub fn forget() {
    HELD.with_borrow_mut(Vec::clear);
}

/// A sub-transaction of this depth gave its locks back.
pub fn subtransaction_aborted(level: i32) {
    HELD.with_borrow_mut(|held| held.retain(|(.., at)| *at < level));
}

/// A sub-transaction of this depth left its locks to the one around it.
pub fn subtransaction_committed(level: i32) {
    HELD.with_borrow_mut(|held| {
        for (.., at) in held.iter_mut().filter(|(.., at)| *at == level) {
            *at = level - 1;
        }
    });
}

/// Keeps the extension from being dropped while the transaction lasts; false when somebody is dropping it, or it is gone.
pub fn try_hold_extension() -> bool {
    // SAFETY: locks a table by its OID; the look-up after it sees whether the table is still there.
    unsafe {
        table(c"setting").is_some_and(|held| {
            pg_sys::ConditionalLockRelationOid(held, pg_sys::RowShareLock as i32)
                && table(c"setting") == Some(held)
        })
    }
}

/// Makes this process the one that purges its database until it exits; false when another is.
pub fn try_be_the_purge() -> bool {
    let Some(class) = table(c"setting") else {
        return false;
    };
    // SAFETY: a plain variable of this process.
    let database = unsafe { pg_sys::MyDatabaseId };
    try_object(database, class, PURGE, pg_sys::ExclusiveLock, true)
}

/// Makes this process the one that writes the audit trail of its database until it exits; false when another is.
pub fn try_be_the_scribe() -> bool {
    let Some(class) = table(c"setting") else {
        return false;
    };
    // SAFETY: a plain variable of this process.
    let database = unsafe { pg_sys::MyDatabaseId };
    try_object(database, class, SCRIBE, pg_sys::ExclusiveLock, true)
}

/// Locks an object of a class, of a database or of the cluster, if nobody has to be waited for: until the transaction ends, or this process.
pub(super) fn try_object(
    database: pg_sys::Oid,
    class: pg_sys::Oid,
    object: u32,
    mode: u32,
    is_for_process: bool,
) -> bool {
    let tag = pg_sys::LOCKTAG {
        locktag_field1: database.to_u32(),
        locktag_field2: class.to_u32(),
        locktag_field3: object,
        locktag_field4: 0,
        locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
        locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
    };
    // SAFETY: the server lets go of it at the end of the transaction; `let_go` does at the end of the process.
    let is_had = unsafe {
        pg_sys::LockAcquire(&raw const tag, mode as i32, is_for_process, true)
            != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL
    };
    if is_had && is_for_process {
        let is_first = OF_PROCESS.with_borrow_mut(|held| {
            held.push((tag, mode));
            held.len() == 1
        });
        if is_first {
            // SAFETY: a static function.
            unsafe { pg_sys::before_shmem_exit(Some(let_go), pg_sys::Datum::from(0)) }
        }
    }
    is_had
}

/// The process ends. A lock that is held for it would stay, and with the place of the process go over to the next one: outside of a transaction the server lets go of none.
#[pg_guard]
unsafe extern "C-unwind" fn let_go(_code: i32, _arg: pg_sys::Datum) {
    for (tag, mode) in OF_PROCESS.take() {
        // SAFETY: a lock that this process has.
        unsafe { pg_sys::LockRelease(&raw const tag, mode as i32, true) };
    }
}

/// Waits for purges to finish and keeps new ones from starting until the transaction ends.
pub fn hold_off_purges() {
    if let Some(table) = table(c"setting") {
        // SAFETY: locks a table by its OID.
        unsafe { pg_sys::LockRelationOid(table, pg_sys::AccessExclusiveLock as i32) }
    }
}

/// What is looked at before one more is added.
pub enum Counted {
    /// Sessions of a user.
    Sessions,
    /// Open tickets of a session.
    Tickets,
    /// What was done to an object.
    Actions,
    /// Registrations of an application or an issuer.
    Registrations,
    /// Keys that the database signs with.
    Keys,
    /// Sessions that a login at an identity provider opened.
    Logins,
}

/// One transaction at a time adds what is counted under the same key.
pub fn serialize(counted: Counted, key: &[u8]) {
    let class = match counted {
        Counted::Sessions => c"session",
        Counted::Tickets => c"ticket",
        Counted::Actions => c"action_record",
        Counted::Registrations => c"app",
        Counted::Keys => c"signing_key",
        Counted::Logins => c"provider_logout",
    };
    let Some(class) = table(class) else { return };
    let key = hash(key).max(WHOLE + 1);
    let (is_held, count) = HELD.with_borrow(|held| {
        let mut of_class = held.iter().filter(|(of, ..)| *of == class);
        let count = of_class.clone().count();
        (
            of_class.any(|(_, known, _)| *known == key || *known == WHOLE),
            count,
        )
    });
    if is_held {
        return;
    }
    if count < MAX_KEYS {
        // Whoever locks the whole class waits for those who have some of it, and they for him.
        lock(class, WHOLE, pg_sys::RowShareLock);
        lock(class, key, pg_sys::ExclusiveLock);
        note(class, key);
    } else {
        lock(class, WHOLE, pg_sys::ExclusiveLock);
        note(class, WHOLE);
    }
}

/// What somebody makes and somebody else destroys.
#[derive(Debug, Clone, Copy)]
pub enum Sealed<'a> {
    /// A key of sealed columns, by its number: columns for it are made.
    Key(u32),
    /// A person, by name: keys are made for him.
    Person(&'a str),
}

impl Sealed<'_> {
    /// Persons share a few locks, because there may be very many.
    const PERSONS: u32 = 64;

    fn lock(self, mode: u32) {
        let (class, key) = match self {
            Self::Key(number) => (c"sealing_key", number),
            Self::Person(name) => (c"sealed_person", hash(name.as_bytes()) % Self::PERSONS),
        };
        if let Some(class) = table(class) {
            lock(class, key, mode);
        }
    }

    /// Whoever destroys it waits until this transaction ends.
    pub fn hold(self) {
        self.lock(pg_sys::RowShareLock);
    }

    /// Waits for all who hold it, and lets nobody hold it before the transaction ends.
    pub fn own(self) {
        self.lock(pg_sys::ExclusiveLock);
    }
}

fn hash(key: &[u8]) -> u32 {
    key.iter().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

fn lock(class: pg_sys::Oid, key: u32, mode: u32) {
    // SAFETY: an object lock inside the class of our own table; keys that collide wait for each other.
    unsafe { pg_sys::LockDatabaseObject(class, pg_sys::Oid::from(key), 0, mode as i32) }
}

fn note(class: pg_sys::Oid, key: u32) {
    // SAFETY: reads backend state.
    let level = unsafe { pg_sys::GetCurrentTransactionNestLevel() };
    HELD.with_borrow_mut(|held| held.push((class, key, level)));
}

/// OID of a table of the extension.
pub fn table(name: &CStr) -> Option<pg_sys::Oid> {
    // SAFETY: catalogue look-ups; what is missing gives InvalidOid.
    let oid = unsafe {
        let schema = pg_sys::get_namespace_oid(c"vpd_private".as_ptr(), true);
        if schema == pg_sys::InvalidOid {
            schema
        } else {
            pg_sys::get_relname_relid(name.as_ptr(), schema)
        }
    };
    (oid != pg_sys::InvalidOid).then_some(oid)
}
