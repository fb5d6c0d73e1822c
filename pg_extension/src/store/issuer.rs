//! The section about identity providers. Their keys come from them, and are in no document.

use super::application::{interval, rows};
use super::section::{Moment, PLAIN, Section};
use crate::error::Result;
use crate::sys::spi::statements;
use crate::trust::{self, Registration};
use pgrx::JsonB;
use serde_json::{Value, json};
use vpd_text::store::field::{Absent, Form, defaulting, optional, required};
use vpd_text::store::item::Item;

statements! {
    ISSUERS = scanning "store/issuers.sql";
}

const ALGORITHMS: &[&str] = &[
    "EdDSA", "ES256", "ES384", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512",
];

pub(super) const SECTIONS: &[Section] = &[Section {
    name: "issuers",
    kind: "issuer",
    key: &["issuer"],
    fields: &[
        required("issuer", Form::Text),
        required("audiences", Form::Set),
        optional("apps", Form::Set),
        defaulting("kind", Form::Word, Absent::Text("identity")),
        defaulting("algorithms", Form::Set, Absent::List(ALGORITHMS)),
        defaulting("clock_skew", Form::Duration, Absent::Text("30 seconds")),
        defaulting("max_age", Form::Duration, Absent::Text("10 minutes")),
        defaulting("key_grace", Form::Duration, Absent::Text("1 hour")),
        optional("required_claims", Form::Table),
        defaulting("user_claim", Form::Text, Absent::Text("sub")),
        optional("user_prefix", Form::Text),
        optional("roles_claim", Form::Text),
        optional("groups_claim", Form::Text),
        optional("attribute_claims", Form::Table),
    ],
    settle: without_nothing,
    read: || rows(&ISSUERS),
    define: |_, item| trust::trust(registration(item)?),
    // Whoever is logged in by it is logged out: it is trusted no more.
    remove: Some(|item| trust::distrust(item.text("issuer"), true).map(drop)),
    is_of_graph: false,
    ..PLAIN
}];

/// What says nothing is left out.
fn without_nothing(item: &mut Item, _: &Moment) -> Option<&'static str> {
    let is_empty = |value: &Value| *value == json!([]) || *value == json!({}) || *value == json!("");
    item.0.retain(|_, value| !is_empty(value));
    None
}

fn registration(item: &Item) -> Result<Registration> {
    let list = |field| Some(item.list(field).unwrap_or_default());
    let text = |field| item.optional_text(field).unwrap_or_default().to_owned();
    let length = |field, otherwise| interval(item.optional_text(field).unwrap_or(otherwise)).map(Some);
    let table = |field| Some(JsonB(item.0.get(field).cloned().unwrap_or_else(|| json!({}))));
    Ok(Registration {
        issuer: item.text("issuer").to_owned(),
        audiences: list("audiences"),
        apps: list("apps"),
        kind: Some(item.optional_text("kind").unwrap_or("identity").to_owned()),
        algorithms: Some(
            item.list("algorithms")
                .unwrap_or_else(|| ALGORITHMS.iter().map(|name| (*name).to_owned()).collect()),
        ),
        clock_skew: length("clock_skew", "30 seconds")?,
        max_age: length("max_age", "10 minutes")?,
        key_grace: length("key_grace", "1 hour")?,
        required_claims: table("required_claims"),
        user_claim: Some(item.optional_text("user_claim").unwrap_or("sub").to_owned()),
        user_prefix: Some(text("user_prefix")),
        roles_claim: Some(text("roles_claim")),
        groups_claim: Some(text("groups_claim")),
        attribute_claims: table("attribute_claims"),
    })
}
