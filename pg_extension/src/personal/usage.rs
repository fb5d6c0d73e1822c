//! Which versions of keys seal the values of which columns.

use super::column::{SealedColumn, sealed_columns};
use crate::context;
use crate::error::{Error, Result};
use crate::sealing;
use crate::sys::Oid;
use crate::sys::relation;
use crate::sys::spi::{arg, at_present, query_as_owner_of, statements};

statements! {
    UNCOUNTED = scanning "personal/uncounted.sql";
}

/// Values of one column that one version of its key sealed.
pub struct Usage {
    /// The name of the key.
    pub key: String,
    /// The version; 0 for values of a key per person that are about nobody yet, -1 for those about somebody who was forgotten, in a former version.
    pub version: i32,
    pub relation: Oid,
    pub column: String,
    pub values: i64,
}

/// All of them. Goes through every table with sealed columns.
pub fn usage() -> Vec<Usage> {
    let mut all = Vec::new();
    for relation in relations(|_| true) {
        if !relation::lock_for_reading(relation) {
            continue;
        }
        // As they are now that nobody changes them.
        for column in sealed_columns_of(relation) {
            let key = sealing::key_name(column.key).unwrap_or_default();
            all.extend(counts(&column).into_iter().filter_map(|(version, values)| {
                Some(Usage {
                    key: key.clone(),
                    version: version?,
                    relation: column.relation,
                    column: column.name.clone(),
                    values,
                })
            }));
        }
    }
    all
}

/// How many values a version of a key sealed. Nobody writes the tables with its columns before the transaction ends, and the caller sees to it that nobody makes others. An error where
/// something cannot be counted.
pub fn values_of_version(key: u32, version: i32) -> Result<u64> {
    let locked = relations(|column| column.key == key);
    for relation in &locked {
        relation::lock_against_writers(*relation);
    }
    let uncounted = UNCOUNTED
        .with(|statement| statement.query(&[arg(key.cast_signed())], |row| row.required::<String>(1)));
    if !uncounted.is_empty() {
        return Err(Error::usage_unknown(&uncounted));
    }
    let mut count = 0;
    // Whoever was waited for has committed since the statement of the caller began.
    at_present(|| {
        for column in locked.into_iter().flat_map(sealed_columns_of) {
            count += counts(&column)
                .into_iter()
                .filter(|(found, _)| column.key == key && *found == Some(version))
                .map(|(_, values)| u64::try_from(values).unwrap_or_default())
                .sum::<u64>();
        }
    });
    Ok(count)
}

/// The relations that have sealed columns of a sort.
fn relations(is_meant: impl Fn(&SealedColumn) -> bool) -> Vec<Oid> {
    let columns = sealed_columns(None);
    let mut relations: Vec<Oid> = columns
        .iter()
        .filter(|column| is_meant(column))
        .map(|column| column.relation)
        .collect();
    relations.dedup();
    relations
}

fn sealed_columns_of(relation: Oid) -> Vec<SealedColumn> {
    let mut columns = sealed_columns(Some(relation));
    columns.retain(|column| column.relation == relation);
    columns
}

/// The values of a column by version, `None` for those that are not sealed.
fn counts(column: &SealedColumn) -> Vec<(Option<i32>, i64)> {
    context::without_session(|| {
        query_as_owner_of(column.relation, true, &column.usage, |row| {
            (row.get::<i32>(1), row.required::<i64>(2))
        })
    })
}
