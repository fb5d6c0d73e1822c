//! `vpd.verify_audit`, `flush_audit` and `audit_status`.

use super::{Answer, require_primary, require_ready};
use crate::sys::ErrorReport;
use crate::trail as domain;
use pgrx::datum::Interval;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
#[expect(clippy::type_complexity, reason = "the macro reads the columns here")]
fn verify_audit(
    first_sequence: Option<i64>,
    last_sequence: Option<i64>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(records, i64),
            name!(checkpoints, i64),
            name!(is_intact, bool),
            name!(first_broken, Option<i64>),
            name!(problem, Option<String>),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let verified = domain::verify(first_sequence, last_sequence)?;
    Ok(TableIterator::once((
        verified.records,
        verified.checkpoints,
        verified.first_broken.is_none(),
        verified.first_broken,
        verified.problem.map(str::to_owned),
    )))
}

#[pg_extern(sql = false)]
fn set_audit_retention(retention: Option<Interval>) -> Answer<()> {
    require_primary()?;
    domain::set_retention(retention)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn flush_audit() -> Answer<i64> {
    require_primary()?;
    Ok(domain::flush()?)
}

#[pg_extern(sql = false)]
#[expect(clippy::type_complexity, reason = "the macro reads the columns here")]
fn audit_status() -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(scribe, Option<i32>),
            name!(last_sequence, i64),
            name!(ring_usage, f64),
            name!(lost, i64),
        ),
    >,
    ErrorReport,
> {
    require_primary()?;
    let status = domain::status();
    Ok(TableIterator::once((
        status.scribe,
        status.last_sequence,
        status.usage,
        status.lost,
    )))
}
