//! Chapter: a logout at the identity provider closes the windows of both front ends.

use std::thread::sleep;
use std::time::{Duration, Instant};

use reqwest::Method;
use vpd_tests::Result;

use crate::browser::Browser;
use crate::http::open;
use crate::keepalive::next_close;
use crate::script::Script;
use crate::stage::{Stage, text};

/// # Errors
/// A figure differs.
pub fn play(stage: &Stage, script: &mut Script) -> Result<()> {
    script.chapter("One logout: at the provider, and both windows close");
    let browser = Browser::log_in(stage, "alice")?;
    browser.hand_off()?;
    let windows = [
        ("the portal", open(browser.events_of_portal()?)?),
        ("floor", open(browser.events_of_floor()?)?),
    ];
    let began = Instant::now();
    let answer = stage.log_out_at_provider("alice")?.verdict();
    script.answer("the provider says that alice logged out", &answer, "200")?;
    for (window, events) in windows {
        let close = next_close(events)?;
        script.answer(
            &format!("{window} is told why"),
            &text(&close, "reason")?,
            "provider_logout",
        )?;
    }
    let took = began.elapsed();
    script.holds(
        "both within a second",
        took < Duration::from_secs(1),
        &format!("{} ms", took.as_millis()),
    )?;
    let answer = browser.on_portal(Method::GET, "/api/orders", None)?.verdict();
    // Tokens tell seconds: one of the same second as the logout may be from before it, and opens nothing.
    sleep(Duration::from_secs(1));
    script.answer("and nothing is shown any more", &answer, "401 session_invalid")
}
