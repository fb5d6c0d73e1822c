//! `vpd.define_sod_rule` and its kin: rules, exceptions, actions.

use super::{Answer, require_primary, require_ready, required, without_null};
use crate::audit::{self, Protection};
use crate::authz::segregation::{self, Definition};
use crate::duty::{action, exception};
use crate::sys::{ErrorReport, Oid};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn define_sod_rule(
    name: Option<&str>,
    items: Option<Vec<Option<String>>>,
    at_most: Option<i32>,
    scope: Option<String>,
    unit: Option<String>,
    description: Option<String>,
    enforce_existing: Option<bool>,
) -> Answer<()> {
    require_primary()?;
    let definition = Definition {
        items: without_null(required(items, "items")?, "items")?,
        at_most: required(at_most, "at_most")?,
        scope: required(scope, "scope")?,
        unit,
        description,
        enforces_existing: enforce_existing.unwrap_or(true),
    };
    Ok(segregation::define(required(name, "name")?, &definition)?)
}

#[pg_extern(sql = false)]
fn drop_sod_rule(name: Option<&str>) -> Answer<()> {
    require_primary()?;
    Ok(segregation::drop_rule(required(name, "name")?)?)
}

#[pg_extern(sql = false)]
fn request_sod_exception(
    rule: Option<&str>,
    user_name: Option<&str>,
    reason: Option<&str>,
    expires_at: Option<TimestampWithTimeZone>,
) -> Answer<i64> {
    require_primary()?;
    Ok(exception::request(
        required(rule, "rule")?,
        required(user_name, "user_name")?,
        required(reason, "reason")?,
        expires_at,
    )?)
}

#[pg_extern(sql = false)]
fn approve_sod_exception(id: Option<i64>) -> Answer<()> {
    require_primary()?;
    Ok(exception::approve(required(id, "id")?)?)
}

#[pg_extern(sql = false)]
fn revoke_sod_exception(id: Option<i64>) -> Answer<()> {
    require_primary()?;
    Ok(exception::revoke(required(id, "id")?)?)
}

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn find_sod_conflicts() -> Result<
    TableIterator<
        'static,
        (
            name!(rule, String),
            name!(user_name, String),
            name!(items, Vec<String>),
            name!(since, Option<TimestampWithTimeZone>),
            name!(exception_id, Option<i64>),
            name!(exception_expires_at, Option<TimestampWithTimeZone>),
            name!(is_accepted, bool),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let rows = segregation::conflicts().into_iter().map(|conflict| {
        (
            conflict.rule,
            conflict.user_name,
            conflict.items,
            conflict.since,
            conflict.exception_id,
            conflict.exception_expires_at,
            conflict.is_accepted,
        )
    });
    Ok(TableIterator::new(rows))
}

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn sod_what_if(
    user_name: Option<&str>,
    role: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(rule, String),
            name!(items, Vec<String>),
            name!(since, Option<TimestampWithTimeZone>),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let found = segregation::what_if(required(user_name, "user_name")?, required(role, "role")?)?;
    let rows = found
        .into_iter()
        .map(|conflict| (conflict.rule, conflict.items, conflict.since));
    Ok(TableIterator::new(rows))
}

#[pg_extern(sql = false)]
fn record_action(object: Option<&str>, action: Option<&str>) -> Answer<()> {
    require_primary()?;
    Ok(action::record(
        required(object, "object")?,
        required(action, "action")?,
    )?)
}

#[pg_extern(sql = false)]
fn protect_action(
    relation: Option<Oid>,
    maker_column: Option<String>,
    action: Option<String>,
    column_name: Option<String>,
    value: Option<String>,
    key_columns: Option<Vec<Option<String>>>,
) -> Answer<()> {
    require_primary()?;
    let protection = Protection {
        maker_column,
        action: required(action, "action")?,
        column: required(column_name, "column_name")?,
        value: required(value, "value")?,
        key_columns: key_columns
            .map(|columns| without_null(columns, "key_columns"))
            .transpose()?,
    };
    Ok(audit::protect(required(relation, "relation")?, &protection)?)
}

#[pg_extern(sql = false)]
fn unprotect_action(relation: Option<Oid>, action: Option<&str>) -> Answer<()> {
    require_primary()?;
    Ok(audit::unprotect(
        required(relation, "relation")?,
        required(action, "action")?,
    )?)
}
