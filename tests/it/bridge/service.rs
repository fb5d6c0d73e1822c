//! Service routes: sessions listed and ended by their user, refusals that tell nothing apart, limits.

use serde_json::{Value, json};
use vpd_tests::{Database, Result, challenge};

use super::stage::Stage;

fn session_id(stage: &Stage, token: &str) -> Result<String> {
    stage
        .call("GET /v1/sessions/current", token, &Value::Null)?
        .text("session_id")
}

#[test]
fn user_lists_and_ends_own_sessions_only() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let (first, second, other) = (
        stage.log_in("alice", "portal")?,
        stage.log_in("alice", "portal")?,
        stage.log_in("bob", "portal")?,
    );
    let list: Value = serde_json::from_str(&stage.call("GET /v1/sessions", &first, &Value::Null)?.body)?;
    let list = list["sessions"].as_array().ok_or("no list")?.clone();
    let current: Vec<_> = list
        .iter()
        .map(|session| session["is_current"].as_bool())
        .collect();
    assert_eq!(current, [Some(true), Some(false)]);
    assert_eq!(list[0]["client_address"], "127.0.0.1");

    let end = |id: &str| stage.call(&format!("DELETE /v1/sessions/{id}"), &first, &Value::Null);
    assert_eq!(
        end(&session_id(&stage, &other)?)?.refusal()?,
        (404, "session_not_found".into())
    );
    assert_eq!(
        end("00000000-0000-4000-8000-000000000000")?.refusal()?,
        (404, "session_not_found".into())
    );
    assert_eq!(end(&session_id(&stage, &second)?)?.status, 204);
    assert_eq!(stage.whose(&second)?, (401, "session_invalid".into()));
    assert_eq!(stage.whose(&other)?, (200, "bob".into()));
    Ok(())
}

#[test]
fn ending_answers_alike_for_every_token() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let live = stage.log_in("alice", "portal")?;
    let end = |token: &str| stage.call("DELETE /v1/sessions/current", token, &Value::Null);
    let head = |token: &str| -> Result<String> {
        let answer = end(token)?;
        let varies = |line: &&str| !line.starts_with("x-request-id") && !line.starts_with("date");
        Ok(answer.head.lines().filter(varies).collect::<Vec<_>>().join("\n") + &answer.body)
    };
    let of_live = head(&live)?;
    assert_eq!(of_live, head(&live)?);
    assert_eq!(of_live, head("vs_unknown")?);
    Ok(())
}

#[test]
fn unknown_ended_and_malformed_tokens_look_the_same() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let ended = stage.log_in("alice", "portal")?;
    stage.call("DELETE /v1/sessions/current", &ended, &Value::Null)?;
    let unknown = format!("vs_{}", "A".repeat(43));
    let refusal = |token: &str| -> Result<Value> {
        let answer = stage.call("GET /v1/sessions/current", token, &Value::Null)?;
        let mut body: Value = serde_json::from_str(&answer.body)?;
        body["request_id"].take();
        Ok(json!([answer.status, body]))
    };
    let of_ended = refusal(&ended)?;
    assert_eq!(of_ended[0], 401);
    for token in [unknown.as_str(), "vs_x", "garbage", &"x".repeat(4000)] {
        assert_eq!(refusal(token)?, of_ended);
    }
    Ok(())
}

#[test]
fn arguments_are_refused_with_code_and_hint() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let token = stage.log_in("alice", "portal")?;
    let identity = stage.identity_token("alice")?;
    let sound = challenge("v");
    for (line, body, refusal) in [
        (
            "POST /v1/sessions",
            json!({"identity_token": identity, "app": "nowhere"}),
            (404, "app_not_found"),
        ),
        (
            "POST /v1/sessions",
            json!({"identity_token": "x.y.z", "app": "portal"}),
            (401, "token_refused"),
        ),
        (
            "POST /v1/tickets",
            json!({"target_app": "nowhere", "challenge": sound}),
            (404, "app_not_found"),
        ),
        (
            "POST /v1/tickets",
            json!({"target_app": "floor", "challenge": "short"}),
            (400, "argument_invalid"),
        ),
        (
            "POST /v1/tickets",
            json!({"target_app": "fl\u{0}or", "challenge": sound}),
            (400, "argument_invalid"),
        ),
        (
            "POST /v1/messages",
            json!({"target_app": "nowhere"}),
            (404, "app_not_found"),
        ),
        (
            "POST /v1/tickets/redeem",
            json!({"ticket": "garbage", "target_app": "floor", "verifier": "v"}),
            (401, "ticket_invalid"),
        ),
    ] {
        let answer = stage.call(line, &token, &body)?;
        assert_eq!(
            answer.refusal()?,
            (refusal.0, refusal.1.to_owned()),
            "{line} {}",
            answer.body
        );
        assert!(!answer.text("hint")?.is_empty());
        assert!(!answer.body.contains(&identity));
    }
    assert_eq!(
        stage.whose(&token)?,
        (200, "alice".into()),
        "a refusal changed something"
    );
    Ok(())
}

