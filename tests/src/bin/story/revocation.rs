//! Chapter: ending a session bites on the next statement, even where the snapshot is older than the end.

use postgres::IsolationLevel;
use reqwest::Method;
use vpd_tests::Result;

use crate::connection::{RUNTIME, connect, state};
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
    let expected = stage.file.totals(of_bob).count;
    script.lines(
        "in a REPEATABLE READ transaction bob sees",
        visible(&mut transaction)?,
        expected,
    )?;

    let answer = stage
        .call(Method::DELETE, "/v1/sessions/current", &token)?
        .verdict();
    script.answer(
        "meanwhile the session is ended through the bridge",
        &answer,
        "204",
    )?;
    let denied = transaction.query_one("SELECT count(*) FROM demo.orders", &[]);
    script.answer(
        "the next statement of the transaction is denied",
        &state(denied),
        "SQLSTATE 28000",
    )?;
    transaction.rollback()?;

    let refused = runtime.query_one("SELECT vpd.attach_session($1)", &[&token]);
    script.answer(
        "and the session cannot be attached again",
        &state(refused),
        "SQLSTATE 28000",
    )
}
