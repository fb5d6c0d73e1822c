//! Acting on behalf of somebody: who may, and how far.

use super::{Authority, Kind, Reference, change};
use crate::error::{Error, Result};
use crate::sys::clock::Timestamp;
use crate::sys::spi::{arg, statements};
use serde_json::json;

/// Whoever has it may open sessions on behalf of anybody.
pub const ON_BEHALF: &str = "session:on_behalf";

/// Whoever has it may put another name into audit columns.
pub const SET_AUDIT_IDENTITY: &str = "session:set_audit_identity";

statements! {
    EXTENT = "authz/delegation_extent.sql";
    GRANT = "authz/grant_delegation.sql";
    REVOKE = "authz/revoke_delegation.sql";
}

/// How far somebody may act for somebody else.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// With all that the other has, and not only with what both have.
    pub is_full: bool,
    /// Until when.
    pub until: Timestamp,
}

/// How far an actor may act for a user now; `None` when he may not.
pub fn extent(actor: &str, actor_has: &Authority, user: &str, user_has: &Authority) -> Option<Extent> {
    let roles = |authority: &Authority| authority.roles.iter().cloned().collect::<Vec<_>>();
    let granted = EXTENT
        .with(|statement| {
            statement.query_one(
                &[arg(actor), arg(roles(actor_has)), arg(user), arg(roles(user_has))],
                |row| {
                    Some(Extent {
                        is_full: row.get(1)?,
                        until: row.timestamp(2)?,
                    })
                },
            )
        })
        .flatten();
    granted.or_else(|| {
        actor_has.privileges.contains(ON_BEHALF).then_some(Extent {
            is_full: false,
            until: Timestamp(i64::MAX),
        })
    })
}

/// Lets a user, or whoever has a role, act for a user, for whoever has a role, or for anybody.
pub fn grant(
    actor: &Reference,
    subject: Option<&Reference>,
    is_full: bool,
    validity: super::Validity,
) -> Result<i64> {
    change::begin();
    for reference in std::iter::once(actor).chain(subject) {
        check(reference)?;
    }
    let id = GRANT.with(|statement| {
        statement.modify(
            &[
                arg(actor.to_string()),
                arg(subject.map(ToString::to_string)),
                arg(is_full),
                arg(validity.from),
                arg(validity.until),
                arg(validity.reason.clone()),
                arg(change::author()),
            ],
            |row| row.get::<i64>(1),
        )
    });
    let id = id.into_iter().flatten().next().ok_or_else(|| {
        Error::argument(
            "the delegation would end before it begins",
            "Give a valid_until after valid_from and after now.",
        )
    })?;
    change::record(
        "grant_delegation",
        &actor.to_string(),
        json!({
            "id": id,
            "subject": subject.map(ToString::to_string),
            "with_full_authority": is_full,
            "valid_until": validity.until,
            "reason": validity.reason,
        }),
    );
    Ok(id)
}

/// Ends a delegation; false when there is no such one. Sessions that rest on it have nothing from then on.
pub fn revoke(id: i64) -> bool {
    change::begin();
    let is_ended = REVOKE.with(|statement| statement.execute(&[arg(id), arg(change::author())])) > 0;
    if is_ended {
        change::record("revoke_delegation", &format!("delegation:{id}"), json!({}));
    }
    is_ended
}

fn check(reference: &Reference) -> Result<()> {
    match reference.kind {
        Kind::User => Ok(()),
        Kind::Role => reference.require().map(|_| ()),
        _ => Err(Error::argument(
            "only a user or a role acts, or is acted for",
            "Write user:name or role:name.",
        )),
    }
}
