//! Handoff from portal to floor over HTTP: a code flow with PKCE, and what a thief can do with its parts.

use serde_json::Value;
use vpd_tests::{Database, Result};

use super::login::{log_in, path};
use super::stage::Stage;
use super::wire::Answer;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// A handoff up to the form that the portal's page posts.
struct Handoff {
    cookie: String,
    ticket: String,
    state: String,
}

impl Handoff {
    fn start(stage: &Stage, portal: &str) -> Result<Self> {
        let start = stage.page("POST /handoff/start", "floor", "none=1", &Value::Null)?;
        let issue = format!("GET {}", path(&start.location()?));
        let page = stage.ask(&issue, "portal", &[&format!("Cookie: {portal}")], "")?;
        assert_eq!(page.status, 200, "{}", page.body);
        let (ticket, state) = (page.field("ticket")?, page.field("state")?);
        assert!(ticket.starts_with("vt_") && !page.head.contains(&ticket));
        assert!(
            page.body
                .contains(&format!("action=\"{}/handoff/redeem\"", stage.origin("floor")))
        );
        Ok(Self {
            cookie: start.cookie("__Host-handoff")?,
            ticket,
            state,
        })
    }

    fn redeem(&self, stage: &Stage, cookie: &str) -> Result<Answer> {
        let origin = format!("Origin: {}", stage.origin("portal"));
        let form = format!("ticket={}&state={}", self.ticket, self.state);
        stage.ask(
            "POST /handoff/redeem",
            "floor",
            &[FORM, &origin, &format!("Cookie: {cookie}")],
            &form,
        )
    }
}

fn session_of(stage: &Stage, app: &str, cookie: &str) -> Result<Answer> {
    stage.ask("GET /api/session", app, &[&format!("Cookie: {cookie}")], "")
}

#[test]
fn handoff_shares_one_session_under_two_cookies() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let portal = log_in(&stage, "portal", "alice", "")?.cookie("__Host-session")?;
    let handoff = Handoff::start(&stage, &portal)?;
    let done = handoff.redeem(&stage, &handoff.cookie)?;
    assert_eq!(
        (done.location()?.as_str(), done.cookie("__Host-handoff")?.as_str()),
        ("/", "__Host-handoff=")
    );
    let floor = done.cookie("__Host-session")?;
    assert_ne!(floor, portal);
    let (on_portal, on_floor) = (
        session_of(&stage, "portal", &portal)?,
        session_of(&stage, "floor", &floor)?,
    );
    assert_eq!(on_portal.text("session_id")?, on_floor.text("session_id")?);
    assert_eq!(on_floor.text("user_name")?, "alice");
    Ok(())
}

#[test]
fn replayed_form_is_refused_and_ends_the_session_it_gave() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let portal = log_in(&stage, "portal", "alice", "")?.cookie("__Host-session")?;
    let handoff = Handoff::start(&stage, &portal)?;
    let floor = handoff
        .redeem(&stage, &handoff.cookie)?
        .cookie("__Host-session")?;
    assert_eq!(session_of(&stage, "floor", &floor)?.status, 200);
    assert_eq!(
        handoff.redeem(&stage, &handoff.cookie)?.refusal()?,
        (401, "ticket_invalid".into())
    );
    assert_eq!(session_of(&stage, "floor", &floor)?.status, 401);
    Ok(())
}

#[test]
fn stolen_ticket_is_of_no_use_in_another_browser() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let portal = log_in(&stage, "portal", "alice", "")?.cookie("__Host-session")?;
    let stolen = Handoff::start(&stage, &portal)?;
    // Without the cookie, and with a cookie of a handoff of the thief's own: the state is not that browser's.
    let own = stage
        .page("POST /handoff/start", "floor", "none=1", &Value::Null)?
        .cookie("__Host-handoff")?;
    for cookie in ["none=1", &own] {
        assert_eq!(
            stolen.redeem(&stage, cookie)?.refusal()?,
            (403, "state_mismatch".into())
        );
    }
    // Even who forges a cookie with the right state has not the verifier.
    let forged = format!("__Host-handoff={}.{}", stolen.state, "x".repeat(43));
    assert_eq!(
        stolen.redeem(&stage, &forged)?.refusal()?,
        (401, "ticket_invalid".into())
    );
    Ok(())
}

#[test]
fn ticket_of_an_attacker_logs_nobody_in() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let attacker = log_in(&stage, "portal", "bob", "")?.cookie("__Host-session")?;
    let forced = Handoff::start(&stage, &attacker)?;
    // The victim's browser is on its way to floor too, and is made to post the attacker's form.
    let victim = stage
        .page("POST /handoff/start", "floor", "none=1", &Value::Null)?
        .cookie("__Host-handoff")?;
    let answer = forced.redeem(&stage, &victim)?;
    assert_eq!(answer.refusal()?, (403, "state_mismatch".into()));
    assert_eq!(answer.headers("set-cookie").count(), 0);
    // The control: in the attacker's own browser the same form works.
    assert_eq!(forced.redeem(&stage, &forced.cookie)?.status, 303);
    Ok(())
}

#[test]
fn handoff_without_a_session_leads_through_the_login() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let start = stage.page("POST /handoff/start", "floor", "none=1", &Value::Null)?;
    let issue = start.location()?;
    for cookie in ["Accept: */*", "Cookie: __Host-session=vs_unknown"] {
        let answer = stage.ask(&format!("GET {}", path(&issue)), "portal", &[cookie], "")?;
        let login = answer.location()?;
        assert!(
            login.starts_with("/login?return_to=/handoff/issue?target=floor%26challenge="),
            "{login}"
        );
        assert_eq!(stage.ask(&format!("GET {login}"), "portal", &[], "")?.status, 303);
    }
    Ok(())
}
