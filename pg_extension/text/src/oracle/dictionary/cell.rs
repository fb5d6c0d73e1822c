//! What the cells of a row say.

use crate::oracle::definition::Object;
use crate::oracle::dump::Row;
use crate::oracle::name::MAX_BYTES;
use crate::oracle::report::Finding;

/// Schemas that belong to Oracle itself.
const ORACLE_SCHEMAS: [&str; 14] = [
    "SYS",
    "SYSTEM",
    "XDB",
    "LBACSYS",
    "MDSYS",
    "CTXSYS",
    "WMSYS",
    "DVSYS",
    "DVF",
    "OLAPSYS",
    "ORDSYS",
    "AUDSYS",
    "GSMADMIN_INTERNAL",
    "DBSNMP",
];

/// Nothing, or what is wrong.
pub type Outcome = Result<(), Box<Finding>>;

pub fn wrong(row: &Row, column: &str, code: &'static str, reason: &str) -> Outcome {
    Err(invalid(row, column, code, reason))
}

pub fn invalid(row: &Row, column: &str, code: &'static str, reason: &str) -> Box<Finding> {
    Box::new(Finding::error(&row.place, code, reason).of(column, row.get(column)))
}

pub fn name(row: &Row, column: &str) -> Result<String, Box<Finding>> {
    let value = optional_name(row, column)?;
    if value.is_empty() {
        return Err(invalid(row, column, "value_missing", "a name was expected"));
    }
    Ok(value)
}

pub fn optional_name(row: &Row, column: &str) -> Result<String, Box<Finding>> {
    let value = row.get(column);
    if value.len() > MAX_BYTES {
        let reason = "the name is longer than the 63 bytes of PostgreSQL";
        return Err(invalid(row, column, "name_too_long", reason));
    }
    if !value.is_empty() && value.trim().is_empty() {
        return Err(invalid(row, column, "value_missing", "a name was expected"));
    }
    Ok(value.to_owned())
}

pub fn object(row: &Row) -> Result<Object, Box<Finding>> {
    Ok(Object {
        owner: name(row, "OBJECT_OWNER")?,
        name: name(row, "OBJECT_NAME")?,
    })
}

/// A column that this version of Oracle does not have counts as NO.
pub fn is_yes(row: &Row, column: &str) -> Result<bool, Box<Finding>> {
    match row.get(column) {
        "YES" => Ok(true),
        "NO" => Ok(false),
        "" if !row.has(column) => Ok(false),
        _ => Err(invalid(row, column, "value_unknown", "YES or NO was expected")),
    }
}

/// The constant for the type of a policy, and why one is left out.
pub fn policy_type(row: &Row) -> Result<(&'static str, Option<String>), Box<Finding>> {
    match row.get("POLICY_TYPE") {
        "STATIC" => Ok(("static", None)),
        "SHARED_STATIC" => Ok(("shared_static", None)),
        "CONTEXT_SENSITIVE" => Ok(("context_sensitive", None)),
        "SHARED_CONTEXT_SENSITIVE" => Ok(("shared_context_sensitive", None)),
        "DYNAMIC" => Ok(("dynamic", None)),
        other if other.starts_with("XDS") => {
            let reason = "it is a policy of Real Application Security: write its realms as predicates";
            Ok(("dynamic", Some(reason.to_owned())))
        }
        // Before 10g there were static and dynamic ones only.
        "" if is_yes(row, "STATIC_POLICY")? => Ok(("static", None)),
        "" => Ok(("dynamic", None)),
        _ => Err(invalid(
            row,
            "POLICY_TYPE",
            "value_unknown",
            "a type of policy was expected, such as DYNAMIC",
        )),
    }
}

/// Whether a schema belongs to Oracle itself.
pub fn is_oracles(schema: &str) -> bool {
    ORACLE_SCHEMAS.contains(&schema) || schema.starts_with("APEX_")
}

pub fn is_usable_namespace(namespace: &str) -> bool {
    let mut letters = namespace.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || "_$#".contains(letter))
        && !namespace.eq_ignore_ascii_case("USERENV")
}
