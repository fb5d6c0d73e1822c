//! `vpd.load_csv`, and the same in parts: `vpd.begin_load`, `vpd.load_part`, `vpd.finish_load`.

use super::{Answer, require_primary, required};
use crate::load::{self, Fault};
use crate::sys::ErrorReport;
use pgrx::prelude::*;

type Report = TableIterator<
    'static,
    (
        name!(line, i64),
        name!(column_name, Option<String>),
        name!(value, Option<String>),
        name!(reason, String),
    ),
>;

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn load_csv(
    kind: Option<&str>,
    content: Option<&str>,
    dry_run: Option<bool>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(line, i64),
            name!(column_name, Option<String>),
            name!(value, Option<String>),
            name!(reason, String),
        ),
    >,
    ErrorReport,
> {
    require_primary()?;
    Ok(rows(load::load(
        required(kind, "kind")?,
        required(content, "content")?,
        dry_run.unwrap_or(false),
    )?))
}

#[pg_extern(sql = false)]
fn begin_load(kind: Option<&str>, dry_run: Option<bool>) -> Answer<()> {
    require_primary()?;
    load::begin(required(kind, "kind")?, dry_run.unwrap_or(false))?;
    Ok(())
}

#[pg_extern(sql = false)]
fn load_part(part: Option<&[u8]>) -> Answer<i64> {
    require_primary()?;
    Ok(load::take_part(required(part, "part")?)?)
}

#[pg_extern(sql = false)]
#[expect(
    clippy::type_complexity,
    reason = "the macro reads the columns here and sees through no alias"
)]
fn finish_load() -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(line, i64),
            name!(column_name, Option<String>),
            name!(value, Option<String>),
            name!(reason, String),
        ),
    >,
    ErrorReport,
> {
    require_primary()?;
    Ok(rows(load::finish()?))
}

fn rows(faults: Vec<Fault>) -> Report {
    TableIterator::new(
        faults
            .into_iter()
            .map(|fault| (fault.line, fault.column, fault.value, fault.reason)),
    )
}
