//! Errors as values, in PostgreSQL's form: SQLSTATE, message, `code: <token>` in DETAIL, a HINT that says what to do.
//! Not here: any token, predicate text or value of another user. They know no server: `sys` reports them.
//! Refusals about policies, masks and what row security does not reach have files of their own.

mod authority;
mod hierarchy;
mod load;
mod mask;
mod policy;
mod reach;
mod sealing;
mod segregation;
mod store;

use pgrx::PgSqlErrorCode;

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
            message: shortened(message.into(), MAX_BYTES),
            hint: shortened(hint.into(), MAX_BYTES),
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

    /// 28000: a token of an identity provider is not accepted, whatever is wrong with it.
    pub fn token_refused() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
            "token_refused",
            "the token is not accepted",
            "Log in again at the identity provider. The audit trail tells an auditor why it was refused.",
        )
    }

    /// 28000: the application demands that its users were authenticated otherwise, or more recently.
    pub fn assurance_insufficient() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
            "assurance_insufficient",
            "the application demands another authentication of its users",
            "Log in again with one of its authentication context classes (acr_values), or more recently (max_age); see the view vpd.apps.",
        )
    }

    /// 28000: the identity provider that the session comes from does not speak for the application.
    pub fn issuer_not_for_app() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
            "issuer_not_for_app",
            "the identity provider of this session does not speak for the application",
            "Log in to the application itself, or name it in apps with vpd.alter_issuer.",
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

    /// 28000: the cross-domain message was used before or is stale.
    pub fn message_stale() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
            "message_stale",
            "the message was used before or is stale, the session goes on",
            "Record a new message.",
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

    /// 42704: there is no such table.
    pub fn relation_not_found() -> Self {
        Self::not_found(
            "relation_not_found",
            "the table does not exist",
            "Name an existing table.",
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

    /// 42501: looking past the policies of a table does not replace the privilege to read it.
    pub fn select_missing() -> Self {
        Self::privilege_missing(
            "you may not read this table",
            "Ask its owner to GRANT SELECT on it: only the policies are looked past, not the privileges.",
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

    /// 0A000: not possible while a session is attached, because its rows would outlive it.
    pub fn outlives_session(what: &str, hint: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "outlives_session",
            format!("{what} is not allowed while a session is attached"),
            hint,
        )
    }

    /// 0A000: a parallel worker was asked for the session, which its leader has.
    pub fn parallel_worker() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "parallel_worker",
            "a parallel worker has no session",
            "A function that reads the session, or a table under policy, is wrongly labelled PARALLEL SAFE: ALTER FUNCTION … PARALLEL RESTRICTED.",
        )
    }

    /// 24000: rows of the former session are in the middle of being read.
    pub fn cursor_in_use() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_CURSOR_STATE,
            "cursor_in_use",
            "the session cannot change inside a loop over a query",
            "Attach and detach before the loop or after it, or read the rows into an array first.",
        )
    }

    /// 24000: a statement was planned for the session that is to change.
    pub fn session_in_use() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_CURSOR_STATE,
            "session_in_use",
            "the session cannot change inside a statement that reads tables under row security",
            "Attach, detach and assume roles in statements of their own.",
        )
    }

    /// 55000: what the transaction changed is announced when it commits, which only its own backend can do.
    pub fn not_preparable(what: &str) -> Self {
        Self::not_ready(
            format!("a transaction that changed {what} cannot be prepared"),
            "Commit it in one phase.",
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

    /// 55000: the library was not preloaded, or does not work on this version of the server.
    pub fn not_active() -> Self {
        Self::not_ready(
            "pg_vpd is not active in this server",
            "Add pg_vpd to shared_preload_libraries and restart the server; with vpd.strict_version, update the server first.",
        )
    }

    /// 55000: a record of the audit trail, without which the statement may not run, cannot be written.
    pub fn audit_unavailable() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "audit_unavailable",
            "the audit trail cannot be written, and this statement may not run without it",
            "Try again later. The server's log tells why; see also vpd.audit_status().",
        )
    }

    /// 42710: the table has an audit policy of that name.
    pub fn audit_policy_exists() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
            "audit_policy_exists",
            "the table has an audit policy of that name already",
            "Drop it with vpd.drop_audit_policy first, or choose another name.",
        )
    }

    /// Whether it says that somebody may not do something.
    pub fn is_denial(&self) -> bool {
        matches!(
            self.sqlstate,
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE
                | PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION
                | PgSqlErrorCode::ERRCODE_WITH_CHECK_OPTION_VIOLATION
        ) || matches!(self.code, "audit_unavailable" | "limit_sessions" | "limit_tokens")
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

    /// 53200: there is no memory for what was asked.
    pub fn memory_missing(bytes: usize) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
            "out_of_memory",
            format!(
                "there is no memory for this, which takes up to {} MiB",
                bytes.div_ceil(1024 * 1024)
            ),
            "Give it in smaller pieces, or give the server more memory.",
        )
    }

    /// The SQLSTATE.
    pub fn sqlstate(&self) -> PgSqlErrorCode {
        self.sqlstate
    }

    /// The stable token.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What stands in DETAIL.
    pub fn detail(&self) -> String {
        match self.ora {
            Some(number) => format!("code: {} (ORA-{number:05})", self.code),
            None => format!("code: {}", self.code),
        }
    }

    /// What to do.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// Most bytes of a message or hint: arguments are repeated in them, and may be megabytes.
const MAX_BYTES: usize = 4000;

/// A text that fits, cut between characters.
pub fn shortened(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}
