//! `vpd.register_app`, `drop_app`, `grant_profile`, `revoke_profile`.

use super::{Answer, require_primary, required, without_null};
use crate::session;
use crate::sys::Oid;
use pgrx::datum::Interval;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
#[expect(
    clippy::too_many_arguments,
    reason = "the function's SQL signature, called with named arguments"
)]
fn register_app(
    name: Option<String>,
    pillar: Option<String>,
    origins: Option<Vec<Option<String>>>,
    idle_timeout: Option<Interval>,
    absolute_timeout: Option<Interval>,
    ticket_lifetime: Option<Interval>,
    max_sessions_per_user: Option<i32>,
    required_acr: Option<Vec<Option<String>>>,
    max_auth_age: Option<Interval>,
    when_full: Option<String>,
) -> Answer<()> {
    require_primary()?;
    session::register(session::Registration {
        name: required(name, "name")?,
        pillar: required(pillar, "pillar")?,
        origins: without_null(required(origins, "origins")?, "origins")?,
        idle_timeout: required(idle_timeout, "idle_timeout")?,
        absolute_timeout: required(absolute_timeout, "absolute_timeout")?,
        ticket_lifetime: required(ticket_lifetime, "ticket_lifetime")?,
        max_sessions_per_user: required(max_sessions_per_user, "max_sessions_per_user")?,
        required_acr: without_null(required_acr.unwrap_or_default(), "required_acr")?,
        max_auth_age,
        when_full: required(when_full, "when_full")?,
    })?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_app(name: Option<String>) -> Answer<()> {
    require_primary()?;
    session::drop_app(&required(name, "name")?)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn grant_profile(profile: &str, role: Oid) -> Answer<()> {
    require_primary()?;
    session::grant(profile, role)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn revoke_profile(profile: &str, role: Oid) -> Answer<()> {
    require_primary()?;
    session::revoke(profile, role)?;
    Ok(())
}
