//! Checkpoints, and records whose time is over.
//!
//! Invariant: what is dropped is the beginning of the trail, whole months of it, and a signed checkpoint stands for it.

use super::end::{End, end};
use super::event::{Event, record};
use crate::error::{Error, Result};
use crate::signing;
use crate::sys::spi::{self, arg, statements};
use crate::sys::{clock, xact};
use pgrx::datum::{Interval, TimestampWithTimeZone};
use serde_json::json;
use vpd_text::trail::{Digest, checkpoint_text};

statements! {
    LAST = "trail/last_checkpoint.sql";
    KEEP = "trail/checkpoint.sql";
    SET_RETENTION = "trail/set_retention.sql";
    OUTDATED = scanning "trail/outdated.sql";
}

/// After so many records a checkpoint is made, though more are coming.
const DISTANCE: i64 = 1_000;

/// Signs the end of the trail, when it has gone on since it was signed last: by some distance, or at all. Drops what need not be kept.
pub fn seal(is_idle: bool) -> Result<()> {
    let Some(End { sequence, hash, .. }) = end() else {
        return Ok(());
    };
    let last = LAST
        .with(|statement| statement.query_one(&[], |row| row.required::<i64>(1)))
        .unwrap_or(0);
    if sequence - last >= if is_idle { 1 } else { DISTANCE } {
        sign(sequence, &hash, false)?;
    }
    if is_idle {
        drop_outdated()?;
    }
    Ok(())
}

fn sign(sequence: i64, hash: &Digest, is_stub: bool) -> Result<()> {
    let made_at = clock::now();
    let signed = signing::sign(&checkpoint_text(sequence, hash, made_at.0))?;
    let made_at = TimestampWithTimeZone::try_from(made_at.0).map_err(|_| Error::audit_unavailable())?;
    KEEP.with(|statement| {
        statement.execute(&[
            arg(sequence),
            arg(hash.to_vec()),
            arg(made_at),
            arg(signed.kid),
            arg(signed.signature),
            arg(is_stub),
        ])
    });
    Ok(())
}

/// Says how long records are kept.
pub fn set_retention(retention: Option<Interval>) -> Result<()> {
    const DAY: f64 = 24.0 * 60.0 * 60.0;
    if retention
        .as_ref()
        .is_some_and(|kept| kept.as_micros() as f64 / 1e6 < DAY)
    {
        return Err(Error::argument(
            "the retention is too short",
            "Give a day at least, or NULL to keep records for ever.",
        ));
    }
    SET_RETENTION.with(|statement| statement.execute(&[arg(retention)]));
    Ok(())
}

/// Drops the oldest month, when its time is over.
fn drop_outdated() -> Result<()> {
    let found = OUTDATED.with(|statement| {
        statement.query_one(&[], |row| {
            (
                row.get::<i64>(1),
                row.get::<Vec<u8>>(2),
                row.required::<Vec<String>>(3),
            )
        })
    });
    let Some((sequence, hash, commands)) = found else {
        return Ok(());
    };
    let hash = hash.and_then(|hash| Digest::try_from(hash).ok());
    let dropped = xact::attempt(|| {
        for command in &commands {
            spi::run_command(command);
        }
        match (sequence, hash) {
            (Some(sequence), Some(hash)) => sign(sequence, &hash, true),
            _ => Ok(()),
        }
    });
    // Somebody is reading: they go the next time.
    if dropped.is_ok() {
        record(&Event {
            name: "audit.dropped",
            details: Some(&json!({ "up_to": sequence })),
            ..Event::default()
        });
    }
    Ok(())
}
