//! The counters behind `vpd.stat_policies`, and their reset.

use super::{Answer, require_ready};
use crate::policy::statistics::{self, Entry};
use crate::sys::{ErrorReport, Oid};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn policy_counters() -> Result<
    TableIterator<
        'static,
        (
            name!(relation, Oid),
            name!(policy_name, String),
            name!(function_calls, i64),
            name!(cache_hits, i64),
            name!(total_ms, f64),
            name!(max_ms, f64),
            name!(errors, i64),
            name!(write_denials, i64),
            name!(counted_since, Option<TimestampWithTimeZone>),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let rows = statistics::entries().into_iter().map(move |entry: Entry| {
        (
            Oid::from(entry.relation),
            entry.name(),
            number(entry.calls),
            number(entry.hits),
            entry.total_us as f64 / 1000.0,
            entry.max_us as f64 / 1000.0,
            number(entry.errors),
            number(entry.denials),
            TimestampWithTimeZone::try_from(entry.since).ok(),
        )
    });
    Ok(TableIterator::new(rows.collect::<Vec<_>>()))
}

#[pg_extern(sql = false)]
fn policy_counter_usage() -> Result<
    TableIterator<
        'static,
        (
            name!(entries, i64),
            name!(max_entries, i64),
            name!(lost_events, i64),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let (used, lost) = statistics::usage();
    Ok(TableIterator::once((
        used as i64,
        statistics::MAX_ENTRIES as i64,
        i64::try_from(lost).unwrap_or(i64::MAX),
    )))
}

#[pg_extern(sql = false)]
fn reset_stat_policies() -> Answer<()> {
    require_ready()?;
    statistics::reset();
    Ok(())
}
