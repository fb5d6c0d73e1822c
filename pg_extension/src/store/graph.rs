//! Sections about who may do what: resources, privileges, entitlements, duties, roles, groups, data groups.

use super::application::rows;
use super::section::{Moment, PLAIN, Section};
use crate::authz::{Kind, Reference, change, definition, owner, role};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use crate::sys::xact;
use vpd_text::store::field::{Absent, Field, Form, defaulting, optional, required};
use vpd_text::store::item::Item;

statements! {
    RESOURCES = scanning "store/resources.sql";
    PRIVILEGES = scanning "store/privileges.sql";
    ENTITLEMENTS = scanning "store/entitlements.sql";
    DUTIES = scanning "store/duties.sql";
    ROLES = scanning "store/roles.sql";
    GROUPS = scanning "store/groups.sql";
    DATA_GROUPS = scanning "store/data_groups.sql";
    RULE = "store/rule.sql";
    SEED_NODE = "store/seed_node.sql";
    SEED_RESOURCE = "store/seed_resource.sql";
}

const NAME: Field = required("name", Form::Text);
pub(super) const DESCRIPTION: Field = defaulting("description", Form::Text, Absent::Text(""));
const ENABLED: Field = defaulting("enabled", Form::Flag, Absent::Flag(true));
pub(super) const SEEDED_BY: Field = optional("seeded_by", Form::Text);

const NODE: Section = Section {
    fields: &[NAME, DESCRIPTION, ENABLED, SEEDED_BY],
    ..PLAIN
};

pub(super) const NODES: &[Section] = &[
    Section {
        name: "resources",
        kind: "resource",
        fields: &[
            NAME,
            defaulting("kind", Form::Text, Absent::Text("abstract")),
            DESCRIPTION,
            SEEDED_BY,
        ],
        read: || rows(&RESOURCES),
        define: define_resource,
        remove: Some(|item| definition::drop_resource(item.text("name"))),
        ..NODE
    },
    Section {
        name: "privileges",
        kind: "privilege",
        fields: &[
            NAME,
            optional("mode", Form::Text),
            DESCRIPTION,
            ENABLED,
            SEEDED_BY,
        ],
        settle: with_default_mode,
        read: || rows(&PRIVILEGES),
        define: define_privilege,
        remove: Some(|item| drop(Kind::Privilege, item)),
        ..NODE
    },
    Section {
        name: "entitlements",
        kind: "entitlement",
        read: || rows(&ENTITLEMENTS),
        define: |former, item| define(Kind::Entitlement, former, item),
        remove: Some(|item| drop(Kind::Entitlement, item)),
        ..NODE
    },
    Section {
        name: "duties",
        kind: "duty",
        read: || rows(&DUTIES),
        define: |former, item| define(Kind::Duty, former, item),
        remove: Some(|item| drop(Kind::Duty, item)),
        ..NODE
    },
    Section {
        name: "roles",
        kind: "role",
        fields: &[
            NAME,
            defaulting("kind", Form::Text, Absent::Text("application")),
            DESCRIPTION,
            optional("rule", Form::Text),
            ENABLED,
            SEEDED_BY,
        ],
        settle: with_plain_rule,
        read: || rows(&ROLES),
        define: define_role,
        remove: Some(|item| drop(Kind::Role, item)),
        ..NODE
    },
    Section {
        name: "groups",
        kind: "group",
        read: || rows(&GROUPS),
        define: |former, item| define(Kind::Group, former, item),
        remove: Some(|item| drop(Kind::Group, item)),
        ..NODE
    },
    Section {
        name: "data_groups",
        kind: "data_group",
        read: || rows(&DATA_GROUPS),
        define: |former, item| define(Kind::DataGroup, former, item),
        remove: Some(|item| drop(Kind::DataGroup, item)),
        ..NODE
    },
];

/// The description; one that was taken away is made empty, because a definition without one leaves the former.
pub(super) fn description(former: Option<&Item>, item: &Item) -> Option<String> {
    match item.optional_text("description") {
        Some(text) => Some(text.to_owned()),
        None => former
            .and_then(|former| former.optional_text("description"))
            .map(|_| String::new()),
    }
}

