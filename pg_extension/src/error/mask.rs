//! Refusals about column masks.

use super::Error;
use pgrx::PgSqlErrorCode;

impl Error {
    /// 01000, a warning: something of the table tells values of a column although it is masked.
    pub fn mask_told(column: &str, teller: &str) -> Self {
        Self::policy_bypassed(
            format!("{teller} tells values of the masked column \"{column}\""),
            "Mask the generated column too; compare a masked column with others in a trigger and not in a CHECK constraint.",
        )
    }

    /// 42710: the column has a mask already.
    pub fn mask_exists(column: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
            "mask_exists",
            format!("column \"{column}\" has a mask already"),
            "Use vpd.alter_mask to change it.",
        )
    }

    /// 42704: the table has no such column.
    pub fn column_not_found(column: &str) -> Self {
        Self::not_found(
            "column_not_found",
            format!("column \"{column}\" does not exist"),
            "Name a column of the table, in the spelling of the catalogue.",
        )
    }

    /// 42601 for a syntax error, 22023 otherwise: the text is not one expression over the table.
    pub fn mask_invalid(is_syntax: bool, reason: &str) -> Self {
        let sqlstate = if is_syntax {
            PgSqlErrorCode::ERRCODE_SYNTAX_ERROR
        } else {
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE
        };
        Self::new(
            sqlstate,
            "mask_invalid",
            format!("invalid mask: {reason}"),
            "Write one expression over the table's columns; qualify functions and tables that are not in pg_catalog.",
        )
    }

    /// 42804: a mask cannot stand for a value of the column.
    pub fn mask_type(mask: &str, column: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
            "mask_type",
            format!("the mask is of type {mask}, which cannot be assigned to the column's type {column}"),
            "Cast the mask to the type of the column, or use NULL.",
        )
    }

    /// 22023 at the time of use: a mask no longer fits its table. Its text is not shown.
    pub fn mask_broken(column: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "mask_invalid",
            format!("the mask of column \"{column}\" is invalid"),
            "Ask the administrator to look at it with the view vpd.mask_definitions.",
        )
    }

    /// 42P17: the masks of a table lead back to the table.
    pub fn mask_recursive(relation: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_OBJECT_DEFINITION,
            "mask_recursive",
            format!(
                "a mask of table \"{relation}\" reads the table itself, directly or through another mask"
            ),
            "Let it read other tables.",
        )
    }

    /// 42501: an assignment to a column whose value the session may not see.
    pub fn column_masked(relation: &str, column: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "column_masked",
            format!(
                "column \"{column}\" of table \"{relation}\" is masked and cannot be changed in this row"
            ),
            "Name only the columns you change: a value that is not shown cannot be written back.",
        )
    }
}
