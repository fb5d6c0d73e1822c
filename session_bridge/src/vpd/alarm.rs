//! Alarms of the audit trail, as far as the bridge may know: how many there were.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::db::{DatabaseError, Pool, query_json, statement};

/// Longest time that figures wait for the database.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many there were of each event, since the extension was created.
pub type Counts = BTreeMap<String, u64>;

/// Reads them; `None` when the database does not answer soon, so that the other figures are there.
pub async fn counts(pool: &Pool) -> Option<Counts> {
    let asked = query_json(pool, statement::ALARM_COUNTS, &[]);
    let answer: Result<Counts, DatabaseError> = tokio::time::timeout(PATIENCE, asked).await.ok()?;
    answer.ok()
}
