//! Sealed columns of tables: what seals them, sealing anew, taking in and out, and persons.

use super::{Answer, require_primary, require_ready, required};
use crate::personal;
use crate::sys::{ErrorReport, Oid};
use pgrx::JsonB;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
#[expect(clippy::type_complexity, reason = "the macro reads the columns here")]
fn count_key_usage() -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(key, String),
            name!(version, Option<i32>),
            name!(relation, Oid),
            name!(column_name, String),
            name!(sealed_values, Option<i64>),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let rows = personal::usage().into_iter().map(|usage| {
        (
            usage.key,
            usage.version,
            usage.relation,
            usage.column,
            usage.values,
        )
    });
    Ok(TableIterator::new(rows.collect::<Vec<_>>()))
}

#[pg_extern(sql = false)]
fn reseal_batch(relation: Option<Oid>, batch_size: Option<i32>) -> Answer<Option<i64>> {
    require_primary()?;
    Ok(personal::reseal_batch(
        required(relation, "relation")?,
        required(batch_size, "batch_size")?,
    )?)
}

#[pg_extern(sql = false)]
fn reseal_in_background(relation: Option<Oid>) -> Answer<()> {
    require_primary()?;
    Ok(personal::ask_reseal(required(relation, "relation")?)?)
}

#[pg_extern(sql = false)]
#[expect(clippy::type_complexity, reason = "the macro reads the columns here")]
fn find_personal_data(
    relation: Option<Oid>,
    sample_rows: Option<i32>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(relation, Oid),
            name!(column_name, String),
            name!(category, String),
            name!(confidence, f64),
            name!(reason, String),
        ),
    >,
    ErrorReport,
> {
    require_ready()?;
    let rows = personal::find(relation, required(sample_rows, "sample_rows")?)?
        .into_iter()
        .map(|found| {
            (
                found.relation,
                found.column,
                found.category.name().to_owned(),
                found.confidence,
                found.reason,
            )
        });
    Ok(TableIterator::new(rows.collect::<Vec<_>>()))
}

#[pg_extern(sql = false)]
fn seal_column(relation: Option<Oid>, column_name: Option<&str>, key: Option<&str>) -> Answer<()> {
    require_primary()?;
    personal::seal_column(
        required(relation, "relation")?,
        required(column_name, "column_name")?,
        required(key, "key")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn unseal_column(relation: Option<Oid>, column_name: Option<&str>) -> Answer<()> {
    require_primary()?;
    personal::unseal_column(
        required(relation, "relation")?,
        required(column_name, "column_name")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn name_person(relation: Option<Oid>, column_name: Option<&str>, kind: Option<&str>) -> Answer<()> {
    require_primary()?;
    personal::name_person(
        required(relation, "relation")?,
        required(column_name, "column_name")?,
        required(kind, "kind")?,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn forget_person(name: Option<&str>, kind: Option<&str>, force: Option<bool>) -> Answer<i64> {
    require_primary()?;
    let forgotten = personal::forget_person(
        required(name, "name")?,
        required(kind, "kind")?,
        required(force, "force")?,
    )?;
    Ok(i64::try_from(forgotten).unwrap_or(i64::MAX))
}

#[pg_extern(sql = false)]
fn export_person(name: Option<&str>, kind: Option<&str>) -> Answer<JsonB> {
    require_ready()?;
    Ok(JsonB(personal::export(
        required(name, "name")?,
        required(kind, "kind")?,
    )?))
}
