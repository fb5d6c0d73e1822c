//! Errors as clients see them: one shape, a stable code, and a status that follows the SQLSTATE.
//!
//! Invariant: what a client reads was written by this project; texts of other parts go to the log only. A problem is rendered
//! once, at the edge, where the request id is known.

use std::borrow::Cow;
use std::fmt::Display;

use axum::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio_postgres::error::{DbError, SqlState};
use utoipa::ToSchema;

use crate::db::DatabaseError;
use crate::db::token_of;
use crate::identity::IdentityError;

/// An error on its way to the client.
#[derive(Debug, Clone)]
pub struct Problem {
    pub status: StatusCode,
    pub code: Cow<'static, str>,
    message: Cow<'static, str>,
    details: Option<String>,
    hint: Option<Cow<'static, str>>,
    /// Whether the client speaks OAuth: then code and message stand where it looks for them as well.
    is_oauth: bool,
    /// What happened, for the log.
    pub cause: Option<String>,
}

/// Body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody<'a> {
    /// Stable token of the condition.
    pub code: &'a str,
    /// What is wrong.
    pub message: &'a str,
    /// More about it.
    #[schema(required)]
    details: Option<&'a str>,
    /// What to do.
    #[schema(required)]
    pub hint: Option<&'a str>,
    /// Identifier of the request, as in the log.
    pub request_id: &'a str,
    /// The code again, for clients of the token endpoint (RFC 6749, 5.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// The message again, for the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'a str>,
}

impl Problem {
    pub const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self {
            status,
            code: Cow::Borrowed(code),
            message: Cow::Borrowed(message),
            details: None,
            hint: None,
            is_oauth: false,
            cause: None,
        }
    }

    /// A refusal of the token endpoint (RFC 6749, 5.2).
    pub fn oauth(error: &'static str, message: &'static str) -> Self {
        Self {
            is_oauth: true,
            ..Self::new(StatusCode::BAD_REQUEST, error, message)
        }
    }

    /// The client shows a credential of its own, and there are none.
    pub fn oauth_client() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::oauth("invalid_client", "clients have no credentials here")
        }
        .hint("Send no Authorization header: the token of the session goes in subject_token.")
    }

    /// Any problem as the token endpoint says it: what the client can mend is an invalid request.
    pub fn into_oauth(self) -> Self {
        let (status, code) = match self.status {
            status @ (StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS) => {
                (status, "invalid_request")
            }
            status if status.is_client_error() => (StatusCode::BAD_REQUEST, "invalid_request"),
            StatusCode::INTERNAL_SERVER_ERROR => (self.status, "server_error"),
            status => (status, "temporarily_unavailable"),
        };
        Self {
            status,
            code: Cow::Borrowed(code),
            is_oauth: true,
            ..self
        }
    }

    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(Cow::Borrowed(hint));
        self
    }

    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    pub fn cause(mut self, cause: impl Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// No session, or one that is over.
    pub fn session_invalid() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "session_invalid", "no valid session")
            .hint("Log in, or show the token of a live session.")
    }

    /// A refusal of `redeem_ticket`.
    pub fn ticket_invalid() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "ticket_invalid", "the ticket is not usable")
            .hint("Start the handoff again: a ticket opens one session, once, for one application, for a short time.")
    }

    /// A message that was used before or is stale.
    pub fn message_stale() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "message_stale",
            "the message was used before or is stale; the session goes on",
        )
        .hint("Record a new message.")
    }

    /// A refusal of `validate_message` that ended the session.
    pub fn message_invalid() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "message_invalid",
            "the message is not usable; the session is over",
        )
        .hint("Log in again.")
    }

    pub fn internal(cause: impl Display) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong",
        )
        .hint("Give the request id to the operator.")
        .cause(cause)
    }

    /// The body, once the request has an identifier.
    pub fn body<'a>(&'a self, request_id: &'a str) -> ProblemBody<'a> {
        ProblemBody {
            code: &self.code,
            message: &self.message,
            details: self.details.as_deref(),
            hint: self.hint.as_deref(),
            request_id,
            error: self.is_oauth.then_some(&*self.code),
            error_description: self.is_oauth.then_some(&*self.message),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Extension(self)).into_response()
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        match error.server_error() {
            Some(server) => from_server(server).cause(&error),
            None => unavailable().cause(&error),
        }
    }
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        let problem = match error {
            IdentityError::CodeRefused(_) => Self::new(
                StatusCode::UNAUTHORIZED,
                "identity_invalid",
                "the identity provider refused the login",
            )
            .hint("Log in at the identity provider again."),
            IdentityError::Unavailable(_) => Self::new(
                StatusCode::BAD_GATEWAY,
                "identity_provider_unavailable",
                "the identity provider cannot be asked",
            )
            .hint("Try again in a moment."),
        };
        problem.cause(error)
    }
}

fn unavailable() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "database_unavailable",
        "the database cannot be reached",
    )
    .hint("Try again in a moment.")
}

