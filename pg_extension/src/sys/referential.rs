//! The state in which the server runs the queries of foreign keys: whatever is read as the owner of a table is read past forced row
//! security, however deep below.
//!
//! Only the server's own query is meant. Row security is decided when a query is rewritten, so nothing of it needs the state from then on:
//! whoever plans or executes leaves it, and the triggers, checks, casts, operators, defaults and indexes that come with the query are
//! under policy as anywhere. The server itself takes the state back when its query is over, as do the ends of (sub)transactions.

use super::extension;
use pgrx::pg_sys;

/// What to go back to. An error of the server may jump over it: there is nothing to drop.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Left {
    user: pg_sys::Oid,
    context: i32,
    was_in: bool,
}

/// True inside the state. In databases without the extension the server does what it always did.
pub fn is_in() -> bool {
    // SAFETY: reads backend state.
    unsafe { pg_sys::InNoForceRLSOperation() && extension::is_known() }
}

/// Leaves the state; nothing outside of it.
pub fn leave() -> Left {
    let mut left = Left {
        user: pg_sys::InvalidOid,
        context: 0,
        was_in: is_in(),
    };
    if left.was_in {
        // SAFETY: both out-pointers are valid; the user stays, and one flag goes.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&mut left.user, &mut left.context);
            pg_sys::SetUserIdAndSecContext(left.user, left.context & !(pg_sys::SECURITY_NOFORCE_RLS as i32));
        }
    }
    left
}

impl Left {
    /// Goes back.
    pub fn go_back(self) {
        if self.was_in {
            // SAFETY: restores exactly what `leave` read.
            unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.context) }
        }
    }
}

/// While it lives, the backend is outside; unwinding takes it back as well.
pub struct Outside(Left);

impl Outside {
    /// Leaves.
    pub fn enter() -> Self {
        Self(leave())
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.0.go_back();
    }
}
