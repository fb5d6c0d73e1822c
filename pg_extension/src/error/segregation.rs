//! Refusals about segregation of duties, protected actions and audit columns.

use super::Error;
use pgrx::PgSqlErrorCode;

impl Error {
    /// 42501: what was changed would let a user hold what a rule keeps apart.
    pub fn sod_grant(user: &str, rule: &str, items: &[String], others: usize) -> Self {
        let more = match others {
            0 => String::new(),
            others => format!(", and {others} more conflicts"),
        };
        Self::sod_conflict(
            format!(
                "user \"{user}\" would break the rule \"{rule}\" with {}{more}",
                items.join(", ")
            ),
            "Look with vpd.sod_what_if, or ask for an exception with vpd.request_sod_exception.",
        )
    }

    /// 42501: the session has been given what a rule keeps apart.
    pub fn sod_session(rule: &str, items: &[String]) -> Self {
        Self::sod_conflict(
            format!(
                "the session would break the rule \"{rule}\" with {}",
                items.join(", ")
            ),
            "Take one of them away, at the identity provider or here; see vpd.sod_rules and vpd.sod_exceptions.",
        )
    }

    /// 42501: somebody who takes part has done to the object what a rule keeps apart.
    pub fn sod_action(rule: &str, privilege: &str, done: &[String]) -> Self {
        Self::sod_conflict(
            format!(
                "the rule \"{rule}\" keeps {privilege} apart from {}, which was done to the object already",
                done.join(", ")
            ),
            "Let somebody else do it, who took no part in that.",
        )
    }

    /// 42501: the session lacks the privilege for an action.
    pub fn action_denied(privilege: &str) -> Self {
        Self::privilege_missing(
            format!("this needs the privilege {privilege}"),
            "Attach the session of a user who has it; see vpd.grants.",
        )
    }

    /// 42501: the maker of something, or somebody with him, cannot check it.
    pub fn maker_checker(message: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "maker_checker",
            message,
            "Let somebody else do it, who acts neither for him nor through him.",
        )
    }

    /// 42501: nobody knows who made the row, so everybody may have.
    pub fn maker_unknown() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "maker_unknown",
            "it is not known who made the row",
            "The row is older than its audit columns, was written without a session, or its maker's pseudonym was erased: make it anew in a session.",
        )
    }

    /// 55000: the maker's column is not kept.
    pub fn not_tracked() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "not_tracked",
            "the maker's column is not kept by vpd.track_changes",
            "Call vpd.track_changes first, and name the column that it keeps as created_by or updated_by.",
        )
    }

    /// 55000: nobody follows the rows of a partitioned table.
    pub fn moves_not_followed() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "not_tracked",
            "the table is partitioned, and its audit columns are not kept",
            "Call vpd.track_changes first: it follows rows that move to another partition.",
        )
    }

    /// 55000: rows join a table with audit columns whose own were written by statements.
    pub fn rows_untracked(table: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "rows_untracked",
            format!("{table} may have rows whose audit columns nobody kept"),
            "Attach it empty, or ask somebody who may call vpd.track_changes to attach it.",
        )
    }

    /// 42804: a column that audit columns or a protected action rest on has another type than it had.
    pub fn kept_column_type(column: &str, kind: &str, wanted: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
            "column_type",
            format!("column \"{column}\" is of type {kind} now, and not {wanted}"),
            "Give it back its type, or take back vpd.track_changes or vpd.protect_action for the table.",
        )
    }

    /// 42703: such a column is gone.
    pub fn kept_column_gone() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
            "column_not_found",
            "a column that vpd keeps or looks at is gone from the table",
            "Call vpd.track_changes or vpd.protect_action for the table again, or take them back.",
        )
    }

    /// 42804: a value is of a type that it cannot be read as.
    pub fn value_type(kind: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
            "column_type",
            format!("a value of type {kind} cannot be read here"),
            "Some table or function has another form than pg_vpd gave it; restore it.",
        )
    }

    /// 42804: the column cannot serve for this.
    pub fn column_type(message: impl Into<String>) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
            "column_type",
            message,
            "Name another column, or change its type.",
        )
    }
}
