//! Which versions of keys seal the values of which columns.

use super::column::{SealedColumn, sealed_columns};
use crate::context;
use crate::sealing;
use crate::sys::Oid;
use crate::sys::relation;
use crate::sys::spi::query_as_owner_of;

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
    for column in sealed_columns(None) {
        if !relation::lock_for_reading(column.relation) {
            continue;
        }
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
    all
}

/// How many values a version of a key sealed. Nobody writes the tables with its columns before the transaction ends.
pub fn values_of_version(key: u32, version: i32) -> u64 {
    let mut count = 0;
    for column in sealed_columns(None)
        .into_iter()
        .filter(|column| column.key == key)
    {
        relation::lock_against_writers(column.relation);
        count += counts(&column)
            .into_iter()
            .filter(|(found, _)| *found == Some(version))
            .map(|(_, values)| u64::try_from(values).unwrap_or_default())
            .sum::<u64>();
    }
    count
}

/// The values of a column by version, `None` for those that are not sealed.
fn counts(column: &SealedColumn) -> Vec<(Option<i32>, i64)> {
    context::without_session(|| {
        query_as_owner_of(column.relation, true, &column.usage, |row| {
            (row.get::<i32>(1), row.required::<i64>(2))
        })
    })
}
