//! Chapter: from portal to floor with a ticket, and what a second use of the ticket does.

use reqwest::Method;
use vpd_tests::Result;
use vpd_tests::superstore::grouped;

use crate::browser::Browser;
use crate::rows::{count, of_alice};
use crate::script::Script;
use crate::stage::{Stage, text};

/// # Errors
/// A figure differs.
pub fn play(stage: &Stage, script: &mut Script) -> Result<()> {
    script.chapter("Handoff: one login, two front ends");
    let browser = Browser::log_in(stage, "alice")?;
    let before = browser.on_floor(Method::GET, "/api/session", None)?.verdict();
    script.holds(
        "floor does not know alice yet",
        before == "401 session_invalid",
        &before,
    )?;

    let (page, fields) = browser.start_handoff()?;
    let stolen = browser.jar();
    let answer = browser.redeem(&page, &fields)?;
    script.holds(
        "floor redeems the portal's ticket",
        answer.status == 303,
        &answer.verdict(),
    )?;

    let portal = browser.on_portal(Method::GET, "/api/session", None)?.json(200)?;
    let floor = browser.on_floor(Method::GET, "/api/session", None)?.json(200)?;
    let [portal, floor] = [text(&portal, "session_id")?, text(&floor, "session_id")?];
    let figure = format!("session {}…", floor.chars().take(8).collect::<String>());
    script.holds("both front ends share one session", portal == floor, &figure)?;
    let orders = browser.on_floor(Method::GET, "/api/orders", None)?.json(200)?;
    let expected = grouped(stage.file.totals(of_alice).count);
    script.equal(
        "on floor alice sees",
        &grouped(count(&orders)?),
        &expected,
        "in the CSV",
    )?;

    // Somebody copied the ticket and the cookie that goes with it, and comes second.
    let own = browser.jar();
    browser.restore(stolen);
    let answer = browser.redeem(&page, &fields)?.verdict();
    script.holds(
        "the same ticket again is refused",
        answer == "401 ticket_invalid",
        &answer,
    )?;
    browser.restore(own);
    for (name, answer) in [
        (
            "floor",
            browser.on_floor(Method::GET, "/api/orders", None)?.verdict(),
        ),
        (
            "the portal",
            browser.on_portal(Method::GET, "/api/orders", None)?.verdict(),
        ),
    ] {
        let what = format!("and the session it gave is over on {name}");
        script.holds(&what, answer == "401 session_invalid", &answer)?;
    }
    Ok(())
}
