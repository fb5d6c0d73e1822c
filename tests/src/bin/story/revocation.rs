//! Chapter: ending a session bites on the next statement, even where the snapshot is older than the end.

use postgres::IsolationLevel;
use postgres::error::SqlState;
use reqwest::Method;
use vpd_tests::Result;
use vpd_tests::superstore::grouped;

use crate::connection::{RUNTIME, connect};
use crate::forgery::visible;
use crate::rows::of_bob;
use crate::script::Script;
use crate::stage::Stage;

/// # Errors
/// A figure differs.
pub fn play(stage: &Stage, script: &mut Script) -> Result<()> {
    script.chapter("Revocation: the end of a session, in the middle of a transaction");
    let token = stage.service_session("bob")?;
    let mut runtime = connect(RUNTIME)?;
    let mut transaction = runtime
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()?;
    transaction.execute("SELECT vpd.attach_session($1)", &[&token])?;
    let expected = grouped(stage.file.totals(of_bob).count);
    let found = grouped(visible(&mut transaction)?);
    script.equal(
        "in a REPEATABLE READ transaction bob sees",
        &found,
        &expected,
        "in the CSV",
    )?;

    let answer = stage
        .call(Method::DELETE, "/v1/sessions/current", &token)?
        .verdict();
    script.holds(
        "meanwhile the session is ended through the bridge",
        answer == "204",
        &answer,
    )?;
    let error = transaction
        .query_one("SELECT count(*) FROM demo.orders", &[])
        .err();
    let state = error.as_ref().and_then(postgres::Error::code);
    let is_denied = state == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION);
    let figure = state.map_or("rows", SqlState::code);
    script.holds(
        "the next statement of the transaction is denied",
        is_denied,
        &format!("SQLSTATE {figure}"),
    )?;
    transaction.rollback()?;

    let refused = runtime.execute("SELECT vpd.attach_session($1)", &[&token]).err();
    let state = refused
        .as_ref()
        .and_then(postgres::Error::code)
        .map_or("none", SqlState::code);
    script.holds(
        "and the session cannot be attached again",
        state == "28000",
        &format!("SQLSTATE {state}"),
    )
}
