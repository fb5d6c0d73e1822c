//! `vpd.create_session_on_behalf`, `assume_role`, `set_audit_identity` and delegations.

use super::{Answer, known_token, require_primary, require_ready, required};
use crate::authz::{Reference, Validity, delegation};
use crate::sys::document::Document;
use crate::{context, session};
use pgrx::JsonB;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use serde_json::json;

#[pg_extern(sql = false)]
fn grant_delegation(
    actor: Option<String>,
    subject: Option<String>,
    with_full_authority: Option<bool>,
    valid_from: Option<TimestampWithTimeZone>,
    valid_until: Option<TimestampWithTimeZone>,
    reason: Option<String>,
) -> Answer<i64> {
    require_primary()?;
    let actor = Reference::parse(&required(actor, "actor")?)?;
    let subject = subject.as_deref().map(Reference::parse).transpose()?;
    let validity = Validity {
        from: valid_from,
        until: valid_until,
        reason,
    };
    let is_full = with_full_authority.unwrap_or(false);
    Ok(delegation::grant(&actor, subject.as_ref(), is_full, validity)?)
}

#[pg_extern(sql = false)]
fn revoke_delegation(delegation_id: i64) -> Answer<bool> {
    require_primary()?;
    Ok(delegation::revoke(delegation_id))
}

#[pg_extern(sql = false)]
fn create_session_on_behalf(
    token: Option<String>,
    user_name: Option<String>,
    app: Option<String>,
    attributes: Option<Document>,
) -> Answer<String> {
    require_primary()?;
    Ok(session::create_on_behalf(
        known_token(token.as_deref())?,
        &required(user_name, "user_name")?,
        app.as_deref(),
        Document::read_all(attributes)?.unwrap_or_else(|| JsonB(json!({}))),
    )?)
}

#[pg_extern(sql = false)]
fn assume_role(role: Option<String>) -> Answer<()> {
    require_ready()?;
    context::assume_role(&required(role, "role")?)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn set_audit_identity(name: Option<String>) -> Answer<()> {
    require_ready()?;
    context::set_audit_identity(&required(name, "name")?)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn actor_chain() -> Answer<Option<Vec<String>>> {
    require_ready()?;
    Ok(context::identity().map(|identity| identity.actors.clone()))
}
