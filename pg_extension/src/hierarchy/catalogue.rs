//! What every file of this room looks up of a hierarchy, and how changes of one are noted.

use crate::error::{Error, Result};
use crate::sys::spi::{Statement, arg};

thread_local! {
    static LEVELS: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/levels.sql")) };
    static NODE: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/node.sql")) };
    static FIND: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/find.sql")) };
    static RAISE: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/raise_version.sql")) };
    static RAISE_ACCESS: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/raise_access_version.sql")) };
}

/// The mode of a hierarchy, or 42704.
pub fn require(hierarchy: &str) -> Result<String> {
    FIND.with(|statement| statement.query_one(&[arg(hierarchy)], |row| row.get::<String>(1)))
        .flatten()
        .ok_or_else(|| Error::hierarchy_not_found(hierarchy))
}

/// Notes that the nodes of a hierarchy changed, or of all of them.
pub fn nodes_changed(hierarchy: Option<&str>) {
    RAISE.with(|statement| statement.execute(&[arg(hierarchy)]));
}

/// Notes that what is seen of the nodes of a hierarchy changed, or of all of them.
pub fn access_changed(hierarchy: Option<&str>) {
    RAISE_ACCESS.with(|statement| statement.execute(&[arg(hierarchy)]));
}

/// A reason in somebody's words.
pub fn checked_reason(reason: &str) -> Result<&str> {
    let is_good = (1..=1000).contains(&reason.chars().count())
        && !reason.trim().is_empty()
        && !reason.chars().any(char::is_control);
    is_good.then_some(reason).ok_or_else(|| {
        Error::argument(
            "the reason is empty, too long or has control characters",
            "Say why in one line of 1 to 1000 characters.",
        )
    })
}

/// Levels of a hierarchy, from the top: name and depth.
pub fn levels(hierarchy: &str) -> Vec<(String, i32)> {
    LEVELS.with(|statement| statement.query(&[arg(hierarchy)], |row| (row.required(1), row.required(2))))
}

/// The depth of a level, or 42704.
pub fn depth(hierarchy: &str, level: &str) -> Result<i32> {
    levels(hierarchy)
        .into_iter()
        .find_map(|(name, depth)| (name == level).then_some(depth))
        .ok_or_else(|| Error::level_not_found(hierarchy, level))
}

/// How a hierarchy is called in the record of changes.
pub fn subject(name: &str) -> String {
    format!("hierarchy:{name}")
}

/// Depth of a node, or 42704.
pub fn require_node(hierarchy: &str, key: &str) -> Result<i32> {
    NODE.with(|statement| statement.query_one(&[arg(hierarchy), arg(key)], |row| row.get::<i32>(1)))
        .flatten()
        .ok_or_else(|| Error::node_not_found(hierarchy, key))
}
