//! Keys of sealed columns, and `vpd.seal`. The functions of the types themselves stand in `sys`.

use super::{Answer, require_primary, require_ready, required};
use crate::error::Error;
use crate::personal;
use crate::sealing::{self, Definition, Hidden};
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn create_key(
    name: Option<String>,
    privilege: Option<String>,
    searchable: Option<bool>,
    mask: Option<String>,
    hidden_as: Option<&str>,
    per_person: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    let hidden = match required(hidden_as, "hidden_as")? {
        "mask" => Hidden::Mask(required(mask, "mask")?),
        "null" => Hidden::Null,
        "error" => Hidden::Error,
        _ => return Err(Error::argument("hidden_as is mask, null or error", "Choose one of them.").into()),
    };
    sealing::create(&Definition {
        name: required(name, "name")?,
        privilege: required(privilege, "privilege")?,
        is_searchable: required(searchable, "searchable")?,
        is_per_person: required(per_person, "per_person")?,
        hidden,
    })?;
    Ok(())
}

#[pg_extern(sql = false)]
fn rotate_key(name: Option<&str>) -> Answer<i32> {
    require_primary()?;
    Ok(sealing::rotate(required(name, "name")?)?)
}

#[pg_extern(sql = false)]
fn destroy_key(name: Option<&str>, confirm: Option<&str>, version: Option<i32>) -> Answer<()> {
    require_primary()?;
    let (name, confirm) = (required(name, "name")?, confirm.unwrap_or_default());
    match version {
        None => sealing::destroy(name, confirm)?,
        Some(version) => sealing::destroy_version(name, confirm, version, |key| {
            personal::values_of_version(key, version)
        })?,
    }
    Ok(())
}

#[pg_extern(sql = false)]
fn rewrap_keys() -> Answer<i64> {
    require_primary()?;
    Ok(i64::try_from(sealing::rewrap()?).unwrap_or(i64::MAX))
}

#[pg_extern(sql = false)]
fn sealed_unordered(_left: &[u8], _right: &[u8]) -> Answer<bool> {
    Err(Error::not_ordered().into())
}

#[pg_extern(sql = false)]
fn seal(value: &str, key: &str) -> Answer<Vec<u8>> {
    require_ready()?;
    Ok(sealing::seal_text(value, key)?)
}
