//! Open cursors.

use crate::error::{Error, Result};
use pgrx::{PgSqlErrorCode, PgTryBuilder, pg_sys};
use std::ffi::{CStr, CString};

/// Closes every cursor of the connection that is not running now, holdable ones included.
/// Rows fetched for one session are thereby never read by the next. An error when a loop over a query is in the middle of one.
pub fn close_all() -> Result<()> {
    PgTryBuilder::new(|| {
        // SAFETY: what CLOSE ALL does; the portal that is running this call is active and therefore skipped.
        unsafe { pg_sys::PortalHashTableDeleteAll() }
        Ok(())
    })
    // A portal that a procedural language loops over is pinned. The caller raises at once: nothing goes on.
    .catch_when(PgSqlErrorCode::ERRCODE_INVALID_CURSOR_STATE, |_| {
        Err(Error::cursor_in_use())
    })
    .execute()
}

/// True when the rows of a query are to outlive the transaction: it is that of a cursor WITH HOLD, or of a loop over the end of the transaction,
/// which the server is about to store.
///
/// # Safety
/// The query is about to run, as the server passed it.
pub(super) unsafe fn is_kept(query: *const pg_sys::QueryDesc) -> bool {
    // SAFETY: the active portal, if there is one, is valid. The query of a portal has a store only while the server fills it to hold the portal.
    unsafe {
        let Some(portal) = pg_sys::ActivePortal.as_ref() else {
            return false;
        };
        portal.queryDesc.cast_const() == query
            && (portal.cursorOptions & pg_sys::CURSOR_OPT_HOLD as i32 != 0 || !portal.holdStore.is_null())
    }
}

/// Cursors of whoever called, which somebody else's code may neither read nor close while this lives: they are busy.
pub struct Held(Vec<pg_sys::Portal>);

impl Held {
    /// Those of these names that nobody runs.
    pub fn cursors(names: &[String]) -> Self {
        let portals = names.iter().filter_map(|name| CString::new(name.as_str()).ok());
        Self(portals.filter_map(|name| hold(&name)).collect())
    }
}

fn hold(name: &CStr) -> Option<pg_sys::Portal> {
    // SAFETY: a look-up by name; what is found stays where it is while it is active, since nothing drops that.
    unsafe {
        let portal = pg_sys::GetPortalByName(name.as_ptr());
        if portal.is_null() || (*portal).status != pg_sys::PortalStatus::PORTAL_READY {
            return None;
        }
        (*portal).status = pg_sys::PortalStatus::PORTAL_ACTIVE;
        Some(portal)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for portal in &self.0 {
            // SAFETY: see `hold`. An abort that failed it meanwhile is left alone.
            unsafe {
                if (**portal).status == pg_sys::PortalStatus::PORTAL_ACTIVE {
                    (**portal).status = pg_sys::PortalStatus::PORTAL_READY;
                }
            }
        }
    }
}
