//! The two front ends in a real browser: login, handoff, keep-alive, forced close, and the attacks a browser must stop.

pub mod program;
mod site;
mod third;
mod window;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vpd_tests::Result;
use vpd_tests::superstore::{Line, grouped};

use site::Site;
use third::ThirdOrigin;
use window::Browser;

fn run(test: impl AsyncFnOnce(&Site, &Browser) -> Result<()>) -> Result<()> {
    run_on(&*Site::shared()?, test)
}

fn run_on(site: &Site, test: impl AsyncFnOnce(&Site, &Browser) -> Result<()>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let browser = Browser::start().await?;
        test(site, &browser).await
    })
}

#[test]
fn pages_show_what_the_policies_leave() -> Result<()> {
    run(async |site, browser| {
        let of_alice: fn(&Line) -> bool = |line| line.region == "West" || line.region == "East";
        let of_bob: fn(&Line) -> bool = |line| line.region == "South";
        for (user, is_visible) in [("alice", of_alice), ("bob", of_bob)] {
            browser.log_in(site, user).await?;
            let expected = site.file.totals(is_visible);
            assert_eq!(browser.text("user-name").await?, user);
            assert_eq!(browser.text("orders-count").await?, grouped(expected.count));
            assert_eq!(browser.text("orders-sales").await?, expected.sales.to_string());
            let profit = if user == "alice" {
                expected.profit.to_string()
            } else {
                "Hidden".to_owned()
            };
            browser
                .wait_until(&format!(
                    "document.getElementById('profits-total').textContent === '{profit}'"
                ))
                .await?;
            browser
                .client
                .find(fantoccini::Locator::Css("form[action='/logout'] button"))
                .await?
                .click()
                .await?;
            browser
                .wait_until("document.body.dataset.state === 'nobody'")
                .await?;
        }
        Ok(())
    })
}

#[test]
fn session_travels_to_floor_and_is_kept_alive() -> Result<()> {
    run(async |site, browser| {
        browser.log_in(site, "alice").await?;
        let count = browser.text("orders-count").await?;
        let (portal, floor) = browser.open_floor().await?;
        assert_eq!(browser.text("user-name").await?, "alice");
        assert_eq!(browser.text("orders-count").await?, count);
        assert_eq!(browser.evaluate("location.search").await?, "");

        // A few seconds pass, so that a clock that moved on can be told from one that did not.
        browser
            .wait_until(&format!("{} < 12 * 3600 - 4", left("absolute")))
            .await?;
        assert_eq!(browser.evaluate(&has_moved()).await?, false);
        browser.click("send").await?;
        browser
            .wait_until("document.getElementById('keepalive-state').textContent === 'accepted'")
            .await?;
        browser.wait_until(&has_moved()).await?;
        browser.keep_picture("floor").await?;
        browser.client.switch_to_window(portal).await?;
        assert_eq!(browser.text("floor-state").await?, "1 keep-alive");
        browser.wait_until(&has_moved()).await?;
        browser.keep_picture("portal").await?;

        // Ending it on the portal ends it on floor.
        browser
            .client
            .find(fantoccini::Locator::Css("form[action='/logout'] button"))
            .await?
            .click()
            .await?;
        browser.wait_for_end_of(&floor).await
    })
}

#[test]
fn unrecorded_keepalive_closes_floor() -> Result<()> {
    run(async |site, browser| {
        browser.log_in(site, "alice").await?;
        let (portal, floor) = browser.open_floor().await?;
        browser.click("send-unrecorded").await?;
        browser.wait_for_end_of(&floor).await?;
        browser.client.switch_to_window(portal).await?;
        browser
            .wait_until("document.body.dataset.state === 'nobody'")
            .await?;
        browser
            .wait_until("document.getElementById('farewell').textContent.includes('keep-alive')")
            .await?;
        assert_eq!(
            browser
                .evaluate("document.querySelectorAll('table.rows').length")
                .await?,
            0
        );
        browser.client.refresh().await?;
        browser
            .wait_until("document.body.dataset.state === 'nobody'")
            .await?;
        Ok(())
    })
}

/// Each window asks for the clocks when those on its screen have run out. Were that a use, each would keep the others alive.
#[test]
fn open_windows_that_nobody_uses_keep_no_session_alive() -> Result<()> {
    let site = Site::start("12 seconds")?;
    run_on(&site, async |site, browser| {
        browser.log_in(site, "alice").await?;
        let (portal, floor) = browser.open_floor().await?;
        browser.client.switch_to_window(portal.clone()).await?;
        let open = format!("(window.open('{}'), true)", site.origin("portal"));
        browser.evaluate(&open).await?;
        let tab = browser.wait_for_window(&[&portal, &floor]).await?;
        browser.wait_for_end_of(&floor).await?;
        for window in [portal, tab] {
            browser.client.switch_to_window(window).await?;
            browser
                .wait_until("document.body.dataset.state === 'nobody'")
                .await?;
        }
        Ok(())
    })
}

