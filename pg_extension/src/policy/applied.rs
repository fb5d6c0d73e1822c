//! Which predicates are applied to a command of the attached session, for whoever writes that down.

use super::compose::applying;
use super::exemption::is_exempt;
use super::{cache, native};
use crate::error::Result;
use crate::sys::restriction::Command;
use crate::sys::spi::{oid_arg, statements};
use crate::sys::{Oid, user};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use vpd_text::trail::hex;

statements! {
    VERSIONS = "policy/versions.sql";
}

/// Name, version and hash of each; an empty list where the role is not under policies. A text that a function computes anew for each statement has no hash.
pub fn applied(relation: Oid, command: Command) -> Result<Value> {
    if user::reads_past_policies(relation) || is_exempt(relation) {
        return Ok(json!([]));
    }
    let Some(protected) = cache::relation(relation) else {
        return Ok(json!([]));
    };
    let versions: HashMap<String, i32> = VERSIONS
        .with(|statement| {
            statement.query(&[oid_arg(relation)], |row| {
                (row.required::<String>(1), row.required::<i32>(2))
            })
        })
        .into_iter()
        .collect();
    let mut applied = Vec::new();
    for policy in applying(&protected, command)? {
        let text = policy.predicate.kept_text(protected.table(), &policy.name)?;
        applied.push(json!({
            "policy": policy.name,
            "version": versions.get(&policy.name),
            "hash": text.map(|text| hash(&text)),
        }));
    }
    for native in native::for_command(relation, command) {
        let condition = native.condition.clone().unwrap_or_default();
        applied.push(json!({ "policy": native.name, "kind": native.kind(), "hash": hash(&condition) }));
    }
    Ok(Value::Array(applied))
}

/// SHA-256, in hexadecimal.
fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}
