//! The audit trail: what is recorded, that nothing of it is lost or changed unnoticed, and that it tells no secret.

mod chain;
mod condition;
mod fga;
mod handler;
mod keeping;
mod reading;
mod recorded;
mod scribe;

use std::process::Command;

use postgres::{Client, NoTls};
use vpd_tests::{
    Cluster, Database, Desk, Extension, Library, Result, Subject, act_for, assert_denied_to_all_but,
    assert_refused, attach, create_protected_orders, issue, redeem, role, until, until_true,
};

/// Event, verdict, code, command, relation, rows; in the order of the trail.
pub type Told = (
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
);

/// What is recorded behind a record.
pub fn told(database: &Database<'_>, behind: i64) -> Result<Vec<Told>> {
    let mut auditor = database.connect(role::AUDITOR)?;
    auditor.query_one("SELECT vpd.flush_audit()", &[])?;
    let rows = auditor.query(
        "SELECT event, verdict, code, command, relation, row_count FROM vpd.audit_trail WHERE sequence > $1 ORDER BY sequence",
        &[&behind],
    )?;
    Ok(rows
        .iter()
        .map(|row| {
            (
                row.get(0),
                row.get(1),
                row.get(2),
                row.get(3),
                row.get(4),
                row.get(5),
            )
        })
        .collect())
}

/// The last record, once all are written.
pub fn last(database: &Database<'_>) -> Result<i64> {
    Ok(database
        .connect(role::AUDITOR)?
        .query_one("SELECT vpd.flush_audit()", &[])?
        .get(0))
}

fn events(told: &[Told]) -> Vec<&str> {
    told.iter().map(|one| one.0.as_str()).collect()
}

fn verified(client: &mut Client) -> Result<(i64, Option<i64>, Option<String>)> {
    let row = client.query_one(
        "SELECT records, first_broken, problem FROM vpd.verify_audit()",
        &[],
    )?;
    Ok((row.get(0), row.get(1), row.get(2)))
}
