//! `vpd.export_definitions`, `import_definitions`, `policy_store_difference`, `install_catalogue`.

use super::{Answer, require_primary, require_ready, required};
use crate::store::{self, Change, Extent};
use crate::sys::ErrorReport;
use crate::sys::document::Document;
use pgrx::JsonB;
use pgrx::prelude::*;

type Line = (String, String, String, JsonB);

#[pg_extern(sql = false)]
fn export_definitions(with_users: Option<bool>, with_nodes: Option<bool>) -> Answer<JsonB> {
    require_ready()?;
    Ok(JsonB(store::export(Extent {
        with_users: with_users.unwrap_or(false),
        with_nodes: with_nodes.unwrap_or(false),
    })))
}

#[pg_extern(sql = false)]
fn import_definitions(
    document: Option<Document>,
    dry_run: Option<bool>,
    prune: Option<bool>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(change, String),
            name!(kind, String),
            name!(name, String),
            name!(detail, JsonB),
        ),
    >,
    ErrorReport,
> {
    require_primary()?;
    let JsonB(document) = required(document, "document")?.read()?;
    let prune = prune.unwrap_or(false);
    let changes = if dry_run.unwrap_or(false) {
        store::difference(&document, prune)?
    } else {
        store::import(&document, prune)?
    };
    Ok(TableIterator::new(changes.into_iter().map(line)))
}

#[pg_extern(sql = false)]
fn policy_store_difference(
    document: Option<Document>,
    prune: Option<bool>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(change, String),
            name!(kind, String),
            name!(name, String),
            name!(detail, JsonB),
        ),
    >,
    ErrorReport,
> {
    require_primary()?;
    let JsonB(document) = required(document, "document")?.read()?;
    let changes = store::difference(&document, prune.unwrap_or(false))?;
    Ok(TableIterator::new(changes.into_iter().map(line)))
}

#[pg_extern(sql = false)]
fn install_catalogue(
    catalogue: Option<&str>,
    dry_run: Option<bool>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(change, String),
            name!(kind, String),
            name!(name, String),
            name!(detail, JsonB),
        ),
    >,
    ErrorReport,
> {
    require_primary()?;
    let changes = store::install_catalogue(required(catalogue, "catalogue")?, dry_run.unwrap_or(false))?;
    Ok(TableIterator::new(changes.into_iter().map(line)))
}

fn line(change: Change) -> Line {
    (
        change.change.to_owned(),
        change.kind.to_owned(),
        change.name,
        JsonB(change.detail),
    )
}
