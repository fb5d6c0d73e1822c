//! Single nodes: defined, moved with what is below them, dropped.

use super::catalogue::{access_changed, depth, levels, nodes_changed, require, require_node, subject};
use super::grant::close_orphans;
use crate::authz::change;
use crate::error::{Error, Result};
use crate::sys::spi::{Arg, arg, statements};
use serde_json::json;

statements! {
    IS_BELOW = "hierarchy/is_below.sql";
    MOVE = "hierarchy/move.sql";
    WRITE = scanning "hierarchy/write.sql";
    WRITE_ONE = "hierarchy/write.sql";
    FAULT = scanning "hierarchy/fault.sql";
    FAULT_NEAR = "hierarchy/fault_near.sql";
    DROP = "hierarchy/drop_nodes.sql";
}

const MAX_KEY: usize = 1000;

/// What a node is to be.
pub struct NodeDefinition<'a> {
    pub key: &'a str,
    /// Key of the node above; `None` at the top.
    pub parent: Option<&'a str>,
    /// Name of its level; `None` for the one below the parent's.
    pub level: Option<&'a str>,
    /// Name to show; `None` leaves it as it is.
    pub label: Option<&'a str>,
}

/// Nodes to write, column by column.
#[derive(Default)]
pub struct Nodes {
    pub keys: Vec<String>,
    pub parents: Vec<Option<String>>,
    pub depths: Vec<i32>,
    pub labels: Vec<Option<String>>,
}

/// How many nodes a load added, moved, relabelled and removed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Report {
    pub added: i64,
    pub moved: i64,
    pub changed: i64,
    pub removed: i64,
}

/// Defines a node, or moves and relabels it.
pub fn define(hierarchy: &str, node: &NodeDefinition<'_>) -> Result<()> {
    change::begin();
    require(hierarchy)?;
    check_key(node.key)?;
    let above = node
        .parent
        .map(|parent| require_node(hierarchy, parent))
        .transpose()?
        .unwrap_or(0);
    refuse_circle(hierarchy, node.key, node.parent)?;
    let depth = match node.level {
        Some(level) => depth(hierarchy, level)?,
        None => above + 1,
    };
    check_depth(hierarchy, node.key, depth, levels(hierarchy).len())?;
    let nodes = Nodes {
        keys: vec![node.key.to_owned()],
        parents: vec![node.parent.map(str::to_owned)],
        depths: vec![depth],
        labels: vec![node.label.map(str::to_owned)],
    };
    WRITE_ONE.with(|statement| statement.execute(&arguments(hierarchy, nodes, false)));
    faultless(hierarchy, Some(node.key))?;
    nodes_changed(Some(hierarchy));
    change::record(
        "define_node",
        &subject(hierarchy),
        json!({ "node": node.key, "parent": node.parent }),
    );
    Ok(())
}

/// Moves a node with everything below it.
pub fn move_node(hierarchy: &str, key: &str, parent: Option<&str>) -> Result<()> {
    change::begin();
    require(hierarchy)?;
    require_node(hierarchy, key)?;
    if let Some(parent) = parent {
        require_node(hierarchy, parent)?;
    }
    refuse_circle(hierarchy, key, parent)?;
    MOVE.with(|statement| statement.execute(&[arg(hierarchy), arg(key), arg(parent)]));
    faultless(hierarchy, Some(key))?;
    nodes_changed(Some(hierarchy));
    change::record(
        "move_node",
        &subject(hierarchy),
        json!({ "node": key, "parent": parent }),
    );
    Ok(())
}

/// Drops a node, and everything below it when that is wanted; returns how many went.
pub fn drop_node(hierarchy: &str, key: &str, with_subtree: bool) -> Result<i64> {
    change::begin();
    require(hierarchy)?;
    require_node(hierarchy, key)?;
    let dropped: Vec<String> = DROP
        .with(|statement| {
            statement.modify(&[arg(hierarchy), arg(key), arg(with_subtree)], |row| {
                row.get::<String>(1)
            })
        })
        .into_iter()
        .flatten()
        .collect();
    let count = dropped.len() as i64;
    if count == 0 {
        return Err(Error::node_in_use(key));
    }
    close_orphans(hierarchy, Some(dropped))?;
    nodes_changed(Some(hierarchy));
    access_changed(Some(hierarchy));
    change::record(
        "drop_node",
        &subject(hierarchy),
        json!({ "node": key, "nodes": count }),
    );
    Ok(count)
}

/// Writes nodes; those that are not among them stay as they are.
pub fn write_nodes(hierarchy: &str, nodes: Nodes) -> Result<Report> {
    write(hierarchy, nodes, false)
}

/// Writes nodes; with `remove`, those that are not among them go.
pub(super) fn write(hierarchy: &str, nodes: Nodes, remove: bool) -> Result<Report> {
    let levels = levels(hierarchy).len();
    for (key, depth) in nodes.keys.iter().zip(&nodes.depths) {
        check_key(key)?;
        check_depth(hierarchy, key, *depth, levels)?;
    }
    let rows = WRITE.with(|statement| {
        statement.modify(&arguments(hierarchy, nodes, remove), |row| Report {
            added: row.get(1).unwrap_or_default(),
            moved: row.get(2).unwrap_or_default(),
            changed: row.get(3).unwrap_or_default(),
            removed: row.get(4).unwrap_or_default(),
        })
    });
    faultless(hierarchy, None)?;
    if remove {
        close_orphans(hierarchy, None)?;
    }
    nodes_changed(Some(hierarchy));
    access_changed(Some(hierarchy));
    Ok(rows.into_iter().next().unwrap_or_default())
}

fn arguments(hierarchy: &str, nodes: Nodes, remove: bool) -> [Arg; 6] {
    [
        arg(hierarchy),
        arg(nodes.keys),
        arg(nodes.parents),
        arg(nodes.depths),
        arg(nodes.labels),
        arg(remove),
    ]
}

/// Every parent exists and stands above; for one node, those right below it count too.
pub(super) fn faultless(hierarchy: &str, key: Option<&str>) -> Result<()> {
    let read = |row: &crate::sys::spi::Row| (row.required::<String>(1), row.required::<bool>(2));
    let fault = match key {
        Some(key) => FAULT_NEAR.with(|statement| statement.query_one(&[arg(hierarchy), arg(key)], read)),
        None => FAULT.with(|statement| statement.query_one(&[arg(hierarchy)], read)),
    };
    match fault {
        None => Ok(()),
        Some((key, true)) => Err(Error::node_orphaned(hierarchy, &key)),
        Some((key, false)) => Err(Error::node_level(&key)),
    }
}

fn refuse_circle(hierarchy: &str, key: &str, parent: Option<&str>) -> Result<()> {
    let Some(parent) = parent else {
        return Ok(());
    };
    let is_below = parent == key
        || IS_BELOW
            .with(|statement| statement.query_one(&[arg(hierarchy), arg(parent), arg(key)], |_| ()))
            .is_some();
    if is_below {
        return Err(Error::node_cycle(key));
    }
    Ok(())
}

fn check_key(key: &str) -> Result<()> {
    if (1..=MAX_KEY).contains(&key.chars().count()) {
        return Ok(());
    }
    Err(Error::argument(
        "a key is empty or too long",
        "Keys have 1 to 1000 characters.",
    ))
}

fn check_depth(hierarchy: &str, key: &str, depth: i32, levels: usize) -> Result<()> {
    if depth > levels as i32 {
        return Err(Error::too_deep(hierarchy, key));
    }
    Ok(())
}
