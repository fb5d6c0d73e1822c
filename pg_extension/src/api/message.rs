//! `vpd.record_message`, `validate_message`, `browse_queue`, `ack_message`.

use super::{Answer, known_token, require_primary, require_ready, required};
use crate::error::Error;
use crate::session::{self, Verdict};
use crate::sys::ErrorReport;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn record_message(token: Option<&str>, target_app: Option<&str>) -> Answer<String> {
    require_primary()?;
    let token = known_token(token)?;
    Ok(session::record(token, required(target_app, "target_app")?)?)
}

#[pg_extern(sql = false)]
fn validate_message(token: Option<&str>, message: Option<&str>) -> Answer<bool> {
    require_primary()?;
    let verdict = session::validate(known_token(token)?, message.unwrap_or(""))?;
    match verdict {
        Verdict::Accepted => return Ok(true),
        Verdict::Spent => Error::message_stale().warn(),
        Verdict::Unknown => Error::message_invalid().warn(),
    }
    Ok(false)
}

#[pg_extern(sql = false)]
fn browse_queue(
    token: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(id, i64),
            name!(kind, String),
            name!(reason, String),
            name!(created_at, TimestampWithTimeZone),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    Ok(TableIterator::new(session::browse(known_token(token)?)))
}

#[pg_extern(sql = false)]
fn ack_message(token: Option<&str>, id: Option<i64>) -> Answer<bool> {
    require_primary()?;
    Ok(session::acknowledge(known_token(token)?, required(id, "id")?))
}
