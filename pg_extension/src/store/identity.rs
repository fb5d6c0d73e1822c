//! Sections about people: sources, units, users, who may act for whom.

use super::application::rows;
use super::graph::{DESCRIPTION, description, set_enabled, still_valid, validity};
use super::section::{Layout, Moment, Parent, Scope, Section, as_given};
use crate::authz::user::{self, Account};
use crate::authz::{Kind, Reference, delegation};
use crate::error::Result;
use crate::sys::spi::{arg, statements};
use pgrx::JsonB;
use serde_json::json;
use vpd_text::store::field::{Absent, Form, defaulting, optional, required};
use vpd_text::store::item::Item;

statements! {
    SOURCES = scanning "store/sources.sql";
    UNITS = scanning "store/units.sql";
    USERS = scanning "store/users.sql";
    DELEGATIONS = scanning "store/delegations.sql";
    DELEGATION = scanning "store/delegation.sql";
}

pub(super) const SOURCES_AND_UNITS: &[Section] = &[
    Section {
        name: "sources",
        kind: "source",
        scope: Scope::Always,
        key: &["name"],
        fields: &[
            required("name", Form::Text),
            required("precedence", Form::Whole),
            DESCRIPTION,
        ],
        settle: as_given,
        read: || rows(&SOURCES),
        define: |former, item| {
            user::define_source(
                item.text("name"),
                item.whole("precedence").unwrap_or_default(),
                description(former, item).as_deref(),
            )
        },
        remove: Some(remove_source),
        parent: None,
        is_removed_first: false,
        layout: Layout::Plain,
    },
    Section {
        name: "units",
        kind: "unit",
        scope: Scope::Always,
        key: &["name"],
        fields: &[
            required("name", Form::Text),
            optional("parent", Form::Text),
            DESCRIPTION,
        ],
        settle: as_given,
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
        is_removed_first: false,
        layout: Layout::Plain,
    },
];

pub(super) const USERS_AND_DELEGATIONS: &[Section] = &[
    Section {
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
        read: || rows(&USERS),
        define: define_user,
        remove: Some(|item| {
            user::forget(
                item.text("name"),
                item.optional_text("source").unwrap_or(user::LOCAL_SOURCE),
            )
        }),
        parent: Some(Parent {
            field: "manager",
            of: "name",
            within: &[],
        }),
        is_removed_first: false,
        layout: Layout::Plain,
    },
    Section {
        name: "delegations",
        kind: "delegation",
        scope: Scope::Users,
        key: &["actor", "subject", "with_full_authority"],
        fields: &[
            required("actor", Form::Text),
            optional("subject", Form::Text),
            defaulting("with_full_authority", Form::Flag, Absent::Flag(false)),
            optional("valid_from", Form::Moment),
            optional("valid_until", Form::Moment),
            optional("reason", Form::Text),
        ],
        settle: still_valid_and_of_no_test_user,
        read: || rows(&DELEGATIONS),
        define: define_delegation,
        remove: Some(revoke_delegation),
        parent: None,
        is_removed_first: true,
        layout: Layout::Plain,
    },
];

/// The source that every database has is told only where its precedence was changed, and gets its own again.
fn remove_source(item: &Item) -> Result<()> {
    match item.text("name") {
        user::LOCAL_SOURCE => user::define_source(user::LOCAL_SOURCE, 100, None),
        name => user::drop_source(name),
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

/// What a test user may do for others, and others for him, ends before production as he does.
fn still_valid_and_of_no_test_user(item: &mut Item, moment: &Moment) -> Option<&'static str> {
    let is_test = ["actor", "subject"]
        .iter()
        .filter_map(|field| item.optional_text(field))
        .any(|reference| moment.is_kept_out(reference));
    still_valid(item, moment).or(is_test.then_some("it names a test user, and this is production"))
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
    set_enabled(&Reference::new(Kind::User, name), former, item)
}

fn define_delegation(former: Option<&Item>, item: &Item) -> Result<()> {
    if let Some(former) = former {
        revoke_delegation(former)?;
    }
    let actor = Reference::parse(item.text("actor"))?;
    let subject = item.optional_text("subject").map(Reference::parse).transpose()?;
    delegation::grant(
        &actor,
        subject.as_ref(),
        item.flag("with_full_authority", false),
        validity(item),
    )?;
    Ok(())
}

fn revoke_delegation(item: &Item) -> Result<()> {
    let ids = DELEGATION.with(|statement| {
        statement.query(
            &[
                arg(item.text("actor")),
                arg(item.optional_text("subject")),
                arg(item.flag("with_full_authority", false)),
            ],
            |row| row.get::<i64>(1),
        )
    });
    for id in ids.into_iter().flatten() {
        delegation::revoke(id);
    }
    Ok(())
}
