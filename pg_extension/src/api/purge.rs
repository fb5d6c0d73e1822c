//! `vpd.purge`, `set_purge_interval`, and the call that wakes the launcher.

use super::{Answer, require_primary, required};
use crate::error::Error;
use crate::personal;
use crate::purge as domain;
use crate::sys::{clock, worker};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn purge(batch_size: Option<i32>) -> Answer<i64> {
    require_primary()?;
    let started_at = clock::now();
    let counts = domain::run_batch(required(batch_size, "batch_size")?)?;
    if let Ok(started_at) = TimestampWithTimeZone::try_from(started_at.0) {
        domain::log_run("purge by hand", started_at, 1, counts);
        if let Some(table) = personal::next_asked(started_at) {
            personal::batch_of_asked(table, required(batch_size, "batch_size")?);
        }
    }
    Ok(i64::try_from(counts.total()).unwrap_or(i64::MAX))
}

#[pg_extern(sql = false)]
fn set_purge_interval(minutes: i32) -> Answer<()> {
    require_primary()?;
    domain::set_interval(minutes)?;
    Ok(())
}

/// Called by CREATE EXTENSION, which works without the preloaded library too, but says so.
#[pg_extern(sql = false)]
fn wake_launcher() {
    if crate::sys::is_ready() {
        worker::call_launcher_at_commit();
    } else if !crate::sys::is_preloaded() {
        Error::not_preloaded().warn();
    }
}
