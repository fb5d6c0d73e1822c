//! Section about who may act for whom.
//!
//! All that lets one act for the other, now or later, is one definition with all of its times: a time that the document does not have is taken back.

use super::application::rows;
use super::section::{Moment, PLAIN, Scope, Section};
use super::times::{self, still_valid, validity};
use crate::authz::{Reference, delegation};
use crate::error::{Error, Result};
use crate::sys::document::Document;
use crate::sys::spi::{arg, statements};
use serde_json::json;
use vpd_text::store::field::{self, Absent, Form, defaulting, optional, required};
use vpd_text::store::item::Item;

statements! {
    DELEGATIONS = scanning "store/delegations.sql";
    DELEGATION = "store/delegation.sql";
}

pub(super) const DELEGATIONS_OF_USERS: &[Section] = &[Section {
    name: "delegations",
    kind: "delegation",
    scope: Scope::Users,
    key: &["actor", "subject", "with_full_authority"],
    fields: &[
        required("actor", Form::Text),
        optional("subject", Form::Text),
        defaulting("with_full_authority", Form::Flag, Absent::Flag(false)),
        times::FIELDS[0],
        times::FIELDS[1],
        times::FIELDS[2],
        times::FIELDS[3],
    ],
    settle: still_valid_and_of_no_test_user,
    read: || rows(&DELEGATIONS),
    define: define_delegation,
    remove: Some(revoke_delegation),
    is_removed_first: true,
    ..PLAIN
}];

/// What a test user may do for others, and others for him, ends before production as he does.
fn still_valid_and_of_no_test_user(item: &mut Item, moment: &Moment) -> Option<&'static str> {
    let is_test = ["actor", "subject"]
        .iter()
        .filter_map(|field| item.optional_text(field))
        .any(|reference| moment.is_kept_out(reference));
    still_valid(item, moment).or(is_test.then_some("it names a test user, and this is production"))
}

/// What stays is left alone: sessions rest on it.
fn define_delegation(_: Option<&Item>, item: &Item) -> Result<()> {
    let mut missing = times::of(item)?;
    if missing
        .iter()
        .any(|time| time.optional_text("seeded_by").is_some())
    {
        return Err(Error::argument(
            "a delegation belongs to nobody",
            "Leave seeded_by out of its times.",
        ));
    }
    let actor = Reference::parse(item.text("actor"))?;
    let subject = item.optional_text("subject").map(Reference::parse).transpose()?;
    for (id, present) in open(item) {
        match missing.iter().position(|time| Some(time) == present.as_ref()) {
            Some(place) => drop(missing.remove(place)),
            None => drop(delegation::revoke(id)),
        }
    }
    for time in &missing {
        let is_full = item.flag("with_full_authority", false);
        delegation::grant(&actor, subject.as_ref(), is_full, validity(time))?;
    }
    Ok(())
}

fn revoke_delegation(item: &Item) -> Result<()> {
    for (id, _) in open(item) {
        delegation::revoke(id);
    }
    Ok(())
}

/// The open delegations of a definition: the key and the time of each.
fn open(item: &Item) -> Vec<(i64, Option<Item>)> {
    let time = |time: Document| {
        let normal = field::times(&json!([time.known()]))?;
        normal[0].as_object().cloned().map(Item)
    };
    DELEGATION.with(|statement| {
        statement.query(
            &[
                arg(item.text("actor")),
                arg(item.optional_text("subject")),
                arg(item.flag("with_full_authority", false)),
            ],
            |row| (row.required::<i64>(1), row.get::<Document>(2).and_then(time)),
        )
    })
}
