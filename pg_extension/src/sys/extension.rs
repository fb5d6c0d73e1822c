//! Whether this database has the extension.

use super::xact;
use pgrx::pg_sys;
use std::cell::Cell;

thread_local! {
    /// What was remembered last.
    static WAS_KNOWN: Cell<bool> = const { Cell::new(false) };
    static IS_KNOWN: Cell<Option<bool>> = const { Cell::new(None) };
}

/// True when the extension is installed in this database. In a binary upgrade nothing is asked and nothing enforced.
pub fn is_installed() -> bool {
    xact::require_in_progress();
    // SAFETY: catalogue look-up inside a transaction; a missing extension gives InvalidOid.
    unsafe {
        !pg_sys::IsBinaryUpgrade && pg_sys::get_extension_oid(c"pg_vpd".as_ptr(), true) != pg_sys::InvalidOid
    }
}

/// As `is_installed`, without a look-up for each row of a table: remembered until some function changes, as creating and dropping the
/// extension do.
pub fn is_known() -> bool {
    IS_KNOWN.get().unwrap_or_else(|| {
        let is_known = is_installed();
        IS_KNOWN.set(Some(is_known));
        WAS_KNOWN.set(is_known);
        is_known
    })
}

/// The same from memory alone: for whoever may look at no catalogue.
pub fn was_known() -> bool {
    IS_KNOWN.get().unwrap_or_else(|| WAS_KNOWN.get())
}

/// Some function was made, changed or dropped.
pub fn functions_changed() {
    IS_KNOWN.set(None);
}

/// True while a script of the extension runs, when its tables may not be there yet.
pub fn is_being_created() -> bool {
    // SAFETY: plain variables of this process, set by CREATE and ALTER EXTENSION.
    unsafe {
        pg_sys::creating_extension
            && pg_sys::CurrentExtensionObject == pg_sys::get_extension_oid(c"pg_vpd".as_ptr(), true)
    }
}
