//! Lists: the nodes a session sees, and the users who see a node.

use super::catalogue::{depth, require, require_node};
use super::viewer::{self, Viewer};
use super::{find, sees};
use crate::context;
use crate::error::Result;
use crate::sys::spi::{Statement, arg};

thread_local! {
    static NODES: Statement = const { Statement::scanning(include_str!("../../../sql/query/hierarchy/listed_nodes.sql")) };
}

/// A node to choose.
pub struct Listed {
    pub key: String,
    pub parent: Option<String>,
    pub level: String,
    pub label: Option<String>,
}

/// The nodes that the attached session sees, of one level or of all.
pub fn visible_nodes(name: &str, level: Option<&str>) -> Result<Vec<Listed>> {
    let hierarchy = find(name)?;
    if let Some(level) = level {
        depth(name, level)?;
    }
    if context::known_standing().is_none() {
        return Ok(Vec::new());
    }
    let all = NODES.with(|statement| {
        statement.query(&[arg(name), arg(level)], |row| Listed {
            key: row.get(1).unwrap_or_default(),
            parent: row.get(2),
            level: row.get(3).unwrap_or_default(),
            label: row.get(4),
        })
    });
    let mut visible = Vec::new();
    for node in all {
        if sees(hierarchy, Some(node.key.as_bytes()))? {
            visible.push(node);
        }
    }
    Ok(visible)
}

/// The users who see a node through data groups, and the roles that a login can bring.
pub fn who_can_see(name: &str, node: &str) -> Result<Vec<Viewer>> {
    require(name)?;
    require_node(name, node)?;
    Ok(viewer::of_node(name, node))
}
