//! Readers of the session context. Each tells a session about itself; none reads a table.

use super::{Answer, require_ready};
use crate::context::{self, Identity};
use crate::session;
use crate::sys::ErrorReport;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use std::rc::Rc;

fn identity() -> Answer<Option<Rc<Identity>>> {
    require_ready()?;
    Ok(context::identity())
}

fn read<T>(reader: impl FnOnce(&Identity) -> Option<T>) -> Answer<Option<T>> {
    Ok(identity()?.and_then(|identity| reader(&identity)))
}

fn is<F: FnOnce(&Identity) -> bool>(reader: F) -> Answer<bool> {
    Ok(identity()?.is_some_and(|identity| reader(&identity)))
}

#[pg_extern(sql = false)]
fn user_name() -> Answer<Option<String>> {
    read(|identity| Some(identity.user_name.clone()))
}

#[pg_extern(sql = false)]
fn session_id() -> Answer<Option<Uuid>> {
    read(|identity| identity.session_id)
}

#[pg_extern(sql = false)]
fn app_name() -> Answer<Option<String>> {
    read(|identity| identity.app.clone())
}

#[pg_extern(sql = false)]
fn pillar() -> Answer<Option<String>> {
    read(|identity| identity.pillar.clone())
}

#[pg_extern(sql = false)]
fn audit_identity() -> Answer<Option<String>> {
    read(|identity| Some(identity.audit_identity.clone()))
}

#[pg_extern(sql = false)]
fn acting_for() -> Answer<Option<String>> {
    read(|identity| identity.acting_for.clone())
}

#[pg_extern(sql = false)]
fn is_established() -> Answer<bool> {
    is(|_| true)
}

#[pg_extern(sql = false)]
fn is_authenticated() -> Answer<bool> {
    is(|identity| identity.is_authenticated)
}

#[pg_extern(sql = false)]
fn attribute_list(namespace: &str, name: &str) -> Answer<Option<Vec<String>>> {
    require_ready()?;
    Ok(context::read_list(namespace, name))
}

#[pg_extern(sql = false)]
fn user_in_role(roles: Vec<Option<String>>) -> Answer<bool> {
    is(|identity| {
        roles
            .iter()
            .flatten()
            .any(|role| identity.authority.roles.contains(role))
    })
}

#[pg_extern(sql = false)]
fn user_in_all_roles(roles: Vec<Option<String>>) -> Answer<bool> {
    is(|identity| {
        !roles.is_empty()
            && roles.iter().all(|role| {
                role.as_ref()
                    .is_some_and(|role| identity.authority.roles.contains(role))
            })
    })
}

#[pg_extern(sql = false)]
fn has_privilege(privilege: &str) -> Answer<bool> {
    is(|identity| identity.authority.privileges.contains(privilege))
}

#[pg_extern(sql = false)]
fn has_resource(resource: &str, action: &str) -> Answer<bool> {
    is(|identity| {
        identity
            .authority
            .privileges
            .contains(&format!("{resource}:{action}"))
    })
}

#[pg_extern(sql = false)]
fn sys_context(namespace: &str, attribute: &str) -> Answer<Option<String>> {
    require_ready()?;
    Ok(context::sys_context(namespace, attribute)?)
}

#[pg_extern(sql = false)]
fn sys_context_cut(namespace: &str, attribute: &str, length: i32) -> Answer<Option<String>> {
    require_ready()?;
    Ok(context::sys_context_cut(namespace, attribute, length)?)
}

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn current_session() -> Result<
    TableIterator<
        'static,
        (
            name!(session_id, Option<Uuid>),
            name!(user_name, String),
            name!(app, Option<String>),
            name!(pillar, Option<String>),
            name!(is_authenticated, bool),
            name!(audit_identity, String),
            name!(acting_for, Option<String>),
            name!(roles, Vec<String>),
            name!(privileges, Vec<String>),
            name!(attributes, JsonB),
            name!(language, Option<String>),
            name!(territory, Option<String>),
            name!(date_format, Option<String>),
            name!(number_format, Option<String>),
            name!(created_at, Option<TimestampWithTimeZone>),
            name!(idle_expires_at, Option<TimestampWithTimeZone>),
            name!(expires_at, Option<TimestampWithTimeZone>),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let sorted = |names: &std::collections::HashSet<String>| {
        let mut names: Vec<String> = names.iter().cloned().collect();
        names.sort();
        names
    };
    let moment = |at: crate::sys::clock::Timestamp| TimestampWithTimeZone::try_from(at.0).ok();
    let rows = context::identity().map(|identity| {
        // Read now: what this backend remembers of the clocks may be earlier than they stand.
        let liveness = session::liveness(&identity);
        (
            identity.session_id,
            identity.user_name.clone(),
            identity.app.clone(),
            identity.pillar.clone(),
            identity.is_authenticated,
            identity.audit_identity.clone(),
            identity.acting_for.clone(),
            sorted(&identity.authority.roles),
            sorted(&identity.authority.privileges),
            JsonB(identity.attributes.clone()),
            identity.language.clone(),
            identity.territory.clone(),
            identity.date_format.clone(),
            identity.number_format.clone(),
            identity.created_at.and_then(moment),
            liveness.and_then(|liveness| moment(liveness.idle_expires_at)),
            liveness.and_then(|liveness| moment(liveness.expires_at)),
        )
    });
    Ok(TableIterator::new(rows))
}