fn from_server(error: &DbError) -> Problem {
    let token = token_of(error.detail());
    match (status_of(error.code()), token) {
        (Some(status), Some(token)) => Problem {
            status,
            code: Cow::Owned(token.to_owned()),
            message: Cow::Owned(error.message().to_owned()),
            details: error.detail().and_then(without_token),
            hint: error.hint().map(|hint| Cow::Owned(hint.to_owned())),
            is_oauth: false,
            cause: None,
        },
        (None, Some(token)) => Problem::internal(format!("SQLSTATE {}, {token}", error.code().code())),
        (_, None) => from_foreign(error.code()),
    }
}

/// Statuses of the extension's own errors, which carry a token.
fn status_of(code: &SqlState) -> Option<StatusCode> {
    Some(match code.code() {
        "28000" => StatusCode::UNAUTHORIZED,
        "42501" | "44000" => StatusCode::FORBIDDEN,
        "38000" | "42P17" => StatusCode::INTERNAL_SERVER_ERROR,
        "22023" | "22P03" | "23502" | "42601" | "42809" => StatusCode::BAD_REQUEST,
        "42704" => StatusCode::NOT_FOUND,
        "2BP01" | "42710" | "55006" => StatusCode::CONFLICT,
        "3F000" | "40001" | "42883" | "53200" | "55000" => StatusCode::SERVICE_UNAVAILABLE,
        "53400" => StatusCode::TOO_MANY_REQUESTS,
        _ => return None,
    })
}

/// Errors without a token come from PostgreSQL itself: their text may hold names and values, so it stays in the log.
fn from_foreign(code: &SqlState) -> Problem {
    match code.code() {
        "22021" => Problem::new(
            StatusCode::BAD_REQUEST,
            "argument_invalid",
            "text with a NUL or a broken encoding",
        )
        .hint("Send UTF-8 without NUL."),
        other if other.starts_with("22") => Problem::new(
            StatusCode::BAD_REQUEST,
            "argument_invalid",
            "a value is malformed or out of range",
        )
        .hint("Look at numbers, dates and identifiers."),
        "25006" | "55000" | "42883" | "3F000" => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_ready",
            "the database is not ready for this",
        )
        .hint("The operator should run session-bridge doctor."),
        "40001" | "40P01" => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "database_busy", "try again"),
        "57014" => Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "database_timeout",
            "the database took too long",
        ),
        "53300" => unavailable(),
        other if other.starts_with("08") || other.starts_with("57P") || other.starts_with("28") => {
            unavailable()
        }
        other => Problem::internal(format!("SQLSTATE {other}")),
    }
}

fn without_token(detail: &str) -> Option<String> {
    let rest: Vec<_> = detail
        .lines()
        .filter(|line| !line.trim().starts_with("code: "))
        .collect();
    (!rest.is_empty()).then(|| rest.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_reference() {
        let reference = include_str!("../../../docs/reference/errors.md");
        let mut rows = 0;
        for line in reference.lines().filter(|line| line.starts_with("| ")) {
            let cells: Vec<&str> = line
                .split(" |")
                .map(|cell| cell.trim_matches(['|', ' ']))
                .collect();
            let (Some(code), Some(Ok(status))) = (cells.get(1), cells.get(4).map(|cell| cell.parse::<u16>()))
            else {
                continue;
            };
            // Refusals that functions return and do not raise have a problem of their own.
            let Some(code) = code.get(..5).filter(|_| !code.contains("WARNING")) else {
                continue;
            };
            let code = SqlState::from_code(code);
            let is_own = cells.get(2).is_some_and(|token| token.starts_with('`'));
            let answered = if is_own {
                status_of(&code).map_or(500, |status| status.as_u16())
            } else {
                from_foreign(&code).status.as_u16()
            };
            assert_eq!(answered, status, "{line}");
            rows += 1;
        }
        assert!(rows > 60, "{rows} rows were read");
    }

    #[test]
    fn texts_of_postgresql_itself_stay_in_the_log() {
        for (code, status, token) in [
            ("22021", 400, "argument_invalid"),
            ("22003", 400, "argument_invalid"),
            ("22P02", 400, "argument_invalid"),
            ("25006", 503, "not_ready"),
            ("42883", 503, "not_ready"),
            ("40001", 503, "database_busy"),
            ("57014", 504, "database_timeout"),
            ("57P01", 503, "database_unavailable"),
            ("08006", 503, "database_unavailable"),
            ("53300", 503, "database_unavailable"),
            ("28P01", 503, "database_unavailable"),
            ("42501", 500, "internal"),
            ("XX000", 500, "internal"),
        ] {
            let problem = from_foreign(&SqlState::from_code(code));
            assert_eq!(
                (problem.status.as_u16(), problem.code.as_ref()),
                (status, token),
                "{code}"
            );
        }
    }

    #[test]
    fn token_line_is_not_repeated_in_the_details() {
        assert_eq!(without_token("code: argument_invalid"), None);
        assert_eq!(
            without_token("code: argument_invalid\nmore").as_deref(),
            Some("more")
        );
    }

    #[test]
    fn cause_is_not_in_the_body() {
        let problem = Problem::internal("secret cause");
        let body = serde_json::to_string(&problem.body("r1")).unwrap();
        assert!(!body.contains("secret cause") && body.contains("\"request_id\":\"r1\""));
    }
}
