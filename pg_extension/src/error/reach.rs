//! Refusals and warnings about what row security does not reach.

use super::Error;
use pgrx::PgSqlErrorCode;

impl Error {
    /// 42501: an index would be built from rows that a policy for index statements hides.
    pub fn index_restricted(policy: &str) -> Self {
        Self::privilege_missing(
            format!("policy \"{policy}\" does not let you create an index on this table"),
            "Ask a role with BYPASSRLS to create it.",
        )
        .ora(28133)
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

    /// 01000, a warning: something that is allowed shows rows past their policies.
    pub fn policy_bypassed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_WARNING, "policy_bypassed", message, hint)
    }

    /// 01000, a warning: nothing is protected yet.
    pub fn not_preloaded() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_WARNING,
            "library_not_preloaded",
            "the library of pg_vpd is not preloaded: nothing can be protected, and tables under policy show nothing",
            "Add pg_vpd to shared_preload_libraries and restart the server.",
        )
    }

    /// 00000, a notice: a session is attached by a role that sees every row.
    pub fn policies_do_not_apply(role: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
            "policies_do_not_apply",
            format!("policies and masks do not apply to role \"{role}\", whatever session is attached"),
            "Work as a role that is no superuser, has no BYPASSRLS and is not exempt.",
        )
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

    /// 42501: what a rule adds to the query of a foreign key would be read past row security.
    pub fn rule_refused() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            "rule_refused",
            "a rule may not read a table under row security inside the action of a foreign key",
            "Use a trigger in place of the rule: what it reads is under policy.",
        )
    }

    /// 25006: what a predicate runs would tell somebody, or leave something, in the name of whoever is asked about.
    pub fn foreign_session_in_place(what: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_READ_ONLY_SQL_TRANSACTION,
            "foreign_session",
            format!("{what} may not run while somebody else's session is looked at"),
            "What a predicate runs may read and compute then, and neither tell nor leave anything.",
        )
    }

    /// 01000, a warning: a parallel worker, which has no session, may run the function.
    pub fn parallel_safe_function(function: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_WARNING,
            "parallel_safe_function",
            format!("function {function} is labelled PARALLEL SAFE and stands in a predicate"),
            "If it reads the session or a table under policy, itself or by what it calls: ALTER FUNCTION … PARALLEL RESTRICTED.",
        )
    }

    /// 42501: the actions of a foreign key change and remove rows past their policies.
    pub fn foreign_key_refused() -> Self {
        Self::privilege_missing(
            "a foreign key of a table under policy is not allowed",
            "Ask a superuser or a role with BYPASSRLS to add it: its actions change and remove hidden rows.",
        )
    }

    /// 42501: a trigger is handed the rows that others write.
    pub fn trigger_refused() -> Self {
        Self::privilege_missing(
            "a trigger on a table under policy may be created by its owner only",
            "Ask the owner of the table: a trigger is handed the rows that others write.",
        )
    }

    /// 42501: the triggers of the library hold for the owner of the table too.
    pub fn trigger_change_refused() -> Self {
        Self::privilege_missing(
            "a trigger of pg_vpd may not be changed, switched off or dropped",
            "Use vpd.untrack_changes or vpd.unprotect_action, or ask a superuser or a role with BYPASSRLS.",
        )
    }

    /// 42501: PostgreSQL evaluates its own restrictive policies before those of the library, so their functions would be handed hidden rows.
    pub fn native_policy_refused() -> Self {
        Self::privilege_missing(
            "PostgreSQL's own policies on a table under policy may not be changed",
            "Use vpd.add_policy, or ask a superuser or a role with BYPASSRLS.",
        )
    }

    /// 42501: TRUNCATE asks no policy.
    pub fn truncate_refused() -> Self {
        Self::privilege_missing(
            "TRUNCATE is not allowed on a table under policy",
            "Use DELETE, which removes the rows that policies let you see; a role with BYPASSRLS may truncate.",
        )
    }

    /// 42501: policies stand on row security.
    pub fn unprotecting_refused() -> Self {
        Self::privilege_missing(
            "row security of a table under policy may not be switched off",
            "Drop its policies with vpd.drop_policy, or ask a superuser.",
        )
    }
}
