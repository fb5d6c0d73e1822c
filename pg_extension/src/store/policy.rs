//! Sections about tables: policy groups, driving contexts, policies, masks.

use super::application::rows;
use super::section::{Moment, PLAIN, Section};
use crate::context;
use crate::error::{Error, Result};
use crate::policy::{self, mask};
use crate::sys::Oid;
use crate::sys::spi::{arg, statements};
use vpd_text::store::field::{Absent, Field, Form, defaulting, optional, required};
use vpd_text::store::item::Item;

statements! {
    GROUPS = scanning "store/policy_groups.sql";
    DRIVERS = scanning "store/driving_contexts.sql";
    POLICIES = scanning "store/policies.sql";
    MASKS = scanning "store/masks.sql";
    RELATION = "store/relation.sql";
    NAME = "store/name_parts.sql";
}

const ALL_COMMANDS: &[&str] = &["delete", "insert", "select", "update"];

pub(super) const PREDICATE: Field = optional("predicate", Form::Text);
pub(super) const POLICY_FUNCTION: Field = optional("policy_function", Form::Function);
pub(super) const KIND: Field = optional("kind", Form::Word);
pub(super) const STATEMENT_TYPES: Field =
    defaulting("statement_types", Form::Words, Absent::List(ALL_COMMANDS));
pub(super) const UPDATE_CHECK: Field = defaulting("update_check", Form::Flag, Absent::Flag(true));
pub(super) const ENABLED: Field = defaulting("enabled", Form::Flag, Absent::Flag(true));
pub(super) const RELEVANT_COLUMNS: Field = optional("relevant_columns", Form::Set);
pub(super) const MASK_COLUMNS: Field = defaulting("mask_columns", Form::Flag, Absent::Flag(false));
pub(super) const ASSOCIATIONS: Field = optional("associations", Form::Set);

pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "policy_groups",
        kind: "policy_group",
        key: &["relation", "name"],
        fields: &[
            required("relation", Form::Relation),
            required("name", Form::Group),
        ],
        read: || rows(&GROUPS),
        define: |_, item| policy::create_group(relation(item)?, item.text("name")),
        remove: Some(|item| policy::drop_group(relation(item)?, item.text("name"))),
        is_of_graph: false,
        ..PLAIN
    },
    Section {
        name: "driving_contexts",
        kind: "driving_context",
        key: &["relation", "namespace", "attribute"],
        fields: &[
            required("relation", Form::Relation),
            required("namespace", Form::Text),
            required("attribute", Form::Text),
        ],
        settle: with_plain_attribute,
        read: || rows(&DRIVERS),
        define: |_, item| {
            policy::add_driving_context(relation(item)?, item.text("namespace"), item.text("attribute"))
        },
        remove: Some(|item| {
            policy::drop_driving_context(relation(item)?, item.text("namespace"), item.text("attribute"))
        }),
        is_of_graph: false,
        ..PLAIN
    },
    Section {
        name: "policies",
        kind: "policy",
        key: &["relation", "name"],
        fields: &[
            required("relation", Form::Relation),
            required("name", Form::Text),
            PREDICATE,
            POLICY_FUNCTION,
            KIND,
            STATEMENT_TYPES,
            UPDATE_CHECK,
            ENABLED,
            defaulting("policy_group", Form::Group, Absent::Text("SYS_DEFAULT")),
            RELEVANT_COLUMNS,
            MASK_COLUMNS,
            ASSOCIATIONS,
        ],
        settle: without_default_kind,
        read: || rows(&POLICIES),
        define: define_policy,
        remove: Some(|item| policy::drop_policy(relation(item)?, item.text("name"))),
        is_of_graph: false,
        ..PLAIN
    },
    Section {
        name: "masks",
        kind: "mask",
        key: &["relation", "column"],
        fields: &[
            required("relation", Form::Relation),
            required("column", Form::Text),
            defaulting("mask", Form::Text, Absent::Text("NULL")),
            defaulting("visible_when", Form::Text, Absent::Text("false")),
            defaulting("enabled", Form::Flag, Absent::Flag(true)),
        ],
        read: || rows(&MASKS),
        define: define_mask,
        remove: Some(|item| mask::drop_mask(relation(item)?, item.text("column"))),
        is_of_graph: false,
        ..PLAIN
    },
];

/// The relation that a definition is about.
pub(super) fn relation(item: &Item) -> Result<Oid> {
    RELATION
        .with(|statement| statement.query_one(&[arg(item.text("relation"))], |row| row.get::<Oid>(1)))
        .flatten()
        .ok_or_else(|| {
            Error::not_found(
                "relation_not_found",
                "the table does not exist",
                "Create it first; it is written as schema.table, in quotes where SQL wants them.",
            )
        })
}

