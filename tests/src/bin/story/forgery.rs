//! Chapter: what SQL alone can get. The run-time role asks without a session, then with settings it made up.

use postgres::error::SqlState;
use postgres::{Client, GenericClient};
use reqwest::Method;
use vpd_tests::Result;

use crate::connection::{ADMIN, RUNTIME, connect};
use crate::rows::of_bob;
use crate::script::Script;
use crate::stage::Stage;

/// Everything a caller might set in the hope that a policy believes it.
const FORGERIES: [&str; 8] = [
    "SET vpd.user_name = 'bob'",
    "SET vpd.session_id = '00000000-0000-0000-0000-000000000000'",
    "SET app.regions = 'South'",
    "SELECT set_config('app.regions', 'South', false)",
    "SELECT set_config('vpd.attributes', '{\"app\": {\"regions\": [\"South\"]}}', false)",
    "SET row_security = off",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
];

/// # Errors
/// A figure differs.
pub fn play(stage: &Stage, script: &mut Script) -> Result<()> {
    script.chapter("Forgery: SQL as the run-time role");
    let mut runtime = connect(RUNTIME)?;
    script.nothing("without a session the run-time role sees", visible(&mut runtime)?)?;

    let mut most = 0;
    for forgery in FORGERIES {
        // Some are refused outright; what counts is what is visible afterwards.
        let _refused = runtime.batch_execute(forgery);
        most = most.max(visible(&mut runtime)?);
        runtime.batch_execute("RESET ALL")?;
    }
    script.nothing(
        &format!("after each of {} forged settings it sees", FORGERIES.len()),
        most,
    )?;

    let expected = stage.file.totals(of_bob).count;
    script.lines(
        "for contrast: a usual native policy believes one and shows",
        forge_native_policy()?,
        expected,
    )?;

    let token = stage.service_session("bob")?;
    let mut transaction = runtime.transaction()?;
    transaction.execute("SELECT vpd.attach_session($1)", &[&token])?;
    let found = visible(&mut transaction)?;
    transaction.commit()?;
    script.lines("with bob's session attached it sees", found, expected)?;
    script.nothing(
        "on the same connection after COMMIT it sees",
        visible(&mut runtime)?,
    )?;
    stage.call(Method::DELETE, "/v1/sessions/current", &token)?;
    Ok(())
}

/// Rows the connection sees; a refusal shows none.
pub fn visible(client: &mut impl GenericClient) -> Result<i64> {
    match client.query_one("SELECT count(*) FROM demo.orders", &[]) {
        Ok(row) => Ok(row.get(0)),
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// A copy of the rows under a policy that reads a setting, seen by the same role after it made the setting up.
/// Everything is rolled back.
fn forge_native_policy() -> Result<i64> {
    let mut admin: Client = connect(ADMIN)?;
    let mut transaction = admin.transaction()?;
    transaction.batch_execute(
        "CREATE TABLE demo.naive AS SELECT row_id, region FROM demo.orders;
         ALTER TABLE demo.naive ENABLE ROW LEVEL SECURITY;
         CREATE POLICY by_setting ON demo.naive USING (region = ANY (string_to_array(current_setting('app.regions', true), ',')));
         GRANT SELECT ON demo.naive TO vpd_runtime;
         SET LOCAL ROLE vpd_runtime;
         SET LOCAL app.regions = 'South'",
    )?;
    let found = transaction
        .query_one("SELECT count(*) FROM demo.naive", &[])?
        .get(0);
    transaction.rollback()?;
    Ok(found)
}
