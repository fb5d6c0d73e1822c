//! Notifications (NOTIFY) that are of use and not needed.
//!
//! The server has one queue of them for the whole cluster. Any role can fill it, and whoever commits with notifications waits for whoever else does: a transaction that
//! must not fail, and must not wait, does not rest on them.

use super::lock;
use pgrx::{direct_function_call, pg_sys};
use std::ffi::{CStr, CString, c_char};

// Exported by the server.
unsafe extern "C-unwind" {
    fn Async_Notify(channel: *const c_char, payload: *const c_char);
}

/// How full the queue may be; from half of it on the server warns.
const MAX_USAGE: f64 = 0.5;
/// How often it is tried to get a turn, with a pause between. What ordinary transactions take is less by far.
const TRIES: u32 = 50;
const PAUSE_MICROSECONDS: std::ffi::c_long = 1_000;

/// Notifies whoever listens when the transaction commits, which it is about to do; nobody when the queue is filling up, or somebody keeps it locked.
pub fn send_unless_held_up(channel: &CStr, payloads: impl Iterator<Item = String>) {
    // SAFETY: a function of the server without arguments. It frees what nobody waits for any more.
    let usage = unsafe { direct_function_call::<f64>(pg_sys::pg_notification_queue_usage, &[]) };
    if usage.is_none_or(|usage| usage > MAX_USAGE) || !has_turn() {
        return;
    }
    for payload in payloads {
        if let Ok(payload) = CString::new(payload) {
            // SAFETY: both texts outlive the call, which copies them.
            unsafe { guarded!(Async_Notify(channel.as_ptr(), payload.as_ptr())) }
        }
    }
}

/// Takes the lock that the server takes when it commits notifications (`PreCommit_Notify`), so that it will not wait for it then.
fn has_turn() -> bool {
    (0..TRIES).any(|attempt| {
        if attempt > 0 {
            // SAFETY: sleeps.
            unsafe { pg_sys::pg_usleep(PAUSE_MICROSECONDS) }
        }
        let (cluster, nothing) = (pg_sys::InvalidOid, pg_sys::InvalidOid.to_u32());
        lock::try_object(
            cluster,
            pg_sys::DatabaseRelationId,
            nothing,
            pg_sys::AccessExclusiveLock,
            false,
        )
    })
}
