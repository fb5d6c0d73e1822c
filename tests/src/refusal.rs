//! What a refusal says: SQLSTATE and the token in DETAIL, which clients may rely on. Never the text, which they may not.

use std::fmt::Debug;

use postgres::GenericClient;
use postgres::error::{DbError, SqlState};

use crate::{Database, Result, role};

/// A refusal by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// SQLSTATE.
    pub state: SqlState,
    /// The stable token after `code: ` in DETAIL, if there is one.
    pub token: Option<String>,
    /// Whether a HINT says what to do.
    pub has_hint: bool,
    /// Message, DETAIL, HINT and CONTEXT in one text, to search for what must not be in it.
    pub text: String,
}

impl From<&DbError> for Refusal {
    fn from(error: &DbError) -> Self {
        let detail = error.detail().unwrap_or_default();
        let token = detail.split_once("code: ").map(|(_, rest)| {
            rest.chars()
                .take_while(|letter| letter.is_ascii_lowercase() || *letter == '_')
                .collect()
        });
        let parts = [
            Some(error.message()),
            error.detail(),
            error.hint(),
            error.where_(),
        ];
        Self {
            state: error.code().clone(),
            token,
            has_hint: error.hint().is_some_and(|hint| !hint.is_empty()),
            text: parts.into_iter().flatten().collect::<Vec<_>>().join("\n"),
        }
    }
}

/// What a statement came to: a value, or a refusal.
pub type Outcome<T> = std::result::Result<T, Refusal>;

/// Turns a result of the client into an outcome. An error that is not the server's is a failure of the test.
///
/// # Errors
/// The server refused the statement.
///
/// # Panics
/// The connection broke, or the client could not encode the statement.
#[track_caller]
pub fn outcome<T>(result: std::result::Result<T, postgres::Error>) -> Outcome<T> {
    result.map_err(|error| {
        let refusal = error.as_db_error().map(Refusal::from);
        assert!(refusal.is_some(), "not an answer of the server: {error:?}");
        refusal.unwrap_or_else(|| unreachable!())
    })
}

/// The refusal a statement must have met.
///
/// # Panics
/// The statement went through.
#[track_caller]
pub fn refusal<T: Debug>(result: std::result::Result<T, postgres::Error>) -> Refusal {
    let outcome = outcome(result);
    assert!(outcome.is_err(), "went through: {outcome:?}");
    outcome.err().unwrap_or_else(|| unreachable!())
}

/// Asserts that a statement was refused with this SQLSTATE, this token and a hint.
///
/// # Panics
/// It was not.
#[track_caller]
pub fn assert_refused<T: Debug>(
    result: std::result::Result<T, postgres::Error>,
    state: &str,
    token: &str,
) -> Refusal {
    let refusal = refusal(result);
    assert_eq!(
        (refusal.state.code(), refusal.token.as_deref()),
        (state, Some(token)),
        "{refusal:?}"
    );
    assert!(refusal.has_hint, "no hint: {refusal:?}");
    refusal
}

/// Asserts of calls that each is refused as a table says, with a hint. A line of the table is SQLSTATE, token and arguments, which take the
/// place of `{}` in the call.
///
/// # Panics
/// One went through, or was refused otherwise.
#[track_caller]
pub fn assert_all_refused(client: &mut impl GenericClient, call: &str, table: &str) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_default();
        let (state, token, arguments) = (part(), part(), part());
        let statement = call.replacen("{}", arguments.trim(), 1);
        let outcome = outcome(client.batch_execute(&statement));
        let met = outcome.as_ref().err().map(|refusal| {
            let token = refusal.token.as_deref().unwrap_or_default();
            (refusal.state.code(), token, refusal.has_hint)
        });
        assert_eq!(met, Some((state, token, true)), "{statement}: {outcome:?}");
        refusals.extend(outcome.err());
    }
    refusals
}

/// Asserts that PostgreSQL's own privilege check refused a statement.
///
/// # Panics
/// It did not.
#[track_caller]
pub fn assert_denied<T: Debug>(result: std::result::Result<T, postgres::Error>) {
    let refusal = refusal(result);
    assert_eq!(refusal.state, SqlState::INSUFFICIENT_PRIVILEGE, "{refusal:?}");
}

/// Asserts that PostgreSQL's own privilege check refuses each statement to every role of the harness but some.
///
/// # Errors
/// A role cannot connect.
///
/// # Panics
/// A statement went through, or was refused otherwise.
#[track_caller]
pub fn assert_denied_to_all_but(
    database: &Database<'_>,
    allowed: &[&str],
    statements: &[&str],
) -> Result<()> {
    for role in role::ALL.into_iter().filter(|role| !allowed.contains(role)) {
        let mut client = database.connect(role)?;
        for statement in statements {
            let refusal = outcome(client.batch_execute(statement)).err();
            let state = refusal.map(|refusal| refusal.state);
            assert_eq!(
                state,
                Some(SqlState::INSUFFICIENT_PRIVILEGE),
                "{role}: {statement}"
            );
        }
    }
    Ok(())
}
