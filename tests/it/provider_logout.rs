//! One logout: what a login at an identity provider opened ends with it, in all applications, whoever tells of it.

use std::thread;
use std::time::Duration;

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::issuer::{SigningKey, claims, now, reasons};
use vpd_tests::{Database, Result, assert_denied_to_all_but, assert_refused, issue, redeem, role};

const ISSUER: &str = "https://idp.example/realm";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

struct Scene {
    database: Database<'static>,
    key: SigningKey,
    bridge: Client,
}

fn scene() -> Result<Scene> {
    let database = Database::create()?;
    let key = SigningKey::generate("ES256")?;
    let mut admin = database.admin()?;
    admin.batch_execute(&format!(
        "SELECT vpd.trust_issuer('{ISSUER}', '{{portal-client,floor-client}}'); SELECT vpd.trust_issuer('{ISSUER}/other', '{{portal-client}}')"
    ))?;
    for issuer in [ISSUER.to_owned(), format!("{ISSUER}/other")] {
        admin.query(
            "SELECT FROM vpd.set_issuer_keys($1, $2::text::jsonb)",
            &[&issuer, &json!({"keys": [key.public("one")]}).to_string()],
        )?;
    }
    let bridge = database.connect(role::BRIDGE)?;
    Ok(Scene {
        database,
        key,
        bridge,
    })
}

impl Scene {
    fn sign(&self, typ: &str, claims: &Value) -> Result<String> {
        self.key
            .sign(&json!({"alg": "ES256", "kid": "one", "typ": typ}), claims)
    }

    /// A login at the provider, made some seconds ago.
    fn login(&self, issuer: &str, subject: &str, session: Option<&str>, age: i64) -> Result<String> {
        let mut said = claims(issuer, subject);
        said["iat"] = json!(now() - age);
        said["jti"] = json!(uuid());
        if let Some(session) = session {
            said["sid"] = json!(session);
        }
        self.sign("JWT", &said)
    }

    fn create(&mut self, token: &str, app: &str) -> Result<String> {
        Ok(self
            .bridge
            .query_one("SELECT vpd.create_session_from_token($1, $2)", &[&token, &app])?
            .get(0))
    }

    fn logout(&self, change: &Value) -> Result<String> {
        let mut said = json!({
            "iss": ISSUER, "aud": "portal-client", "iat": now(), "exp": now() + 60, "jti": uuid(), "events": { EVENT: {} },
        });
        for (name, value) in change.as_object().into_iter().flatten() {
            said[name] = value.clone();
        }
        self.sign("logout+jwt", &said)
    }

    fn tell(&mut self, change: &Value) -> Result<i64> {
        let token = self.logout(change)?;
        Ok(self
            .bridge
            .query_one("SELECT vpd.log_out_from_token($1)", &[&token])?
            .get(0))
    }

    /// Which of these tokens open a session.
    fn live(&mut self, tokens: &[&String]) -> Result<Vec<bool>> {
        let mut live = Vec::new();
        for token in tokens {
            let mut transaction = self.bridge.transaction()?;
            live.push(
                transaction
                    .query("SELECT vpd.attach_session($1)", &[token])
                    .is_ok(),
            );
            transaction.rollback()?;
        }
        Ok(live)
    }
}

