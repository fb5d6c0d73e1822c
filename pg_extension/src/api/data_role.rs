//! `vpd.define_data_role_template`, `drop_data_role_template`, `generate_data_roles`.

use super::{Answer, require_primary, required};
use crate::store::template;
use crate::sys::ErrorReport;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn define_data_role_template(
    name: Option<&str>,
    base_role: Option<&str>,
    hierarchy: Option<&str>,
    level: Option<&str>,
    name_pattern: Option<&str>,
) -> Answer<()> {
    require_primary()?;
    template::define(
        required(name, "name")?,
        required(base_role, "base_role")?,
        required(hierarchy, "hierarchy")?,
        required(level, "level")?,
        name_pattern.unwrap_or(template::PATTERN),
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_data_role_template(name: Option<&str>) -> Answer<()> {
    require_primary()?;
    template::drop_template(required(name, "name")?)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn generate_data_roles(
    template: Option<&str>,
    drop_obsolete: Option<bool>,
) -> Result<
    TableIterator<'static, (name!(change, String), name!(role, String), name!(node, String))>,
    ErrorReport,
> {
    require_primary()?;
    let generated = template::generate(required(template, "template")?, drop_obsolete.unwrap_or(false))?;
    Ok(TableIterator::new(
        generated
            .into_iter()
            .map(|line| (line.change.to_owned(), line.role, line.node)),
    ))
}
