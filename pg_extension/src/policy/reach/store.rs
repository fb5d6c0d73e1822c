//! Stored values beside the rows: statistics, TOAST tables, and TRUNCATE, which asks no policy.

use crate::error::{Error, Result};
use crate::policy::cache::is_protected;
use crate::policy::exemption::is_exempt;
use crate::sys::spi::{Statement, oid_arg};
use crate::sys::{Oid, extension, user};

thread_local! {
    static STORED_BY: Statement = const { Statement::scanning(include_str!("../../../../sql/query/reach/stored_by.sql")) };
}

/// Statistics and TOAST tables hold values of other tables and have no policies: whoever policies apply to does not read them himself. `reader` is
/// the role that privileges were checked of, when it is not the current one.
pub fn refuse_reading_store(store: Oid, reader: Option<Oid>) -> Result<()> {
    if user::is_above_policies(reader) || !extension::is_installed() {
        return Ok(());
    }
    let table = STORED_BY
        .with(|statement| {
            statement.query_one(&[oid_arg(store)], |row| {
                Some((row.get::<Oid>(1)?, row.get::<bool>(2)?))
            })
        })
        .flatten();
    match table {
        Some((table, is_private)) if !is_private && (!is_protected(table) || is_exempt(table)) => Ok(()),
        _ => Err(Error::privilege_missing(
            "stored values of tables under policy may not be read past their policies",
            "Read the table itself, or the view pg_stats.",
        )),
    }
}

/// An error when TRUNCATE, which asks no policy, would empty a table under them.
pub fn check_truncate(table: Oid) -> Result<()> {
    if !user::bypasses_policies() && is_protected(table) && !is_exempt(table) {
        return Err(Error::truncate_refused());
    }
    Ok(())
}
