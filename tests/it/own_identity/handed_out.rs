//! The bridge hands tokens to services and publishes what they are verified by: `POST /v1/token`, the discovery document, the keys.

use serde_json::{Value, json};
use vpd_tests::{Database, Desk, Result, Subject, role, until};

use super::{SECOND, arrival::write, arrive, cluster, first, read, second};
use crate::bridge::stage::Stage;
use crate::bridge::wire::Answer;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const GRANT: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
const TYPE: &str = "subject_token_type=urn:ietf:params:oauth:token-type:access_token";
const DISCOVERY: &str = "GET /.well-known/openid-configuration";
const KEYS: &str = "GET /.well-known/jwks.json";

/// The name by which a database is asked at its bridge.
fn speak_through(database: &Database<'_>, stage: &Stage) -> Result<String> {
    let issuer = format!("http://{}", stage.host("service"));
    let mut security = database.connect(role::SECURITY)?;
    security.execute("SELECT vpd.set_issuer_name($1)", &[&issuer])?;
    Ok(issuer)
}

fn ask(stage: &Stage, form: &str) -> Result<Answer> {
    stage.ask("POST /v1/token", "service", &[FORM], form)
}

fn form(session: &str, audience: &str) -> String {
    format!("{GRANT}&{TYPE}&subject_token={session}&audience={audience}")
}

/// The token that the bridge gives for a session.
fn exchange(stage: &Stage, session: &str) -> Result<String> {
    let answer = ask(stage, &form(session, SECOND))?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.text("access_token")
}

/// Status and body, without what is another for every request.
fn told(answer: &Answer) -> Result<Value> {
    let mut body: Value = serde_json::from_str(&answer.body)?;
    body["request_id"].take();
    Ok(json!([answer.status, body]))
}

/// The keys of the first come by `session-bridge keys sync`, which is told the name alone.
#[test]
fn a_token_of_the_bridge_opens_a_session_where_its_keys_are_followed() -> Result<()> {
    let (one, other) = (cluster()?, cluster()?);
    let first = first(&one)?;
    let stage = Stage::before(&first)?;
    let issuer = speak_through(&first, &stage)?;
    let second = second(&other, &first, "")?;
    second.connect(role::SECURITY)?.batch_execute(&format!(
        "SELECT vpd.distrust_issuer('{}'); SELECT vpd.trust_issuer('{issuer}', '{{{SECOND}}}', apps => '{{portal}}', kind => 'database')",
        super::FIRST
    ))?;
    let peter = Subject::new("peter").log_in(&first)?;
    let created = stage.call(
        "POST /v1/sessions/on-behalf",
        &peter,
        &json!({"user_name": "alice"}),
    )?;
    let for_alice = created.text("token")?;
    let token = exchange(&stage, &for_alice)?;
    // control: nobody handed the keys over yet
    assert!(arrive(&second, &token)?.is_err());
    let desk = Desk::at(&second)?;
    let (code, output, errors) = desk.run(&["keys", "sync"])?;
    assert_eq!(code, Some(0), "{errors}");
    let (header, claims) = read(&token)?;
    let kid = header["kid"].as_str().unwrap_or_default();
    assert!(
        output.starts_with(&format!("{issuer}  {kid}  added  ")),
        "{output}"
    );
    let session = arrive(&second, &token)??;
    assert_eq!(
        write(&second, &session, 1)?,
        (
            "alice".into(),
            "peter".into(),
            format!("alice by peter as alice in Reader {issuer}")
        )
    );
    assert_eq!(
        (&claims["aud"], &claims["act"]["sub"]),
        (&json!(SECOND), &json!("peter"))
    );
    // A rotation is followed the same way.
    let rotated: String = first
        .connect(role::SECURITY)?
        .query_one("SELECT vpd.rotate_signing_key()", &[])?
        .get(0);
    let token = exchange(&stage, &for_alice)?;
    assert!(arrive(&second, &token)?.is_err());
    let (_, output, _) = desk.run(&["keys", "sync"])?;
    assert!(output.contains(&format!("  {rotated}  added  ")), "{output}");
    arrive(&second, &token)??;
    Ok(())
}

