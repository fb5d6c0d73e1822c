//! `vpd.create_context`, `drop_context`, and the package `dbms_session`.

use super::{Answer, require_primary, require_ready, required};
use crate::context;
use crate::sys::{ErrorReport, Oid, lock, relation};
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn create_context(
    namespace: Option<&str>,
    trusted_function: Option<Oid>,
    accessed_globally: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    context::create_context(
        required(namespace, "namespace")?,
        required(trusted_function, "trusted_function")?,
        accessed_globally.unwrap_or(false),
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_context(namespace: Option<&str>) -> Answer<()> {
    require_primary()?;
    context::drop_context(required(namespace, "namespace")?)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn set_context(
    namespace: Option<&str>,
    attribute: Option<&str>,
    value: Option<&str>,
    username: Option<&str>,
    client_id: Option<&str>,
) -> Answer<()> {
    require_ready()?;
    context::set_context(
        required(namespace, "namespace")?,
        required(attribute, "attribute")?,
        value,
        username,
        client_id,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn clear_context(namespace: Option<&str>, client_id: Option<&str>, attribute: Option<&str>) -> Answer<()> {
    require_ready()?;
    context::clear_context(required(namespace, "namespace")?, client_id, attribute)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn clear_all_context(namespace: Option<&str>) -> Answer<()> {
    require_ready()?;
    context::clear_all_context(required(namespace, "namespace")?)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn set_identifier(client_id: Option<&str>) -> Answer<()> {
    require_ready()?;
    context::set_identifier(client_id)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn clear_identifier() -> Answer<()> {
    require_ready()?;
    context::set_identifier(None)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn list_context() -> Result<
    TableIterator<
        'static,
        (
            name!(namespace, String),
            name!(attribute, String),
            name!(value, String),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    Ok(TableIterator::new(context::list_context()))
}

/// The trigger on the table of declared contexts.
#[pg_extern(sql = false)]
fn contexts_changed() {
    if crate::sys::is_ready() {
        announce(c"application_context");
    }
}

/// The trigger on the table of shared values.
#[pg_extern(sql = false)]
fn globals_changed() {
    if crate::sys::is_ready() {
        context::globals_changed();
    }
}

fn announce(table: &std::ffi::CStr) {
    if let Some(table) = lock::table(table) {
        relation::announce_change(table);
    }
}
