//! Granting and revoking: edges of the graph.

use super::owner::{refuse_foreign, require_handed_on};
use super::segregation::Watch;
use super::{Kind, Node, Reference, change};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use pgrx::datum::TimestampWithTimeZone;
use serde_json::json;

statements! {
    CONTAINS = "authz/contains.sql";
    OPEN = "authz/open_grant.sql";
    INSERT = "authz/insert_grant.sql";
    PROLONG = "authz/prolong_grant.sql";
    CLOSE = "authz/close_grant.sql";
}

/// When and why something is granted.
#[derive(Debug, Default)]
pub struct Validity {
    /// From when; now, or as it stands, when it is not said.
    pub from: Option<TimestampWithTimeZone>,
    /// Until when; for good when it is not said.
    pub until: Option<TimestampWithTimeZone>,
    /// Why.
    pub reason: Option<String>,
}

/// Grants one node to another; true when that changed something.
pub fn grant(granted: &Reference, holder: &Reference, validity: Validity) -> Result<bool> {
    change::begin();
    let (granted, holder) = (granted.require()?, holder.require()?);
    check(&granted, &holder, validity.from)?;
    let watch = Watch::of_grant(granted.id, holder.id);
    let met = meet(&granted, &holder, validity.from, validity.until);
    let begun = match met.first() {
        Some(Met {
            is_as_asked: true, ..
        }) => return Ok(false),
        Some(met) => met.begins_as_asked_at,
        None => None,
    };
    require_handed_on(&granted)?;
    // Only for the time that is spoken of: what ends before it, or begins after it, stays.
    if !met.is_empty() {
        require_free_grants(&met, &granted, &holder)?;
        close(&granted, &holder, begun.or(validity.from), validity.until);
    }
    match begun {
        Some(from) => prolong(&granted, &holder, from, &validity),
        None => insert(&granted, &holder, &validity)?,
    }
    record(&granted, &holder, &validity);
    watch.check()?;
    Ok(true)
}

/// Grants for some times, which do not overlap, and for no other, what may be granted already. One change: what was allowed of it before does not end
/// in between.
pub fn grant_only(granted: &Reference, holder: &Reference, validities: &[Validity]) -> Result<()> {
    change::begin();
    let (granted, holder) = (granted.require()?, holder.require()?);
    for validity in validities {
        check(&granted, &holder, validity.from)?;
    }
    require_handed_on(&granted)?;
    let watch = Watch::of_grant(granted.id, holder.id);
    require_free_grants(&meet(&granted, &holder, None, None), &granted, &holder)?;
    close(&granted, &holder, None, None);
    for validity in validities {
        insert(&granted, &holder, validity)?;
        record(&granted, &holder, validity);
    }
    watch.check()
}

/// An error when something that is granted, now or later, belongs to somebody else.
pub fn require_free_grant(granted: &Reference, holder: &Reference) -> Result<()> {
    let (granted, holder) = (granted.require()?, holder.require()?);
    require_free_grants(&meet(&granted, &holder, None, None), &granted, &holder)
}

fn record(granted: &Node, holder: &Node, validity: &Validity) {
    change::record(
        "grant",
        &granted.reference.to_string(),
        json!({
            "holder": holder.reference.to_string(),
            "valid_from": validity.from,
            "valid_until": validity.until,
            "reason": validity.reason,
        }),
    );
}

/// Takes back what was granted, as from now; false when nothing was.
pub fn revoke(granted: &Reference, holder: &Reference) -> Result<bool> {
    change::begin();
    let (granted, holder) = (granted.require()?, holder.require()?);
    let met = meet(&granted, &holder, None, None);
    if met.is_empty() {
        return Ok(false);
    }
    require_free_grants(&met, &granted, &holder)?;
    close(&granted, &holder, None, None);
    change::record(
        "revoke",
        &granted.reference.to_string(),
        json!({ "holder": holder.reference.to_string() }),
    );
    Ok(true)
}

fn check(granted: &Node, holder: &Node, from: Option<TimestampWithTimeZone>) -> Result<()> {
    let (what, to) = (granted.reference.kind, holder.reference.kind);
    if !to.may_hold(what) {
        let hint = match to {
            Kind::User | Kind::Group => "Grant it to a role, and the role to the user or group.",
            Kind::Role => "Roles hold roles, duties, privileges, entitlements and data groups.",
            Kind::Duty => "Duties hold duties and privileges.",
            Kind::Entitlement => "Entitlements hold privileges.",
            Kind::Privilege | Kind::DataGroup => "Nothing can be granted to it.",
        };
        return Err(Error::argument(
            format!("a {} cannot hold a {}", to.as_str(), what.as_str()),
            hint,
        ));
    }
    let is_circle = granted.id == holder.id
        || CONTAINS
            .with(|statement| statement.query_one(&[arg(granted.id), arg(holder.id), arg(from)], |_| ()))
            .is_some();
    if is_circle {
        return Err(Error::authority_cycle(
            &granted.reference.to_string(),
            &holder.reference.to_string(),
        ));
    }
    Ok(())
}

fn insert(granted: &Node, holder: &Node, validity: &Validity) -> Result<()> {
    let inserted = INSERT.with(|statement| {
        statement.execute(&[
            arg(holder.id),
            arg(granted.id),
            arg(validity.from),
            arg(validity.until),
            arg(validity.reason.clone()),
            arg(change::author()),
        ])
    });
    if inserted == 0 {
        return Err(Error::argument(
            "the grant would end before it begins",
            "Give a valid_until after valid_from and after now.",
        ));
    }
    Ok(())
}

fn prolong(granted: &Node, holder: &Node, from: TimestampWithTimeZone, validity: &Validity) {
    PROLONG.with(|statement| {
        statement.execute(&[
            arg(holder.id),
            arg(granted.id),
            arg(from),
            arg(validity.until),
            arg(validity.reason.clone()),
        ])
    });
}

fn close(
    granted: &Node,
    holder: &Node,
    from: Option<TimestampWithTimeZone>,
    until: Option<TimestampWithTimeZone>,
) {
    CLOSE.with(|statement| {
        statement.execute(&[
            arg(holder.id),
            arg(granted.id),
            arg(from),
            arg(until),
            arg(change::author()),
        ])
    });
}

/// A grant of the same to the same, which holds, or will, in the time that is spoken of.
struct Met {
    /// When it begins, if that is as asked for.
    begins_as_asked_at: Option<TimestampWithTimeZone>,
    /// Nothing is left to change.
    is_as_asked: bool,
    seeded_by: Option<String>,
}

/// What is met in the time that is spoken of, the one that begins as asked for first.
fn meet(
    granted: &Node,
    holder: &Node,
    from: Option<TimestampWithTimeZone>,
    until: Option<TimestampWithTimeZone>,
) -> Vec<Met> {
    OPEN.with(|statement| {
        statement.query(&[arg(holder.id), arg(granted.id), arg(from), arg(until)], |row| {
            let begins_as_asked_at = row.get(1);
            Met {
                begins_as_asked_at,
                is_as_asked: begins_as_asked_at.is_some() && row.get(2).unwrap_or(false),
                seeded_by: row.get(3),
            }
        })
    })
}

/// What is his own somebody can always take away, whoever marked the grant of it.
fn require_free_grants(met: &[Met], granted: &Node, holder: &Node) -> Result<()> {
    let marks = met.iter().map(|met| met.seeded_by.as_deref());
    refuse_foreign(granted.seeded_by.as_deref(), marks, || {
        format!("the grant of {} to {}", granted.reference, holder.reference)
    })
}
