//! The database of this backend.

use pgrx::pg_sys;

/// Its OID.
pub fn oid() -> u32 {
    // SAFETY: set once, when the backend connects.
    unsafe { pg_sys::MyDatabaseId }.to_u32()
}
