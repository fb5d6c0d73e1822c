//! Locks of the extension, none of which a plain user can take: advisory locks are open to everybody and would let anyone
//! stop a login or the purge.

use crate::error::{Error, Result};
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::CStr;

thread_local! {
    /// Whether the transaction holds a lock under which something is counted.
    static IS_COUNTING: Cell<bool> = const { Cell::new(false) };
}

/// A prepared transaction would keep its locks from everybody else for as long as it likes, over restarts too.
pub fn may_prepare_transaction() -> Result<()> {
    if IS_COUNTING.get() {
        return Err(Error::not_preparable("sessions, tickets or records of actions"));
    }
    Ok(())
}

/// The transaction is over.
pub fn forget() {
    IS_COUNTING.set(false);
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
}

/// One transaction at a time adds what is counted under the same key.
pub fn serialize(counted: Counted, key: &[u8]) {
    let class = match counted {
        Counted::Sessions => c"session",
        Counted::Tickets => c"ticket",
        Counted::Actions => c"action_record",
    };
    if let Some(class) = table(class) {
        IS_COUNTING.set(true);
        let hash = key.iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        });
        // SAFETY: an object lock inside the class of our own table; keys that collide wait for each other.
        unsafe { pg_sys::LockDatabaseObject(class, pg_sys::Oid::from(hash), 0, pg_sys::ExclusiveLock as i32) }
    }
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
