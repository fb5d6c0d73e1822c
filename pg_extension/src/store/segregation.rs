//! Sections about duties that are kept apart, and about tables that tell who did what: rules, audit columns, protected actions.

use super::application::rows;
use super::graph::{DESCRIPTION, SEEDED_BY, changed_owner};
use super::policy::relation;
use super::section::{PLAIN, Section};
use crate::audit::{self, Columns, Identification, Protection};
use crate::authz::segregation::{self, Definition};
use crate::error::Result;
use crate::sys::spi::statements;
use vpd_text::store::field::{Absent, Form, defaulting, optional, required};
use vpd_text::store::item::Item;

statements! {
    RULES = scanning "store/sod_rules.sql";
    TRACKED = scanning "store/tracked_tables.sql";
    ACTIONS = scanning "store/protected_actions.sql";
}

/// After the grants: a rule that somebody would break is refused.
pub(super) const RULES_OF_DUTIES: &[Section] = &[Section {
    name: "sod_rules",
    kind: "sod_rule",
    key: &["name"],
    fields: &[
        required("name", Form::Text),
        required("items", Form::Set),
        defaulting("at_most", Form::Whole, Absent::Whole(1)),
        defaulting("scope", Form::Text, Absent::Text("global")),
        optional("unit", Form::Text),
        DESCRIPTION,
        SEEDED_BY,
    ],
    read: || rows(&RULES),
    define: |former, item| {
        let definition = Definition {
            items: item.list("items").unwrap_or_default(),
            at_most: item.whole("at_most").unwrap_or(1),
            scope: item.optional_text("scope").unwrap_or("global").to_owned(),
            unit: item.optional_text("unit").map(str::to_owned),
            description: item.optional_text("description").map(str::to_owned),
            enforces_existing: true,
        };
        segregation::define(item.text("name"), &definition)?;
        if let Some(owner) = changed_owner(former, item)? {
            segregation::set_owner(item.text("name"), owner);
        }
        Ok(())
    },
    remove: Some(|item| segregation::drop_rule(item.text("name"))),
    is_removed_first: true,
    ..PLAIN
}];

/// After the policies: columns that are added are there for nobody else yet.
pub(super) const TABLES: &[Section] = &[
    Section {
        name: "tracked_tables",
        kind: "tracked_table",
        key: &["relation"],
        is_of_graph: false,
        fields: &[
            required("relation", Form::Relation),
            defaulting("identity", Form::Text, Absent::Text("name")),
            defaulting("created_by", Form::Text, Absent::Text("created_by")),
            defaulting("created_at", Form::Text, Absent::Text("created_at")),
            defaulting("created_login", Form::Text, Absent::Text("created_login")),
            defaulting("updated_by", Form::Text, Absent::Text("updated_by")),
            defaulting("updated_at", Form::Text, Absent::Text("updated_at")),
            defaulting("updated_login", Form::Text, Absent::Text("updated_login")),
        ],
        read: || rows(&TRACKED),
        define: track,
        remove: Some(|item| audit::untrack(relation(item)?)),
        ..PLAIN
    },
    Section {
        name: "protected_actions",
        kind: "protected_action",
        key: &["relation", "action"],
        is_of_graph: false,
        fields: &[
            required("relation", Form::Relation),
            required("action", Form::Text),
            optional("maker_column", Form::Text),
            required("column", Form::Text),
            required("value", Form::Text),
            required("key_columns", Form::List),
        ],
        read: || rows(&ACTIONS),
        define: |former, item| {
            let table = relation(item)?;
            if former.is_some() {
                audit::unprotect(table, item.text("action"))?;
            }
            let protection = Protection {
                maker_column: item.optional_text("maker_column").map(str::to_owned),
                action: item.text("action").to_owned(),
                column: item.text("column").to_owned(),
                value: item.text("value").to_owned(),
                key_columns: item.list("key_columns"),
            };
            audit::protect(table, &protection)
        },
        remove: Some(|item| audit::unprotect(relation(item)?, item.text("action"))),
        ..PLAIN
    },
];

fn track(_: Option<&Item>, item: &Item) -> Result<()> {
    let column = |name: &str| item.optional_text(name).unwrap_or(name).to_owned();
    let columns = Columns {
        created_by: column("created_by"),
        created_at: column("created_at"),
        created_login: column("created_login"),
        updated_by: column("updated_by"),
        updated_at: column("updated_at"),
        updated_login: column("updated_login"),
    };
    let identity = Identification::parse(item.optional_text("identity").unwrap_or("name"))?;
    audit::track(relation(item)?, &columns, identity)
}
