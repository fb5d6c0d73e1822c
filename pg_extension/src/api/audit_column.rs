//! `vpd.track_changes` and its kin; pseudonyms and consent.

use super::{Answer, require_primary, require_ready, required};
use crate::audit::{self, Columns, Identification};
use crate::sys::Oid;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
#[expect(
    clippy::too_many_arguments,
    reason = "they are the arguments of the SQL function"
)]
fn track_changes(
    relation: Option<Oid>,
    created_by: Option<String>,
    created_at: Option<String>,
    created_login: Option<String>,
    updated_by: Option<String>,
    updated_at: Option<String>,
    updated_login: Option<String>,
    identity: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    let columns = Columns {
        created_by: required(created_by, "created_by")?,
        created_at: required(created_at, "created_at")?,
        created_login: required(created_login, "created_login")?,
        updated_by: required(updated_by, "updated_by")?,
        updated_at: required(updated_at, "updated_at")?,
        updated_login: required(updated_login, "updated_login")?,
    };
    let identification = Identification::parse(required(identity, "identity")?)?;
    Ok(audit::track(
        required(relation, "relation")?,
        &columns,
        identification,
    )?)
}

#[pg_extern(sql = false)]
fn untrack_changes(relation: Option<Oid>) -> Answer<()> {
    require_primary()?;
    Ok(audit::untrack(required(relation, "relation")?)?)
}

#[pg_extern(sql = false)]
fn audit_pseudonym(user_name: Option<&str>) -> Answer<String> {
    require_primary()?;
    Ok(audit::of_user(required(user_name, "user_name")?)?)
}

#[pg_extern(sql = false)]
fn erase_pseudonym(user_name: Option<&str>) -> Answer<bool> {
    require_primary()?;
    Ok(audit::erase(required(user_name, "user_name")?)?)
}

#[pg_extern(sql = false)]
fn pseudonym_owner(pseudonym: Option<&str>) -> Answer<Option<String>> {
    require_ready()?;
    Ok(audit::owner(required(pseudonym, "pseudonym")?))
}

#[pg_extern(sql = false)]
fn record_consent(user_name: Option<&str>, is_given: Option<bool>, purpose: Option<&str>) -> Answer<()> {
    require_primary()?;
    Ok(audit::record_consent(
        required(user_name, "user_name")?,
        required(purpose, "purpose")?,
        required(is_given, "is_given")?,
    )?)
}
