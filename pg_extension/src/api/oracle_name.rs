//! Names as packages of Oracle's are given them.
//!
//! They are read as SQL identifiers: folded to lower case unless double-quoted, as Oracle folds them to upper case.

use super::required;
use crate::error::{Error, Result};
use crate::policy;
use crate::sys::Oid;

/// An argument that is none of its constants.
pub fn out_of_range(argument: &str, hint: &str) -> Error {
    Error::policy_argument(format!("the value of {argument} is not valid"), hint)
}

/// A name as SQL reads it.
pub fn identifier(text: &str) -> Result<String> {
    let text = text.trim();
    let name = match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => text.to_lowercase(),
    };
    if name.is_empty() {
        return Err(Error::policy_argument("a name is empty", "Give a name."));
    }
    Ok(name)
}

/// A list of words.
pub fn words(text: &str, separators: &[char]) -> Vec<String> {
    text.split(separators)
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn schema(name: Option<&str>) -> Result<String> {
    match name {
        Some(name) => identifier(name),
        None => policy::current_schema(),
    }
}

/// A table; the current schema where none is named.
pub fn table(schema_name: Option<&str>, name: Option<&str>) -> Result<Oid> {
    let name = identifier(required(name, "object_name")?)?;
    policy::table_named(&schema(schema_name)?, &name)
}

/// Schema and name of a function: of a package, which here is a schema, when the name has a dot.
pub fn function_name(schema_name: Option<&str>, name: &str) -> Result<(String, String)> {
    match name.split_once('.') {
        Some((package, name)) => Ok((identifier(package)?, identifier(name)?)),
        None => Ok((schema(schema_name)?, identifier(name)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_unless_quoted() {
        assert_eq!(identifier(" EMP ").ok().as_deref(), Some("emp"));
        assert_eq!(identifier("\"Emp\"\"s\"").ok().as_deref(), Some("Emp\"s"));
        assert!(identifier(" ").is_err());
    }

    #[test]
    fn lists_are_split_at_commas_and_blanks() {
        assert_eq!(words("sal, comm  bonus", &[',', ' ']), ["sal", "comm", "bonus"]);
    }
}
