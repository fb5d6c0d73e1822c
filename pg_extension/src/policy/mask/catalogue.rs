//! Adding, changing and dropping masks. Every edit takes the table's exclusive lock, so that nobody plans with half of it,
//! and is announced to every backend when it commits.

use crate::error::{Error, Result};
use crate::policy::{family, reach, warning};
use crate::sys::Oid;
use crate::sys::predicate::{compile, compile_value};
use crate::sys::spi::{Statement, arg, oid_arg};

const MAX_EXPRESSION_BYTES: usize = 64 * 1024;

thread_local! {
    static COLUMN: Statement = const { Statement::new(include_str!("../../../../sql/query/mask/column.sql")) };
    static HAS_PARENT: Statement = const { Statement::new(include_str!("../../../../sql/query/mask/has_parent.sql")) };
    static INSERT: Statement = const { Statement::new(include_str!("../../../../sql/query/mask/insert.sql")) };
    static UPDATE: Statement = const { Statement::new(include_str!("../../../../sql/query/mask/update.sql")) };
    static DELETE: Statement = const { Statement::new(include_str!("../../../../sql/query/mask/delete.sql")) };
    static FOLLOW_COLUMNS: Statement = const { Statement::scanning(include_str!("../../../../sql/query/mask/follow_columns.sql")) };
    static TOLD_BY: Statement = const { Statement::scanning(include_str!("../../../../sql/query/mask/told_by.sql")) };
    static ATTACHED: Statement = const { Statement::scanning(include_str!("../../../../sql/query/mask/attached.sql")) };
}

/// What a mask says; `None` leaves a property as it is.
#[derive(Default)]
pub struct Definition {
    /// What is shown instead of the value.
    pub mask: Option<String>,
    /// Where the value is shown.
    pub visible_when: Option<String>,
    /// Whether it hides anything.
    pub enabled: Option<bool>,
}

/// Adds a mask; with the first one protects the table and its partitions.
pub fn add(table: Oid, column: &str, definition: &Definition) -> Result<()> {
    family::lock_table(table)?;
    let has_parent =
        HAS_PARENT.with(|statement| statement.query_one(&[oid_arg(table)], |row| row.required::<bool>(1)));
    if has_parent != Some(false) {
        return Err(Error::wrong_relation(
            "the table is a partition or child of another",
            "Its rows can be read through the parent: add the mask to the parent.",
        ));
    }
    let attribute = attribute(table, column)?;
    check(table, attribute, definition)?;
    let added = INSERT.with(|statement| {
        statement.execute(&[
            oid_arg(table),
            arg(column),
            arg(attribute),
            arg(definition.mask.as_deref().unwrap_or("NULL")),
            arg(definition.visible_when.as_deref().unwrap_or("false")),
            arg(definition.enabled.unwrap_or(true)),
        ])
    });
    if added == 0 {
        return Err(Error::mask_exists(column));
    }
    family::protect_family(table)?;
    family::announce(table);
    warn_of_tellers(table, column);
    reach::warn_of_stored_code(table);
    Ok(())
}

/// A mask hides a column and not what the server makes of it.
fn warn_of_tellers(table: Oid, column: &str) {
    let tellers =
        TOLD_BY.with(|statement| statement.query(&[oid_arg(table), arg(column)], |row| row.get::<String>(1)));
    for teller in tellers.into_iter().flatten() {
        Error::mask_told(column, &teller).warn();
    }
}

/// Changes a mask.
pub fn alter(table: Oid, column: &str, definition: &Definition) -> Result<()> {
    family::lock_table(table)?;
    let attribute = attribute(table, column)?;
    check(table, attribute, definition)?;
    let changed = UPDATE.with(|statement| {
        statement.execute(&[
            oid_arg(table),
            arg(column),
            arg(definition.mask.as_deref()),
            arg(definition.visible_when.as_deref()),
            arg(definition.enabled),
        ])
    });
    found(changed, column)?;
    family::announce(table);
    Ok(())
}

/// Enables or disables a mask.
pub fn enable(table: Oid, column: &str, enabled: bool) -> Result<()> {
    alter(
        table,
        column,
        &Definition {
            enabled: Some(enabled),
            ..Definition::default()
        },
    )
}

/// Drops a mask; with the last one, and the last policy, the table gets back what protecting it changed.
pub fn drop_mask(table: Oid, column: &str) -> Result<()> {
    family::lock_table(table)?;
    let dropped = DELETE.with(|statement| statement.execute(&[oid_arg(table), arg(column)]));
    found(dropped, column)?;
    family::announce(table);
    family::unprotect_family(table);
    Ok(())
}

/// Refuses a partition or child that has masks of its own.
pub fn check_joined(members: &[Oid]) -> Result<()> {
    let attached = ATTACHED.with(|statement| {
        statement.query_one(&[arg(members.to_vec())], |row| {
            row.get::<String>(1).unwrap_or_default()
        })
    });
    attached.map_or(Ok(()), |name| {
        Err(Error::wrong_relation(
            format!("\"{name}\" has column masks and cannot be a partition or child"),
            "Its rows could be read through the parent without them: add the masks to the parent instead.",
        ))
    })
}

/// Keeps masks on the columns they were put on, after tables were changed.
pub fn follow_columns() {
    let changed = FOLLOW_COLUMNS.with(|statement| statement.modify(&[], |row| row.get::<Oid>(1)));
    for table in changed.into_iter().flatten() {
        family::announce(table);
        family::unprotect_family(table);
    }
}

/// Number of a column.
pub fn attribute(table: Oid, column: &str) -> Result<i16> {
    COLUMN
        .with(|statement| statement.query_one(&[oid_arg(table), arg(column)], |row| row.get::<i16>(1)))
        .flatten()
        .ok_or_else(|| Error::column_not_found(column))
}

fn check(table: Oid, attribute: i16, definition: &Definition) -> Result<()> {
    if let Some(predicate) = &definition.visible_when {
        if predicate.len() > MAX_EXPRESSION_BYTES {
            return Err(Error::predicate_invalid(false, "it is longer than 64 KiB"));
        }
        warning::warn(&compile(table, predicate, None)?);
    }
    if let Some(mask) = &definition.mask {
        if mask.len() > MAX_EXPRESSION_BYTES {
            return Err(Error::mask_invalid(false, "it is longer than 64 KiB"));
        }
        warning::warn(&compile_value(table, None, attribute, mask)?);
    }
    Ok(())
}

fn found(count: u64, column: &str) -> Result<()> {
    if count > 0 {
        return Ok(());
    }
    Err(Error::not_found(
        "mask_not_found",
        format!("column \"{column}\" has no mask"),
        "See the view vpd.masks.",
    ))
}
