//! Sections about hierarchies: levels and mode, exempt applications, nodes, nodes of data groups, templates of data roles and the roles they gave, filtered tables.

use super::application::rows;
use super::graph::{DESCRIPTION, SEEDED_BY, changed_owner, description};
use super::policy::{self, relation};
use super::section::{Moment, PLAIN, Parent, Scope, Section};
use super::template;
use super::times::{still_valid, validity};
use crate::error::{Error, Result};
use crate::hierarchy::{self, NodeDefinition};
use crate::policy::drop_policy;
use crate::policy::hierarchy as filter;
use crate::sys::spi::statements;
use serde_json::json;
use vpd_text::store::field::{Absent, Form, defaulting, optional, required};
use vpd_text::store::item::Item;

statements! {
    HIERARCHIES = scanning "store/hierarchies.sql";
    EXEMPTIONS = scanning "store/hierarchy_exemptions.sql";
    NODES = scanning "store/hierarchy_nodes.sql";
    GROUP_NODES = scanning "store/data_group_nodes.sql";
    TEMPLATES = scanning "store/data_role_templates.sql";
    DATA_ROLES = scanning "store/data_roles.sql";
    BINDINGS = scanning "store/hierarchy_bindings.sql";
}

/// Why modes and exemptions change by an import.
const IMPORTED: &str = "imported with the policy store";

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
            defaulting("label", Form::Text, Absent::Text("")),
        ],
        read: || rows(&NODES),
        define: |former, item| {
            let node = NodeDefinition {
                key: item.text("key"),
                parent: item.optional_text("parent"),
                level: item.optional_text("level"),
                // One that was taken away in the document is taken away: without any the former would stay.
                label: item.optional_text("label").or(former.is_some().then_some("")),
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
            SEEDED_BY,
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

/// After the policies, among which the one that such a filter makes is not told: what was altered of it since stands with the filter, so that
/// a table filters as much where it is imported as where it was exported.
pub(super) const BINDINGS_OF_TABLES: &[Section] = &[Section {
    name: "hierarchy_bindings",
    kind: "hierarchy_binding",
    key: &["relation"],
    fields: &[
        required("relation", Form::Relation),
        required("filters", Form::Tables),
        policy::PREDICATE,
        policy::POLICY_FUNCTION,
        policy::KIND,
        policy::STATEMENT_TYPES,
        policy::UPDATE_CHECK,
        policy::ENABLED,
        policy::RELEVANT_COLUMNS,
        policy::MASK_COLUMNS,
        policy::ASSOCIATIONS,
    ],
    settle: in_order_and_as_made,
    read: || rows(&BINDINGS),
    define: |_, item| define_binding(item),
    remove: Some(|item| drop_policy(relation(item)?, filter::POLICY)),
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
    )?;
    // What is revoked and granted again has lost its mark.
    let owner = changed_owner(None, item)?.flatten();
    owner.map_or(Ok(()), |owner| {
        hierarchy::set_owner(
            item.text("data_group"),
            item.text("hierarchy"),
            item.text("node"),
            Some(owner),
        )
    })
}

fn revoke_group_node(item: &Item) -> Result<()> {
    hierarchy::revoke(item.text("data_group"), item.text("hierarchy"), item.text("node"))
}

/// Hierarchy and column of each filter; `None` when one is not written so.
fn pairs(item: &Item) -> Option<Vec<(String, String)>> {
    let filters = item.value("filters")?.as_array()?;
    filters
        .iter()
        .map(|filter| {
            let text = |field: &str| filter.get(field)?.as_str().map(str::to_owned);
            let has_more = filter.as_object().is_none_or(|table| table.len() > 2);
            text("hierarchy").zip(text("column")).filter(|_| !has_more)
        })
        .collect()
}

/// The order of the filters means nothing, and a predicate that is the filters' own is not told.
fn in_order_and_as_made(item: &mut Item, moment: &Moment) -> Option<&'static str> {
    if let Some(mut pairs) = pairs(item) {
        pairs.sort();
        pairs.dedup();
        let filters = pairs
            .iter()
            .map(|(hierarchy, column)| json!({ "hierarchy": hierarchy, "column": column }));
        item.0.insert("filters".to_owned(), filters.collect());
        if item
            .optional_text("predicate")
            .is_some_and(|predicate| filter::predicate(pairs).as_deref() == Some(predicate))
        {
            item.0.remove("predicate");
        }
    }
    policy::without_default_kind(item, moment)
}

fn define_binding(item: &Item) -> Result<()> {
    let table = relation(item)?;
    let pairs = pairs(item).filter(|pairs| !pairs.is_empty()).ok_or_else(|| {
        Error::argument(
            "a filter names a hierarchy and a column, and nothing else",
            "Write filters = [{ hierarchy = \"…\", column = \"…\" }].",
        )
    })?;
    filter::protect(table, pairs)?;
    let is_altered = item
        .0
        .keys()
        .any(|field| !["relation", "filters"].contains(&field.as_str()));
    if is_altered {
        policy::alter_policy(table, filter::POLICY, item, &[])?;
    }
    Ok(())
}
