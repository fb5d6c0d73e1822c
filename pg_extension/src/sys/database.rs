//! The database of this backend.

use pgrx::pg_sys;

/// Its OID.
pub fn oid() -> u32 {
    // SAFETY: set once, when the backend connects.
    unsafe { pg_sys::MyDatabaseId }.to_u32()
}

/// Whether its texts are UTF-8.
pub fn is_utf8() -> bool {
    // SAFETY: set once, when the backend connects.
    unsafe { pgrx::pg_sys::GetDatabaseEncoding() == pgrx::pg_sys::pg_enc::PG_UTF8 as i32 }
}
