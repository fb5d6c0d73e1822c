//! A bound on the time of each row: what takes longer is stopped and said, and the next row comes.
//!
//! Invariant: a statement that never ends is cancelled on the server, so that nothing can hold up the table.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;
use vpd_tests::{Cluster, Result};

const CANCEL: &str = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                       WHERE backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()";

/// How often somebody looks at the clock.
const NAP: Duration = Duration::from_millis(200);

/// Watches a server: past the deadline whatever runs there is cancelled.
pub struct Bound {
    limit: Duration,
    deadline: Arc<Mutex<Option<Instant>>>,
}

impl Bound {
    /// Rows on this server may take so long.
    pub fn new(cluster: &Cluster, limit: Duration) -> Result<Self> {
        let deadline = Arc::new(Mutex::new(None));
        let admin = cluster.connect("postgres", "postgres")?;
        let watched = Arc::downgrade(&deadline);
        thread::spawn(move || watch(admin, &watched));
        Ok(Self { limit, deadline })
    }

    /// The limit.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// What the work gives; `None` when it was stopped because it took too long. Work inside has its own time, which is not counted here.
    pub fn within<R>(&self, work: impl FnOnce() -> Result<R>) -> Result<Option<R>> {
        let start = Instant::now();
        let outer = self.lock().replace(start + self.limit);
        let given = work();
        let own = self.lock().take();
        *self.lock() = outer.map(|outer| outer + start.elapsed());
        match given {
            Err(_) if own.is_some_and(|own| own <= Instant::now()) => Ok(None),
            given => given.map(Some),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cancels, until nobody wants to know any more or the server is gone.
fn watch(mut admin: Client, deadline: &Weak<Mutex<Option<Instant>>>) {
    while let Some(deadline) = deadline.upgrade() {
        // Held while it cancels, so that the next row does not begin meanwhile.
        let deadline = deadline.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = deadline.is_some_and(|deadline| deadline <= Instant::now());
        if is_over && admin.execute(CANCEL, &[]).is_err() {
            return;
        }
        drop(deadline);
        thread::sleep(NAP);
    }
}