#[test]
fn limits_answer_429() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let token = stage.log_in("alice", "portal")?;
    let ticket = json!({"target_app": "floor", "challenge": challenge("v")});
    for _ in 0..11 {
        assert_eq!(stage.call("POST /v1/tickets", &token, &ticket)?.status, 201);
    }
    for _ in 0..4 {
        stage.log_in("alice", "portal")?;
    }
    database.admin()?.batch_execute(
        "SELECT vpd.register_app(a.name, a.pillar, a.origins, max_sessions_per_user => 5, when_full => 'refuse') FROM vpd.apps a WHERE a.name = 'portal'",
    )?;
    let body = json!({"identity_token": stage.identity_token("alice")?, "app": "portal"});
    assert_eq!(
        stage.call("POST /v1/sessions", "none", &body)?.refusal()?,
        (429, "limit_sessions".into())
    );
    stage.log_in("bob", "portal")?;
    Ok(())
}

#[test]
fn identities_do_not_mix_on_one_connection() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let (alice, bob) = (stage.log_in("alice", "portal")?, stage.log_in("bob", "portal")?);
    for _ in 0..50 {
        assert_eq!(stage.whose(&alice)?, (200, "alice".into()));
        assert_eq!(stage.whose("vs_unknown")?, (401, "session_invalid".into()));
        assert_eq!(stage.whose(&bob)?, (200, "bob".into()));
        assert_eq!(
            stage
                .call("POST /v1/messages", &alice, &json!({"target_app": "nowhere"}))?
                .status,
            404
        );
    }
    Ok(())
}

#[test]
fn a_front_end_asks_what_the_session_may_do_and_acts_for_others() -> Result<()> {
    let database = Database::create()?;
    crate::authority::define(
        &database,
        "SELECT vpd.define_resource('order', 'page'), vpd.define_resource('session'); SELECT vpd.define_privilege('order:view'), vpd.define_privilege('session:on_behalf');
         SELECT vpd.define_role('Reader'), vpd.define_role('Help Desk'), vpd.define_user('alice'), vpd.define_user('bob');
         SELECT vpd.grant_authority('privilege:order:view', 'role:Reader'), vpd.grant_authority('privilege:session:on_behalf', 'role:Help Desk'),
                vpd.grant_authority('role:Reader', 'user:alice'), vpd.grant_authority('role:Help Desk', 'user:bob')",
    )?;
    let stage = Stage::before(&database)?;
    let (alice, bob) = (stage.log_in("alice", "portal")?, stage.log_in("bob", "portal")?);
    let modes = |token: &str| -> Result<Value> {
        let answer = stage.call("GET /v1/sessions/current/privileges", token, &Value::Null)?;
        let body: Value = serde_json::from_str(&answer.body)?;
        Ok(json!([
            body["resources"][0]["mode"],
            body["resources"][1]["mode"]
        ]))
    };
    assert_eq!(modes(&alice)?, json!(["view", "hidden"]));
    assert_eq!(modes(&bob)?, json!(["hidden", "edit"]));

    let on_behalf = |token: &str, user: &str| {
        stage.call(
            "POST /v1/sessions/on-behalf",
            token,
            &json!({ "user_name": user }),
        )
    };
    assert_eq!(
        on_behalf(&alice, "bob")?.refusal()?,
        (403, "privilege_missing".into())
    );
    let created = on_behalf(&bob, "alice")?;
    assert_eq!(created.status, 201);
    let token = created.text("token")?;
    assert_eq!(stage.whose(&token)?, (200, "alice".into()));
    // What both have is nothing.
    assert_eq!(modes(&token)?, json!(["hidden", "hidden"]));
    Ok(())
}

#[test]
fn a_tool_asks_for_a_session_with_one_role() -> Result<()> {
    let database = Database::create()?;
    crate::authority::define(
        &database,
        "SELECT vpd.define_privilege('read'), vpd.define_privilege('write'), vpd.define_role('Reader'), vpd.define_role('Writer'), vpd.define_role('Boss');
         SELECT vpd.define_user('alice');
         SELECT vpd.grant_authority('privilege:read', 'role:Reader'), vpd.grant_authority('privilege:write', 'role:Writer'),
                vpd.grant_authority('role:Reader', 'user:alice'), vpd.grant_authority('role:Writer', 'user:alice')",
    )?;
    let stage = Stage::before(&database)?;
    let create = |role: Option<&str>| -> Result<_> {
        let body =
            json!({"identity_token": stage.identity_token("alice")?, "app": "portal", "assumed_role": role});
        stage.call("POST /v1/sessions", "none", &body)
    };
    let privileges = |session: &Value| session["privileges"].clone();
    for (role, expected) in [
        (None, json!(["read", "write"])),
        (Some("Reader"), json!(["read"])),
    ] {
        let created = create(role)?;
        assert_eq!(created.status, 201, "{}", created.body);
        let body: Value = serde_json::from_str(&created.body)?;
        assert_eq!(privileges(&body["session"]), expected);
        // The token it is given has no more than that either.
        let token = body["token"].as_str().ok_or("no token")?;
        let current = stage.call("GET /v1/sessions/current", token, &Value::Null)?;
        assert_eq!(privileges(&serde_json::from_str(&current.body)?), expected);
    }
    for role in ["Boss", "Unheard Of", ""] {
        assert_eq!(
            create(Some(role))?.refusal()?,
            (403, "role_not_held".into()),
            "{role:?}"
        );
    }
    Ok(())
}
