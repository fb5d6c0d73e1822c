//! Errors of the database, and how the extension's stable token is read from them.
//!
//! Not here: which HTTP status they become (that is `http::error`).

use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, SqlState};

/// A call to the database that did not work.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No connection could be had from the pool.
    #[error("no database connection: {0}")]
    Pool(#[from] PoolError),
    /// PostgreSQL refused, or the connection broke.
    #[error("{}", describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
}

impl DatabaseError {
    /// The error as PostgreSQL sent it; none when the connection broke.
    pub fn server_error(&self) -> Option<&DbError> {
        match self {
            Self::Postgres(error) | Self::Pool(PoolError::Backend(error)) => error.as_db_error(),
            Self::Pool(_) => None,
        }
    }

    /// SQLSTATE; none when the connection broke.
    pub fn sqlstate(&self) -> Option<&SqlState> {
        self.server_error().map(DbError::code)
    }

    /// True when the session of the token is unknown, expired or ended.
    pub fn is_session_invalid(&self) -> bool {
        self.server_error()
            .is_some_and(|error| token_of(error.detail()) == Some("session_invalid"))
    }
}

/// The `code: <token>` line of a DETAIL.
pub fn token_of(detail: Option<&str>) -> Option<&str> {
    let token = detail?
        .lines()
        .find_map(|line| line.trim().strip_prefix("code: "))?;
    let token = token.split([' ', ',', ';', '.', ')']).next()?;
    let is_token = !token.is_empty() && token.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_token.then_some(token)
}

/// SQLSTATE and message, without DETAIL, WHERE or statement: those may hold values.
pub fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("SQLSTATE {}: {}", error.code().code(), error.message()),
        None => format!("database connection: {error}"),
    }
}

/// What the server said, with its hint: whoever has the administrator's connection may read it.
pub fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => [Some(error.message()), error.detail(), error.hint()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; "),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_read_from_its_line_only() {
        assert_eq!(token_of(Some("code: session_invalid")), Some("session_invalid"));
        assert_eq!(
            token_of(Some("code: policy_check (ORA-28115)")),
            Some("policy_check")
        );
        assert_eq!(
            token_of(Some("something\ncode: limit_tickets\nmore")),
            Some("limit_tickets")
        );
        assert_eq!(token_of(Some("the code: is elsewhere")), None);
        assert_eq!(token_of(Some("code: <script>")), None);
        assert_eq!(token_of(Some("code: ")), None);
        assert_eq!(token_of(None), None);
    }
}
