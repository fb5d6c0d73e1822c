//! Chapter: keep-alives. One that floor recorded moves the idle clock; one that nobody recorded closes floor.

use std::io::{BufRead, BufReader, Read};
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vpd_tests::Result;

use crate::browser::Browser;
use crate::connection::{ADMIN, connect};
use crate::http::open;
use crate::script::Script;
use crate::stage::{Stage, text};

const PAUSE: Duration = Duration::from_millis(1500);

/// # Errors
/// A figure differs.
pub fn play(stage: &Stage, script: &mut Script) -> Result<()> {
    script.chapter("Keep-alive: believed only when it was recorded");
    let browser = Browser::log_in(stage, "alice")?;
    browser.hand_off()?;
    let session = browser.on_floor(Method::GET, "/api/session", None)?.json(200)?;
    let id = text(&session, "session_id")?;

    let before = idle_deadline(&id)?;
    sleep(PAUSE);
    let message = json!({ "target_app": "portal" });
    let recorded = browser
        .on_floor(Method::POST, "/api/messages", Some(&message))?
        .json(201)?;
    let message = json!({ "message": recorded["message"] });
    let answer = browser
        .on_portal(Method::POST, "/api/messages/validate", Some(&message))?
        .verdict();
    script.answer("a recorded keep-alive is accepted", &answer, "200")?;
    let moved = idle_deadline(&id)? - before;
    let figure = format!("+{moved:.1} s after a pause of {:.1} s", PAUSE.as_secs_f64());
    script.holds(
        "and the idle clock moved on",
        moved >= PAUSE.as_secs_f64(),
        &figure,
    )?;

    let events = open(browser.events_of_floor()?)?;
    let status = events.status().as_u16().to_string();
    script.answer("floor listens to its stream of events", &status, "200")?;
    let began = Instant::now();
    let message = json!({ "message": unrecorded() });
    let answer = browser
        .on_portal(Method::POST, "/api/messages/validate", Some(&message))?
        .verdict();
    script.answer(
        "a keep-alive nobody recorded is refused",
        &answer,
        "401 message_invalid",
    )?;
    let close = next_close(events)?;
    let figure = format!(
        "{} after {} ms",
        text(&close, "reason")?,
        began.elapsed().as_millis()
    );
    script.holds(
        "floor is told to close through its stream",
        close["id"].as_i64() > Some(0),
        &figure,
    )?;
    let path = format!("/api/messages/{}/ack", close["id"]);
    let answer = browser.on_floor(Method::POST, &path, None)?.verdict();
    script.answer("floor acknowledges", &answer, "204")?;
    let answer = browser.on_floor(Method::GET, "/api/orders", None)?.verdict();
    script.answer("and sees no row any more", &answer, "401 session_invalid")
}

/// When the session dies unless it is used, in seconds, as the database keeps it. Looking does not move it.
fn idle_deadline(session_id: &str) -> Result<f64> {
    let query = "SELECT extract(epoch FROM idle_expires_at)::float8 FROM vpd.sessions WHERE session_id = $1::text::uuid";
    Ok(connect(ADMIN)?.query_one(query, &[&session_id])?.get(0))
}

/// The right shape, and nothing the database ever gave out.
fn unrecorded() -> String {
    let guess = Sha256::digest(format!("{:?} {}", Instant::now(), std::process::id()));
    format!("vm_{}", URL_SAFE_NO_PAD.encode(guess))
}

/// Reads the stream up to the first `close`; the request's time limit ends the wait.
pub fn next_close(stream: impl Read) -> Result<Value> {
    let mut is_close = false;
    for line in BufReader::new(stream).lines() {
        let line = line.map_err(|error| format!("no close event came: {error}"))?;
        match line.split_once(':') {
            Some(("event", kind)) => is_close = kind.trim() == "close",
            Some(("data", data)) if is_close => return Ok(serde_json::from_str(data.trim())?),
            _ => {}
        }
    }
    Err("the stream of events ended without a close event".into())
}
