//! Login and logout in a browser: authorization code with PKCE at the provider, a cookie of the application's own origin.

use vpd_tests::{Database, Result, assert_refused, attach, role};

use super::stage::Stage;
use super::wire::Answer;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const FIELDS: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];

/// A login that waits for the browser to come back.
pub struct Pending {
    /// Header with the login cookie.
    pub cookie: String,
    /// Path and query the provider sends the browser back to.
    pub callback: String,
}

/// Starts a login and says user and password at the provider.
pub fn start(stage: &Stage, app: &str, user: &str) -> Result<Pending> {
    start_at(stage, app, user, str::to_owned)
}

/// The same with another request at the provider than the bridge made; `changed` makes it from that one.
pub fn start_at(
    stage: &Stage,
    app: &str,
    user: &str,
    changed: impl FnOnce(&str) -> String,
) -> Result<Pending> {
    let start = stage.ask("GET /login", app, &[], "")?;
    let address = changed(path(&start.location()?));
    let page = stage.ask(&format!("GET {address}"), "login", &[], "")?;
    let mut form = format!("username={user}&password={user}");
    for name in FIELDS {
        form += &format!("&{name}={}", page.field(name)?.replace(' ', "+"));
    }
    let origin = format!("Origin: {}", stage.origin("login"));
    let back = stage
        .ask("POST /authorize", "login", &[FORM, &origin], &form)?
        .location()?;
    assert!(
        back.starts_with(&format!("{}/login/callback?code=", stage.origin(app))),
        "{back}"
    );
    Ok(Pending {
        cookie: start.cookie("__Host-login")?,
        callback: path(&back).to_owned(),
    })
}

/// Logs in; `session` is the session cookie the browser still has.
pub fn log_in(stage: &Stage, app: &str, user: &str, session: &str) -> Result<Answer> {
    let Pending { cookie, callback } = start(stage, app, user)?;
    stage.ask(
        &format!("GET {callback}"),
        app,
        &[&format!("Cookie: {cookie}; {session}")],
        "",
    )
}

/// Path and query of an address.
pub fn path(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or("/", |at| &url[host + at..])
}

#[test]
fn login_gives_a_cookie_of_this_host_and_logout_ends_the_session() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let done = log_in(&stage, "portal", "alice", "")?;
    assert_eq!(done.location()?, "/");
    let line = done
        .headers("set-cookie")
        .find(|line| line.starts_with("__Host-session="))
        .unwrap_or_default();
    let attributes: Vec<_> = line.split("; ").skip(1).collect();
    assert_eq!(attributes, ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"]);
    assert_eq!(
        done.cookie("__Host-login")?,
        "__Host-login=",
        "the login cookie stays"
    );

    let cookie = done.cookie("__Host-session")?;
    let session = stage.ask("GET /api/session", "portal", &[&format!("Cookie: {cookie}")], "")?;
    assert_eq!(
        (session.status, session.text("user_name")?.as_str()),
        (200, "alice")
    );
    assert!(!session.body.contains("vs_"), "the page can read the token");

    let out = stage.page("POST /logout", "portal", &cookie, &serde_json::Value::Null)?;
    assert_eq!(
        (out.location()?, out.cookie("__Host-session")?.as_str()),
        (format!("{}/", stage.origin("portal")), "__Host-session=")
    );
    let token = cookie.trim_start_matches("__Host-session=");
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    assert_refused(attach(&mut transaction, token), "28000", "session_invalid");
    Ok(())
}

#[test]
fn new_login_gives_a_new_token_and_ends_the_old_session() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let first = log_in(&stage, "portal", "alice", "")?.cookie("__Host-session")?;
    let second = log_in(&stage, "portal", "alice", &first)?.cookie("__Host-session")?;
    assert_ne!(first, second);
    let ask = |cookie: &str| stage.ask("GET /api/session", "portal", &[&format!("Cookie: {cookie}")], "");
    assert_eq!(ask(&first)?.status, 401);
    assert_eq!(ask(&second)?.status, 200);
    Ok(())
}

#[test]
fn code_is_good_for_one_login() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let pending = start(&stage, "portal", "alice")?;
    let (line, cookie) = (
        format!("GET {}", pending.callback),
        format!("Cookie: {}", pending.cookie),
    );
    assert_eq!(stage.ask(&line, "portal", &[&cookie], "")?.status, 303);
    assert_eq!(
        stage.ask(&line, "portal", &[&cookie], "")?.refusal()?,
        (401, "identity_invalid".into())
    );
    Ok(())
}

#[test]
fn answer_to_another_browsers_login_is_refused() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    // The attacker logs in and sends the victim the address of the own callback.
    let attacker = start(&stage, "portal", "bob")?;
    let victim = start(&stage, "portal", "alice")?;
    let line = format!("GET {}", attacker.callback);
    let forced = stage.ask(&line, "portal", &[&format!("Cookie: {}", victim.cookie)], "")?;
    assert_eq!(forced.refusal()?, (403, "state_mismatch".into()));
    assert!(
        forced
            .headers("set-cookie")
            .all(|cookie| !cookie.starts_with("__Host-session"))
    );
    // The control: with the attacker's own cookie it works.
    assert_eq!(
        stage
            .ask(&line, "portal", &[&format!("Cookie: {}", attacker.cookie)], "")?
            .status,
        303
    );
    Ok(())
}
