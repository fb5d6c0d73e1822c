//! `vpd.define_hierarchy` and its kin: hierarchies, their nodes, who has them, and the tables they filter.

use super::{Answer, require_primary, require_ready, required, without_null};
use crate::error::Error;
use crate::hierarchy::{self, Columns, NodeDefinition, Report, Source};
use crate::policy;
use crate::sys::{ErrorReport, Oid};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;

/// The trigger on the tables of hierarchies.
#[pg_extern(sql = false)]
fn hierarchy_changed() {
    if crate::sys::is_ready() {
        hierarchy::tables_changed();
    }
}

#[pg_extern(sql = false)]
fn hierarchy_marker() -> Answer<bool> {
    require_ready()?;
    Ok(true)
}

#[pg_extern(sql = false)]
fn define_hierarchy(
    name: Option<&str>,
    levels: Option<Vec<Option<String>>>,
    description: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    let levels = without_null(required(levels, "levels")?, "levels")?;
    Ok(hierarchy::define(required(name, "name")?, &levels, description)?)
}

#[pg_extern(sql = false)]
fn install_hierarchies() -> Answer<()> {
    require_primary()?;
    Ok(hierarchy::install_shipped()?)
}

#[pg_extern(sql = false)]
fn drop_hierarchy(name: Option<&str>) -> Answer<()> {
    require_primary()?;
    Ok(hierarchy::drop_hierarchy(required(name, "name")?)?)
}

#[pg_extern(sql = false)]
fn set_hierarchy_mode(name: Option<&str>, mode: Option<&str>, reason: Option<&str>) -> Answer<()> {
    require_primary()?;
    Ok(hierarchy::set_mode(
        required(name, "hierarchy")?,
        required(mode, "mode")?,
        required(reason, "reason")?,
    )?)
}

#[pg_extern(sql = false)]
fn exempt_app(app: Option<&str>, reason: Option<&str>, name: Option<&str>) -> Answer<()> {
    require_primary()?;
    Ok(hierarchy::exempt_app(
        required(app, "app")?,
        name,
        required(reason, "reason")?,
    )?)
}

#[pg_extern(sql = false)]
fn revoke_app_exemption(app: Option<&str>, reason: Option<&str>, name: Option<&str>) -> Answer<()> {
    require_primary()?;
    Ok(hierarchy::revoke_exemption(
        required(app, "app")?,
        name,
        required(reason, "reason")?,
    )?)
}

#[pg_extern(sql = false)]
fn define_node(
    name: Option<&str>,
    key: Option<&str>,
    parent: Option<&str>,
    level: Option<&str>,
    label: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    let node = NodeDefinition {
        key: required(key, "key")?,
        parent,
        level,
        label,
    };
    Ok(hierarchy::define_node(required(name, "hierarchy")?, &node)?)
}

type Counts = TableIterator<
    'static,
    (
        name!(added, i64),
        name!(moved, i64),
        name!(changed, i64),
        name!(removed, i64),
    ),
>;

fn counts(report: Report) -> Counts {
    TableIterator::once((report.added, report.moved, report.changed, report.removed))
}

#[pg_extern(sql = false)]
fn load_nodes(
    name: Option<&str>,
    relation: Option<Oid>,
    key_column: Option<&str>,
    parent_column: Option<&str>,
    level_column: Option<&str>,
    label_column: Option<&str>,
    remove: Option<bool>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(added, i64),
            name!(moved, i64),
            name!(changed, i64),
            name!(removed, i64),
        ),
    >,
    ErrorReport,
> {
    require_primary()?;
    let columns = Columns {
        key: required(key_column, "key_column")?,
        parent: parent_column,
        level: level_column,
        label: label_column,
    };
    Ok(counts(hierarchy::load_nodes(
        required(name, "hierarchy")?,
        &source(required(relation, "relation")?),
        &columns,
        remove.unwrap_or(false),
    )?))
}

