//! Errors as values, in PostgreSQL's form: SQLSTATE, message, `code: <token>` in DETAIL, a HINT that says what to do.
//! Not here: any token, predicate text or value of another user. Invariant: nothing but this module builds an error report.

use crate::sys::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode};

/// Result of everything that can be refused.
pub type Result<T> = std::result::Result<T, Error>;

/// A refusal.
#[derive(Debug, Clone)]
pub struct Error {
    sqlstate: PgSqlErrorCode,
    code: &'static str,
    ora: Option<u32>,
    message: String,
    hint: String,
}

impl Error {
    fn new(
        sqlstate: PgSqlErrorCode,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            sqlstate,
            code,
            ora: None,
            message: message.into(),
            hint: hint.into(),
        }
    }

    fn ora(mut self, number: u32) -> Self {
        self.ora = Some(number);
        self
    }

    /// 28000: the token opens no live session, or the attached session is over.
    pub fn session_invalid() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
            "session_invalid",
            "no valid session",
            "Log in again and attach the new session.",
        )
    }

    /// 28000: the ticket cannot be redeemed.
    pub fn ticket_invalid() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
            "ticket_invalid",
            "the ticket cannot be redeemed",
            "Start the handoff again from the first front end.",
        )
    }

    /// 28000: the cross-domain message is not accepted.
    pub fn message_invalid() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
            "message_invalid",
            "the message is not accepted, the session was ended",
            "Log in again.",
        )
    }

    /// 22023: an argument is out of range.
    pub fn argument(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "argument_invalid",
            message,
            hint,
        )
    }

    /// 42704: something named does not exist; `code` is `…_not_found`.
    pub fn not_found(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let error = Self::new(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, code, message, hint);
        match code {
            "policy_not_found" => error.ora(28102),
            "relation_not_found" => error.ora(942),
            _ => error,
        }
    }

    /// 42704: the table has no policy of that name.
    pub fn policy_not_found(policy: &str) -> Self {
        Self::not_found(
            "policy_not_found",
            format!("policy \"{policy}\" does not exist on this table"),
            "See the view vpd.policies.",
        )
    }

    /// 42704: the table has no proposed definition of that name.
    pub fn shadow_not_found() -> Self {
        Self::not_found(
            "shadow_not_found",
            "there is no such proposed definition",
            "Propose one with vpd.shadow_policy; see the view vpd.policy_shadows.",
        )
    }

    /// 42704: the policy has no such version.
    pub fn version_not_found(policy: &str) -> Self {
        Self::not_found(
            "version_not_found",
            format!("policy \"{policy}\" has no such version"),
            "See the view vpd.policy_versions.",
        )
    }

    /// 42704: nobody of whom something was asked has a live session.
    pub fn session_not_found() -> Self {
        Self::not_found(
            "session_not_found",
            "there is no live session to look at",
            "The user has to log in; see the view vpd.sessions.",
        )
    }

    /// 01000: a listing was cut.
    pub fn more_differences(shown: i64) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_WARNING,
            "cut",
            format!("more than {shown} rows differ for one session"),
            "Raise max_rows to see more.",
        )
    }

    /// 3F000: there is no schema of that name for a policy function.
    pub fn policy_function_schema(schema: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_SCHEMA_NAME,
            "schema_not_found",
            format!("schema \"{schema}\" of the policy function does not exist"),
            "Name an existing schema; a package is a schema here.",
        )
        .ora(28100)
    }

    /// 22023: an argument about a policy is out of range.
    pub fn policy_argument(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::argument(message, hint).ora(28104)
    }

    /// 42710: a policy group of that name exists already.
    pub fn policy_group_exists(group: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
            "policy_group_exists",
            format!("policy group \"{group}\" exists already on this table"),
            "See the view vpd.policy_groups.",
        )
        .ora(28118)
    }

    /// 42704: the table has no such policy group.
    pub fn policy_group_not_found(group: &str) -> Self {
        Self::not_found(
            "policy_group_not_found",
            format!("policy group \"{group}\" does not exist on this table"),
            "Create it with vpd.create_policy_group; see the view vpd.policy_groups.",
        )
        .ora(28119)
    }

    /// 2BP01: a policy group still has policies.
    pub fn policy_group_used(group: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
            "policy_group_used",
            format!("policy group \"{group}\" has policies"),
            "Drop its policies first.",
        )
    }

    /// 22023: SYS_DEFAULT belongs to every table.
    pub fn system_policy_group() -> Self {
        Self::argument(
            "the policy group SYS_DEFAULT may not be dropped",
            "It belongs to every table; drop its policies instead.",
        )
        .ora(28122)
    }

    /// 22023 at the time of use: the value of a driving context names no group of the table. The value is not shown.
    pub fn policy_group_invalid(relation: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "policy_group_invalid",
            format!("a driving context of table \"{relation}\" names no policy group of it"),
            "Set the attribute to the name of a group, or leave it unset so that every group applies.",
        )
        .ora(28123)
    }

    /// 42710: the table has this driving context already.
    pub fn driving_context_exists(namespace: &str, attribute: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
            "driving_context_exists",
            format!("\"{namespace}.{attribute}\" is a driving context of this table already"),
            "See the view vpd.policy_contexts.",
        )
        .ora(28120)
    }

    /// 42704: the table has no such driving context.
    pub fn driving_context_not_found(namespace: &str, attribute: &str) -> Self {
        Self::not_found(
            "driving_context_not_found",
            format!("\"{namespace}.{attribute}\" is no driving context of this table"),
            "See the view vpd.policy_contexts.",
        )
        .ora(28121)
    }

    /// 42501: an index would be built from rows that a policy for index statements hides.
    pub fn index_restricted(policy: &str) -> Self {
        Self::privilege_missing(
            format!("policy \"{policy}\" does not let you create an index on this table"),
            "Ask a role with BYPASSRLS to create it.",
        )
        .ora(28133)
    }

    /// 42883: there is no policy function of that name.
    pub fn policy_function_missing(schema: &str, function: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_UNDEFINED_FUNCTION,
            "policy_function_not_found",
            format!("there is no policy function \"{schema}.{function}\""),
            "Create it as (object_schema text, object_name text) RETURNS text.",
        )
        .ora(28110)
    }

    /// 42710: a policy of that name exists already.
    pub fn policy_exists(policy: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
            "policy_exists",
            format!("policy \"{policy}\" exists already on this table"),
            "Use vpd.alter_policy to change it.",
        )
        .ora(28101)
    }

    /// 42710: the role is exempt already.
    pub fn exemption_exists(role: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
            "exemption_exists",
            format!("role \"{role}\" is exempt there already"),
            "See the view vpd.exemptions.",
        )
    }

    /// 42501: looking past the policies of a table does not replace the privilege to read it.
    pub fn select_missing() -> Self {
        Self::privilege_missing(
            "you may not read this table",
            "Ask its owner to GRANT SELECT on it: only the policies are looked past, not the privileges.",
        )
    }

    /// 40001: an exemption changed after the statement was planned.
    pub fn exemption_changed() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
            "exemption_changed",
            "exemptions from policies changed since the statement was planned",
            "Run the transaction again.",
        )
    }

    /// 42809: the relation is of a kind that row security does not reach.
    pub fn wrong_relation(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE,
            "relation_unsupported",
            message,
            hint,
        )
        .ora(28134)
    }

    /// 42809: tables of the system have no policies.
    pub fn system_relation(name: &str) -> Self {
        Self::wrong_relation(
            format!("\"{name}\" is a system table"),
            "Policies protect tables of applications.",
        )
        .ora(28103)
    }

    /// 42601 for a syntax error, 22023 otherwise: the text is not one boolean expression over the table.
    pub fn predicate_invalid(is_syntax: bool, reason: &str) -> Self {
        let sqlstate = if is_syntax {
            PgSqlErrorCode::ERRCODE_SYNTAX_ERROR
        } else {
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE
        };
        Self::new(
            sqlstate,
            "predicate_invalid",
            format!("invalid predicate: {reason}"),
            "Write one boolean expression over the table's columns; qualify functions and tables that are not in pg_catalog.",
        )
        .ora(28138)
    }

    /// 22023 at the time of use: a policy function returned text that is no predicate. The text itself is not shown.
    pub fn predicate_broken(policy: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "predicate_invalid",
            format!("policy \"{policy}\" has an invalid predicate"),
            "Ask the administrator to look at the policy with vpd.effective_predicate.",
        )
        .ora(28113)
    }

    /// 38000: a policy function raised an error or cannot be called.
    pub fn policy_function_failed(policy: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
            "policy_function_failed",
            format!("the function of policy \"{policy}\" failed"),
            "No row is shown until it works again; the administrator finds the reason in the server's log.",
        )
        .ora(28112)
    }

    /// 38000: the policy function does not exist any more.
    pub fn policy_function_gone(policy: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
            "policy_function_failed",
            format!("the function of policy \"{policy}\" does not exist"),
            "No row is shown until it exists again with its former name and signature.",
        )
        .ora(28110)
    }

    /// 42P17: the policies of a table lead back to the table.
    pub fn policy_recursive(policy: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_OBJECT_DEFINITION,
            "policy_recursive",
            format!("the function of policy \"{policy}\" reads a table that the policy protects"),
            "Let the function read other tables, or declare it SECURITY DEFINER with an owner that policies do not apply to.",
        )
        .ora(28108)
    }

    /// 44000: a new row does not satisfy a policy.
    pub fn policy_check(policy: &str, relation: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_WITH_CHECK_OPTION_VIOLATION,
            "policy_check",
            format!("new row violates policy \"{policy}\" for table \"{relation}\""),
            "The session may not create this row.",
        )
        .ora(28115)
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

    /// 22023 at the time of use: the predicate of a mask fails for the attached session. Neither is shown.
    pub fn predicate_unusable() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "mask_invalid",
            "the predicate of a mask cannot be evaluated for this session",
            "Ask the administrator, who finds the reason in the server's log.",
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

    /// 42501: the role lacks a privilege.
    pub fn privilege_missing(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "privilege_missing",
            message,
            hint,
        )
    }

    /// 42501: the value of an application context may not be changed from here. An unknown context gives the same answer.
    pub fn context_denied() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "context_denied",
            "this context may not be changed from here",
            "Call the trusted function of the context; it must call dbms_session itself, and not through a function or trigger of others.",
        )
        .ora(1031)
    }

    /// 42710: a context of that name is declared already.
    pub fn context_exists(namespace: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
            "context_exists",
            format!("context \"{namespace}\" exists already"),
            "Drop it with vpd.drop_context first.",
        )
    }

    /// 22023: USERENV has no such attribute here.
    pub fn userenv_attribute(supported: &str) -> Self {
        Self::argument(
            "USERENV has no such attribute here",
            format!("Use one of {supported}."),
        )
        .ora(2003)
    }

    /// 01000, a warning: something that is allowed shows rows past their policies.
    pub fn policy_bypassed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_WARNING, "policy_bypassed", message, hint)
    }

    /// 42501: a foreign key to the table tells which keys exist, whoever may see them.
    pub fn reference_refused() -> Self {
        Self::privilege_missing(
            "a foreign key to a table under policy is not allowed",
            "Ask a superuser, or a role with BYPASSRLS, to add it: it reveals which keys exist.",
        )
        .ora(28117)
    }

    /// 42501: an expression would be evaluated over rows that policies hide.
    pub fn expression_refused(what: &str) -> Self {
        Self::privilege_missing(
            format!("{what} would be evaluated over every row of a table under policy"),
            "Ask a superuser or a role with BYPASSRLS; a CHECK constraint can be added NOT VALID.",
        )
    }

    /// 42501: the same, of an index.
    pub fn index_expression_refused() -> Self {
        Self::expression_refused("the index").ora(28133)
    }

    /// 42501: policies would look at another column than they were written for.
    pub fn column_name_moved(table: &str, column: &str) -> Self {
        Self::privilege_missing(
            format!(
                "column \"{column}\" of table \"{table}\" under policy would be another column than before"
            ),
            "Use a new name, or ask a superuser or a role with BYPASSRLS: policies name columns.",
        )
    }

    /// 0A000: not possible while a session is attached, because its rows would outlive it.
    pub fn outlives_session(what: &str, hint: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "outlives_session",
            format!("{what} is not allowed while a session is attached"),
            hint,
        )
    }

    /// 55000: the server is not in the state the call needs.
    pub fn not_ready(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "not_ready",
            message,
            hint,
        )
    }

    /// 53400: a limit is reached; `code` is `limit_…`.
    pub fn limit(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
            code,
            message,
            hint,
        )
    }

    /// The refusal of our own, if it is one, that a policy function ran into: it keeps its meaning on the way out.
    pub fn passing_through(detail: &str, policy: &str) -> Option<Self> {
        if detail.starts_with("code: session_invalid") {
            Some(Self::session_invalid())
        } else if detail.starts_with("code: policy_recursive") {
            Some(Self::policy_recursive(policy))
        } else {
            None
        }
    }

    /// The stable token.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Raises the error; PostgreSQL aborts the statement.
    pub fn raise(self) -> ! {
        ErrorReport::from(self).report(PgLogLevel::ERROR);
        unreachable!("an error report of level ERROR does not return")
    }

    /// Tells the client without undoing what the statement did.
    pub fn warn(self) {
        ErrorReport::from(self).report(PgLogLevel::WARNING);
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<Error> for ErrorReport {
    fn from(error: Error) -> Self {
        let detail = match error.ora {
            Some(number) => format!("code: {} (ORA-{number:05})", error.code),
            None => format!("code: {}", error.code),
        };
        ErrorReport::new(error.sqlstate, error.message, "pg_vpd")
            .set_detail(detail)
            .set_hint(error.hint)
    }
}
