//! Which versions of keys seal the values of which columns.

use super::column::{SealedColumn, sealed_columns, sealed_columns_of};
use crate::context;
use crate::error::{Error, Result};
use crate::sealing;
use crate::sys::Oid;
use crate::sys::spi::{arg, at_present, query_as_owner_of, statements};
use crate::sys::{relation, xact};

statements! {
    UNCOUNTED = scanning "personal/uncounted.sql";
}

/// Values of one column that one version of its key sealed.
pub struct Usage {
    /// The name of the key.
    pub key: String,
    /// The version; -1 for values of a former one that nobody can read any more, `None` where nothing could be counted.
    pub version: Option<i32>,
    pub relation: Oid,
    pub column: String,
    pub values: Option<i64>,
}

/// All of them. Goes through every table with sealed columns. Where the owner's code stops that, a table has one line without version and values, and a warning.
pub fn usage() -> Vec<Usage> {
    let mut all = Vec::new();
    for relation in relations(|_| true) {
        if !relation::lock_for_reading(relation) {
            continue;
        }
        // As they are now that nobody changes them.
        for column in sealed_columns_of(relation) {
            let counted = xact::attempt_among_others(|| Ok(counts(&column))).unwrap_or_else(|failure| {
                Error::not_counted(&relation::full_name(relation), &failure.message).warn();
                vec![(None, None)]
            });
            let key = sealing::key_name(column.key).unwrap_or_default();
            all.extend(counted.into_iter().map(|(version, values)| Usage {
                key: key.clone(),
                version,
                relation: column.relation,
                column: column.name.clone(),
                values,
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
    // Whoever was waited for has committed since the statement of the caller began.
    at_present(|| {
        let mut count = 0;
        for column in locked.into_iter().flat_map(sealed_columns_of) {
            if column.key != key {
                continue;
            }
            let counted = xact::attempt_among_others(|| Ok(counts(&column))).map_err(|failure| {
                let place = format!("{}: {}", relation::full_name(column.relation), failure.message);
                Error::usage_unknown(&[place])
            })?;
            count += counted
                .into_iter()
                .filter(|(found, _)| *found == Some(version))
                .filter_map(|(_, values)| u64::try_from(values?).ok())
                .sum::<u64>();
        }
        Ok(count)
    })
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

/// The values of a column by version; what is not sealed is not among them.
fn counts(column: &SealedColumn) -> Vec<(Option<i32>, Option<i64>)> {
    let counted = context::without_session(|| {
        query_as_owner_of(column.relation, true, &column.usage, &[], |row| {
            (row.get::<i32>(1), row.get::<i64>(2))
        })
    });
    counted
        .into_iter()
        .filter(|(version, _)| version.is_some())
        .collect()
}