fn uuid() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("id-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[test]
fn a_logout_ends_what_the_same_login_opened_and_tells_where_to_go_on() -> Result<()> {
    let mut scene = scene()?;
    let first = scene.login(ISSUER, "alice", Some("s-1"), 5)?;
    let portal = scene.create(&first, "portal")?;
    let second = scene.login(ISSUER, "alice", Some("s-1"), 4)?;
    let floor = scene.create(&second, "floor")?;
    let third = scene.login(ISSUER, "alice", Some("s-2"), 4)?;
    let elsewhere = scene.create(&third, "portal")?;
    let fourth = scene.login(&format!("{ISSUER}/other"), "alice", Some("s-1"), 4)?;
    let other = scene.create(&fourth, "portal")?;
    let ticket = issue(&mut scene.bridge, &portal, "floor")?;
    let handed = redeem(&mut scene.bridge, &ticket, "floor")?.ok_or("no session")?;
    let told = scene
        .bridge
        .query("SELECT issuer, id_token_hint FROM vpd.log_out($1)", &[&handed])?;
    assert_eq!(told.len(), 1);
    let told: (String, String) = (told[0].get(0), told[0].get(1));
    assert_eq!(
        told,
        (ISSUER.to_owned(), first),
        "a session that was handed over leads to the login that it came from"
    );
    assert_eq!(
        scene.live(&[&portal, &floor, &handed, &elsewhere, &other])?,
        [false, false, false, true, true]
    );
    // One without a provider, and none at all.
    let own: String = scene
        .database
        .connect(role::BRIDGE)?
        .query_one("SELECT vpd.create_session('bob', 'portal')", &[])?
        .get(0);
    for token in [own.as_str(), "vs_unknown", ""] {
        let told = scene.bridge.query("SELECT FROM vpd.log_out($1)", &[&token])?;
        assert!(told.is_empty(), "{token}");
    }
    assert_eq!(scene.live(&[&own])?, [false]);
    Ok(())
}

#[test]
fn the_provider_ends_a_login_or_all_of_a_user_and_each_word_of_it_counts_once() -> Result<()> {
    let mut scene = scene()?;
    let mut opened = Vec::new();
    for (issuer, subject, session) in [
        (ISSUER.to_owned(), "alice", Some("s-1")),
        (ISSUER.to_owned(), "alice", Some("s-2")),
        (ISSUER.to_owned(), "alice", None),
        (ISSUER.to_owned(), "bob", Some("s-3")),
        (format!("{ISSUER}/other"), "alice", Some("s-1")),
    ] {
        let token = scene.login(&issuer, subject, session, 5)?;
        opened.push(scene.create(&token, "portal")?);
    }
    let opened: Vec<&String> = opened.iter().collect();
    // A session of somebody else is not his.
    assert_eq!(scene.tell(&json!({"sid": "s-3", "sub": "alice"}))?, 0);
    assert_eq!(scene.tell(&json!({"sid": "s-1"}))?, 1);
    assert_eq!(scene.live(&opened)?, [false, true, true, true, true]);
    assert_eq!(scene.tell(&json!({"sid": "s-2", "sub": "alice"}))?, 1);
    assert_eq!(scene.live(&opened)?, [false, false, true, true, true]);
    assert_eq!(scene.tell(&json!({"sub": "alice"}))?, 1);
    assert_eq!(scene.live(&opened)?, [false, false, false, true, true]);
    let reason: String = scene
        .database
        .admin()?
        .query_one(
            "SELECT string_agg(DISTINCT end_reason, ',') FROM vpd_private.session WHERE ended_at IS NOT NULL",
            &[],
        )?
        .get(0);
    assert_eq!(reason, "provider_logout");
    let again = json!({"sub": "bob", "jti": "once"});
    assert_eq!(scene.tell(&again)?, 1);
    let token = scene.logout(&again)?;
    assert_refused(
        scene.bridge.query("SELECT vpd.log_out_from_token($1)", &[&token]),
        "28000",
        "token_refused",
    );
    assert!(reasons(&scene.database)?.contains(&"spent".to_owned()));
    Ok(())
}

#[test]
fn a_token_from_before_the_logout_opens_nothing_and_one_from_after_does() -> Result<()> {
    let mut scene = scene()?;
    let (old, fresh) = (
        scene.login(ISSUER, "alice", Some("s-1"), 5)?,
        scene.login(ISSUER, "alice", Some("s-9"), 5)?,
    );
    scene.tell(&json!({"sid": "s-1", "sub": "alice"}))?;
    let refused = scene
        .bridge
        .query("SELECT vpd.create_session_from_token($1, 'portal')", &[&old]);
    assert_refused(refused, "28000", "token_refused");
    assert!(reasons(&scene.database)?.contains(&"logged_out".to_owned()));
    // The user goes on in his other session there.
    scene.create(&fresh, "portal")?;
    scene.tell(&json!({"sub": "alice", "iat": now() - 3}))?;
    let late = scene.login(ISSUER, "alice", None, 4)?;
    let refused = scene
        .bridge
        .query("SELECT vpd.create_session_from_token($1, 'portal')", &[&late]);
    assert_refused(refused, "28000", "token_refused");
    let after = scene.login(ISSUER, "alice", None, 1)?;
    scene.create(&after, "portal")?;
    Ok(())
}

#[test]
fn a_session_that_is_being_made_is_ended_by_a_logout_that_waits_for_it() -> Result<()> {
    for name in [json!({"sid": "s-1"}), json!({"sub": "alice"})] {
        let mut scene = scene()?;
        let token = scene.login(ISSUER, "alice", Some("s-1"), 5)?;
        let logout = scene.logout(&name)?;
        let mut other = scene.database.connect(role::BRIDGE)?;
        let mut making = scene.bridge.transaction()?;
        let session: String = making
            .query_one("SELECT vpd.create_session_from_token($1, 'portal')", &[&token])?
            .get(0);
        let telling = thread::spawn(move || {
            // As a client does that runs everything so.
            other
                .batch_execute("SET default_transaction_isolation = 'repeatable read'")
                .map_err(|error| error.to_string())?;
            other
                .query_one("SELECT vpd.log_out_from_token($1)", &[&logout])
                .map(|row| row.get::<_, i64>(0))
                .map_err(|error| error.to_string())
        });
        thread::sleep(Duration::from_millis(500));
        assert!(!telling.is_finished(), "control: it waits for the session");
        making.commit()?;
        let ended = telling.join().map_err(|_| "the thread fell")?;
        assert_eq!(ended, Ok(1), "{name}");
        assert_eq!(scene.live(&[&session])?, [false], "{name}");
    }
    Ok(())
}

#[test]
fn a_forged_word_ends_nothing() -> Result<()> {
    let mut scene = scene()?;
    let token = scene.login(ISSUER, "alice", Some("s-1"), 5)?;
    let session = scene.create(&token, "portal")?;
    let good = json!({"sid": "s-1"});
    let stranger = SigningKey::generate("ES256")?;
    let said = json!({
        "iss": ISSUER, "aud": "portal-client", "iat": now(), "exp": now() + 60, "jti": "f", "sid": "s-1", "events": { EVENT: {} },
    });
    let forged = [
        (
            "signature",
            stranger.sign(&json!({"alg": "ES256", "kid": "one", "typ": "logout+jwt"}), &said)?,
        ),
        (
            "key_unknown",
            scene
                .key
                .sign(&json!({"alg": "ES256", "kid": "two", "typ": "logout+jwt"}), &said)?,
        ),
        ("type", scene.sign("at+jwt", &said)?),
        ("claim_missing", scene.login(ISSUER, "alice", Some("s-1"), 1)?),
        ("type", scene.logout(&json!({"sid": "s-1", "events": {}}))?),
        ("nonce", scene.logout(&json!({"sid": "s-1", "nonce": "n"}))?),
        (
            "audience",
            scene.logout(&json!({"sid": "s-1", "aud": "somebody"}))?,
        ),
        (
            "issuer_unknown",
            scene.logout(&json!({"sid": "s-1", "iss": "https://evil.example"}))?,
        ),
        (
            "too_old",
            scene.logout(&json!({"sid": "s-1", "iat": now() - 10_000}))?,
        ),
        (
            "expired",
            scene.logout(&json!({"sid": "s-1", "exp": now() - 100}))?,
        ),
        ("claim_missing", scene.logout(&json!({}))?),
        ("malformed", "nonsense".to_owned()),
    ];
    for (reason, token) in &forged {
        let refused = scene.bridge.query("SELECT vpd.log_out_from_token($1)", &[token]);
        assert_refused(refused, "28000", "token_refused");
        assert_eq!(
            reasons(&scene.database)?.last().map(String::as_str),
            Some(*reason)
        );
    }
    assert_refused(
        scene.bridge.query("SELECT vpd.log_out_from_token(NULL)", &[]),
        "28000",
        "token_refused",
    );
    assert_eq!(scene.live(&[&session])?, [true]);
    // And a logout token opens no session.
    let logout = scene.logout(&good)?;
    let refused = scene
        .bridge
        .query("SELECT vpd.create_session_from_token($1, 'portal')", &[&logout]);
    assert_refused(refused, "28000", "token_refused");
    // The control.
    assert_eq!(scene.tell(&good)?, 1);
    assert_eq!(scene.live(&[&session])?, [false]);
    Ok(())
}

#[test]
fn an_access_token_is_kept_nowhere_and_nobody_but_the_bridge_logs_out() -> Result<()> {
    let mut scene = scene()?;
    scene
        .database
        .admin()?
        .batch_execute(&format!("SELECT vpd.alter_issuer('{ISSUER}', kind => 'access')"))?;
    let mut said = claims(ISSUER, "alice");
    said["client_id"] = json!("portal-client");
    said["jti"] = json!("a-1");
    let token = scene.sign("at+jwt", &said)?;
    let session = scene.create(&token, "portal")?;
    let hint: Option<String> = scene
        .bridge
        .query_one("SELECT id_token_hint FROM vpd.log_out($1)", &[&session])?
        .get(0);
    assert_eq!(hint, None);
    assert_denied_to_all_but(
        &scene.database,
        &[role::BRIDGE, role::WEB],
        &["SELECT vpd.log_out('x')", "SELECT vpd.log_out_from_token('x')"],
    )
}

#[test]
fn the_purge_removes_logouts_that_no_token_can_be_older_than() -> Result<()> {
    let mut scene = scene()?;
    scene.tell(&json!({"sub": "alice"}))?;
    let mut admin = scene.database.admin()?;
    let count = "SELECT count(*) FROM vpd_private.provider_logout";
    admin.batch_execute("SELECT vpd.purge()")?;
    assert_eq!(admin.query_one(count, &[])?.get::<_, i64>(0), 1, "it counts yet");
    admin.batch_execute(
        "UPDATE vpd_private.provider_logout SET usable_until = clock_timestamp() - interval '2 days'; SELECT vpd.purge()",
    )?;
    assert_eq!(admin.query_one(count, &[])?.get::<_, i64>(0), 0);
    Ok(())
}
