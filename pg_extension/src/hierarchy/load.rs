//! Nodes from tables of the application: read as the owner of the table, whom the caller must be allowed to read from, and under the policies that
//! apply to the caller; written all or not at all. Types and views run what their owner wrote, which must not run as an administrator.

use super::catalogue::{levels, require, subject};
use super::node::{self, Nodes};
use crate::authz::change;
use crate::error::{Error, Result};
use crate::sys::spi::{self, arg, oid_arg, statements};
use crate::sys::{Oid, relation, user};
use serde_json::json;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

pub use super::node::Report;

statements! {
    NODE_QUERY = "hierarchy/node_query.sql";
    LEVEL_QUERY = "hierarchy/level_query.sql";
    PLACE = scanning "hierarchy/place.sql";
}

/// Columns of a table with one row a node.
pub struct Columns<'a> {
    pub key: &'a str,
    pub parent: Option<&'a str>,
    pub level: Option<&'a str>,
    pub label: Option<&'a str>,
}

/// The table of the application that nodes are read from.
pub struct Source {
    pub table: Oid,
    /// Whether the caller is exempt from its policies.
    pub is_exempt: bool,
}

/// What a row says of a node.
#[derive(PartialEq, Eq)]
struct Said {
    parent: Option<String>,
    level: Option<String>,
    label: Option<String>,
}

/// From a table with one row a node.
pub fn load_nodes(hierarchy: &str, source: &Source, columns: &Columns<'_>, remove: bool) -> Result<Report> {
    change::begin();
    require(hierarchy)?;
    let optional = [columns.parent, columns.level, columns.label];
    let named: Vec<&str> = optional.into_iter().flatten().chain([columns.key]).collect();
    require_readable(source.table, &named)?;
    let query = NODE_QUERY
        .with(|statement| {
            statement.query_one(
                &[
                    oid_arg(source.table),
                    arg(columns.key),
                    arg(columns.parent),
                    arg(columns.level),
                    arg(columns.label),
                ],
                |row| row.get::<String>(1),
            )
        })
        .flatten()
        .ok_or_else(Error::column_missing)?;
    load(hierarchy, source, &query, columns.level.is_some(), remove)
}

/// From a table with a column a level.
pub fn load_levels(hierarchy: &str, source: &Source, columns: Vec<String>, remove: bool) -> Result<Report> {
    change::begin();
    require(hierarchy)?;
    if columns.is_empty() || columns.len() > levels(hierarchy).len() {
        return Err(Error::argument(
            "there are more columns than levels, or none",
            "Give the columns from the first level down.",
        ));
    }
    let named: Vec<&str> = columns.iter().map(String::as_str).collect();
    require_readable(source.table, &named)?;
    let query = LEVEL_QUERY
        .with(|statement| {
            statement.query_one(&[oid_arg(source.table), arg(columns), arg(hierarchy)], |row| {
                row.get::<String>(1)
            })
        })
        .flatten()
        .ok_or_else(Error::column_missing)?;
    load(hierarchy, source, &query, true, remove)
}

/// An error for columns that are there and that the caller may not read.
fn require_readable(table: Oid, columns: &[&str]) -> Result<()> {
    let there: Vec<&str> = columns
        .iter()
        .copied()
        .filter(|column| relation::has_column(table, column))
        .collect();
    if user::may_select_columns(table, &there) {
        return Ok(());
    }
    Err(Error::select_missing())
}

fn load(hierarchy: &str, source: &Source, query: &str, has_levels: bool, remove: bool) -> Result<Report> {
    let depths: HashMap<String, i32> = levels(hierarchy).into_iter().collect();
    let mut nodes = Nodes::default();
    let said = read(source, query)?;
    for (key, said) in said {
        let depth = match &said.level {
            Some(level) => *depths
                .get(level)
                .ok_or_else(|| Error::level_not_found(hierarchy, level))?,
            None if has_levels => return Err(Error::node_level(&key)),
            None => 0,
        };
        nodes.keys.push(key);
        nodes.parents.push(said.parent);
        nodes.labels.push(said.label);
        nodes.depths.push(depth);
    }
    if !has_levels {
        place(hierarchy, &mut nodes)?;
    }
    let count = nodes.keys.len();
    let report = node::write(hierarchy, nodes, remove)?;
    change::record(
        "load_nodes",
        &subject(hierarchy),
        json!({
            "relation": relation::name(source.table), "rows": count, "added": report.added, "moved": report.moved,
            "changed": report.changed, "removed": report.removed,
        }),
    );
    Ok(report)
}

/// One entry a key; rows that say different things of one are refused.
fn read(source: &Source, query: &str) -> Result<HashMap<String, Said>> {
    let is_past_policies = user::reads_past_policies(source.table) || source.is_exempt;
    let rows = spi::query_as_owner_of(source.table, is_past_policies, query, &[], |row| {
        let said = Said {
            parent: row.get(2),
            level: row.get(3),
            label: row.get(4),
        };
        (row.required::<String>(1), said)
    });
    let mut all = HashMap::with_capacity(rows.len());
    for (key, said) in rows {
        match all.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(said);
            }
            Entry::Occupied(entry) if *entry.get() != said => {
                return Err(Error::node_ambiguous(entry.key()));
            }
            Entry::Occupied(_) => (),
        }
    }
    Ok(all)
}

/// Levels from the parents alone: one below the parent's.
fn place(hierarchy: &str, nodes: &mut Nodes) -> Result<()> {
    let placed: HashMap<String, i32> = PLACE
        .with(|statement| {
            statement.query(
                &[
                    arg(hierarchy),
                    arg(nodes.keys.clone()),
                    arg(nodes.parents.clone()),
                ],
                |row| Some((row.get::<String>(1)?, row.get::<i32>(2)?)),
            )
        })
        .into_iter()
        .flatten()
        .collect();
    for (place, key) in nodes.keys.iter().enumerate() {
        let Some(depth) = placed.get(key) else {
            return Err(unplaced(hierarchy, nodes, place));
        };
        nodes.depths[place] = *depth;
    }
    Ok(())
}

/// Why a node has no place: the way up from it ends at a parent that is missing, or comes back.
fn unplaced(hierarchy: &str, nodes: &Nodes, place: usize) -> Error {
    let parents: HashMap<&str, Option<&str>> = nodes
        .keys
        .iter()
        .map(String::as_str)
        .zip(nodes.parents.iter().map(Option::as_deref))
        .collect();
    let mut key = nodes.keys[place].as_str();
    for _ in 0..=parents.len() {
        match parents.get(key) {
            Some(Some(parent)) if parents.contains_key(parent) => key = parent,
            _ => return Error::node_orphaned(hierarchy, key),
        }
    }
    Error::node_cycle(key)
}
