//! Chapter: a ticket past its life is dead at once, and its row goes with the next purge.

use std::thread::sleep;
use std::time::Duration;

use postgres::Client;
use vpd_tests::{Result, challenge};

use crate::connection::{ADMIN, BRIDGE, connect};
use crate::script::Script;

/// An application whose tickets live for a second.
const APP: &str = "story";

/// # Errors
/// A figure differs.
pub fn play(script: &mut Script) -> Result<()> {
    script.chapter("Expiry: dead before the purge, gone after it");
    let mut admin = connect(ADMIN)?;
    let result = play_with(script, &mut admin);
    // The application and its session go, whatever happened.
    admin.execute("SELECT vpd.drop_app($1)", &[&APP])?;
    result
}

fn play_with(script: &mut Script, admin: &mut Client) -> Result<()> {
    admin.execute(
        "SELECT vpd.register_app($1, 'retail', ticket_lifetime => '1 second')",
        &[&APP],
    )?;
    let mut bridge = connect(BRIDGE)?;
    let token: String = bridge
        .query_one("SELECT vpd.create_session('alice', $1)", &[&APP])?
        .get(0);
    let verifier = "the-story-keeps-this-verifier-to-itself-until-now";
    // The worker may purge between the two looks; then another ticket is tried.
    let mut verdict = Verdict::default();
    for _ in 0..3 {
        let runs = worker_runs(admin)?;
        verdict = expire(&mut bridge, admin, &token, verifier)?;
        if worker_runs(admin)? == runs {
            break;
        }
    }
    script.holds(
        "a ticket one second past its life is refused",
        verdict.is_refused,
        "no token",
    )?;
    script.equal(
        "its row is still there before the purge",
        &verdict.before,
        &1,
        "row",
    )?;
    script.equal("and gone after it", &verdict.after, &0, "rows")
}

/// What became of one expired ticket.
#[derive(Default)]
struct Verdict {
    is_refused: bool,
    before: i64,
    after: i64,
}

fn expire(bridge: &mut Client, admin: &mut Client, token: &str, verifier: &str) -> Result<Verdict> {
    let challenge = challenge(verifier);
    let ticket: String = bridge
        .query_one("SELECT vpd.issue_ticket($1, 'floor', $2)", &[&token, &challenge])?
        .get(0);
    sleep(Duration::from_secs(2));
    let given: Option<String> = bridge
        .query_one("SELECT vpd.redeem_ticket($1, 'floor', $2)", &[&ticket, &verifier])?
        .get(0);
    let before = tickets(admin)?;
    while admin.query_one("SELECT vpd.purge()", &[])?.get::<_, i64>(0) > 0 {}
    Ok(Verdict {
        is_refused: given.is_none(),
        before,
        after: tickets(admin)?,
    })
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
