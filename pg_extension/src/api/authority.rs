//! `vpd.define_role`, `grant_authority` and their kin, and what a session may do with resources.

use super::{Answer, require_primary, require_ready, required, without_null};
use crate::authz::{
    self, Kind, Reference, Validity, definition, entitlement, owner, resource, role, segregation,
};
use crate::context;
use crate::sys::ErrorReport;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;

/// The trigger on the tables of the graph.
#[pg_extern(sql = false)]
fn authority_changed() {
    if crate::sys::is_ready() {
        authz::change::begin();
    }
}

fn define(kind: Kind, name: Option<String>, description: Option<String>) -> Answer<()> {
    require_primary()?;
    let reference = Reference::new(kind, required(name, "name")?);
    definition::define(&reference, description.as_deref())?;
    Ok(())
}

#[pg_extern(sql = false)]
fn define_group(name: Option<String>, description: Option<String>) -> Answer<()> {
    define(Kind::Group, name, description)
}

#[pg_extern(sql = false)]
fn define_duty(name: Option<String>, description: Option<String>) -> Answer<()> {
    define(Kind::Duty, name, description)
}

#[pg_extern(sql = false)]
fn define_entitlement(name: Option<String>, description: Option<String>) -> Answer<()> {
    define(Kind::Entitlement, name, description)
}

#[pg_extern(sql = false)]
fn define_data_group(name: Option<String>, description: Option<String>) -> Answer<()> {
    define(Kind::DataGroup, name, description)
}

#[pg_extern(sql = false)]
fn define_role(
    name: Option<String>,
    kind: Option<String>,
    description: Option<String>,
    rule: Option<String>,
) -> Answer<()> {
    require_primary()?;
    role::define_role(
        &required(name, "name")?,
        &required(kind, "kind")?,
        description.as_deref(),
        rule.as_deref(),
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn define_resource(name: Option<String>, kind: Option<String>, description: Option<String>) -> Answer<()> {
    require_primary()?;
    definition::define_resource(
        &required(name, "name")?,
        &required(kind, "kind")?,
        description.as_deref(),
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_resource(name: Option<String>) -> Answer<()> {
    require_primary()?;
    definition::drop_resource(&required(name, "name")?)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn define_privilege(name: Option<String>, description: Option<String>, mode: Option<String>) -> Answer<()> {
    require_primary()?;
    definition::define_privilege(&required(name, "name")?, description.as_deref(), mode.as_deref())?;
    Ok(())
}

#[pg_extern(sql = false)]
fn enable_authority(
    reference: Option<String>,
    is_enabled: Option<bool>,
    reason: Option<String>,
) -> Answer<bool> {
    require_primary()?;
    let reference = Reference::parse(&required(reference, "reference")?)?;
    Ok(definition::enable(
        &reference,
        required(is_enabled, "is_enabled")?,
        reason.as_deref(),
    )?)
}

#[pg_extern(sql = false)]
fn drop_authority(reference: Option<String>) -> Answer<()> {
    require_primary()?;
    definition::drop(&Reference::parse(&required(reference, "reference")?)?)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn grant_authority(
    granted: Option<String>,
    holder: Option<String>,
    valid_from: Option<TimestampWithTimeZone>,
    valid_until: Option<TimestampWithTimeZone>,
    reason: Option<String>,
) -> Answer<bool> {
    require_primary()?;
    let granted = Reference::parse(&required(granted, "granted")?)?;
    let holder = Reference::parse(&required(holder, "holder")?)?;
    let validity = Validity {
        from: valid_from,
        until: valid_until,
        reason,
    };
    Ok(authz::grant(&granted, &holder, validity)?)
}

#[pg_extern(sql = false)]
fn revoke_authority(granted: Option<String>, holder: Option<String>) -> Answer<bool> {
    require_primary()?;
    let granted = Reference::parse(&required(granted, "granted")?)?;
    let holder = Reference::parse(&required(holder, "holder")?)?;
    Ok(authz::revoke(&granted, &holder)?)
}

#[pg_extern(sql = false)]
fn mark_seeded(reference: Option<String>, owner: Option<String>) -> Answer<()> {
    require_primary()?;
    let reference = required(reference, "reference")?;
    if let Some(rule) = reference.strip_prefix("sod_rule:") {
        return Ok(segregation::mark_rule(rule, owner.as_deref())?);
    }
    owner::mark_seeded(&Reference::parse(&reference)?, owner.as_deref())?;
    Ok(())
}

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn session_privileges(
    only_usable: Option<bool>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(resource, String),
            name!(kind, String),
            name!(mode, String),
            name!(actions, Vec<String>),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let rows = context::identity().map_or_else(Vec::new, |identity| {
        resource::usable(&identity.authority, only_usable.unwrap_or(false))
    });
    Ok(TableIterator::new(rows.into_iter().map(|usable| {
        (usable.resource, usable.kind, usable.mode, usable.actions)
    })))
}

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn entitlements_at(
    user_name: Option<String>,
    at: Option<TimestampWithTimeZone>,
    claimed_roles: Option<Vec<Option<String>>>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(kind, String),
            name!(name, String),
            name!(path, Vec<String>),
            name!(paths, i64),
            name!(valid_from, Option<TimestampWithTimeZone>),
            name!(valid_until, Option<TimestampWithTimeZone>),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let claimed_roles = without_null(claimed_roles.unwrap_or_default(), "claimed_roles")?;
    let rows = entitlement::at(
        &required(user_name, "user_name")?,
        &claimed_roles,
        required(at, "at")?,
    )?;
    Ok(TableIterator::new(rows.map(|entitled| {
        (
            entitled.kind,
            entitled.name,
            entitled.path,
            entitled.paths,
            entitled.valid_from,
            entitled.valid_until,
        )
    })))
}
