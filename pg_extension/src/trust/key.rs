//! The keys of an issuer, as it has them now.

use super::issuer::require;
use crate::error::{Error, Result};
use crate::sys::document::Document;
use crate::sys::lock::{self, Counted};
use crate::sys::spi::{arg, statements};
use pgrx::JsonB;
use serde_json::Value;
use std::collections::BTreeMap;
use vpd_text::identity::{Offered, read_keys};

statements! {
    KEYS = "trust/keys.sql";
    PUT = "trust/put_key.sql";
    RETIRE = "trust/retire_keys.sql";
}

/// What became of a key: identifier, thumbprint, what.
pub type Change = (String, Option<String>, String);

/// What makes a key another one: its thumbprint, and the algorithm that it is for.
fn described(thumbprint: &str, key: &Value) -> String {
    format!("{thumbprint} {}", key["alg"].as_str().unwrap_or_default())
}

/// Takes the keys that an issuer has now; those it has no more are withdrawn.
pub fn set(issuer: &str, keys: &Value) -> Result<Vec<Change>> {
    lock::serialize(Counted::Registrations, issuer.as_bytes());
    require(issuer)?;
    let offered = read_keys(keys).map_err(|reason| {
        Error::argument(
            reason,
            "Hand in what the jwks_uri of the issuer gives: 1 to 100 public keys (RFC 7517).",
        )
    })?;
    let mut known: BTreeMap<String, (String, bool)> = KEYS
        .with(|statement| {
            statement.query(&[arg(issuer)], |row| {
                (
                    row.required::<String>(1),
                    (
                        described(&row.required::<String>(2), row.required::<Document>(4).known()),
                        row.required::<bool>(3),
                    ),
                )
            })
        })
        .into_iter()
        .collect();
    let mut changes = Vec::new();
    for one in offered {
        let key = match one {
            Offered::Key(key) => key,
            Offered::Skipped(id, why) => {
                changes.push((id, None, format!("skipped: {why}")));
                continue;
            }
        };
        let thumbprint = key.thumbprint();
        let change = match known.remove(key.id()) {
            None => "added",
            Some((former, _)) if former != described(&thumbprint, &key.document()) => "replaced",
            Some((_, true)) => "restored",
            Some((_, false)) => "kept",
        };
        if change != "kept" {
            let args = [
                arg(issuer),
                arg(key.id()),
                arg(thumbprint.as_str()),
                arg(JsonB(key.document())),
            ];
            PUT.with(|statement| statement.execute(&args));
        }
        changes.push((key.id().to_owned(), Some(thumbprint), change.to_owned()));
    }
    let withdrawn: Vec<(String, String)> = known
        .into_iter()
        .filter(|(_, (_, is_withdrawn))| !is_withdrawn)
        .map(|(id, (described, _))| (id, described.split(' ').next().unwrap_or_default().to_owned()))
        .collect();
    let ids: Vec<String> = withdrawn.iter().map(|(id, _)| id.clone()).collect();
    RETIRE.with(|statement| statement.execute(&[arg(issuer), arg(ids)]));
    changes.extend(
        withdrawn
            .into_iter()
            .map(|(id, thumbprint)| (id, Some(thumbprint), "retired".to_owned())),
    );
    Ok(changes)
}
