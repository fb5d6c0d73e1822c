//! Sections about applications: apps and application contexts.

use super::section::{Moment, PLAIN, Section, plain_routine};
use crate::context;
use crate::error::{Error, Result};
use crate::session::{self, Registration};
use crate::sys::Oid;
use crate::sys::document::Document;
use crate::sys::spi::{Arg, Statement, arg, statements};
use pgrx::datum::Interval;
use serde_json::Value;
use vpd_text::store::field::{Absent, Form, defaulting, optional, required};
use vpd_text::store::item::Item;

statements! {
    APPS = scanning "store/apps.sql";
    CONTEXTS = scanning "store/contexts.sql";
    INTERVAL = "store/interval.sql";
    ROUTINE = "store/routine.sql";
    IS_REPLACED = "store/is_replaced.sql";
}

pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "apps",
        kind: "app",
        is_of_graph: false,
        key: &["name"],
        fields: &[
            required("name", Form::Text),
            defaulting("pillar", Form::Text, Absent::Text("default")),
            optional("origins", Form::Set),
            defaulting("idle_timeout", Form::Duration, Absent::Text("35 minutes")),
            defaulting("absolute_timeout", Form::Duration, Absent::Text("12 hours")),
            defaulting("ticket_lifetime", Form::Duration, Absent::Text("2 minutes")),
            defaulting("max_sessions_per_user", Form::Whole, Absent::Whole(20)),
            optional("required_acr", Form::Set),
            optional("max_auth_age", Form::Duration),
            defaulting("when_full", Form::Text, Absent::Text("end_oldest")),
        ],
        settle: without_empty_lists,
        read: || rows(&APPS),
        define: define_app,
        remove: Some(|item| session::drop_app(item.text("name"))),
        ..PLAIN
    },
    Section {
        name: "contexts",
        kind: "context",
        key: &["namespace"],
        fields: &[
            required("namespace", Form::Namespace),
            required("trusted_function", Form::Routine),
            defaulting("accessed_globally", Form::Flag, Absent::Flag(false)),
        ],
        is_of_graph: false,
        settle: while_its_function_stands,
        read: || rows(&CONTEXTS),
        define: define_context,
        remove: Some(|item| context::drop_context(item.text("namespace"))),
        ..PLAIN
    },
];

/// The definitions that a statement gives, one a row.
pub(super) fn rows(statement: &'static std::thread::LocalKey<Statement>) -> Vec<Value> {
    rows_of(statement, &[])
}

/// The same for a statement that is asked for something.
pub(super) fn rows_of(statement: &'static std::thread::LocalKey<Statement>, args: &[Arg]) -> Vec<Value> {
    statement
        .with(|statement| statement.query(args, |row| row.get::<Document>(1)))
        .into_iter()
        .flatten()
        .map(|document| document.read().unwrap_or_else(|error| error.raise()).0)
        .collect()
}

fn without_empty_lists(item: &mut Item, _: &Moment) -> Option<&'static str> {
    for name in ["origins", "required_acr"] {
        if item.list(name).is_some_and(|list| list.is_empty()) {
            item.0.remove(name);
        }
    }
    None
}

fn define_app(_: Option<&Item>, item: &Item) -> Result<()> {
    session::register(Registration {
        name: item.text("name").to_owned(),
        pillar: item.optional_text("pillar").unwrap_or("default").to_owned(),
        origins: item.list("origins").unwrap_or_default(),
        idle_timeout: interval(item.optional_text("idle_timeout").unwrap_or("35 minutes"))?,
        absolute_timeout: interval(item.optional_text("absolute_timeout").unwrap_or("12 hours"))?,
        ticket_lifetime: interval(item.optional_text("ticket_lifetime").unwrap_or("2 minutes"))?,
        max_sessions_per_user: item.whole("max_sessions_per_user").unwrap_or(20),
        required_acr: item.list("required_acr").unwrap_or_default(),
        max_auth_age: item.optional_text("max_auth_age").map(interval).transpose()?,
        when_full: item.optional_text("when_full").unwrap_or("end_oldest").to_owned(),
    })
}

/// A length of time.
pub(super) fn interval(text: &str) -> Result<Interval> {
    INTERVAL
        .with(|statement| statement.query_one(&[arg(text)], |row| row.get::<Interval>(1)))
        .flatten()
        .ok_or_else(|| Error::argument("this is no length of time", "Write, for instance, 35 minutes."))
}

/// A context trusts the function that was there when it was declared. One of the same name that belongs to somebody else is told, and not trusted.
fn while_its_function_stands(item: &mut Item, _: &Moment) -> Option<&'static str> {
    let names = [arg(item.text("namespace")), arg(item.text("trusted_function"))];
    let is_replaced = IS_REPLACED.with(|statement| statement.query_one(&names, |_| ()));
    is_replaced.map(|()| {
        "the trusted function belongs to somebody else now: drop the context and declare it again to trust that one"
    })
}

fn define_context(former: Option<&Item>, item: &Item) -> Result<()> {
    let namespace = item.text("namespace");
    let is_global = item.flag("accessed_globally", false);
    let name = item.text("trusted_function");
    let plain = plain_routine(name);
    if let Some(former) = former {
        // Who owned the function is remembered. Declared again, the context would trust whoever has the name now.
        if former.text("trusted_function") == plain.as_deref().unwrap_or(name) {
            return context::share_context(namespace, is_global);
        }
        context::drop_context(namespace)?;
    }
    let function = ROUTINE
        .with(|statement| statement.query_one(&[arg(name)], |row| row.get::<Oid>(1)))
        .flatten()
        .ok_or_else(|| {
            Error::not_found(
                "function_not_found",
                "the trusted function does not exist",
                "Create it first; it is written as schema.name(schema.type, …).",
            )
        })?;
    context::create_context(namespace, function, is_global)
}
