//! Sections about people: sources, units, users.

use super::application::rows;
use super::graph::{DESCRIPTION, description};
use super::section::{Moment, PLAIN, Parent, Scope, Section};
use crate::authz::source;
use crate::authz::user::{self, Account};
use crate::authz::{Kind, Reference, definition};
use crate::error::Result;
use crate::sys::spi::statements;
use pgrx::JsonB;
use serde_json::json;
use std::collections::BTreeSet;
use vpd_text::store::document::{Placed, Wanted};
use vpd_text::store::field::{Absent, Form, defaulting, optional, required};
use vpd_text::store::item::Item;

statements! {
    SOURCES = scanning "store/sources.sql";
    UNITS = scanning "store/units.sql";
    USERS = scanning "store/users.sql";
    LOCKED_OUT = scanning "store/locked_out.sql";
}

pub(super) const SOURCES_AND_UNITS: &[Section] = &[
    Section {
        name: "sources",
        kind: "source",
        key: &["name"],
        fields: &[
            required("name", Form::Text),
            required("precedence", Form::Whole),
            DESCRIPTION,
        ],
        settle: without_innate_description,
        read: || rows(&SOURCES),
        is_innate,
        define: |former, item| {
            source::define_source(
                item.text("name"),
                item.whole("precedence").unwrap_or_default(),
                description(former, item).as_deref(),
            )
        },
        exchange: Some(exchange_precedences),
        remove: Some(remove_source),
        ..PLAIN
    },
    Section {
        name: "units",
        kind: "unit",
        key: &["name"],
        fields: &[
            required("name", Form::Text),
            optional("parent", Form::Text),
            DESCRIPTION,
        ],
        read: || rows(&UNITS),
        define: |former, item| {
            user::define_unit(
                item.text("name"),
                item.optional_text("parent"),
                description(former, item).as_deref(),
            )
        },
        remove: Some(|item| user::drop_unit(item.text("name"))),
        parent: Some(Parent {
            field: "parent",
            of: "name",
            within: &[],
        }),
        ..PLAIN
    },
];

pub(super) const PEOPLE: &[Section] = &[Section {
    name: "users",
    kind: "user",
    scope: Scope::Users,
    key: &["name", "source"],
    fields: &[
        required("name", Form::Text),
        defaulting("source", Form::Text, Absent::Text("local")),
        defaulting("display_name", Form::Text, Absent::Text("")),
        optional("unit", Form::Text),
        optional("manager", Form::Text),
        optional("attributes", Form::Table),
        defaulting("is_test", Form::Flag, Absent::Flag(false)),
        defaulting("enabled", Form::Flag, Absent::Flag(true)),
    ],
    settle: without_test_users,
    gather: as_one_user,
    read: || rows(&USERS),
    define: define_user,
    remove: Some(|item| {
        user::forget(
            item.text("name"),
            item.optional_text("source").unwrap_or(source::LOCAL),
        )
    }),
    parent: Some(Parent {
        field: "manager",
        of: "name",
        within: &[],
    }),
    ..PLAIN
}];

/// The source that every database has is told only where it was changed, and gets its own again.
fn remove_source(item: &Item) -> Result<()> {
    match item.text("name") {
        source::LOCAL => source::define_source(
            source::LOCAL,
            source::LOCAL_PRECEDENCE,
            Some(source::LOCAL_DESCRIPTION),
        ),
        name => source::drop_source(name),
    }
}

fn without_innate_description(item: &mut Item, _: &Moment) -> Option<&'static str> {
    if item.text("name") == source::LOCAL && item.text("description") == source::LOCAL_DESCRIPTION {
        item.0.remove("description");
    }
    None
}

fn is_innate(item: &Item) -> bool {
    item.text("name") == source::LOCAL
        && item.whole("precedence") == Some(source::LOCAL_PRECEDENCE)
        && item.optional_text("description").is_none()
}

/// No two have the same precedence, so that each may be in the way of the next.
fn exchange_precedences(changed: &[(Item, Placed)]) -> Result<()> {
    let moved: Vec<(&str, i32)> = changed
        .iter()
        .filter_map(|(former, placed)| {
            let wanted = placed.item.whole("precedence")?;
            (former.whole("precedence") != Some(wanted)).then_some((placed.item.text("name"), wanted))
        })
        .collect();
    source::exchange(&moved)
}

/// Whether somebody is let in is said of him, and not of what a source tells: he stays out when one of his lines says so.
fn as_one_user(wanted: &mut Wanted<Section>) {
    let skipped = wanted.skipped.iter().map(|skipped| &skipped.placed);
    let kept_out: BTreeSet<String> = wanted
        .items
        .iter()
        .chain(skipped)
        .filter(|placed| !placed.item.flag("enabled", true))
        .map(|placed| placed.item.text("name").to_owned())
        .collect();
    let locked_out: BTreeSet<String> = LOCKED_OUT
        .with(|statement| statement.query(&[], |row| row.required::<String>(1)))
        .into_iter()
        .collect();
    for Placed { item, .. } in &mut wanted.items {
        let name = item.text("name");
        if kept_out.contains(name) {
            item.0.insert("enabled".to_owned(), false.into());
        } else if locked_out.contains(name) {
            // Told although it is so by default: he comes back with whatever line this is.
            item.0.insert("enabled".to_owned(), true.into());
        }
    }
}

fn without_test_users(item: &mut Item, moment: &Moment) -> Option<&'static str> {
    if item
        .value("attributes")
        .is_some_and(|attributes| attributes == &json!({}))
    {
        item.0.remove("attributes");
    }
    (moment.is_production && item.flag("is_test", false))
        .then_some("it is a test user, and this is production")
}

fn define_user(former: Option<&Item>, item: &Item) -> Result<()> {
    let name = item.text("name");
    let source = item.optional_text("source").unwrap_or("local");
    let is_gone = |field: &str| {
        item.optional_text(field).is_none()
            && former.is_some_and(|former| former.optional_text(field).is_some())
    };
    user::define_user(Account {
        name: name.to_owned(),
        source: source.to_owned(),
        display_name: Some(item.text("display_name").to_owned()),
        attributes: Some(JsonB(
            item.value("attributes").cloned().unwrap_or_else(|| json!({})),
        )),
        unit: item.optional_text("unit").map(str::to_owned),
        manager: item.optional_text("manager").map(str::to_owned),
        is_test: item.flag("is_test", false),
        is_unit_gone: is_gone("unit"),
        is_manager_gone: is_gone("manager"),
    })?;
    let is_enabled = item.flag("enabled", true);
    if user::is_enabled(name) != Some(is_enabled) {
        definition::enable(&Reference::new(Kind::User, name), is_enabled, None)?;
    }
    Ok(())
}
