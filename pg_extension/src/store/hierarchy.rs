//! Sections about hierarchies: levels and mode, exempt applications, nodes, nodes of data groups, templates of data roles and the roles they gave, filtered tables.

use super::application::rows;
use super::field::{Absent, Form, defaulting, optional, required};
use super::graph::{DESCRIPTION, description, still_valid, validity};
use super::item::Item;
use super::policy::relation;
use super::section::{Layout, Parent, Scope, Section, as_given};
use super::template;
use crate::error::{Error, Result};
use crate::hierarchy::{self, NodeDefinition};
use crate::policy;
use crate::sys::spi::Statement;
use serde_json::Value;

thread_local! {
    static HIERARCHIES: Statement = const { Statement::scanning(include_str!("../../../sql/query/store/hierarchies.sql")) };
    static EXEMPTIONS: Statement = const { Statement::scanning(include_str!("../../../sql/query/store/hierarchy_exemptions.sql")) };
    static NODES: Statement = const { Statement::scanning(include_str!("../../../sql/query/store/hierarchy_nodes.sql")) };
    static GROUP_NODES: Statement = const { Statement::scanning(include_str!("../../../sql/query/store/data_group_nodes.sql")) };
    static TEMPLATES: Statement = const { Statement::scanning(include_str!("../../../sql/query/store/data_role_templates.sql")) };
    static DATA_ROLES: Statement = const { Statement::scanning(include_str!("../../../sql/query/store/data_roles.sql")) };
    static BINDINGS: Statement = const { Statement::scanning(include_str!("../../../sql/query/store/hierarchy_bindings.sql")) };
}

/// Why modes and exemptions change by an import.
const IMPORTED: &str = "imported with the policy store";
/// The policy that filters a table by hierarchies.
const POLICY: &str = "by_hierarchy";

const PLAIN: Section = Section {
    name: "",
    kind: "",
    scope: Scope::Always,
    key: &["name"],
    fields: &[],
    settle: as_given,
    read: Vec::new,
    define: |_, _| Ok(()),
    remove: None,
    parent: None,
    is_removed_first: false,
    layout: Layout::Plain,
};

pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "hierarchies",
        kind: "hierarchy",
        fields: &[
            required("name", Form::Text),
            DESCRIPTION,
            required("levels", Form::List),
            defaulting("mode", Form::Text, Absent::Text("closed")),
        ],
        read: || rows(&HIERARCHIES),
        define: define_hierarchy,
        remove: Some(|item| hierarchy::drop_hierarchy(item.text("name"))),
        ..PLAIN
    },
    Section {
        name: "hierarchy_exemptions",
        kind: "hierarchy_exemption",
        key: &["app", "hierarchy"],
        fields: &[
            required("app", Form::Text),
            optional("hierarchy", Form::Text),
            required("reason", Form::Text),
        ],
        read: || rows(&EXEMPTIONS),
        define: |former, item| {
            if let Some(former) = former {
                revoke_exemption(former)?;
            }
            hierarchy::exempt_app(
                item.text("app"),
                item.optional_text("hierarchy"),
                item.text("reason"),
            )
        },
        remove: Some(revoke_exemption),
        ..PLAIN
    },
    Section {
        name: "hierarchy_nodes",
        kind: "node",
        scope: Scope::Nodes,
        key: &["hierarchy", "key"],
        fields: &[
            required("hierarchy", Form::Text),
            required("key", Form::Text),
            optional("parent", Form::Text),
            required("level", Form::Text),
            optional("label", Form::Text),
        ],
        read: || rows(&NODES),
        define: |_, item| {
            let node = NodeDefinition {
                key: item.text("key"),
                parent: item.optional_text("parent"),
                level: item.optional_text("level"),
                label: item.optional_text("label"),
            };
            hierarchy::define_node(item.text("hierarchy"), &node)
        },
        remove: Some(|item| {
            hierarchy::drop_node(item.text("hierarchy"), item.text("key"), false).map(|_| ())
        }),
        parent: Some(Parent {
            field: "parent",
            of: "key",
            within: &["hierarchy"],
        }),
        ..PLAIN
    },
    Section {
        name: "data_group_nodes",
        kind: "data_group_node",
        scope: Scope::Nodes,
        key: &["data_group", "hierarchy", "node"],
        fields: &[
            required("data_group", Form::Text),
            required("hierarchy", Form::Text),
            required("node", Form::Text),
            optional("valid_from", Form::Moment),
            optional("valid_until", Form::Moment),
            optional("reason", Form::Text),
        ],
        settle: still_valid,
        read: || rows(&GROUP_NODES),
        define: define_group_node,
        remove: Some(revoke_group_node),
        is_removed_first: true,
        ..PLAIN
    },
    Section {
        name: "data_role_templates",
        kind: "data_role_template",
        fields: &[
            required("name", Form::Text),
            required("base_role", Form::Text),
            required("hierarchy", Form::Text),
            required("level", Form::Text),
            defaulting("name_pattern", Form::Text, Absent::Text(template::PATTERN)),
        ],
        read: || rows(&TEMPLATES),
        define: |_, item| {
            template::define(
                item.text("name"),
                item.text("base_role"),
                item.text("hierarchy"),
                item.text("level"),
                item.optional_text("name_pattern").unwrap_or(template::PATTERN),
            )
        },
        remove: Some(|item| template::drop_template(item.text("name"))),
        ..PLAIN
    },
    Section {
        name: "data_roles",
        kind: "data_role",
        key: &["role"],
        fields: &[
            required("role", Form::Text),
            required("template", Form::Text),
            required("node", Form::Text),
        ],
        read: || rows(&DATA_ROLES),
        define: |_, item| template::note(item.text("role"), item.text("template"), item.text("node")),
        remove: Some(|item| template::forget(item.text("role"))),
        ..PLAIN
    },
];

