//! From the graph to the sets of one session: once when it is created, again when the graph has changed or a grant begins or ends.

use super::delegation::{self, Extent};
use super::{Authority, Claims, change, segregation};
use crate::error::{Error, Result};
use crate::guc;
use crate::sys::clock::{self, Timestamp};
use crate::sys::spi::{arg, statements};
use crate::sys::xact;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{JsonB, Uuid};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;
use vpd_text::identity::MAX_ACTORS;

/// The role of whoever is not authenticated, and of the rest of a session that runs with one role.
pub const ANONYMOUS: &str = "anonymous";

statements! {
    FLATTEN = "authz/flatten.sql";
    KEEP = "authz/keep_flattened.sql";
    VERSION = "authz/version.sql";
    ACTOR = "authz/actor.sql";
}

thread_local! {
    /// A generation of the graph and the version that it was read with.
    static KNOWN_VERSION: Cell<(u64, i64)> = const { Cell::new((0, 0)) };
}

/// What a session has, and what stands behind it.
struct Share {
    authority: Authority,
    /// Whether that is all that its user has: no role was assumed, and whoever acts for him acts fully, all the way down.
    is_whole: bool,
    /// The user, and those who act for him.
    persons: Vec<String>,
    /// What these can do, one session or the other: a login with one role does not take the others away from its user.
    within_reach: Authority,
}

/// What a subject is granted, whatever its session makes of it.
struct Granted {
    authority: Authority,
    /// Whether it is a user who was switched off.
    is_disabled: bool,
}

/// What a user has with what his login brought, now. 28000 when he was switched off, or those who act for him, or may act no more;
/// 42501 when a rule keeps apart what the session, or whoever acts fully, has.
pub fn flatten(user: &str, claims: &Claims) -> Result<Authority> {
    Ok(share(user, claims, MAX_ACTORS)?.authority)
}

/// How far the session of an actor may act for a user now; `None` when it may not. Only a session that has all its user has acts fully.
pub fn extent(actor: &str, claims: &Claims, user: &str) -> Result<Option<Extent>> {
    let granted = read(Some(user), &[], &[], &[], &[]);
    Ok(extent_of(
        &share(actor, claims, MAX_ACTORS)?,
        actor,
        user,
        &granted.authority,
    ))
}

/// What anybody has.
pub fn flatten_anonymous() -> Authority {
    let mut authority = read(None, &[], &[], &[ANONYMOUS.to_owned()], &[]).authority;
    authority.roles.insert(ANONYMOUS.to_owned());
    authority
}

/// Version of the graph, as the tables tell.
pub fn version() -> i64 {
    VERSION
        .with(|statement| statement.query_one(&[], |row| row.get::<i64>(1)))
        .flatten()
        .unwrap_or(0)
}

/// Version of the graph in a generation of it, which was read before.
pub fn version_in(generation: u64) -> i64 {
    let (known_in, known) = KNOWN_VERSION.get();
    // Nobody else sees one's own changes.
    let is_told = !change::has_changed();
    if is_told && known_in == generation {
        return known;
    }
    let version = version();
    if is_told {
        KNOWN_VERSION.set((generation, version));
    }
    version
}

/// Forgets the version, because the extension may have been dropped.
pub fn forget_version() {
    KNOWN_VERSION.set((0, 0));
}

/// Keeps what a session has for the next backend that attaches it; not what a transaction sees that changes the graph itself.
pub fn keep(session_id: Uuid, authority: &Authority) {
    if change::has_changed() || xact::is_read_only() {
        return;
    }
    let groups: Vec<&[i32]> = authority.data_groups.iter().map(AsRef::as_ref).collect();
    let Some(valid_until) = TimestampWithTimeZone::try_from(authority.valid_until.0).ok() else {
        return;
    };
    KEEP.with(|statement| {
        statement.execute(&[
            arg(session_id),
            arg(authority.version),
            arg(valid_until),
            arg(guc::environment()),
            arg(sorted(&authority.roles)),
            arg(sorted(&authority.privileges)),
            arg(JsonB(json!(groups))),
            arg(sorted(&authority.reports)),
            arg(sorted(&authority.groups)),
        ])
    });
}

/// Sets of data groups as they are kept.
pub fn read_groups(groups: &Value) -> Option<Vec<Rc<[i32]>>> {
    let number = |id: &Value| id.as_i64().and_then(|id| i32::try_from(id).ok());
    let set = |ids: &Value| ids.as_array()?.iter().map(number).collect();
    groups.as_array()?.iter().map(set).collect()
}