#[test]
fn the_answer_is_that_of_rfc_8693_and_nobody_keeps_it() -> Result<()> {
    let cluster = cluster()?;
    let first = first(&cluster)?;
    let stage = Stage::before(&first)?;
    let issuer = speak_through(&first, &stage)?;
    let session = stage.log_in("alice", "portal")?;
    let jwt = "urn:ietf:params:oauth:token-type:jwt";
    // What is unknown is ignored, what has no value counts as left out (RFC 6749, 3.2).
    let asked = format!(
        "{}&requested_token_type={jwt}&scope=&audience=&client_id=portal&x=1&x=2",
        form(&session, SECOND)
    );
    let answer = ask(&stage, &asked)?;
    let mut body: Value = serde_json::from_str(&answer.body)?;
    let token = body["access_token"].take();
    assert_eq!(
        body,
        json!({"access_token": null, "issued_token_type": jwt, "token_type": "N_A", "expires_in": 60})
    );
    for (name, value) in [
        ("cache-control", "no-store"),
        ("pragma", "no-cache"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(answer.headers(name).collect::<Vec<_>>(), [value]);
    }
    let (header, claims) = read(token.as_str().unwrap_or_default())?;
    assert_eq!(
        (&claims["iss"], &claims["sub"]),
        (&json!(issuer), &json!("alice"))
    );

    let answer = stage.ask(DISCOVERY, "service", &[], "")?;
    assert_eq!(
        answer.headers("cache-control").collect::<Vec<_>>(),
        ["public, max-age=300"]
    );
    assert_eq!(
        serde_json::from_str::<Value>(&answer.body)?,
        json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
            "token_endpoint": format!("{issuer}/v1/token"),
            "grant_types_supported": ["urn:ietf:params:oauth:grant-type:token-exchange"],
            "token_endpoint_auth_methods_supported": ["none"],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [header["alg"]],
        })
    );
    let answer = stage.ask(KEYS, "service", &[], "")?;
    assert_eq!(
        answer.headers("cache-control").collect::<Vec<_>>(),
        ["public, max-age=60"]
    );
    let keys: Value = serde_json::from_str(&answer.body)?;
    assert_eq!(keys["keys"][0]["kid"], header["kid"]);
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1));
    assert!(keys["keys"][0].get("d").is_none());
    // Pages of applications have no such routes.
    for (line, site) in [
        (DISCOVERY, "portal"),
        (KEYS, "portal"),
        ("POST /v1/token", "portal"),
    ] {
        assert_ne!(stage.ask(line, site, &[FORM], "")?.status, 200);
    }
    Ok(())
}

#[test]
fn what_is_not_offered_is_refused() -> Result<()> {
    let cluster = cluster()?;
    let first = first(&cluster)?;
    let stage = Stage::before(&first)?;
    speak_through(&first, &stage)?;
    let session = stage.log_in("alice", "portal")?;
    let floor = stage.log_in("alice", "floor")?;
    let good = form(&session, SECOND);
    // control
    assert_eq!(ask(&stage, &good)?.status, 200);
    let jwt = "urn:ietf:params:oauth:token-type:jwt";
    for (asked, error) in [
        // Another application has no audiences, and this one no others.
        (form(&floor, SECOND), "invalid_target"),
        (form(&session, "https://third.example"), "invalid_target"),
        (form(&session, "https://second.example/"), "invalid_target"),
        (form(&session, "HTTPS://SECOND.EXAMPLE"), "invalid_target"),
        (form(&session, "*"), "invalid_target"),
        (format!("{good}&audience=https://third.example"), "invalid_target"),
        (
            format!("{good}&resource=https://second.example"),
            "invalid_target",
        ),
        (format!("{good}&scope=openid"), "invalid_scope"),
        (
            good.replace("token-exchange", "jwt-bearer"),
            "unsupported_grant_type",
        ),
        (
            good.replace(GRANT, "grant_type=client_credentials"),
            "unsupported_grant_type",
        ),
        (
            good.replace(GRANT, "grant_type=password"),
            "unsupported_grant_type",
        ),
        (good.replace(GRANT, ""), "invalid_request"),
        (format!("{GRANT}&{TYPE}&audience={SECOND}"), "invalid_request"),
        (good.replace(TYPE, ""), "invalid_request"),
        (
            format!("{GRANT}&{TYPE}&subject_token={session}"),
            "invalid_request",
        ),
        (good.replace("access_token", "id_token"), "invalid_request"),
        (good.replace("access_token", "jwt"), "invalid_request"),
        (format!("{good}&{GRANT}"), "invalid_request"),
        (format!("{good}&subject_token={floor}"), "invalid_request"),
        (format!("{good}&subject_token={session}"), "invalid_request"),
        (
            format!("{good}&requested_token_type={jwt}&requested_token_type={jwt}"),
            "invalid_request",
        ),
        (
            format!("{good}&requested_token_type=urn:ietf:params:oauth:token-type:access_token"),
            "invalid_request",
        ),
        (
            format!(
                "{good}&actor_token={floor}&actor_token_type=urn:ietf:params:oauth:token-type:access_token"
            ),
            "invalid_request",
        ),
        (
            format!("{GRANT}&{TYPE}&audience={SECOND}&subject_token={session}%00"),
            "invalid_request",
        ),
        (String::new(), "invalid_request"),
    ] {
        let answer = ask(&stage, &asked)?;
        assert_eq!(
            (answer.status, answer.text("error")?),
            (400, error.to_owned()),
            "{asked}"
        );
        assert_eq!(answer.text("error")?, answer.text("code")?);
        assert!(!answer.text("error_description")?.is_empty() && !answer.text("hint")?.is_empty());
        assert!(!answer.body.contains(&session) && !answer.body.contains(&floor));
        assert_eq!(answer.headers("cache-control").collect::<Vec<_>>(), ["no-store"]);
    }
    Ok(())
}

