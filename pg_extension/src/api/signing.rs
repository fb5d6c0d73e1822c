//! `vpd.rotate_signing_key`, `public_keys`.

use super::{Answer, require_primary, require_ready};
use crate::signing;
use pgrx::JsonB;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn rotate_signing_key() -> Answer<String> {
    require_primary()?;
    Ok(signing::rotate()?)
}

#[pg_extern(sql = false)]
fn public_keys() -> Answer<JsonB> {
    require_ready()?;
    Ok(JsonB(signing::key_set()?))
}
