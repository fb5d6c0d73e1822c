//! `vpd.grant_exempt` and `vpd.revoke_exempt`.

use super::{Answer, require_primary, required};
use crate::policy;
use crate::sys::Oid;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn grant_exempt(role_name: Option<Oid>, reason: Option<&str>, relation: Option<Oid>) -> Answer<()> {
    require_primary()?;
    policy::exemption::grant(
        required(role_name, "role_name")?,
        required(reason, "reason")?,
        relation,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn revoke_exempt(role_name: Option<Oid>, relation: Option<Oid>) -> Answer<()> {
    require_primary()?;
    policy::exemption::revoke(required(role_name, "role_name")?, relation)?;
    Ok(())
}
