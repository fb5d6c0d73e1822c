//! `vpd.rotate_signing_key`, `public_keys`, `set_issuer_name`, `issuer_name`, `sign_identity`.

use super::{Answer, require_primary, require_ready, required};
use crate::{signing, trust};
use pgrx::JsonB;
use pgrx::datum::Interval;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn rotate_signing_key(is_compromised: Option<bool>) -> Answer<String> {
    require_primary()?;
    Ok(signing::rotate(is_compromised.unwrap_or(false))?)
}

#[pg_extern(sql = false)]
fn public_keys() -> Answer<JsonB> {
    require_ready()?;
    Ok(JsonB(signing::key_set()?))
}

#[pg_extern(sql = false)]
fn set_issuer_name(issuer: Option<String>) -> Answer<()> {
    require_primary()?;
    trust::set_own_name(issuer.as_deref())?;
    Ok(())
}

#[pg_extern(sql = false)]
fn issuer_name() -> Answer<Option<String>> {
    require_ready()?;
    Ok(trust::own_name())
}

#[pg_extern(sql = false)]
fn sign_identity(audience: Option<String>, lifetime: Option<Interval>) -> Answer<String> {
    require_primary()?;
    let lifetime = required(lifetime, "lifetime")?.as_micros() as f64 / 1e6;
    Ok(trust::sign_identity(&required(audience, "audience")?, lifetime)?)
}
