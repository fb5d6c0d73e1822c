//! Refusals of the policy store.

use super::Error;
use pgrx::PgSqlErrorCode;

/// Most faults that an error tells; the difference lists them all.
const MOST_TOLD: usize = 20;

impl Error {
    /// 42710: a role or data group of that name is there, and the template did not make it for the node.
    pub fn role_exists(name: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
            "role_exists",
            format!(
                "there is a role or data group \"{name}\" already that was not made for this template and node"
            ),
            "Give the template another name_pattern, one that no two nodes share, or the role another name.",
        )
    }

    /// 55006: the template has given roles, which would have what it was and what it is to be.
    pub fn template_in_use(name: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_IN_USE,
            "template_in_use",
            format!("template \"{name}\" has given roles"),
            "Define another template, or drop its roles or the template first; without it the roles stay as they are.",
        )
    }

    /// 22023: a document of definitions has faults, each told with its place; nothing of it was imported.
    pub fn definitions_invalid(faults: &[String]) -> Self {
        let mut message = match faults.len() {
            1 => "the document has a fault, nothing was imported".to_owned(),
            count => format!("the document has {count} faults, nothing was imported"),
        };
        for fault in faults.iter().take(MOST_TOLD) {
            message.push('\n');
            message.push_str(fault);
        }
        if faults.len() > MOST_TOLD {
            message.push_str("\n…");
        }
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "definitions_invalid",
            message,
            "Correct them and import again; vpd.policy_store_difference lists every fault and changes nothing.",
        )
    }
}
