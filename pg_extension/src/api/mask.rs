//! `vpd.add_mask` and its kin, what a mask raises, the mask that needs the library.

use super::{Answer, require_primary, require_ready, required};
use crate::error::Error;
use crate::policy::mask::{self, Definition};
use crate::sys::{Oid, relation, user};
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn mask_marker() -> Answer<bool> {
    require_ready()?;
    Ok(true)
}

#[pg_extern(sql = false)]
fn mask_violated(relation: Option<Oid>, column_name: Option<&str>) -> Answer<bool> {
    let relation = relation.map(relation::name).unwrap_or_default();
    Err(Error::column_masked(&relation, column_name.unwrap_or("")).into())
}

#[pg_extern(sql = false)]
fn add_mask(
    relation: Option<Oid>,
    column_name: Option<&str>,
    mask: Option<String>,
    visible_when: Option<String>,
    enabled: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    let definition = Definition {
        mask: Some(required(mask, "mask")?),
        visible_when: Some(required(visible_when, "visible_when")?),
        enabled,
    };
    mask::add(
        required(relation, "relation")?,
        required(column_name, "column_name")?,
        &definition,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn alter_mask(
    relation: Option<Oid>,
    column_name: Option<&str>,
    mask: Option<String>,
    visible_when: Option<String>,
) -> Answer<()> {
    require_primary()?;
    let definition = Definition {
        mask,
        visible_when,
        enabled: None,
    };
    mask::alter(
        required(relation, "relation")?,
        required(column_name, "column_name")?,
        &definition,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn enable_mask(relation: Option<Oid>, column_name: Option<&str>, enabled: Option<bool>) -> Answer<()> {
    require_primary()?;
    let column = required(column_name, "column_name")?;
    mask::enable(required(relation, "relation")?, column, enabled.unwrap_or(true))?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_mask(relation: Option<Oid>, column_name: Option<&str>) -> Answer<()> {
    require_primary()?;
    mask::drop_mask(
        required(relation, "relation")?,
        required(column_name, "column_name")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn is_masked(relation: Option<Oid>, column_name: Option<&str>) -> Answer<Option<bool>> {
    require_ready()?;
    let relation = required(relation, "relation")?;
    if !relation::lock_for_reading(relation) {
        return Err(Error::relation_not_found().into());
    }
    let answer = mask::is_masked(relation, required(column_name, "column_name")?)?;
    if user::reads_past_policies(relation) {
        return Ok(Some(false));
    }
    Ok(answer)
}

#[pg_extern(sql = false)]
fn mask_hash(value: &str) -> Answer<String> {
    require_ready()?;
    Ok(mask::hash(value)?)
}
