//! Own statements that wait for others, whatever the isolation level of the transaction.

use pgrx::pg_sys;

/// Runs own statements on tables of sessions as at READ COMMITTED: one that waited for a row goes on with what was committed meanwhile. At the higher levels
/// the server would refuse it, since the transaction's snapshot is older; these statements see by snapshots of their own.
pub fn as_read_committed<T>(work: impl FnOnce() -> T) -> T {
    /// Gives the level back, when unwinding too.
    struct Level(i32);
    impl Drop for Level {
        fn drop(&mut self) {
            // SAFETY: backend state that nothing else has changed meanwhile.
            unsafe { pg_sys::XactIsoLevel = self.0 }
        }
    }
    // SAFETY: the level is asked for in two places: when the transaction's snapshot is taken, and when a row to be changed was changed by somebody else. The
    // first does not happen here: the statements bring a snapshot, their tables have no foreign keys, and their triggers are functions in C
    // that run no query. Whether conflicts are tracked for SERIALIZABLE is decided by what the transaction began with.
    let _level = unsafe {
        let former = pg_sys::XactIsoLevel;
        pg_sys::XactIsoLevel = pg_sys::XACT_READ_COMMITTED as i32;
        Level(former)
    };
    work()
}
