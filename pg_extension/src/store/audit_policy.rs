//! The section about audit policies.

use super::application::rows;
use super::policy::{qualified, relation};
use super::section::{Moment, PLAIN, Section};
use crate::access;
use crate::error::Result;
use crate::sys::spi::statements;
use vpd_text::store::field::{Absent, Form, defaulting, optional, required};
use vpd_text::store::item::Item;

statements! {
    AUDIT_POLICIES = scanning "store/audit_policies.sql";
}

const READING: &[&str] = &["select"];

pub(super) const SECTIONS: &[Section] = &[Section {
    name: "audit_policies",
    kind: "audit_policy",
    key: &["relation", "name"],
    fields: &[
        required("relation", Form::Relation),
        required("name", Form::Text),
        optional("columns", Form::Set),
        defaulting("all_columns", Form::Flag, Absent::Flag(false)),
        optional("condition", Form::Text),
        defaulting("commands", Form::Words, Absent::List(READING)),
        defaulting("mode", Form::Word, Absent::Text("async")),
        optional("handler", Form::Function),
        defaulting("statement_text", Form::Flag, Absent::Flag(false)),
        defaulting("enabled", Form::Flag, Absent::Flag(true)),
    ],
    settle: without_empty_columns,
    read: || rows(&AUDIT_POLICIES),
    define,
    remove: Some(remove),
    is_of_graph: false,
    ..PLAIN
}];

fn without_empty_columns(item: &mut Item, _: &Moment) -> Option<&'static str> {
    if item.list("columns").is_some_and(|list| list.is_empty()) {
        item.0.remove("columns");
    }
    None
}

fn define(former: Option<&Item>, item: &Item) -> Result<()> {
    if let Some(former) = former {
        remove(former)?;
    }
    let handler = item.optional_text("handler").map(qualified).transpose()?;
    let definition = access::Definition {
        columns: item.list("columns"),
        needs_all_columns: item.flag("all_columns", false),
        condition: item.optional_text("condition").map(str::to_owned),
        commands: item
            .list("commands")
            .unwrap_or_else(|| READING.iter().map(|command| (*command).to_owned()).collect()),
        mode: item.optional_text("mode").unwrap_or("async").to_owned(),
        handler: handler
            .map(|(schema, name)| access::handler_named(&schema, &name))
            .transpose()?,
        tells_statement: item.flag("statement_text", false),
        is_enabled: item.flag("enabled", true),
    };
    access::add(relation(item)?, item.text("name"), &definition)
}

fn remove(item: &Item) -> Result<()> {
    access::drop_policy(relation(item)?, item.text("name"))
}