#[test]
fn a_request_of_another_shape_is_refused() -> Result<()> {
    let cluster = cluster()?;
    let first = first(&cluster)?;
    let stage = Stage::before(&first)?;
    speak_through(&first, &stage)?;
    let session = stage.log_in("alice", "portal")?;
    let good = form(&session, SECOND);
    // control
    assert_eq!(ask(&stage, &good)?.status, 200);
    for (line, headers, body, status, code) in [
        (
            "POST /v1/token",
            "Content-Type: application/json",
            "{}",
            400,
            "invalid_request",
        ),
        (
            "POST /v1/token",
            "Accept: */*",
            good.as_str(),
            400,
            "invalid_request",
        ),
        ("GET /v1/token", FORM, "", 405, "method_not_allowed"),
        ("PUT /v1/token", FORM, good.as_str(), 405, "method_not_allowed"),
        ("POST /.well-known/jwks.json", FORM, "", 405, "method_not_allowed"),
    ] {
        let answer = stage.ask(line, "service", &[headers], body)?;
        assert_eq!(answer.refusal()?, (status, code.to_owned()), "{line} {headers}");
    }
    let query = stage.ask(&format!("GET /v1/token?{good}"), "service", &[], "")?;
    assert_eq!(query.status, 405);
    let huge = form(&"x".repeat(1 << 20), SECOND);
    assert_eq!(ask(&stage, &huge)?.refusal()?, (413, "body_too_large".into()));
    // No credential but the session: who shows one is told so.
    for header in [
        "Authorization: Basic cG9ydGFsOng=",
        &format!("Authorization: Bearer {session}"),
    ] {
        let answer = stage.ask("POST /v1/token", "service", &[FORM, header], &good)?;
        assert_eq!(answer.refusal()?, (401, "invalid_client".into()));
    }
    Ok(())
}

#[test]
fn unknown_ended_and_expired_sessions_get_the_same_answer() -> Result<()> {
    let cluster = cluster()?;
    let first = first(&cluster)?;
    let stage = Stage::before(&first)?;
    speak_through(&first, &stage)?;
    let ended = stage.log_in("alice", "portal")?;
    // control: while it lives
    assert_eq!(ask(&stage, &form(&ended, SECOND))?.status, 200);
    stage.call("DELETE /v1/sessions/current", &ended, &Value::Null)?;
    let refused = told(&ask(&stage, &form(&ended, SECOND))?)?;
    assert_eq!(
        (&refused[0], &refused[1]["error"]),
        (&json!(400), &json!("invalid_request"))
    );
    first
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.register_app('portal', 'retail', idle_timeout => '1 second')")?;
    let expired = stage.log_in("bob", "portal")?;
    let mut admin = first.admin()?;
    until("the session is over", || {
        let live = "SELECT NOT EXISTS (SELECT FROM vpd.sessions WHERE is_live AND user_name = 'bob')";
        Ok(admin.query_one(live, &[])?.get(0))
    })?;
    let unknown = format!("vs_{}", "A".repeat(43));
    let message = format!("vm_{}", "A".repeat(43));
    for session in [&expired, &unknown, &message, "garbage", &"x".repeat(20_000)] {
        for audience in [SECOND, "https://third.example"] {
            assert_eq!(told(&ask(&stage, &form(session, audience))?)?, refused);
        }
    }
    Ok(())
}

#[test]
fn a_session_with_one_role_and_a_database_without_a_name_have_no_tokens() -> Result<()> {
    let cluster = cluster()?;
    let first = first(&cluster)?;
    let stage = Stage::before(&first)?;
    let body =
        json!({"identity_token": stage.identity_token("alice")?, "app": "portal", "assumed_role": "Writer"});
    let narrowed = stage.call("POST /v1/sessions", "none", &body)?.text("token")?;
    let session = stage.log_in("alice", "portal")?;
    speak_through(&first, &stage)?;
    let answer = ask(&stage, &form(&narrowed, SECOND))?;
    assert_eq!(
        (answer.status, answer.text("error")?),
        (400, "invalid_request".into())
    );
    assert!(answer.body.contains("one role alone"), "{}", answer.body);
    // control
    let token = exchange(&stage, &session)?;
    assert!(token.starts_with("eyJ"));
    first
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.set_issuer_name(NULL)")?;
    let answer = ask(&stage, &form(&session, SECOND))?;
    assert_eq!(
        (answer.status, answer.text("error")?),
        (503, "temporarily_unavailable".into())
    );
    for line in [DISCOVERY, KEYS] {
        let answer = stage.ask(line, "service", &[], "")?;
        assert_eq!(answer.refusal()?, (404, "issuer_not_found".into()), "{line}");
        assert_eq!(answer.headers("cache-control").collect::<Vec<_>>(), ["no-store"]);
    }
    Ok(())
}
