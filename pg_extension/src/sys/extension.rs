//! Whether this database has the extension.

use pgrx::pg_sys;

/// True when the extension is installed in this database. In a binary upgrade nothing is asked and nothing enforced.
pub fn is_installed() -> bool {
    // SAFETY: catalogue look-up inside a transaction; a missing extension gives InvalidOid.
    unsafe {
        !pg_sys::IsBinaryUpgrade && pg_sys::get_extension_oid(c"pg_vpd".as_ptr(), true) != pg_sys::InvalidOid
    }
}

/// True while a script of the extension runs, when its tables may not be there yet.
pub fn is_being_created() -> bool {
    // SAFETY: plain variables of this process, set by CREATE and ALTER EXTENSION.
    unsafe {
        pg_sys::creating_extension
            && pg_sys::CurrentExtensionObject == pg_sys::get_extension_oid(c"pg_vpd".as_ptr(), true)
    }
}
