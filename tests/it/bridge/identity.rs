//! Identity tokens on their way through the bridge: the database judges them, and the bridge's role has no other way to a session.

use serde_json::{Value, json};
use vpd_tests::issuer::{SigningKey, claims};
use vpd_tests::{Database, Result, role};

use super::login;
use super::stage::Stage;
use super::wire::Answer;

fn create(stage: &Stage, token: &str, more: &Value) -> Result<Answer> {
    let mut body = json!({"identity_token": token, "app": "portal"});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    stage.call("POST /v1/sessions", "none", &body)
}

/// Status and body, without what is another for every request.
fn told(answer: &Answer) -> Result<Value> {
    let mut body: Value = serde_json::from_str(&answer.body)?;
    body["request_id"].take();
    Ok(json!([answer.status, body]))
}

#[test]
fn whatever_is_wrong_with_a_token_the_answer_is_one() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let good = stage.identity_token("alice")?;
    let parts: Vec<_> = good.split('.').collect();
    let issuer = stage.origin("login");
    let stranger = SigningKey::generate("ES256")?;
    let mut forged = claims(&issuer, "alice");
    forged["aud"] = json!("session-bridge");
    let sign = |kid: &str| stranger.sign(&json!({"alg": "ES256", "kid": kid}), &forged);
    let used = stage.identity_token("alice")?;
    assert_eq!(create(&stage, &used, &Value::Null)?.status, 201);
    let of_bob = stage.identity_token("bob")?;
    let first = told(&create(&stage, "x.y.z", &Value::Null)?)?;
    assert_eq!(
        (&first[0], &first[1]["code"]),
        (&json!(401), &json!("token_refused"))
    );
    for token in [
        String::new(),
        "x".repeat(20_000),
        used,
        format!(
            "{}.{}.{}",
            parts[0],
            of_bob.split('.').nth(1).unwrap_or_default(),
            parts[2]
        ),
        format!("{}.{}.", parts[0], parts[1]),
        sign("unknown")?,
        good.replacen('.', "..", 1),
    ] {
        let answer = create(&stage, &token, &Value::Null)?;
        assert_eq!(told(&answer)?, first, "{}", &token[..token.len().min(80)]);
    }
    // Of another login.
    let other = create(&stage, &good, &json!({"nonce": "of another login"}))?;
    assert_eq!(told(&other)?, first);
    // control: none of them used it up
    assert_eq!(create(&stage, &good, &Value::Null)?.status, 201);
    Ok(())
}

#[test]
fn keys_that_are_not_handed_in_open_nothing() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let token = stage.identity_token("alice")?;
    let mut keys = database.connect(role::KEYS)?;
    let stranger = json!({"keys": [SigningKey::generate("ES256")?.public("other")]}).to_string();
    let set = "SELECT FROM vpd.set_issuer_keys($1, $2::text::jsonb)";
    let issuer = stage.origin("login");
    let good = stage.ask("GET /jwks.json", "login", &[], "")?.body;
    database
        .admin()?
        .execute("SELECT vpd.alter_issuer($1, key_grace => '0')", &[&issuer])?;
    keys.query(set, &[&issuer, &stranger])?;
    assert_eq!(
        create(&stage, &token, &Value::Null)?.refusal()?,
        (401, "token_refused".into())
    );
    let done = login::log_in(&stage, "portal", "alice", "")?;
    assert_eq!(done.status, 401);
    keys.query(set, &[&issuer, &good])?;
    assert_eq!(create(&stage, &token, &Value::Null)?.status, 201);
    assert_eq!(login::log_in(&stage, "portal", "alice", "")?.location()?, "/");
    Ok(())
}

#[test]
fn a_token_of_another_login_opens_no_session_in_a_browser() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let finish = |pending: &login::Pending| {
        let cookie = format!("Cookie: {}", pending.cookie);
        stage.ask(&format!("GET {}", pending.callback), "portal", &[&cookie], "")
    };
    // The provider is asked with another nonce, as when somebody puts a code of his own login into this one.
    let other = login::start_at(&stage, "portal", "alice", |address| {
        assert!(address.contains("&nonce="), "{address}");
        address.replace("&nonce=", "&nonce=other")
    })?;
    let answer = finish(&other)?;
    assert_eq!(answer.refusal()?, (401, "token_refused".into()));
    assert!(
        answer
            .headers("set-cookie")
            .all(|cookie| !cookie.starts_with("__Host-session"))
    );
    // control: the request as the bridge made it
    assert_eq!(
        finish(&login::start(&stage, "portal", "alice")?)?.location()?,
        "/"
    );
    Ok(())
}

#[test]
fn an_application_gets_the_login_that_it_demands_or_none() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let mut admin = database.admin()?;
    let mut demand = |what: &str| {
        admin.batch_execute(&format!(
            "SELECT vpd.register_app('portal', 'retail', ARRAY['{}'], {what})",
            stage.origin("portal")
        ))
    };
    demand("required_acr => '{gold,silver}', max_auth_age => '2 hours'")?;
    let asked = stage.ask("GET /login", "portal", &[], "")?.location()?;
    assert!(
        asked.contains("acr_values=gold+silver") && asked.contains("max_age=7200"),
        "{asked}"
    );
    let refused = (401, "assurance_insufficient".to_owned());
    let answer = create(&stage, &stage.identity_token("alice")?, &Value::Null)?;
    assert_eq!(answer.refusal()?, refused);
    assert!(answer.text("hint")?.contains("acr_values"));
    let in_browser = login::log_in(&stage, "portal", "alice", "")?;
    assert_eq!(in_browser.status, 401);
    assert!(
        in_browser
            .headers("set-cookie")
            .all(|cookie| !cookie.starts_with("__Host-session"))
    );
    // control: what the built-in provider offers is enough
    demand("required_acr => '{development}', max_auth_age => '2 hours'")?;
    assert_eq!(
        create(&stage, &stage.identity_token("alice")?, &Value::Null)?.status,
        201
    );
    assert_eq!(login::log_in(&stage, "portal", "alice", "")?.location()?, "/");
    demand("max_sessions_per_user => 5")?;
    let asked = stage.ask("GET /login", "portal", &[], "")?.location()?;
    assert!(
        !asked.contains("acr_values") && !asked.contains("max_age"),
        "{asked}"
    );
    Ok(())
}
