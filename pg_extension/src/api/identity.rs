//! `vpd.define_user` and its kin, and the line of managers.

use super::{Answer, require_primary, require_ready, required};
use crate::authz::user::{self, Account};
use crate::authz::{Kind, Reference, definition, source};
use crate::sys::ErrorReport;
use crate::sys::document::Document;
use crate::task::line;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn define_source(name: Option<String>, precedence: Option<i32>, description: Option<String>) -> Answer<()> {
    require_primary()?;
    source::define_source(
        &required(name, "name")?,
        required(precedence, "precedence")?,
        description.as_deref(),
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn define_unit(name: Option<String>, parent: Option<String>, description: Option<String>) -> Answer<()> {
    require_primary()?;
    user::define_unit(
        &required(name, "name")?,
        parent.as_deref(),
        description.as_deref(),
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_source(name: Option<String>) -> Answer<()> {
    require_primary()?;
    source::drop_source(&required(name, "name")?)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_unit(name: Option<String>) -> Answer<()> {
    require_primary()?;
    user::drop_unit(&required(name, "name")?)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn define_user(
    name: Option<String>,
    source: Option<String>,
    display_name: Option<String>,
    attributes: Option<Document>,
    unit: Option<String>,
    manager: Option<String>,
    is_test: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    user::define_user(Account {
        name: required(name, "name")?,
        source: required(source, "source")?,
        display_name,
        attributes: Document::read_all(attributes)?,
        unit,
        manager,
        is_test: is_test.unwrap_or(false),
        is_unit_gone: false,
        is_manager_gone: false,
    })?;
    Ok(())
}

fn enable(name: Option<String>, is_enabled: bool, reason: Option<String>) -> Answer<bool> {
    require_primary()?;
    let reference = Reference::new(Kind::User, required(name, "name")?);
    Ok(definition::enable(&reference, is_enabled, reason.as_deref())?)
}

#[pg_extern(sql = false)]
fn disable_user(name: Option<String>, reason: Option<String>) -> Answer<bool> {
    enable(name, false, reason)
}

#[pg_extern(sql = false)]
fn enable_user(name: Option<String>, reason: Option<String>) -> Answer<bool> {
    enable(name, true, reason)
}

#[pg_extern(sql = false)]
fn manager_chain(
    user_name: Option<String>,
) -> Result<TableIterator<'static, (name!(level, i32), name!(manager, String))>, ErrorReport> {
    require_ready()?;
    let chain = line::manager_chain(&required(user_name, "user_name")?)?;
    Ok(TableIterator::new(chain))
}

#[pg_extern(sql = false)]
fn direct_reports(user_name: Option<String>) -> Result<SetOfIterator<'static, String>, ErrorReport> {
    require_ready()?;
    let reports = line::direct_reports(&required(user_name, "user_name")?)?;
    Ok(SetOfIterator::new(reports))
}

#[pg_extern(sql = false)]
fn may_reassign(task_owner: &str) -> Answer<bool> {
    require_ready()?;
    Ok(line::may_reassign(task_owner))
}