/// An attribute of a declared context has one spelling.
fn with_plain_attribute(item: &mut Item, _: &Moment) -> Option<&'static str> {
    let [namespace, attribute] = context::plain_attribute(item.text("namespace"), item.text("attribute"));
    item.0.insert("namespace".to_owned(), namespace.into());
    item.0.insert("attribute".to_owned(), attribute.into());
    None
}

/// The kind that a policy has when none is said.
fn default_kind(item: &Item) -> &'static str {
    if item.optional_text("policy_function").is_some() {
        "dynamic"
    } else {
        "shared_static"
    }
}

pub(super) fn without_default_kind(item: &mut Item, _: &Moment) -> Option<&'static str> {
    if item.optional_text("kind") == Some(default_kind(item)) {
        item.0.remove("kind");
    }
    for field in ["relevant_columns", "associations"] {
        if item.list(field).is_some_and(|list| list.is_empty()) {
            item.0.remove(field);
        }
    }
    None
}

/// What a policy says, and nothing left as it is.
fn definition(item: &Item) -> Result<policy::Definition> {
    Ok(policy::Definition {
        predicate: item.optional_text("predicate").map(str::to_owned),
        function: item.optional_text("policy_function").map(function).transpose()?,
        kind: Some(
            item.optional_text("kind")
                .unwrap_or(default_kind(item))
                .to_owned(),
        ),
        statement_types: Some(
            item.list("statement_types")
                .unwrap_or_else(|| ALL_COMMANDS.iter().map(|command| (*command).to_owned()).collect()),
        ),
        update_check: Some(item.flag("update_check", true)),
        enabled: Some(item.flag("enabled", true)),
        group: item.optional_text("policy_group").map(str::to_owned),
        relevant_columns: Some(item.list("relevant_columns").unwrap_or_default()),
        is_masking: Some(item.flag("mask_columns", false)),
        association: None,
    })
}

fn define_policy(former: Option<&Item>, item: &Item) -> Result<()> {
    let table = relation(item)?;
    let name = item.text("name");
    match former {
        Some(former) if former.optional_text("policy_group") == item.optional_text("policy_group") => {
            let present = former.list("associations").unwrap_or_default();
            return alter_policy(table, name, item, &present);
        }
        Some(_) => {
            policy::drop_policy(table, name)?;
            policy::add(table, name, &definition(item)?)?;
        }
        None => policy::add(table, name, &definition(item)?)?,
    }
    associate(table, name, &[], item)
}

/// Gives a policy all that a definition says.
pub(super) fn alter_policy(table: Oid, name: &str, item: &Item, present: &[String]) -> Result<()> {
    policy::alter(table, name, &definition(item)?)?;
    associate(table, name, present, item)
}

fn associate(table: Oid, name: &str, present: &[String], item: &Item) -> Result<()> {
    let wanted = &item.list("associations").unwrap_or_default()[..];
    for (associations, others, is_associated) in [(present, wanted, false), (wanted, present, true)] {
        for association in associations
            .iter()
            .filter(|association| !others.contains(association))
        {
            let (namespace, attribute) = association
                .split_once('.')
                .ok_or_else(|| Error::argument("this is no association", "Write namespace.attribute."))?;
            policy::associate(table, name, namespace, attribute, is_associated)?;
        }
    }
    Ok(())
}

/// A policy function by its qualified name.
fn function(name: &str) -> Result<Oid> {
    let (schema, name) = qualified(name)?;
    policy::function_named(&schema, &name)
}

/// Schema and name of a function.
pub(super) fn qualified(name: &str) -> Result<(String, String)> {
    let parts = NAME
        .with(|statement| statement.query_one(&[arg(name)], |row| row.get::<Vec<String>>(1)))
        .flatten()
        .unwrap_or_default();
    match <[String; 2]>::try_from(parts) {
        Ok([schema, name]) => Ok((schema, name)),
        Err(_) => Err(Error::argument(
            "this is no qualified name of a function",
            "Write schema.function, in quotes where SQL wants them.",
        )),
    }
}

fn define_mask(former: Option<&Item>, item: &Item) -> Result<()> {
    let table = relation(item)?;
    let definition = mask::Definition {
        mask: Some(item.optional_text("mask").unwrap_or("NULL").to_owned()),
        visible_when: Some(item.optional_text("visible_when").unwrap_or("false").to_owned()),
        enabled: Some(item.flag("enabled", true)),
    };
    match former {
        Some(_) => mask::alter(table, item.text("column"), &definition),
        None => mask::add(table, item.text("column"), &definition),
    }
}
