//! Refusals of loads, and what a load tells on its way.

use super::Error;
use crate::load::{Counts, STEP};
use crate::sys::{ErrorReport, progress};
use pgrx::{PgLogLevel, PgSqlErrorCode};

impl Error {
    /// 55000: there is no load in this transaction, or it was given up with a savepoint.
    pub fn load_not_begun() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "load_not_begun",
            "no load has begun in this transaction",
            "Call vpd.begin_load first, in the same transaction; a savepoint that is rolled back takes the load with it.",
        )
    }

    /// Tells the client now and then how far a load is; a small one says nothing.
    pub fn tell_progress(step: &str, done: usize, all: usize) {
        if done == 0 || !done.is_multiple_of(STEP) {
            return;
        }
        progress::check_for_interrupts();
        tell(
            format!("{step} {done} of {all}"),
            format!("code: load_progress; {step} {done} {all}"),
        );
    }

    /// Tells the client what a load came to.
    pub fn tell_loaded(kind: &str, is_dry_run: bool, lines: u32, counts: Counts) {
        let verb = if is_dry_run { "would load" } else { "loaded" };
        let Counts {
            added,
            changed,
            unchanged,
        } = counts;
        tell(
            format!("{verb} {kind}: {lines} lines, {added} added, {changed} changed, {unchanged} unchanged"),
            format!("code: load_done; {lines} {added} {changed} {unchanged}"),
        );
    }
}

fn tell(message: String, detail: String) {
    ErrorReport::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, message, "pg_vpd")
        .set_detail(detail)
        .report(PgLogLevel::NOTICE);
}
