//! Whether this database has the extension.

use pgrx::pg_sys;

/// True when the extension is installed in this database. In a binary upgrade nothing is asked and nothing enforced.
pub fn is_installed() -> bool {
    // SAFETY: catalogue look-up inside a transaction; a missing extension gives InvalidOid.
    unsafe {
        !pg_sys::IsBinaryUpgrade && pg_sys::get_extension_oid(c"pg_vpd".as_ptr(), true) != pg_sys::InvalidOid
    }
}
