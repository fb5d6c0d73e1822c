//! Nodes of data groups.

use super::catalogue::{access_changed, require, require_node, subject};
use crate::authz::{Kind, Node, Reference, change, owner};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use pgrx::datum::TimestampWithTimeZone;
use serde_json::json;

statements! {
    GRANT = "hierarchy/grant.sql";
    IS_GRANTED = "hierarchy/is_granted.sql";
    OWNERS = "hierarchy/node_owners.sql";
    CLOSE = "hierarchy/close_nodes.sql";
    SEED = "hierarchy/seed_node.sql";
    CLOSE_ORPHANS = "hierarchy/close_orphans.sql";
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
    require_free_grants(&group, hierarchy, node)?;
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
    require_free_grants(&group, hierarchy, node)?;
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

/// Says whom what a data group has of a node belongs to, from now on.
pub fn set_owner(data_group: &str, hierarchy: &str, node: &str, owner: Option<&str>) -> Result<()> {
    let group = Reference::new(Kind::DataGroup, data_group).require()?;
    require_free_grants(&group, hierarchy, node)?;
    SEED.with(|statement| statement.execute(&[arg(group.id), arg(hierarchy), arg(node), arg(owner)]));
    Ok(())
}

/// An error when what a data group has of a node belongs to somebody else, and the group is not the caller's own.
fn require_free_grants(group: &Node, hierarchy: &str, node: &str) -> Result<()> {
    let owners = OWNERS.with(|statement| {
        statement.query(&[arg(group.id), arg(hierarchy), arg(node)], |row| {
            row.get::<String>(1)
        })
    });
    let marks = owners.iter().map(Option::as_deref);
    owner::refuse_foreign(group.seeded_by.as_deref(), marks, || {
        format!("what {} has of the hierarchy {hierarchy}", group.reference)
    })
}

/// Ends what data groups have of nodes that are gone: of any, or of these. An error when that belongs to somebody else; then nothing is gone.
pub(super) fn close_orphans(hierarchy: &str, nodes: Option<Vec<String>>) -> Result<()> {
    let closed = CLOSE_ORPHANS.with(|statement| {
        statement.modify(&[arg(hierarchy), arg(change::author()), arg(nodes)], |row| {
            (
                row.required::<String>(1),
                row.get::<String>(2),
                row.get::<String>(3),
            )
        })
    });
    closed.iter().try_for_each(|(group, whole, mark)| {
        owner::refuse_foreign(whole.as_deref(), [mark.as_deref()], || {
            format!("what data_group:{group} has of the hierarchy {hierarchy}")
        })
    })
}
