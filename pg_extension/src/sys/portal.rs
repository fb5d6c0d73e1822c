//! Open cursors.

use pgrx::pg_sys;

/// Closes every cursor of the connection that is not running now, holdable ones included.
/// Rows fetched for one session are thereby never read by the next.
pub fn close_all() {
    // SAFETY: what CLOSE ALL does; the portal that is running this call is active and therefore skipped.
    unsafe { pg_sys::PortalHashTableDeleteAll() }
}
