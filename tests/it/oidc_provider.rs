//! The certified OpenID provider `oidc-provider`: people log in at it through the bridge, the database verifies what it signs, and its keys are followed.
//!
//! The provider is the package as it is published, in a process of its own (`tests/oidc/provider.mjs`); `.ci/deps test` installs it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vpd_tests::{Database, Desk, Result, log_folder, program, role, until, until_within};

use crate::bridge::login::path;
use crate::bridge::stage::Stage;
use crate::bridge::wire::{Answer, Events, send};
use crate::browser::program::Program;

/// The provider; it ends when its input does.
struct Provider {
    child: Child,
    input: Option<ChildStdin>,
    log: PathBuf,
    issuer: String,
}

fn packages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/oidc/node_modules")
}

impl Provider {
    /// Starts it for a bridge that it sends people back to.
    fn start(port: u16, name: &str) -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc/provider.mjs");
        let log = log_folder().join(format!("oidc-{}-{name}.log", std::process::id()));
        let of_apps =
            |path: &str| ["portal", "floor"].map(|app| format!("http://{app}.localhost:{port}{path}"));
        let client = json!({
            "redirect_uris": of_apps("/login/callback"),
            "post_logout_redirect_uris": of_apps("/"),
            "backchannel_logout_uri": format!("http://127.0.0.1:{port}/v1/backchannel-logout"),
            "backchannel_logout_session_required": true,
        });
        let mut child = Command::new("node")
            .arg(script)
            .arg(packages())
            .arg(client.to_string())
            .stdin(Stdio::piped())
            .stdout(std::fs::File::create(&log)?)
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("node: {error}; run .ci/deps test"))?;
        let mut provider = Self {
            input: child.stdin.take(),
            child,
            log,
            issuer: String::new(),
        };
        provider.issuer = provider.told("issuer ")?;
        Ok(provider)
    }

    /// What it has said behind a word.
    fn told(&self, word: &str) -> Result<String> {
        let mut said = None;
        until(&format!("the provider says {word}"), || {
            let text = std::fs::read_to_string(&self.log)?;
            said = text
                .lines()
                .filter_map(|line| line.strip_prefix(word).map(str::to_owned))
                .next_back();
            Ok(said.is_some() && text.ends_with('\n'))
        })?;
        Ok(said.unwrap_or_default())
    }

    /// Has it take another key, and leave the one it had.
    fn rotate(&mut self) -> Result<String> {
        self.input
            .as_mut()
            .ok_or("the provider has no input")?
            .write_all(b"rotate\n")?;
        self.told("rotated ")
    }

    fn port(&self) -> Result<u16> {
        Ok(self.issuer.rsplit(':').next().unwrap_or_default().parse()?)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A browser at the provider, as far as it keeps cookies and follows redirections.
#[derive(Default)]
struct Visitor(BTreeMap<String, String>);

impl Visitor {
    fn ask(&mut self, provider: &Provider, line: &str, form: &str) -> Result<Answer> {
        let port = provider.port()?;
        let cookies: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = format!("Cookie: {}", cookies.join("; "));
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let answer = send(port, &format!("127.0.0.1:{port}"), line, &[&cookies, kind], form)?;
        for cookie in answer.headers("set-cookie") {
            let pair = cookie.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.0.remove(name);
                if !value.is_empty() {
                    self.0.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Ok(answer)
    }
}

/// Logs in at the provider in a browser of its own and comes back; the path of the application that the provider sends to.
fn visit(provider: &Provider, address: &str, user: &str) -> Result<String> {
    Ok(path(&visit_as(&mut Visitor::default(), provider, address, user)?).to_owned())
}

/// The same in a browser that was there before; the whole address.
fn visit_as(visitor: &mut Visitor, provider: &Provider, address: &str, user: &str) -> Result<String> {
    let mut next = address.to_owned();
    for _ in 0..10 {
        let here = path(&next).to_owned();
        let answer = visitor.ask(provider, &format!("GET {here}"), "")?;
        if answer.status == 303 {
            next = answer.location()?;
            if !next.starts_with('/') && !next.starts_with(&provider.issuer) {
                return Ok(next);
            }
            continue;
        }
        assert_eq!(answer.status, 200, "{}", answer.body);
        let form = if answer.body.contains("name=\"login\"") {
            if user.is_empty() {
                return Err("the provider asks who is there".into());
            }
            format!("prompt=login&login={user}&password=x")
        } else {
            "prompt=consent".to_owned()
        };
        next = visitor
            .ask(provider, &format!("POST {here}"), &form)?
            .location()?;
    }
    Err("the provider does not come to an end".into())
}

/// Starts a login at the bridge and logs in at the provider: the header with the login cookie, and where the browser goes then.
fn begin(stage: &Stage, provider: &Provider, user: &str) -> Result<(String, String)> {
    let start = stage.ask("GET /login", "portal", &[], "")?;
    let cookie = format!("Cookie: {}", start.cookie("__Host-login")?);
    Ok((cookie, visit(provider, &start.location()?, user)?))
}

fn log_in(stage: &Stage, provider: &Provider, user: &str) -> Result<Answer> {
    let (cookie, back) = begin(stage, provider, user)?;
    stage.ask(&format!("GET {back}"), "portal", &[&cookie], "")
}

/// An identity token of the provider, as somebody gets it who has the code and the verifier; without a bridge.
fn identity_token(stage: &Stage, provider: &Provider, user: &str) -> Result<String> {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let redirect = format!("{}/login/callback", stage.origin("portal"))
        .replace(':', "%3A")
        .replace('/', "%2F");
    let address = format!(
        "/auth?response_type=code&client_id=session-bridge&redirect_uri={redirect}&scope=openid&state=s&nonce=n&\
         code_challenge={}&code_challenge_method=S256",
        vpd_tests::challenge(verifier)
    );
    let back = visit(provider, &address, user)?;
    let code = back
        .split(['?', '&'])
        .find_map(|part| part.strip_prefix("code="))
        .ok_or_else(|| format!("no code: {back}"))?;
    let form = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={redirect}&code_verifier={verifier}&client_id=session-bridge"
    );
    let answer = Visitor::default().ask(provider, "POST /token", &form)?;
    answer.text("id_token")
}

fn create(stage: &Stage, token: &str) -> Result<Answer> {
    let body = json!({"identity_token": token, "app": "portal", "nonce": "n"});
    stage.call("POST /v1/sessions", "none", &body)
}

/// `keys sync --watch`, which looks again a second after a key was missed.
fn watch(desk: &Desk, name: &str) -> Result<Program> {
    let log = log_folder().join(format!("keys-{}-{name}.log", std::process::id()));
    let config = desk.path("bridge.toml");
    let arguments = [
        "VPD_BRIDGE__KEYS__PAUSE_SECONDS=1".as_ref(),
        program()?.as_os_str(),
        "--config".as_ref(),
        config.as_os_str(),
        "keys".as_ref(),
        "sync".as_ref(),
        "--watch".as_ref(),
    ];
    Program::start(Path::new("env"), &arguments, &log)
}

struct Scene<'a> {
    stage: Stage,
    provider: Provider,
    database: &'a Database<'static>,
    _desk: Desk,
    _watch: Program,
}

fn scene<'a>(database: &'a Database<'static>, name: &str) -> Result<Scene<'a>> {
    let mut provider = None;
    let stage = Stage::with_provider(database, |port| {
        let started = Provider::start(port, name)?;
        Ok(provider.insert(started).issuer.clone())
    })?;
    let provider = provider.ok_or("no provider")?;
    let desk = Desk::at(database)?;
    let watch = watch(&desk, name)?;
    let mut admin = database.admin()?;
    until("the provider's keys are there", || {
        let query = "SELECT EXISTS (SELECT FROM vpd.issuer_keys WHERE issuer = $1)";
        Ok(admin.query_one(query, &[&provider.issuer])?.get(0))
    })?;
    Ok(Scene {
        stage,
        provider,
        database,
        _desk: desk,
        _watch: watch,
    })
}

#[test]
fn people_log_in_at_a_certified_provider_and_the_database_verifies_its_tokens() -> Result<()> {
    let database = Database::create()?;
    let scene = scene(&database, "login")?;
    let (stage, provider) = (&scene.stage, &scene.provider);
    let done = log_in(stage, provider, "alice")?;
    assert_eq!(done.location()?, "/");
    let cookie = format!("Cookie: {}", done.cookie("__Host-session")?);
    let session: Value =
        serde_json::from_str(&stage.ask("GET /api/session", "portal", &[&cookie], "")?.body)?;
    assert_eq!(
        (&session["user_name"], &session["roles"], &session["attributes"]),
        (
            &json!("alice"),
            &json!(["manager"]),
            &json!({"app": {"regions": ["West"]}, "identity": {"issuer": provider.issuer}})
        )
    );
    // A code that another browser brings, or that was used.
    let (cookie, back) = begin(stage, provider, "bob")?;
    let other = stage
        .ask("GET /login", "portal", &[], "")?
        .cookie("__Host-login")?;
    let line = format!("GET {back}");
    assert_eq!(
        stage
            .ask(&line, "portal", &[&format!("Cookie: {other}")], "")?
            .status,
        403
    );
    assert_eq!(stage.ask(&line, "portal", &[&cookie], "")?.status, 303);
    let again = stage.ask(&line, "portal", &[&cookie], "")?;
    assert_eq!(again.refusal()?, (401, "identity_invalid".into()));
    // A service hands a token in; it opens one session, and a changed one none.
    let token = identity_token(stage, provider, "bob")?;
    let middle = token.len() / 2;
    let letter = if &token[middle..=middle] == "A" { "B" } else { "A" };
    let changed = format!("{}{letter}{}", &token[..middle], &token[middle + 1..]);
    let refused = (401, "token_refused".to_owned());
    assert_eq!(create(stage, &changed)?.refusal()?, refused);
    let created = create(stage, &token)?;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(create(stage, &token)?.refusal()?, refused);
    // What the application demands reaches the provider: then the token says when bob was authenticated.
    let mut admin = scene.database.admin()?;
    let demand = |age: &str| {
        format!(
            "SELECT vpd.register_app('portal', 'retail', ARRAY['{}'], max_auth_age => {age})",
            stage.origin("portal")
        )
    };
    admin.batch_execute(&demand("'1 hour'"))?;
    assert_eq!(log_in(stage, provider, "alice")?.location()?, "/");
    Ok(())
}

#[test]
fn a_rotation_is_followed_within_a_minute_and_old_tokens_live_for_the_grace() -> Result<()> {
    const GRACE: u64 = 6;
    let database = Database::create()?;
    let mut scene = scene(&database, "rotation")?;
    let mut admin = database.admin()?;
    admin.execute(
        "SELECT vpd.alter_issuer($1, key_grace => make_interval(secs => $2::float8))",
        &[&scene.provider.issuer, &(GRACE as f64)],
    )?;
    let [old, late] = [
        identity_token(&scene.stage, &scene.provider, "alice")?,
        identity_token(&scene.stage, &scene.provider, "bob")?,
    ];
    let new_key = scene.provider.rotate()?;
    let rotated = Instant::now();
    // People who log in meanwhile are refused until the key is there; nobody has to do anything about it.
    until_within(Duration::from_secs(60), "a login with the new key works", || {
        Ok(log_in(&scene.stage, &scene.provider, "alice")?.status == 303)
    })?;
    assert!(rotated.elapsed() < Duration::from_secs(60));
    let retired: f64 = admin
        .query_one(
            "SELECT extract(epoch FROM clock_timestamp() - max(retired_at))::float8 FROM vpd.issuer_keys WHERE kid <> $1",
            &[&new_key],
        )?
        .get(0);
    // One that the old key signed, within the grace and after it.
    assert!(retired < GRACE as f64, "the machine is too slow for this grace");
    assert_eq!(create(&scene.stage, &old)?.status, 201);
    let mut keys = scene.database.connect(role::KEYS)?;
    until("the grace is over", || {
        let query = "SELECT bool_and(is_accepted = (kid = $1)) FROM vpd.issuer_keys";
        Ok(keys.query_one(query, &[&new_key])?.get(0))
    })?;
    assert_eq!(
        create(&scene.stage, &late)?.refusal()?,
        (401, "token_refused".into())
    );
    // control: a token of the same person that the new key signed
    let fresh = identity_token(&scene.stage, &scene.provider, "bob")?;
    assert_eq!(create(&scene.stage, &fresh)?.status, 201);
    Ok(())
}

/// Logs in at an application in a browser; the header with the session's cookie. Nobody is asked for a name where no user is given.
fn log_in_as(
    visitor: &mut Visitor,
    stage: &Stage,
    provider: &Provider,
    app: &str,
    user: &str,
) -> Result<String> {
    let start = stage.ask("GET /login", app, &[], "")?;
    let cookie = format!("Cookie: {}", start.cookie("__Host-login")?);
    let back = visit_as(visitor, provider, &start.location()?, user)?;
    let done = stage.ask(&format!("GET {}", path(&back)), app, &[&cookie], "")?;
    assert_eq!(done.status, 303, "{}", done.body);
    done.cookie("__Host-session")
}

/// Says yes at the provider's page for logging out; where it leads then.
fn confirm_logout(visitor: &mut Visitor, provider: &Provider, address: &str) -> Result<Answer> {
    let page = visitor.ask(provider, &format!("GET {}", path(address)), "")?;
    assert_eq!(page.status, 200, "{}", page.body);
    let form = format!("xsrf={}&logout=yes", page.field("xsrf")?);
    visitor.ask(provider, "POST /session/end/confirm", &form)
}

fn is_live(stage: &Stage, app: &str, cookie: &str) -> Result<bool> {
    let answer = stage.ask("GET /api/session", app, &[&format!("Cookie: {cookie}")], "")?;
    Ok(answer.status == 200)
}

#[test]
fn a_logout_at_the_provider_closes_the_windows_of_all_applications_within_a_second() -> Result<()> {
    let database = Database::create()?;
    let scene = scene(&database, "backchannel")?;
    let (stage, provider) = (&scene.stage, &scene.provider);
    let mut visitor = Visitor::default();
    let portal = log_in_as(&mut visitor, stage, provider, "portal", "alice")?;
    // The provider knows who is there.
    let floor = log_in_as(&mut visitor, stage, provider, "floor", "")?;
    let elsewhere = log_in_as(&mut Visitor::default(), stage, provider, "portal", "alice")?;
    let mut windows = Vec::new();
    for cookie in [&portal, &floor] {
        let token = cookie.split('=').nth(1).unwrap_or_default();
        windows.push(Events::open(stage.port(), &stage.host("service"), token)?);
    }
    let began = Instant::now();
    confirm_logout(&mut visitor, provider, "/session/end")?;
    for window in &mut windows {
        assert_eq!(window.close()?.1, "provider_logout");
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(!is_live(stage, "portal", &portal)? && !is_live(stage, "floor", &floor)?);
    assert!(
        is_live(stage, "portal", &elsewhere)?,
        "another login of the same user goes on"
    );
    Ok(())
}

#[test]
fn a_logout_at_an_application_logs_out_at_the_provider_and_everywhere() -> Result<()> {
    let database = Database::create()?;
    let scene = scene(&database, "logout")?;
    let (stage, provider) = (&scene.stage, &scene.provider);
    let mut visitor = Visitor::default();
    let portal = log_in_as(&mut visitor, stage, provider, "portal", "alice")?;
    let floor = log_in_as(&mut visitor, stage, provider, "floor", "")?;
    let cookie = format!("Cookie: {floor}");
    let left = stage.ask(
        "POST /logout",
        "floor",
        &[&cookie, "Sec-Fetch-Site: same-origin"],
        "",
    )?;
    assert_eq!(left.status, 200, "{}", left.body);
    assert!(!is_live(stage, "portal", &portal)? && !is_live(stage, "floor", &floor)?);
    assert_eq!(
        left.headers("clear-site-data").collect::<Vec<_>>(),
        [r#""cache", "storage""#]
    );
    for name in ["__Host-session", "__Host-login", "__Host-handoff"] {
        let removed = left
            .headers("set-cookie")
            .any(|set| set.starts_with(&format!("{name}=;")) && set.contains("Max-Age=0"));
        assert!(removed, "{name}");
    }
    let address = left
        .body
        .split("url=")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .ok_or("no address")?
        .replace("&amp;", "&");
    assert!(address.contains("id_token_hint=ey"), "{address}");
    let home = confirm_logout(&mut visitor, provider, &address)?.location()?;
    assert_eq!(home, format!("{}/", stage.origin("floor")));
    // Whoever logs in next is asked who he is.
    let bob = log_in_as(&mut visitor, stage, provider, "portal", "bob")?;
    let answer = stage.ask("GET /api/session", "portal", &[&format!("Cookie: {bob}")], "")?;
    assert_eq!(answer.text("user_name")?, "bob");
    Ok(())
}

#[test]
fn a_page_may_have_the_provider_ask_though_it_knows_who_is_there() -> Result<()> {
    let database = Database::create()?;
    let scene = scene(&database, "prompt")?;
    let (stage, provider) = (&scene.stage, &scene.provider);
    let mut visitor = Visitor::default();
    log_in_as(&mut visitor, stage, provider, "portal", "alice")?;
    // Control: it lets her in without a word.
    log_in_as(&mut visitor, stage, provider, "portal", "")?;
    let start = stage.ask("GET /login?prompt=login", "portal", &[], "")?;
    let asked = visit_as(&mut visitor, provider, &start.location()?, "");
    assert!(asked.is_err_and(|error| error.to_string().contains("who is there")));
    let start = stage.ask("GET /login?prompt=login", "portal", &[], "")?;
    let cookie = format!("Cookie: {}", start.cookie("__Host-login")?);
    let back = visit_as(&mut visitor, provider, &start.location()?, "alice")?;
    let done = stage.ask(&format!("GET {}", path(&back)), "portal", &[&cookie], "")?;
    assert_eq!(done.status, 303);
    for bad in ["none", "", "login%20consent"] {
        assert_eq!(
            stage
                .ask(&format!("GET /login?prompt={bad}"), "portal", &[], "")?
                .status,
            400,
            "{bad}"
        );
    }
    Ok(())
}

#[test]
fn a_word_of_nobody_reaches_the_bridge_and_ends_nothing() -> Result<()> {
    let database = Database::create()?;
    let scene = scene(&database, "forged")?;
    let (stage, provider) = (&scene.stage, &scene.provider);
    let portal = log_in_as(&mut Visitor::default(), stage, provider, "portal", "alice")?;
    let identity = identity_token(stage, provider, "alice")?;
    let form = "Content-Type: application/x-www-form-urlencoded";
    for body in [
        String::new(),
        "logout_token=".to_owned(),
        "logout_token=a.b.c".to_owned(),
        format!("logout_token={identity}"),
        format!("logout_token={}", "x".repeat(40_000)),
    ] {
        let answer = stage.ask("POST /v1/backchannel-logout", "service", &[form], &body)?;
        let refused = (answer.status, answer.text("error")?);
        assert_eq!(
            refused,
            (400, "invalid_request".to_owned()),
            "{}",
            &body[..body.len().min(40)]
        );
    }
    assert!(is_live(stage, "portal", &portal)?);
    Ok(())
}