fn define(kind: Kind, former: Option<&Item>, item: &Item) -> Result<()> {
    let reference = Reference::new(kind, item.text("name"));
    definition::define(&reference, description(former, item).as_deref())?;
    finish(&reference, former, item)
}

fn drop(kind: Kind, item: &Item) -> Result<()> {
    definition::drop(&Reference::new(kind, item.text("name")))
}

/// Switches it on or off and says whom it belongs to.
fn finish(reference: &Reference, former: Option<&Item>, item: &Item) -> Result<()> {
    set_enabled(reference, former, item)?;
    if let Some(owner) = changed_owner(former, item)? {
        owner::require_unreferenced(&reference.require()?)?;
        SEED_NODE.with(|statement| {
            statement.execute(&[
                arg(reference.kind.as_str()),
                arg(reference.name.as_str()),
                arg(owner),
            ])
        });
        change::record(
            "seed",
            &reference.to_string(),
            serde_json::json!({ "owner": owner }),
        );
    }
    Ok(())
}

/// Switches something on or off where that differs.
fn set_enabled(reference: &Reference, former: Option<&Item>, item: &Item) -> Result<()> {
    let is_enabled = item.flag("enabled", true);
    if former.is_none_or(|former| former.flag("enabled", true)) != is_enabled {
        definition::enable(reference, is_enabled, None)?;
    }
    Ok(())
}

/// Whom it is to belong to, when that differs and the caller may say so.
pub(super) fn changed_owner<'a>(former: Option<&Item>, item: &'a Item) -> Result<Option<Option<&'a str>>> {
    let before = former.and_then(|former| former.optional_text("seeded_by"));
    let owner = item.optional_text("seeded_by");
    if before == owner {
        return Ok(None);
    }
    require_all_free(before.into_iter().chain(owner))?;
    Ok(Some(owner))
}

/// An error when the caller may not change what belongs to one of some owners.
pub(super) fn require_all_free<'a>(mut owners: impl Iterator<Item = &'a str>) -> Result<()> {
    match owners.find(|owner| !owner::may_change(owner)) {
        None => Ok(()),
        Some(other) => Err(Error::seeded("the definition", other)),
    }
}

fn define_resource(former: Option<&Item>, item: &Item) -> Result<()> {
    let name = item.text("name");
    definition::define_resource(
        name,
        item.optional_text("kind").unwrap_or("abstract"),
        description(former, item).as_deref(),
    )?;
    if let Some(owner) = changed_owner(former, item)? {
        SEED_RESOURCE.with(|statement| statement.execute(&[arg(name), arg(owner)]));
    }
    Ok(())
}

fn with_default_mode(item: &mut Item, _: &Moment) -> Option<&'static str> {
    let name = item.text("name");
    if let (None, Some((_, action))) = (item.optional_text("mode"), name.rsplit_once(':')) {
        let mode = definition::default_mode(action);
        item.0.insert("mode".to_owned(), mode.into());
    }
    None
}

fn define_privilege(former: Option<&Item>, item: &Item) -> Result<()> {
    let name = item.text("name");
    definition::define_privilege(
        name,
        description(former, item).as_deref(),
        item.optional_text("mode"),
    )?;
    finish(&Reference::new(Kind::Privilege, name), former, item)
}

/// The rule as the database writes it; one that cannot be read is refused when the role is defined.
fn with_plain_rule(item: &mut Item, _: &Moment) -> Option<&'static str> {
    let rule = item.optional_text("rule").map(str::to_owned)?;
    let plain = xact::attempt(|| {
        Ok(RULE
            .with(|statement| statement.query_one(&[arg(rule)], |row| row.get::<String>(1)))
            .flatten())
    });
    if let Ok(Some(plain)) = plain {
        item.0.insert("rule".to_owned(), plain.into());
    }
    None
}

fn define_role(former: Option<&Item>, item: &Item) -> Result<()> {
    let name = item.text("name");
    role::define_role(
        name,
        item.optional_text("kind").unwrap_or("application"),
        description(former, item).as_deref(),
        item.optional_text("rule"),
    )?;
    finish(&Reference::new(Kind::Role, name), former, item)
}
