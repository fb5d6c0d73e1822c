//! When the server has found that somebody may read what a statement names, the library looks whether there is a way past policies among it: the
//! stored values of a protected table beside the table. Views of the server over statistics are read as their owner and stay.

use crate::sys::table::table;
use crate::sys::{Oid, spi};
use pgrx::{pg_guard, pg_sys};

/// The catalogues pg_statistic and pg_statistic_ext_data, which hold values of every table.
const STATISTICS: [u32; 2] = [2619, 3429];

static mut NEXT: pg_sys::ExecutorCheckPerms_hook_type = None;

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT = pg_sys::ExecutorCheckPerms_hook;
        pg_sys::ExecutorCheckPerms_hook = Some(check);
    }
}

#[cfg(feature = "pg15")]
#[pg_guard]
unsafe extern "C-unwind" fn check(entries: *mut pg_sys::List, is_raised: bool) -> bool {
    // SAFETY: passes on what the server passed, a list of RangeTblEntry.
    unsafe { NEXT.is_none_or(|next| guarded!(next(entries, is_raised))) && is_allowed(entries, is_raised) }
}

#[cfg(not(feature = "pg15"))]
#[pg_guard]
unsafe extern "C-unwind" fn check(
    entries: *mut pg_sys::List,
    permissions: *mut pg_sys::List,
    is_raised: bool,
) -> bool {
    // SAFETY: as above; the second list holds RTEPermissionInfo.
    unsafe {
        NEXT.is_none_or(|next| guarded!(next(entries, permissions, is_raised)))
            && is_allowed(permissions, is_raised)
    }
}

#[cfg(feature = "pg15")]
type Entry = pg_sys::RangeTblEntry;
#[cfg(not(feature = "pg15"))]
type Entry = pg_sys::RTEPermissionInfo;

unsafe fn is_allowed(entries: *mut pg_sys::List, is_raised: bool) -> bool {
    if spi::is_internal() || entries.is_null() {
        return true;
    }
    // SAFETY: as the server passed it; entries without a relation have no OID.
    let refused = unsafe {
        (0..(*entries).length)
            .map(|index| &*crate::sys::list::nth(entries, index).cast::<Entry>())
            .filter(|entry| entry.relid != pg_sys::InvalidOid && is_store(entry.relid))
            .find_map(|entry| {
                let reader = (entry.checkAsUser != pg_sys::InvalidOid).then_some(entry.checkAsUser);
                (table().command.read_store)(entry.relid, reader).err()
            })
    };
    match refused {
        None => true,
        Some(error) if is_raised => error.raise(),
        Some(_) => false,
    }
}

/// True for what holds the values of another table. Costs nothing for tables of applications: their numbers are looked up.
unsafe fn is_store(relation: Oid) -> bool {
    // SAFETY: a catalogue look-up.
    STATISTICS.contains(&relation.to_u32())
        || unsafe { pg_sys::get_rel_relkind(relation) } == pg_sys::RELKIND_TOASTVALUE as std::ffi::c_char
}
