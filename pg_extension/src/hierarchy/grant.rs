//! Nodes of data groups.

use super::catalogue::{access_changed, require, require_node, subject};
use crate::authz::{Kind, Reference, change};
use crate::error::{Error, Result};
use crate::sys::spi::{Statement, arg};
use pgrx::datum::TimestampWithTimeZone;
use serde_json::json;

thread_local! {
    static GRANT: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/grant.sql")) };
    static IS_GRANTED: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/is_granted.sql")) };
    static CLOSE: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/close_nodes.sql")) };
    static CLOSE_ORPHANS: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/close_orphans.sql")) };
}

/// Gives a data group a node with everything below it.
pub fn grant(
    data_group: &str,
    hierarchy: &str,
    node: &str,
    valid: (Option<TimestampWithTimeZone>, Option<TimestampWithTimeZone>),
    reason: Option<&str>,
) -> Result<()> {
    change::begin();
    let group = Reference::new(Kind::DataGroup, data_group).require()?;
    require(hierarchy)?;
    require_node(hierarchy, node)?;
    let (from, until) = valid;
    if let (Some(from), Some(until)) = (&from, &until)
        && from >= until
    {
        return Err(Error::argument(
            "valid_until is not after valid_from",
            "Give a time that ends after it begins.",
        ));
    }
    let is_granted = from.is_none()
        && until.is_none()
        && IS_GRANTED
            .with(|statement| statement.query_one(&[arg(group.id), arg(hierarchy), arg(node)], |_| ()))
            .is_some();
    if is_granted {
        return Ok(());
    }
    // What it had of the node ends; the new time holds.
    close(vec![group.id], vec![hierarchy], vec![node]);
    GRANT.with(|statement| {
        statement.execute(&[
            arg(group.id),
            arg(hierarchy),
            arg(node),
            arg(from),
            arg(until),
            arg(reason),
            arg(change::author()),
        ])
    });
    access_changed(Some(hierarchy));
    change::record(
        "grant_node",
        &subject(hierarchy),
        json!({ "node": node, "data_group": data_group, "reason": reason }),
    );
    Ok(())
}

/// Takes a node from a data group.
pub fn revoke(data_group: &str, hierarchy: &str, node: &str) -> Result<()> {
    change::begin();
    let group = Reference::new(Kind::DataGroup, data_group).require()?;
    let revoked = close(vec![group.id], vec![hierarchy], vec![node]);
    if revoked == 0 {
        return Err(Error::not_found(
            "grant_not_found",
            "the data group does not have that node",
            "See the view vpd.data_group_nodes.",
        ));
    }
    access_changed(Some(hierarchy));
    change::record(
        "revoke_node",
        &subject(hierarchy),
        json!({ "node": node, "data_group": data_group }),
    );
    Ok(())
}

/// Ends what data groups have of nodes, group by group and node by node; returns how many grants that were.
pub fn close(data_groups: Vec<i32>, hierarchies: Vec<&str>, nodes: Vec<&str>) -> i64 {
    CLOSE
        .with(|statement| {
            statement.modify(
                &[
                    arg(data_groups),
                    arg(hierarchies),
                    arg(nodes),
                    arg(change::author()),
                ],
                |row| row.get::<i64>(1),
            )
        })
        .into_iter()
        .flatten()
        .sum()
}

/// Ends what data groups have of nodes that are gone: of any, or of these.
pub(super) fn close_orphans(hierarchy: &str, nodes: Option<Vec<String>>) {
    CLOSE_ORPHANS.with(|statement| statement.execute(&[arg(hierarchy), arg(change::author()), arg(nodes)]));
}
