//! When the server has found that somebody may read what a statement names, the library looks whether there is a way past policies among it: the
//! stored values of a protected table beside the table, or the private half of the signing key, which roles with BYPASSRLS and pg_read_all_data would see.
//! Views of the server over statistics are read as their owner and stay.

use crate::sys::table::table;
use crate::sys::{Oid, spi};
use pgrx::{pg_guard, pg_sys};
use std::ffi::CStr;

/// The catalogues pg_statistic and pg_statistic_ext_data, which hold values of every table.
const STATISTICS: [u32; 2] = [2619, 3429];

/// The table with the private half of the signing key.
const SECRET: &CStr = c"signing_secret";

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
            .filter(|entry| entry.relid != pg_sys::InvalidOid)
            .find_map(|entry| {
                let reader = (entry.checkAsUser != pg_sys::InvalidOid).then_some(entry.checkAsUser);
                let may = match content_of(entry.relid) {
                    Content::Other => Ok(()),
                    Content::Values => (table().command.read_store)(entry.relid, reader),
                    Content::Secret => (table().command.reach_secret)(reader),
                };
                may.err()
            })
    };
    match refused {
        None => true,
        Some(error) if is_raised => error.raise(),
        Some(_) => false,
    }
}

/// What a relation holds.
enum Content {
    /// The values of another table.
    Values,
    /// The private half of the signing key.
    Secret,
    Other,
}

/// Costs one look at the relation, whatever it is.
unsafe fn content_of(relation: Oid) -> Content {
    if STATISTICS.contains(&relation.to_u32()) {
        return Content::Values;
    }
    // SAFETY: a catalogue look-up; the row is given back. The name is NUL-terminated within its length.
    unsafe {
        let row = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, relation.into());
        if row.is_null() {
            return Content::Other;
        }
        let form = &*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_class>();
        let content = if form.relkind as u8 == pg_sys::RELKIND_TOASTVALUE {
            Content::Values
        } else if CStr::from_ptr(form.relname.data.as_ptr()) == SECRET
            && form.relnamespace == pg_sys::get_namespace_oid(c"vpd_private".as_ptr(), true)
        {
            Content::Secret
        } else {
            Content::Other
        };
        pg_sys::ReleaseSysCache(row);
        content
    }
}
