//! Chapter: from portal to floor with a ticket, and what a second use of the ticket does.

use reqwest::Method;
use vpd_tests::Result;

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
    script.answer("floor does not know alice yet", &before, "401 session_invalid")?;

    let (page, fields) = browser.start_handoff()?;
    let stolen = browser.jar();
    let answer = browser.redeem(&page, &fields)?.verdict();
    script.answer("floor redeems the portal's ticket", &answer, "303")?;

    let portal = browser.on_portal(Method::GET, "/api/session", None)?.json(200)?;
    let floor = browser.on_floor(Method::GET, "/api/session", None)?.json(200)?;
    let [portal, floor] = [text(&portal, "session_id")?, text(&floor, "session_id")?];
    let [portal, floor] = [portal, floor].map(|id| id.split('-').next().unwrap_or_default().to_owned());
    script.equal(
        "both front ends share one session",
        floor,
        portal,
        "on the portal",
    )?;
    let orders = browser.on_floor(Method::GET, "/api/orders", None)?.json(200)?;
    script.lines(
        "on floor alice sees",
        count(&orders)?,
        stage.file.totals(of_alice).count,
    )?;

    // Somebody copied the ticket and the cookie that goes with it, and comes second.
    let own = browser.jar();
    browser.restore(stolen);
    let answer = browser.redeem(&page, &fields)?.verdict();
    script.answer("the same ticket again is refused", &answer, "401 ticket_invalid")?;
    browser.restore(own);
    let answer = browser.on_floor(Method::GET, "/api/orders", None)?.verdict();
    script.answer(
        "and the session it gave is over on floor",
        &answer,
        "401 session_invalid",
    )?;
    let answer = browser.on_portal(Method::GET, "/api/orders", None)?.verdict();
    script.answer(
        "and, being the same one, on the portal",
        &answer,
        "401 session_invalid",
    )
}
