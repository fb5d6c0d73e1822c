//! Event streams: told at once when the session ends, however it ends.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vpd_tests::{Database, Result, VERIFIER, challenge, until};

use super::stage::{STREAMS_PER_CLIENT, STREAMS_PER_SESSION, Stage, wait_until_idle_after};
use super::wire::Events;

#[test]
fn stream_is_told_at_once_and_ends() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let token = stage.log_in("alice", "portal")?;
    let verifier = "v".repeat(43);
    let body = json!({"target_app": "floor", "challenge": challenge(&verifier)});
    let ticket = stage.call("POST /v1/tickets", &token, &body)?.text("ticket")?;
    let body = json!({"ticket": ticket, "target_app": "floor", "verifier": verifier});
    let floor = stage
        .call("POST /v1/tickets/redeem", "none", &body)?
        .text("token")?;
    let mut stream = Events::open(stage.port(), &stage.host("service"), &floor)?;
    // The stream has looked once, and waits.
    wait_until_idle_after(&mut database.admin()?, &["LISTEN%", "%browse_queue%"])?;
    stage.call("DELETE /v1/sessions/current", &token, &Value::Null)?;
    let ended = Instant::now();
    let (id, reason) = stream.close()?;
    assert!(
        // The clock has it look every 15 seconds.
        ended.elapsed() < Duration::from_secs(10),
        "woken by the clock only, after {:?}",
        ended.elapsed()
    );
    assert_eq!(reason, "logout");
    assert!(stream.ends()?);
    let acknowledged = stage.call(&format!("DELETE /v1/messages/{id}"), &floor, &Value::Null)?;
    assert_eq!(acknowledged.status, 204);
    Ok(())
}

#[test]
fn end_outside_the_bridge_reaches_the_stream() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let token = stage.log_in("alice", "portal")?;
    let mut stream = Events::open(stage.port(), &stage.host("service"), &token)?;
    wait_until_idle_after(&mut database.admin()?, &["LISTEN%", "%browse_queue%"])?;
    database
        .admin()?
        .execute("SELECT vpd.end_user_sessions('alice', 'user_disabled')", &[])?;
    assert_eq!(stream.close()?.1, "user_disabled");
    Ok(())
}

#[test]
fn stream_of_a_session_that_is_over_says_so_at_once() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let token = stage.log_in("alice", "portal")?;
    stage.call("DELETE /v1/sessions/current", &token, &Value::Null)?;
    for token in [token.as_str(), "vs_unknown"] {
        let mut stream = Events::open(stage.port(), &stage.host("service"), token)?;
        stream.close()?;
        assert!(stream.ends()?);
    }
    Ok(())
}

#[test]
fn waiting_and_looking_do_not_keep_a_session_alive() -> Result<()> {
    let database = Database::create()?;
    let token = Stage::before(&database)?.log_in("alice", "portal")?;
    let mut admin = database.admin()?;
    // Long enough ago for the next use to move the clock; a second bridge, because the first one's connection remembers the session.
    admin.execute(
        "UPDATE vpd_private.session SET last_access_at = last_access_at - interval '20 minutes'",
        &[],
    )?;
    let stage = Stage::before(&database)?;
    let mut last_access = || -> Result<String> {
        Ok(admin
            .query_one("SELECT last_access_at::text FROM vpd.sessions", &[])?
            .get(0))
    };
    let before = last_access()?;
    let _stream = Events::open(stage.port(), &stage.host("service"), &token)?;
    stage.call("GET /v1/messages", &token, &Value::Null)?;
    stage.call("DELETE /v1/messages/7", &token, &Value::Null)?;
    for look in ["", "/current", "/current/privileges"] {
        let answer = stage.call(&format!("GET /v1/sessions{look}"), &token, &Value::Null)?;
        assert_eq!(answer.status, 200, "{look}: {}", answer.body);
    }
    let cookie = format!("__Host-session={token}");
    for look in ["session", "privileges"] {
        let answer = stage.page(&format!("GET /api/{look}"), "portal", &cookie, &Value::Null)?;
        assert_eq!(answer.status, 200, "{look}: {}", answer.body);
    }
    stage.call("POST /v1/messages", &token, &json!({"target_app": "floor"}))?;
    assert_eq!(last_access()?, before);
    // The control: what a person does, does. Here he goes on to floor.
    let handoff = json!({"target_app": "floor", "challenge": challenge(VERIFIER)});
    assert_eq!(stage.call("POST /v1/tickets", &token, &handoff)?.status, 201);
    assert_ne!(last_access()?, before);
    Ok(())
}

#[test]
fn a_session_has_its_newest_streams_and_a_client_no_more_than_its_share() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let open = |token: &str| Events::open(stage.port(), &stage.host("service"), token);
    let alice = stage.log_in("alice", "portal")?;
    let mut streams = Vec::new();
    for _ in 0..=STREAMS_PER_SESSION {
        streams.push(open(&alice)?);
    }
    let mut oldest = streams.remove(0);
    assert_eq!(oldest.event()?.0, "replaced");
    assert!(oldest.ends()?);
    // Others of the same client, up to what one client may have.
    let bob = stage.log_in("bob", "portal")?;
    for _ in STREAMS_PER_SESSION..STREAMS_PER_CLIENT {
        streams.push(open(&bob)?);
    }
    let answer = stage.call("GET /v1/events", &bob, &Value::Null)?;
    assert_eq!(
        (answer.status, answer.text("code")?.as_str()),
        (429, "limit_streams")
    );
    // Requests are answered, and whoever has a stream hears.
    assert_eq!(
        stage
            .call("DELETE /v1/sessions/current", &alice, &Value::Null)?
            .status,
        204
    );
    for stream in streams.iter_mut().take(STREAMS_PER_SESSION) {
        assert_eq!(stream.close()?.1, "logout");
    }
    drop(streams.drain(..STREAMS_PER_SESSION));
    until("the places of streams that ended are free", || {
        Ok(open(&bob).is_ok())
    })
}
