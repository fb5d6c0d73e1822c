//! Events that tests wait for: a row, a state, a lock that somebody waits for.
//! Nothing here is a pause: who waits goes on as soon as it has come, and fails when it does not come.

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use postgres::Client;

use crate::Result;

/// By far longer than anything takes that is waited for, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Waits until something is so.
///
/// # Errors
/// It could not be found out, or it is not so after a minute.
pub fn until(what: &str, is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    until_within(PATIENCE, what, is_so)
}

/// As [`until`], for what takes longer.
///
/// # Errors
/// It could not be found out, or it is not so after that time.
pub fn until_within(limit: Duration, what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !is_so()? {
        if began.elapsed() > limit {
            return Err(format!("waited in vain until {what}").into());
        }
        sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// Waits until a query of one boolean answers true.
///
/// # Errors
/// It failed, or its answer is another one after a minute.
pub fn until_true(client: &mut Client, query: &str) -> Result<()> {
    until(query, || Ok(client.query_one(query, &[])?.get(0)))
}

/// Runs something on one connection; when it is done, or waits for a lock, lets something happen, and returns what both came to.
///
/// # Errors
/// The server refused to tell, or the work panicked.
pub fn overlapped<T: Send, U>(
    client: &mut Client,
    watcher: &mut Client,
    work: impl FnOnce(&mut Client) -> T + Send,
    meanwhile: impl FnOnce() -> U,
) -> Result<(T, U)> {
    let process: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let waits = "SELECT FROM pg_locks WHERE pid = $1 AND NOT granted";
    thread::scope(|scope| {
        let working = scope.spawn(|| work(client));
        let overlaps = until("it is done or waits for a lock", || {
            Ok(working.is_finished() || !watcher.query(waits, &[&process])?.is_empty())
        });
        // It may hold what the other one waits for, so it happens in any case.
        let done = meanwhile();
        let worked = working.join().map_err(|_| "the other one panicked")?;
        overlaps.map(|()| (worked, done))
    })
}
