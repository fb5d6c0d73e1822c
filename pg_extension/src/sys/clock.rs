//! The database's wall clock. Every expiry is decided by it, never by the transaction's frozen `now()`.

#[cfg(not(test))]
use pgrx::pg_sys;

/// Microseconds since 2000-01-01 00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

/// Before everything (-infinity): a time that is not known and must not count as recent.
pub const LONG_AGO: Timestamp = Timestamp(i64::MIN);

/// The wall clock, now.
#[cfg(not(test))]
pub fn now() -> Timestamp {
    // SAFETY: reads the system clock, no other state.
    Timestamp(unsafe { pg_sys::GetCurrentTimestamp() })
}

/// The pure tests have no server, and need no more than one moment.
#[cfg(test)]
pub fn now() -> Timestamp {
    Timestamp(0)
}
