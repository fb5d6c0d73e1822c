//! Chapter: a ticket past its life is dead at once, and its row goes with the next purge.

use std::thread::sleep;
use std::time::Duration;

use postgres::Client;
use vpd_tests::{Result, challenge};

use crate::connection::{ADMIN, BRIDGE, connect};
use crate::script::Script;
use crate::stage::Stage;

/// An application whose tickets are short-lived.
const APP: &str = "story";
const LIFETIME: Duration = Duration::from_secs(2);
const VERIFIER: &str = "the-story-keeps-this-verifier-to-itself-until-now";

/// # Errors
/// A figure differs.
pub fn play(stage: &Stage, script: &mut Script) -> Result<()> {
    script.chapter("Expiry: dead before the purge, gone after it");
    let mut admin = connect(ADMIN)?;
    let lifetime = format!("{} seconds", LIFETIME.as_secs());
    admin.execute(
        "SELECT vpd.register_app($1, 'retail', ticket_lifetime => $2::text::interval)",
        &[&APP, &lifetime],
    )?;
    let played = play_with(stage, script, &mut admin);
    // The application and its session go, whatever happened.
    let dropped = admin.execute("SELECT vpd.drop_app($1)", &[&APP]);
    played?;
    dropped?;
    Ok(())
}

fn play_with(stage: &Stage, script: &mut Script, admin: &mut Client) -> Result<()> {
    let mut bridge = connect(BRIDGE)?;
    let token: String = bridge
        .query_one(
            "SELECT vpd.create_session_from_token($1, $2)",
            &[&stage.identity_token("alice")?, &APP],
        )?
        .get(0);
    let ticket = issue(&mut bridge, &token)?;
    let what = format!(
        "a ticket that lives {} seconds is redeemed at once",
        LIFETIME.as_secs()
    );
    script.answer(&what, redeem(&mut bridge, &ticket)?, "a token")?;

    // The worker may purge between the two counts; then another ticket is tried.
    let mut fate = Fate::default();
    for _ in 0..3 {
        let runs = worker_runs(admin)?;
        fate = expire(&mut bridge, admin, &token)?;
        if worker_runs(admin)? == runs {
            break;
        }
    }
    script.answer(
        "another, a second past its life, is refused",
        fate.answer,
        "nothing",
    )?;
    script.equal(
        "its row is still there before the purge",
        fate.rows_before,
        1,
        "ticket",
    )?;
    script.equal("and gone after it", fate.rows_after, 0, "tickets")
}

/// What became of an expired ticket.
#[derive(Default)]
struct Fate {
    answer: &'static str,
    rows_before: i64,
    rows_after: i64,
}

fn expire(bridge: &mut Client, admin: &mut Client, token: &str) -> Result<Fate> {
    let ticket = issue(bridge, token)?;
    sleep(LIFETIME + Duration::from_secs(1));
    let answer = redeem(bridge, &ticket)?;
    let rows_before = tickets(admin)?;
    while admin.query_one("SELECT vpd.purge()", &[])?.get::<_, i64>(0) > 0 {}
    Ok(Fate {
        answer,
        rows_before,
        rows_after: tickets(admin)?,
    })
}

fn issue(bridge: &mut Client, token: &str) -> Result<String> {
    let query = "SELECT vpd.issue_ticket($1, 'floor', $2)";
    Ok(bridge.query_one(query, &[&token, &challenge(VERIFIER)])?.get(0))
}

fn redeem(bridge: &mut Client, ticket: &str) -> Result<&'static str> {
    let query = "SELECT vpd.redeem_ticket($1, 'floor', $2)";
    let given: Option<String> = bridge.query_one(query, &[&ticket, &VERIFIER])?.get(0);
    Ok(if given.is_some() { "a token" } else { "nothing" })
}

/// Rows of tickets the application gave out, counted in the table itself.
fn tickets(admin: &mut Client) -> Result<i64> {
    Ok(admin
        .query_one(
            "SELECT count(*) FROM vpd_private.ticket WHERE source_app = $1",
            &[&APP],
        )?
        .get(0))
}

fn worker_runs(admin: &mut Client) -> Result<i64> {
    let query = "SELECT coalesce(max(id), 0) FROM vpd.job_runs WHERE job = 'purge'";
    Ok(admin.query_one(query, &[])?.get(0))
}