/// After the policies, among which the one that such a filter makes is not told.
pub(super) const BINDINGS_OF_TABLES: &[Section] = &[Section {
    name: "hierarchy_bindings",
    kind: "hierarchy_binding",
    key: &["relation"],
    fields: &[
        required("relation", Form::Text),
        required("filters", Form::Tables),
        defaulting("enabled", Form::Flag, Absent::Flag(true)),
    ],
    read: || rows(&BINDINGS),
    define: define_binding,
    remove: Some(|item| policy::drop_policy(relation(item)?, POLICY)),
    ..PLAIN
}];

fn define_hierarchy(former: Option<&Item>, item: &Item) -> Result<()> {
    let name = item.text("name");
    let levels = item.list("levels").unwrap_or_default();
    hierarchy::define(name, &levels, description(former, item).as_deref())?;
    let mode = |item: &Item| item.optional_text("mode").unwrap_or("closed").to_owned();
    if former.map_or_else(|| "closed".to_owned(), mode) != mode(item) {
        hierarchy::set_mode(name, &mode(item), IMPORTED)?;
    }
    Ok(())
}

fn revoke_exemption(item: &Item) -> Result<()> {
    hierarchy::revoke_exemption(item.text("app"), item.optional_text("hierarchy"), IMPORTED)
}

fn define_group_node(former: Option<&Item>, item: &Item) -> Result<()> {
    if let Some(former) = former {
        revoke_group_node(former)?;
    }
    let validity = validity(item);
    hierarchy::grant(
        item.text("data_group"),
        item.text("hierarchy"),
        item.text("node"),
        (validity.from, validity.until),
        validity.reason.as_deref(),
    )
}

fn revoke_group_node(item: &Item) -> Result<()> {
    hierarchy::revoke(item.text("data_group"), item.text("hierarchy"), item.text("node"))
}

fn define_binding(former: Option<&Item>, item: &Item) -> Result<()> {
    let table = relation(item)?;
    let pairs = item
        .value("filters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|filter| {
            let text = |field: &str| filter.get(field).and_then(Value::as_str).map(str::to_owned);
            text("hierarchy").zip(text("column"))
        })
        .collect::<Option<Vec<_>>>()
        .filter(|pairs| !pairs.is_empty())
        .ok_or_else(|| {
            Error::argument(
                "a filter names a hierarchy and a column",
                "Write filters = [{ hierarchy = \"…\", column = \"…\" }].",
            )
        })?;
    if former.is_none_or(|former| former.value("filters") != item.value("filters")) {
        hierarchy::protect(table, pairs)?;
    }
    let is_enabled = item.flag("enabled", true);
    if former.is_none_or(|former| former.flag("enabled", true)) != is_enabled {
        policy::enable(table, POLICY, is_enabled)?;
    }
    Ok(())
}
