//! Sections about what holds what: grants, and memberships of users.
//!
//! What is granted for several times is one definition with all of them: a time that the document does not have is taken back.

use super::application::rows_of;
use super::graph::{SEEDED_BY, require_all_free};
use super::section::{Layout, Moment, PLAIN, Scope, Section};
use super::times::{self, moment, still_valid, validity};
use crate::authz::{self, Kind, Reference};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use vpd_text::store::field::{Form, required};
use vpd_text::store::item::Item;
use vpd_text::store::times::overlap;

statements! {
    GRANTS = scanning "store/grants.sql";
    SEED_GRANT = "store/seed_grant.sql";
}

const HOLDING: Section = Section {
    kind: "grant",
    key: &["holder", "granted"],
    fields: &[
        required("holder", Form::Text),
        required("granted", Form::Text),
        times::FIELDS[0],
        times::FIELDS[1],
        times::FIELDS[2],
        times::FIELDS[3],
        SEEDED_BY,
    ],
    settle: still_valid_and_no_test_user,
    define: |former, item| define_grant(former, item, false),
    remove: Some(revoke),
    is_removed_first: true,
    layout: Layout::ByHolder,
    ..PLAIN
};

pub(super) const GRANTS_AND_MEMBERSHIPS: &[Section] = &[
    Section {
        name: "grants",
        read: || rows_of(&GRANTS, &[arg(false)]),
        ..HOLDING
    },
    Section {
        name: "memberships",
        define: |former, item| define_grant(former, item, true),
        kind: "membership",
        scope: Scope::Users,
        read: || rows_of(&GRANTS, &[arg(true)]),
        ..HOLDING
    },
];

fn still_valid_and_no_test_user(item: &mut Item, moment: &Moment) -> Option<&'static str> {
    let is_test = moment.is_kept_out(item.text("holder"));
    still_valid(item, moment).or(is_test.then_some("its holder is a test user, and this is production"))
}

fn ends(item: &Item) -> Result<(Reference, Reference)> {
    Ok((
        Reference::parse(item.text("granted"))?,
        Reference::parse(item.text("holder"))?,
    ))
}

fn define_grant(former: Option<&Item>, item: &Item, is_membership: bool) -> Result<()> {
    let (granted, holder) = ends(item)?;
    if (holder.kind == Kind::User) != is_membership {
        return Err(Error::argument(
            "the holder has no place in this section",
            "Users stand in memberships, everything else in grants.",
        ));
    }
    let wanted = times::of(item)?;
    if overlap(&wanted) {
        return Err(Error::argument(
            "two of the times overlap",
            "The same is granted once at a time: let one end where the other begins.",
        ));
    }
    let present = former.map(times::of).transpose()?.unwrap_or_default();
    let is_replaced = without_owners(&present) != without_owners(&wanted);
    if former.is_none() {
        for time in &wanted {
            authz::grant(&granted, &holder, validity(time))?;
        }
    } else if is_replaced {
        let validities: Vec<_> = wanted.iter().map(validity).collect();
        authz::grant_only(&granted, &holder, &validities)?;
    }
    let mut all = owners(&present).chain(owners(&wanted)).flatten().peekable();
    let is_given = all.peek().is_some() && owners(&present).ne(owners(&wanted));
    if is_given {
        require_all_free(all)?;
        authz::require_free_grant(&granted, &holder)?;
    }
    if is_given || (is_replaced && owners(&wanted).any(|owner| owner.is_some())) {
        own(&granted, &holder, &wanted)?;
    }
    Ok(())
}

/// Says whom each time belongs to. One that is written anew belongs to nobody yet.
fn own(granted: &Reference, holder: &Reference, times: &[Item]) -> Result<()> {
    let (granted, holder) = (granted.require()?, holder.require()?);
    for time in times {
        let from = time.optional_text("valid_from").and_then(moment);
        let owner = time.optional_text("seeded_by");
        SEED_GRANT
            .with(|statement| statement.execute(&[arg(holder.id), arg(granted.id), arg(owner), arg(from)]));
    }
    Ok(())
}

fn owners(times: &[Item]) -> impl Iterator<Item = Option<&str>> {
    times.iter().map(|time| time.optional_text("seeded_by"))
}

fn without_owners(times: &[Item]) -> Vec<Item> {
    let mut times = times.to_vec();
    for time in &mut times {
        time.0.remove("seeded_by");
    }
    times
}

fn revoke(item: &Item) -> Result<()> {
    let (granted, holder) = ends(item)?;
    authz::revoke(&granted, &holder)?;
    Ok(())
}
