//! Catalogues that the extension ships: documents of definitions that belong to it. Customizers add to them; they do not change them.

use super::change::{Change, Pruning};
use super::{run, told};
use crate::authz::owner::as_owner;
use crate::error::{Error, Result};
use crate::sys::xact::{self, Fate};
use serde_json::Value;
use vpd_text::store::form;

/// Whom shipped definitions belong to.
const OWNER: &str = "pg_vpd";

const CATALOGUES: &[(&str, &str)] = &[("retail", include_str!("../../../sql/catalogue/retail.toml"))];

/// Installs a catalogue, or brings it up to date: adds what is new, changes what was changed, removes what is no longer shipped. What
/// somebody defined under the same name stays as it is.
pub fn install(name: &str, dry_run: bool) -> Result<Vec<Change>> {
    let Some((_, text)) = CATALOGUES.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = CATALOGUES.iter().map(|(name, _)| *name).collect();
        return Err(Error::not_found(
            "catalogue_not_found",
            "there is no such catalogue",
            format!("Use {}.", names.join(", ")),
        ));
    };
    let document = parse(text)?;
    let (lines, faults) = as_owner(OWNER, || {
        xact::provisionally(|| {
            let installed = run(&document, Pruning::Owned(OWNER));
            Ok(if dry_run {
                Fate::Undone(installed)
            } else {
                Fate::Kept(installed)
            })
        })
    })?;
    if faults.is_empty() || dry_run {
        Ok(lines)
    } else {
        Err(Error::definitions_invalid(&told(&faults)))
    }
}

fn parse(text: &str) -> Result<Value> {
    form::read(text).map_err(|reason| {
        Error::not_ready(
            format!("the catalogue is broken: {reason}"),
            "Report this as a bug.",
        )
    })
}
