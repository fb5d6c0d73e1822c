//! Refusals about policies: their definitions, their functions, their predicates, and new rows that they do not let in.

use super::Error;
use pgrx::PgSqlErrorCode;

impl Error {
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

    /// 40001: an exemption changed after the statement was planned.
    pub fn exemption_changed() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
            "exemption_changed",
            "exemptions from policies changed since the statement was planned",
            "Run the transaction again.",
        )
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

    /// 22023 at the time of use: the predicate of a mask fails for the attached session. Neither is shown.
    pub fn predicate_unusable() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "mask_invalid",
            "the predicate of a mask cannot be evaluated for this session",
            "Ask the administrator, who finds the reason in the server's log.",
        )
    }

    /// The refusal of our own, if it is one, that a policy function ran into: it keeps its meaning on the way out.
    pub fn passing_through(token: Option<&str>, policy: &str) -> Option<Self> {
        match token {
            Some("session_invalid") => Some(Self::session_invalid()),
            Some("policy_recursive") => Some(Self::policy_recursive(policy)),
            Some("catalogue_unreadable") => Some(Self::catalogue_unreadable()),
            _ => None,
        }
    }

    /// XX001: a row of the private catalogue holds what cannot be. Nothing is shown then.
    pub fn catalogue_unreadable() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DATA_CORRUPTED,
            "catalogue_unreadable",
            "a definition in the catalogue of pg_vpd cannot be read",
            "Somebody changed tables of vpd_private by hand: restore them, or drop the policy or mask and add it again as a superuser.",
        )
    }

    /// 01000: a name in a sub-select means something else than it seems to.
    pub fn name_captured(name: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_WARNING,
            "name_captured",
            format!("\"{name}\" in a sub-select is not the column of the protected table"),
            "Inside the sub-select a column of another table has that name. Write table.column for the one you mean, and look at vpd.effective_predicate.",
        )
    }

    /// 42804: rows of the table cannot be named by this key without running code that others wrote.
    pub fn row_key_type(columns: &str) -> Self {
        Self::column_type(format!("the type of {columns} is not one of PostgreSQL's own"))
    }
}