/// The control: whoever works in floor alone keeps the session of both.
#[test]
fn whoever_uses_floor_keeps_the_session_alive() -> Result<()> {
    let site = Site::start("12 seconds")?;
    run_on(&site, async |site, browser| {
        browser.log_in(site, "alice").await?;
        let (_, floor) = browser.open_floor().await?;
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            browser.click("orders-count").await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert!(browser.client.windows().await?.contains(&floor));
        assert_eq!(browser.evaluate("document.body.dataset.state").await?, "open");
        Ok(())
    })
}

#[test]
fn pages_fit_a_phone() -> Result<()> {
    run(async |site, browser| {
        let phone = json!({ "width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": true });
        let fits = "document.documentElement.scrollWidth <= 360";
        browser
            .devtools("Emulation.setDeviceMetricsOverride", phone.clone())
            .await?;
        browser.client.goto(&site.origin("portal")).await?;
        browser
            .wait_until("document.body.dataset.state === 'nobody'")
            .await?;
        assert_eq!(browser.evaluate("innerWidth").await?, 360);
        assert_eq!(browser.evaluate(fits).await?, true);
        browser.log_in(site, "alice").await?;
        assert_eq!(browser.evaluate(fits).await?, true);
        browser.open_floor().await?;
        browser
            .devtools("Emulation.setDeviceMetricsOverride", phone)
            .await?;
        assert_eq!(browser.evaluate("innerWidth").await?, 360);
        assert_eq!(browser.evaluate(fits).await?, true);
        Ok(())
    })
}

#[test]
fn session_cookie_is_out_of_reach_of_scripts_and_of_the_other_origin() -> Result<()> {
    run(async |site, browser| {
        browser.log_in(site, "alice").await?;
        assert_eq!(browser.evaluate("document.cookie").await?, "");
        let cookies = all_cookies(browser).await?;
        let session: Vec<_> = cookies
            .iter()
            .filter(|cookie| cookie["name"] == "__Host-session")
            .collect();
        assert_eq!(session.len(), 1, "floor has a session before any handoff");
        let session = session[0];
        assert_eq!(
            (
                &session["domain"],
                &session["path"],
                &session["secure"],
                &session["httpOnly"],
                &session["sameSite"]
            ),
            (
                &json!("portal.localhost"),
                &json!("/"),
                &json!(true),
                &json!(true),
                &json!("Lax")
            ),
        );
        let entries =
            "performance.getEntries().map((entry) => entry.name).join() + location.href + document.referrer";
        let traces = browser.evaluate(entries).await?;
        assert!(
            !traces.as_str().unwrap_or_default().contains("vs_"),
            "a token is in an address"
        );
        Ok(())
    })
}

#[test]
fn replayed_ticket_is_refused_and_ends_the_session() -> Result<()> {
    run(async |site, browser| {
        browser.log_in(site, "alice").await?;
        // The attacker holds the portal's page still, so that the form with the ticket can be sent twice.
        let hold = "if (location.pathname === '/handoff/issue') {
            window.send = HTMLFormElement.prototype.submit;
            HTMLFormElement.prototype.submit = HTMLFormElement.prototype.requestSubmit = () => {};
        }";
        browser
            .devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": hold }))
            .await?;
        browser
            .client
            .goto(&format!("{}/?enter", site.origin("floor")))
            .await?;
        browser
            .wait_until("location.pathname === '/handoff/issue' && document.forms.length === 1")
            .await?;
        let issue = browser.client.window().await?;
        let stolen = all_cookies(browser)
            .await?
            .into_iter()
            .find(|cookie| cookie["name"] == "__Host-handoff");
        let stolen = stolen.ok_or("floor set no handoff cookie")?;

        browser
            .evaluate("(document.forms[0].target = '_blank', window.send.call(document.forms[0]), true)")
            .await?;
        let floor = browser.wait_for_window(&[&issue]).await?;
        browser.client.switch_to_window(floor.clone()).await?;
        browser
            .wait_until("location.pathname === '/' && document.body.dataset.state === 'open'")
            .await?;

        browser.client.switch_to_window(issue.clone()).await?;
        browser
            .devtools("Network.setCookie", handed_back(&stolen, &site.origin("floor")))
            .await?;
        browser
            .evaluate("(window.send.call(document.forms[0]), true)")
            .await?;
        let replay = browser.wait_for_window(&[&issue, &floor]).await?;
        browser.client.switch_to_window(replay).await?;
        browser
            .wait_until("document.body.innerText.includes('ticket_invalid')")
            .await?;

        // What the ticket gave is over, on floor and, because they share it, on the portal.
        browser.wait_for_end_of(&floor).await?;
        browser.client.goto(&site.origin("portal")).await?;
        browser
            .wait_until("document.body.dataset.state === 'nobody'")
            .await?;
        Ok(())
    })
}

