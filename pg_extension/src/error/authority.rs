//! Refusals about users, roles, duties, privileges and what is granted.

use super::Error;
use pgrx::PgSqlErrorCode;

impl Error {
    /// 42704: there is no such kind of task.
    pub fn task_type_not_found(name: &str) -> Self {
        Self::not_found(
            "task_type_not_found",
            format!("task type \"{name}\" does not exist"),
            "Define it first with vpd.define_task_type; vpd.task_types lists them.",
        )
    }

    /// 42501: two duties that nobody may have both.
    pub fn sod_conflict(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "sod_conflict",
            message,
            hint,
        )
    }

    /// 42501: it was shipped or marked by somebody else; it can be added to.
    pub fn seeded(reference: &str, owner: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "definition_seeded",
            format!("{reference} belongs to \"{owner}\" and cannot be changed"),
            "Add definitions and grants of your own beside it.",
        )
    }

    /// 2BP01: something needs what is to be dropped.
    pub fn definition_in_use(what: &str, by: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
            "definition_in_use",
            format!("{what} is used by {by}"),
            "Change or drop what uses it first.",
        )
    }

    /// 42P17: it would contain itself.
    pub fn authority_cycle(granted: &str, holder: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_OBJECT_DEFINITION,
            "authority_cycle",
            format!("{granted} contains {holder} already"),
            "Remove one of the grants on the way; vpd.grants lists them.",
        )
    }

    /// 40001: the session's roles changed between planning and running; nothing was done with the former ones.
    pub fn authority_changed() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
            "authority_changed",
            "what the session may do has changed since the statement was prepared",
            "Run the transaction again.",
        )
    }

    /// 42501: a session runs only with a role that its user has.
    pub fn role_not_held() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "role_not_held",
            "the user does not have this role",
            "Name one of the session's roles; see vpd.current_session().",
        )
    }

    /// 28000: the user was switched off.
    pub fn user_disabled() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
            "user_disabled",
            "the user is disabled",
            "An administrator lets the user in again with vpd.enable_user.",
        )
    }
}