fn share(user: &str, claims: &Claims, depth: usize) -> Result<Share> {
    let granted = read(
        Some(user),
        &claims.roles_here(),
        &claims.privileges,
        &[],
        &claims.groups,
    );
    if granted.is_disabled {
        return Err(Error::session_invalid());
    }
    let granted = granted.authority;
    let own = match &claims.assumed_role {
        None => granted.clone(),
        Some(role) => narrowed(&granted, role),
    };
    let is_whole = claims.assumed_role.is_none();
    let Some(actor_session) = claims.actor_session else {
        return kept_apart(Share {
            within_reach: granted,
            authority: own,
            is_whole,
            persons: vec![user.to_owned()],
        });
    };
    // Nobody acts through a session that is gone, or without being allowed to.
    let (actor_name, actor_claims) = actor(actor_session)
        .filter(|_| depth > 0)
        .ok_or_else(Error::session_invalid)?;
    let mut actor = share(&actor_name, &actor_claims, depth - 1)?;
    let extent = extent_of(&actor, &actor_name, user, &granted).ok_or_else(Error::session_invalid)?;
    let valid_until = actor.authority.valid_until.min(extent.until);
    if extent.is_full && claims.acts_fully {
        actor.persons.push(user.to_owned());
        actor.within_reach.extend(&granted);
        return kept_apart(Share {
            authority: own.until(valid_until),
            is_whole,
            ..actor
        });
    }
    kept_apart(Share {
        within_reach: granted.intersected(&actor.within_reach),
        authority: own.intersected(&actor.authority).until(valid_until),
        is_whole: false,
        persons: vec![user.to_owned()],
    })
}

/// One of the roles of a user and what anybody has, or only that when he has the role no more. What filters the user's rows goes on filtering.
fn narrowed(granted: &Authority, role: &str) -> Authority {
    let narrow = if granted.roles.contains(role) {
        let roles = [role.to_owned(), ANONYMOUS.to_owned()];
        let mut one = read(None, &[], &[], &roles, &[]).authority;
        one.roles.extend(roles);
        one
    } else {
        Authority::of_roles([ANONYMOUS.to_owned()]).of_version(granted.version)
    };
    narrow.filtered_as(granted).until(granted.valid_until)
}

/// No longer than the exceptions that allow what rules keep apart.
fn kept_apart(mut share: Share) -> Result<Share> {
    for person in &share.persons {
        let until = segregation::allowed_until(person, &share.within_reach)?;
        share.authority = share.authority.until(until);
    }
    Ok(share)
}

fn actor(session: Uuid) -> Option<(String, Claims)> {
    ACTOR
        .with(|statement| {
            statement.query_one(&[arg(session)], |row| {
                let claims = Claims {
                    roles: row.get(2).unwrap_or_default(),
                    privileges: row.get(3).unwrap_or_default(),
                    assumed_role: row.get(4),
                    actor_session: row.get(5),
                    acts_fully: row.get(6).unwrap_or(false),
                    groups: row.get(7).unwrap_or_default(),
                };
                Some((row.get::<String>(1)?, claims))
            })
        })
        .flatten()
}

fn extent_of(actor: &Share, actor_name: &str, user: &str, granted: &Authority) -> Option<Extent> {
    let extent = delegation::extent(actor_name, &actor.authority, user, granted)?;
    Some(Extent {
        is_full: extent.is_full && actor.is_whole,
        ..extent
    })
}

fn read(
    user: Option<&str>,
    roles: &[String],
    privileges: &[String],
    first_roles: &[String],
    groups: &[String],
) -> Granted {
    FLATTEN
        .with(|statement| {
            statement.query_one(
                &[
                    arg(user),
                    arg(roles.to_vec()),
                    arg(privileges.to_vec()),
                    arg(first_roles.to_vec()),
                    arg(guc::is_production()),
                    arg(groups.to_vec()),
                ],
                |row| Granted {
                    authority: Authority {
                        version: row.required(1),
                        valid_until: row.timestamp(2).unwrap_or_else(clock::now),
                        roles: set(row.get(3)),
                        privileges: set(row.get(4)),
                        data_groups: vec![row.required::<Vec<i32>>(5).into()],
                        reports: set(row.get(6)),
                        groups: set(row.get(8)),
                    },
                    is_disabled: row.required(7),
                },
            )
        })
        .unwrap_or_else(|| Granted {
            authority: Authority::of_roles([]).until(Timestamp(0)),
            is_disabled: user.is_some(),
        })
}

fn set(names: Option<Vec<String>>) -> HashSet<String> {
    names.unwrap_or_default().into_iter().collect()
}

fn sorted(names: &HashSet<String>) -> Vec<String> {
    let mut names: Vec<String> = names.iter().cloned().collect();
    names.sort_unstable();
    names
}
