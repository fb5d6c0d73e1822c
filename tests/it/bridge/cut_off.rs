//! The database cuts every connection, as in a restart or a failover: the bridge recovers by itself, and sessions live on.

use std::time::{Duration, Instant};

use serde_json::Value;
use vpd_tests::{Database, Result, until_within};

use super::stage::{Stage, wait_until_idle_after};
use super::wire::Events;

/// More than it takes, even where the machine is busy.
const RECOVERY: Duration = Duration::from_secs(20);

#[test]
fn bridge_recovers_when_its_connections_are_cut() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let token = stage.log_in("alice", "portal")?;
    let mut stream = Events::open(stage.port(), &stage.host("service"), &token)?;
    let mut admin = database.admin()?;
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'session-bridge'";
    let connections: i64 = admin.query_one(cut, &[])?.get(0);
    assert_eq!(connections, 2, "one of the pool, one that listens");

    until_within(RECOVERY, "the bridge answers again", || {
        Ok(stage.whose(&token)?.0 == 200)
    })?;
    // The stream outlived the cut, and wake-ups reach it again.
    wait_until_idle_after(&mut admin, &["LISTEN%"])?;
    let ended = Instant::now();
    stage.call("DELETE /v1/sessions/current", &token, &Value::Null)?;
    assert_eq!(stream.close()?.1, "logout");
    assert!(
        ended.elapsed() < Duration::from_secs(8),
        "woken by the clock only"
    );
    Ok(())
}