#[test]
fn message_of_a_third_origin_is_ignored() -> Result<()> {
    run(async |site, browser| {
        browser.log_in(site, "alice").await?;
        let third = ThirdOrigin::start()?;
        browser.client.goto(third.origin()).await?;
        let attacker = browser.client.window().await?;
        let portal = site.origin("portal");
        browser
            .evaluate(&format!("(window.victim = window.open('{portal}'), true)"))
            .await?;
        let victim = browser.wait_for_window(&[&attacker]).await?;
        browser.client.switch_to_window(victim.clone()).await?;
        browser
            .wait_until("document.body.dataset.state === 'open'")
            .await?;
        // Proves that the messages arrive: the page's own handler must be what ignores them.
        browser
            .evaluate(
                "(window.heard = [], addEventListener('message', (event) => heard.push(event.origin)), true)",
            )
            .await?;

        browser.client.switch_to_window(attacker).await?;
        let message = json!({ "kind": "keep-alive", "message": format!("vm_{}", "A".repeat(43)) });
        browser
            .evaluate(&format!("(window.victim.postMessage({message}, '*'), true)"))
            .await?;
        browser.client.switch_to_window(victim).await?;
        let heard = browser.wait_until("heard.length > 0 && heard[0]").await?;
        assert_eq!(heard, third.origin());
        // The same message from floor's origin ends the session (see unrecorded_keepalive_closes_floor); here it lives on.
        let status = status_of(browser, "fetch('/api/orders')").await?;
        assert_eq!(status, 200);
        assert_eq!(browser.evaluate("document.body.dataset.state").await?, "open");
        assert_eq!(
            browser
                .evaluate("document.getElementById('journal').children.length")
                .await?,
            0
        );
        Ok(())
    })
}

#[test]
fn another_origin_reads_and_ends_nothing() -> Result<()> {
    run(async |site, browser| {
        browser.log_in(site, "alice").await?;
        let third = ThirdOrigin::start()?;
        let portal = site.origin("portal");
        browser.client.goto(third.origin()).await?;
        let read = format!("fetch('{portal}/api/orders', {{ credentials: 'include' }})");
        assert_eq!(
            status_of(browser, &read).await?,
            Value::Null,
            "another origin read the rows"
        );

        // A form is sent without asking; the bridge must refuse it. The second one is a ticket forced on the victim's browser.
        let redeem = format!("{}/handoff/redeem", site.origin("floor"));
        for address in [format!("{portal}/logout"), redeem] {
            browser.client.goto(third.origin()).await?;
            let send = format!(
                "(() => {{ const form = document.createElement('form'); form.method = 'post'; form.action = '{address}';
                   for (const name of ['ticket', 'state']) {{
                       const field = document.createElement('input'); field.name = name; field.value = 'x'; form.append(field);
                   }}
                   document.body.append(form); form.submit(); return true; }})()"
            );
            browser.evaluate(&send).await?;
            browser
                .wait_until("document.body.innerText.includes('origin_refused')")
                .await?;
        }
        browser.client.goto(&portal).await?;
        browser
            .wait_until("document.body.dataset.state === 'open'")
            .await?;
        Ok(())
    })
}

/// Seconds a clock of the page shows.
fn left(clock: &str) -> String {
    format!(
        "document.getElementById('{clock}-left').value.split(':').reduce((whole, part) => whole * 60 + Number(part), 0)"
    )
}

/// True when the idle clock runs out later than 35 minutes after login; the absolute one still does 12 hours after it.
fn has_moved() -> String {
    format!(
        "{} - {} < 12 * 3600 - 35 * 60 - 2",
        left("absolute"),
        left("idle")
    )
}

/// Status of a fetch in the current page; null when the page may not see the answer.
async fn status_of(browser: &Browser, fetch: &str) -> Result<Value> {
    let script = format!(
        "const done = arguments[0]; {fetch}.then((answer) => done(answer.status), () => done(null));"
    );
    Ok(browser.client.execute_async(&script, vec![]).await?)
}

/// Every cookie of the browser, the ones scripts cannot see included.
async fn all_cookies(browser: &Browser) -> Result<Vec<Value>> {
    let answer = browser.devtools("Network.getAllCookies", json!({})).await?;
    Ok(answer["cookies"].as_array().cloned().unwrap_or_default())
}

/// The parameters that set a cookie as it was.
fn handed_back(cookie: &Value, origin: &str) -> Value {
    json!({
        "name": cookie["name"], "value": cookie["value"], "url": format!("{origin}/"),
        "secure": true, "httpOnly": true, "sameSite": cookie["sameSite"],
    })
}