#[pg_extern(sql = false)]
fn load_levels(
    name: Option<&str>,
    relation: Option<Oid>,
    level_columns: Option<Vec<Option<String>>>,
    remove: Option<bool>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(added, i64),
            name!(moved, i64),
            name!(changed, i64),
            name!(removed, i64),
        ),
    >,
    ErrorReport,
> {
    require_primary()?;
    let columns = without_null(required(level_columns, "level_columns")?, "level_columns")?;
    Ok(counts(hierarchy::load_levels(
        required(name, "hierarchy")?,
        &source(required(relation, "relation")?),
        columns,
        remove.unwrap_or(false),
    )?))
}

fn source(table: Oid) -> Source {
    Source {
        table,
        is_exempt: policy::exemption::is_exempt(table),
    }
}

#[pg_extern(sql = false)]
fn move_node(name: Option<&str>, key: Option<&str>, parent: Option<&str>) -> Answer<()> {
    require_primary()?;
    Ok(hierarchy::move_node(
        required(name, "hierarchy")?,
        required(key, "key")?,
        parent,
    )?)
}

#[pg_extern(sql = false)]
fn drop_node(name: Option<&str>, key: Option<&str>, with_subtree: Option<bool>) -> Answer<i64> {
    require_primary()?;
    Ok(hierarchy::drop_node(
        required(name, "hierarchy")?,
        required(key, "key")?,
        with_subtree.unwrap_or(false),
    )?)
}

#[pg_extern(sql = false)]
fn grant_node(
    data_group: Option<&str>,
    name: Option<&str>,
    node: Option<&str>,
    valid_from: Option<TimestampWithTimeZone>,
    valid_until: Option<TimestampWithTimeZone>,
    reason: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    Ok(hierarchy::grant(
        required(data_group, "data_group")?,
        required(name, "hierarchy")?,
        required(node, "node")?,
        (valid_from, valid_until),
        reason,
    )?)
}

#[pg_extern(sql = false)]
fn revoke_node(data_group: Option<&str>, name: Option<&str>, node: Option<&str>) -> Answer<()> {
    require_primary()?;
    Ok(hierarchy::revoke(
        required(data_group, "data_group")?,
        required(name, "hierarchy")?,
        required(node, "node")?,
    )?)
}

#[pg_extern(sql = false)]
fn protect_by_hierarchy(
    relation: Option<Oid>,
    name: Option<String>,
    column_name: Option<String>,
    more: Option<Vec<Option<String>>>,
) -> Answer<()> {
    require_primary()?;
    let more = without_null(more.unwrap_or_default(), "more")?;
    let mut pairs = vec![(
        required(name, "hierarchy")?,
        required(column_name, "column_name")?,
    )];
    for pair in more.chunks(2) {
        let [hierarchy, column] = pair else {
            return Err(Error::argument(
                "a hierarchy is named without a column",
                "Give pairs: 'merchandise', 'item', 'organization', 'location'.",
            )
            .into());
        };
        pairs.push((hierarchy.clone(), column.clone()));
    }
    Ok(policy::hierarchy::protect(
        required(relation, "relation")?,
        pairs,
    )?)
}

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn visible_nodes(
    name: Option<&str>,
    level: Option<&str>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(node_key, String),
            name!(parent_key, Option<String>),
            name!(level_name, String),
            name!(label, Option<String>),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let nodes = hierarchy::visible_nodes(required(name, "hierarchy")?, level)?;
    Ok(TableIterator::new(
        nodes
            .into_iter()
            .map(|node| (node.key, node.parent, node.level, node.label)),
    ))
}

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn who_can_see(
    name: Option<&str>,
    node: Option<&str>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(user_name, Option<String>),
            name!(data_group, String),
            name!(granted_node, String),
            name!(path, String),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let viewers = hierarchy::who_can_see(required(name, "hierarchy")?, required(node, "node")?)?;
    Ok(TableIterator::new(viewers.into_iter().map(|viewer| {
        (viewer.user_name, viewer.data_group, viewer.node, viewer.path)
    })))
}
