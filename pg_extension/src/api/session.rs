//! `vpd.create_session`, `attach_session`, `attach_anonymous`, `detach_session` and the ways to end a session.

use super::{Answer, known_token, require_primary, require_ready, required, without_null};
use crate::error::Error;
use crate::policy::exemption;
use crate::sys::document::Document;
use crate::sys::{ErrorReport, connection, user};
use crate::{context, events, session};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use pgrx::{Inet, JsonB, Uuid};
use serde_json::json;
use std::ffi::CStr;

#[pg_extern(sql = false)]
#[expect(
    clippy::too_many_arguments,
    reason = "the function's SQL signature, called with named arguments"
)]
fn create_session(
    user_name: Option<String>,
    app: Option<String>,
    attributes: Option<Document>,
    roles: Option<Vec<Option<String>>>,
    privileges: Option<Vec<Option<String>>>,
    audit_identity: Option<String>,
    acting_for: Option<String>,
    language: Option<String>,
    territory: Option<String>,
    date_format: Option<String>,
    number_format: Option<String>,
    client_address: Option<Inet>,
    user_agent: Option<String>,
    auth_time: Option<TimestampWithTimeZone>,
    assumed_role: Option<String>,
    acr: Option<String>,
) -> Answer<String> {
    require_primary()?;
    let names = |names: Option<Vec<Option<String>>>, what| without_null(names.unwrap_or_default(), what);
    Ok(session::create(session::NewSession {
        user_name: required(user_name, "user_name")?,
        app: required(app, "app")?,
        attributes: Document::read_all(attributes)?.unwrap_or_else(|| JsonB(json!({}))),
        roles: names(roles, "roles")?,
        privileges: names(privileges, "privileges")?,
        audit_identity,
        acting_for,
        language,
        territory,
        date_format,
        number_format,
        client_address,
        user_agent,
        auth_time,
        assumed_role,
        acr,
        groups: Vec::new(),
        origin: None,
    })?)
}

#[pg_extern(sql = false)]
fn attach_session(token: Option<&str>) -> Answer<()> {
    require_ready()?;
    session::attach(known_token(token)?)?;
    tell_of_connection(c"vpd.attach_session");
    Ok(())
}

#[pg_extern(sql = false)]
fn attach_anonymous() -> Answer<()> {
    require_ready()?;
    session::attach_anonymous()?;
    tell_of_connection(c"vpd.attach_anonymous");
    Ok(())
}

/// What makes an attached session do less than it seems to.
fn tell_of_connection(function: &CStr) {
    connection::warn_outside_block(function);
    if user::bypasses_policies() || exemption::is_exempt_everywhere() {
        Error::policies_do_not_apply(&user::current_name()).notice();
    }
}

#[pg_extern(sql = false)]
fn detach_session() -> Answer<()> {
    require_ready()?;
    context::detach();
    Ok(())
}

#[pg_extern(sql = false)]
fn end_session(token: Option<String>, reason: Option<String>) -> Answer<()> {
    require_primary()?;
    session::end_by_token(
        known_token(token.as_deref())?,
        reason.as_deref().unwrap_or("logout"),
    );
    Ok(())
}

#[pg_extern(sql = false)]
fn log_out(
    token: Option<String>,
) -> Result<TableIterator<'static, (name!(issuer, String), name!(id_token_hint, Option<String>))>, ErrorReport>
{
    require_primary()?;
    let logged_out = session::log_out(known_token(token.as_deref())?);
    Ok(TableIterator::new(
        logged_out.map(|one| (one.issuer, one.id_token_hint)),
    ))
}

#[pg_extern(sql = false)]
fn end_own_session(session_id: Uuid) -> Answer<bool> {
    require_primary()?;
    Ok(session::end_own(session_id)?)
}

#[pg_extern(sql = false)]
fn end_session_by_id(session_id: Option<Uuid>, reason: Option<String>) -> Answer<bool> {
    require_primary()?;
    Ok(session::end_by_id(
        required(session_id, "session_id")?,
        reason.as_deref().unwrap_or("administrator"),
    ))
}

#[pg_extern(sql = false)]
fn end_user_sessions(user_name: Option<String>, reason: Option<String>) -> Answer<i64> {
    require_primary()?;
    let count = session::end_user(
        &required(user_name, "user_name")?,
        reason.as_deref().unwrap_or("administrator"),
    );
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

#[pg_extern(sql = false)]
fn end_all_sessions(reason: Option<String>) -> Answer<i64> {
    require_primary()?;
    Ok(i64::try_from(session::end_all(reason.as_deref().unwrap_or("administrator"))).unwrap_or(i64::MAX))
}

/// The trigger on the tables of sessions.
#[pg_extern(sql = false)]
fn sessions_changed() {
    if crate::sys::is_ready() {
        session::ending::rows_changed();
    }
}

/// The trigger on rows that come by logical replication.
#[pg_extern(sql = false)]
fn rows_replicated() {
    if crate::sys::is_ready() {
        events::rows_replicated();
    }
}
