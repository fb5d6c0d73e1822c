//! From the graph to the sets of one session: once when it is created, again when the graph has changed or a grant begins or ends.

use super::{Authority, Claims, change};
use crate::guc;
use crate::sys::clock::{self, Timestamp};
use crate::sys::spi::{Statement, arg};
use crate::sys::xact;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{JsonB, Uuid};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;

/// Sessions that act for one another, one behind the other.
pub const MAX_ACTORS: usize = 8;

/// The role of whoever is not authenticated, and of the rest of a session that runs with one role.
pub const ANONYMOUS: &str = "anonymous";

thread_local! {
    static FLATTEN: Statement = const { Statement::new(include_str!("../../../sql/query/authz/flatten.sql")) };
    static KEEP: Statement = const { Statement::new(include_str!("../../../sql/query/authz/keep_flattened.sql")) };
    static VERSION: Statement = const { Statement::new(include_str!("../../../sql/query/authz/version.sql")) };
    /// A generation of the graph and the version that it was read with.
    static KNOWN_VERSION: Cell<(u64, i64)> = const { Cell::new((0, 0)) };
    static ACTOR: Statement = const { Statement::new(include_str!("../../../sql/query/authz/actor.sql")) };
}

/// What a user has with what his login brought, now.
pub fn flatten(user: &str, claims: &Claims) -> Authority {
    with_actors(user, claims, MAX_ACTORS)
}

/// What anybody has.
pub fn flatten_anonymous() -> Authority {
    let mut authority = read(None, &[], &[], &[ANONYMOUS.to_owned()]);
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
    // Nobody tells a standby of changes, and nobody else sees one's own.
    let is_told = !xact::is_standby() && !change::has_changed();
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
        ])
    });
}

/// Sets of data groups as they are kept.
pub fn read_groups(groups: &Value) -> Vec<Rc<[i32]>> {
    let number = |id: &Value| id.as_i64().and_then(|id| i32::try_from(id).ok());
    let set = |ids: &Value| ids.as_array().into_iter().flatten().filter_map(number).collect();
    groups.as_array().into_iter().flatten().map(set).collect()
}

fn with_actors(user: &str, claims: &Claims, depth: usize) -> Authority {
    let own = with_role(user, claims);
    let Some(actor_session) = claims.actor_session else {
        return own;
    };
    let actor = ACTOR
        .with(|statement| {
            statement.query_one(&[arg(actor_session)], |row| {
                let claims = Claims {
                    roles: row.get(2).unwrap_or_default(),
                    privileges: row.get(3).unwrap_or_default(),
                    assumed_role: row.get(4),
                    actor_session: row.get(5),
                    acts_fully: row.get(6).unwrap_or(false),
                };
                Some((row.get::<String>(1)?, claims))
            })
        })
        .flatten()
        .filter(|_| depth > 0);
    // Nobody acts through a session that is gone.
    let Some((actor_name, actor_claims)) = actor else {
        return own.intersected(&Authority::of_roles([]));
    };
    let actor = with_actors(&actor_name, &actor_claims, depth - 1);
    match super::delegation::extent(&actor_name, &actor, user, &own) {
        None => own.intersected(&Authority::of_roles([])),
        Some(extent) if extent.is_full && claims.acts_fully => {
            own.until(actor.valid_until).until(extent.until)
        }
        Some(extent) => own.intersected(&actor).until(extent.until),
    }
}

/// The session may run with one of its roles only.
fn with_role(user: &str, claims: &Claims) -> Authority {
    let all = read(Some(user), &claims.roles_here(), &claims.privileges, &[]);
    let Some(role) = &claims.assumed_role else {
        return all;
    };
    if !all.roles.contains(role) {
        return Authority::of_roles([ANONYMOUS.to_owned()])
            .until(all.valid_until)
            .of_version(all.version);
    }
    let mut one = read(None, &[], &[], &[role.clone(), ANONYMOUS.to_owned()]);
    one.roles.extend([role.clone(), ANONYMOUS.to_owned()]);
    one.until(all.valid_until)
}

fn read(user: Option<&str>, roles: &[String], privileges: &[String], first_roles: &[String]) -> Authority {
    FLATTEN
        .with(|statement| {
            statement.query_one(
                &[
                    arg(user),
                    arg(roles.to_vec()),
                    arg(privileges.to_vec()),
                    arg(first_roles.to_vec()),
                    arg(guc::is_production()),
                ],
                |row| Authority {
                    version: row.get(1).unwrap_or(0),
                    valid_until: row.timestamp(2).unwrap_or_else(clock::now),
                    roles: set(row.get(3)),
                    privileges: set(row.get(4)),
                    data_groups: vec![row.get::<Vec<i32>>(5).unwrap_or_default().into()],
                    reports: set(row.get(6)),
                },
            )
        })
        .unwrap_or_else(|| Authority::of_roles([]).until(Timestamp(0)))
}

fn set(names: Option<Vec<String>>) -> HashSet<String> {
    names.unwrap_or_default().into_iter().collect()
}

fn sorted(names: &HashSet<String>) -> Vec<String> {
    let mut names: Vec<String> = names.iter().cloned().collect();
    names.sort_unstable();
    names
}
