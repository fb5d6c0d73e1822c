//! Keep-alives over HTTP: believed when recorded, and the end of the session when not.

use serde_json::{Value, json};
use vpd_tests::{Database, Result, challenge};

use super::stage::Stage;

/// Tokens of one session on portal and floor.
fn both(stage: &Stage, user: &str) -> Result<(String, String)> {
    let portal = stage.log_in(user, "portal")?;
    let verifier = "v".repeat(43);
    let body = json!({"target_app": "floor", "challenge": challenge(&verifier)});
    let ticket = stage.call("POST /v1/tickets", &portal, &body)?.text("ticket")?;
    let body = json!({"ticket": ticket, "target_app": "floor", "verifier": verifier});
    let floor = stage
        .call("POST /v1/tickets/redeem", "none", &body)?
        .text("token")?;
    Ok((portal, floor))
}

#[test]
fn recorded_message_is_accepted_once() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let (portal, floor) = both(&stage, "alice")?;
    let recorded = stage.call("POST /v1/messages", &floor, &json!({"target_app": "portal"}))?;
    assert_eq!(recorded.status, 201);
    let message = json!({"message": recorded.text("message")?});
    assert_eq!(
        stage
            .call("POST /v1/messages/validate", &portal, &message)?
            .status,
        200
    );
    assert_eq!(stage.whose(&floor)?, (200, "alice".into()));
    let again = stage.call("POST /v1/messages/validate", &portal, &message)?;
    assert_eq!(again.refusal()?, (409, "message_stale".into()));
    assert_eq!(stage.whose(&portal)?, (200, "alice".into()));
    assert_eq!(stage.whose(&floor)?, (200, "alice".into()));
    Ok(())
}

#[test]
fn stale_message_leaves_the_cookie_of_the_portal() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let (portal, floor) = both(&stage, "alice")?;
    let recorded = stage.call("POST /v1/messages", &floor, &json!({"target_app": "portal"}))?;
    let message = json!({"message": recorded.text("message")?});
    database
        .admin()?
        .batch_execute("UPDATE vpd_private.message SET expires_at = clock_timestamp()")?;
    let cookie = format!("__Host-session={portal}");
    let refused = stage.page("POST /api/messages/validate", "portal", &cookie, &message)?;
    assert_eq!(refused.refusal()?, (409, "message_stale".into()));
    assert!(
        refused.cookie("__Host-session").is_err(),
        "the cookie was removed"
    );
    assert_eq!(stage.whose(&portal)?, (200, "alice".into()));
    Ok(())
}

#[test]
fn queue_is_browsed_and_acknowledged_after_the_end() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let (portal, floor) = both(&stage, "alice")?;
    let refused = stage.call(
        "POST /v1/messages/validate",
        &portal,
        &json!({"message": "vm_unknown"}),
    )?;
    assert_eq!(refused.refusal()?, (401, "message_invalid".into()));
    let browse = || -> Result<Value> {
        let answer = stage.call("GET /v1/messages", &floor, &Value::Null)?;
        Ok(serde_json::from_str::<Value>(&answer.body)?["messages"].take())
    };
    let waiting = browse()?;
    assert_eq!(
        (&waiting[0]["kind"], &waiting[0]["reason"]),
        (&json!("close"), &json!("message_refused"))
    );
    assert_eq!(browse()?, waiting, "browsing removed it");
    let acknowledge = format!("DELETE /v1/messages/{}", waiting[0]["id"]);
    assert_eq!(
        stage.call(&acknowledge, &portal, &Value::Null)?.status,
        404,
        "not the portal's message"
    );
    assert_eq!(stage.call(&acknowledge, &floor, &Value::Null)?.status, 204);
    assert_eq!(
        stage.call(&acknowledge, &floor, &Value::Null)?.refusal()?,
        (404, "message_not_found".into())
    );
    assert_eq!(browse()?[0]["id"], 0, "a session that is over always says so");
    Ok(())
}

#[test]
fn refused_message_removes_the_cookie_of_the_portal() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let cookie = format!("__Host-session={}", stage.log_in("alice", "portal")?);
    let refused = stage.page(
        "POST /api/messages/validate",
        "portal",
        &cookie,
        &json!({"message": "vm_unknown"}),
    )?;
    assert_eq!(refused.refusal()?, (401, "message_invalid".into()));
    assert_eq!(refused.cookie("__Host-session")?, "__Host-session=");
    Ok(())
}
