//! Sealed columns of the tables of this database.

use crate::sys::Oid;
use crate::sys::spi::{arg, null_oid_arg, oid_arg, statements};

statements! {
    COLUMNS = scanning "personal/columns.sql";
}

/// A column of a table that holds sealed values itself.
pub struct SealedColumn {
    pub relation: Oid,
    pub name: String,
    /// Number of its key.
    pub key: u32,
    /// The place that its values are sealed for, which is the modifier of its type.
    pub place: i32,
    /// The query that counts its values by version.
    pub usage: String,
    /// Whether rows can be written where it is.
    pub is_of_table: bool,
}

/// Those of a relation and its partitions, or of all relations, table by table.
pub fn sealed_columns(relation: Option<Oid>) -> Vec<SealedColumn> {
    let wanted = relation.map_or_else(null_oid_arg, oid_arg);
    COLUMNS.with(|statement| {
        statement.query(&[wanted], |row| SealedColumn {
            relation: row.required(1),
            name: row.required(3),
            key: row.required::<i32>(4).unsigned_abs(),
            place: row.required(5),
            usage: row.required(6),
            is_of_table: row.required(7),
        })
    })
}

/// Those of a relation alone.
pub fn sealed_columns_of(relation: Oid) -> Vec<SealedColumn> {
    let mut columns = sealed_columns(Some(relation));
    columns.retain(|column| column.relation == relation);
    columns
}

/// The argument that a list of names is.
pub fn names(columns: &[SealedColumn]) -> crate::sys::spi::Arg {
    arg(columns
        .iter()
        .map(|column| column.name.clone())
        .collect::<Vec<String>>())
}
