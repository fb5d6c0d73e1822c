//! What the bridge tells of the audit trail: numbers for whoever watches, and nothing of whom they are about.

use serde_json::json;
use vpd_tests::{Database, Result, VERIFIER, challenge, role, until};

use super::stage::Stage;

/// The alarms of an event, as Prometheus reads them.
fn alarms(stage: &Stage, event: &str) -> Result<Option<String>> {
    let figures = stage.ask("GET /metrics", "service", &[], "")?;
    assert_eq!(figures.status, 200);
    let name = format!("vpd_audit_alarms_total{{event=\"{event}\"}} ");
    let mut lines = figures.body.lines();
    Ok(lines.find_map(|line| line.strip_prefix(&name).map(str::to_owned)))
}

fn redeem(stage: &Stage, ticket: &str) -> Result<u16> {
    let body = json!({"ticket": ticket, "target_app": "floor", "verifier": VERIFIER});
    Ok(stage.call("POST /v1/tickets/redeem", "none", &body)?.status)
}

#[test]
fn a_replay_is_an_alarm_that_an_operator_can_scrape() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let events = [
        "audit.gap",
        "audit.lost",
        "message.refused",
        "ticket.replayed",
        "token.replayed",
    ];
    // Each has a line from the beginning: a rate needs a value to rise from.
    for event in events {
        assert_eq!(alarms(&stage, event)?.as_deref(), Some("0"), "{event}");
    }
    let session = stage.log_in("alice", "portal")?;
    let body = json!({"target_app": "floor", "challenge": challenge(VERIFIER)});
    let ticket = stage.call("POST /v1/tickets", &session, &body)?.text("ticket")?;
    assert_eq!(redeem(&stage, &ticket)?, 200);
    assert_eq!(redeem(&stage, &ticket)?, 401);
    until("the replay of the ticket is told", || {
        Ok(alarms(&stage, "ticket.replayed")?.as_deref() == Some("1"))
    })?;
    let token = stage.identity_token("bob")?;
    let body = json!({"identity_token": token, "app": "portal"});
    for status in [201, 401, 401] {
        assert_eq!(stage.call("POST /v1/sessions", "none", &body)?.status, status);
    }
    until("both replays of the token are told", || {
        Ok(alarms(&stage, "token.replayed")?.as_deref() == Some("2"))
    })?;
    assert_eq!(alarms(&stage, "ticket.replayed")?.as_deref(), Some("1"));
    // The count stays when the records go.
    let mut admin = database.admin()?;
    admin.batch_execute("DELETE FROM vpd_private.audit_record WHERE event LIKE '%.replayed'")?;
    let left: i64 = admin.query_one("SELECT count(*) FROM vpd.alarms", &[])?.get(0);
    assert_eq!(
        (left, alarms(&stage, "token.replayed")?.as_deref()),
        (0, Some("2"))
    );
    let told = stage.ask("GET /metrics", "service", &[], "")?.body;
    assert!(!told.contains("alice") && !told.contains("bob"), "{told}");
    Ok(())
}

/// Control: it reads the counts.
#[test]
fn the_role_of_the_bridge_reads_no_alarm() -> Result<()> {
    let database = Database::create()?;
    let mut web = database.connect(role::WEB)?;
    let counted: i64 = web
        .query_one("SELECT count(*) FROM vpd.alarm_counts", &[])?
        .get(0);
    assert_eq!(counted, 5);
    for attempt in [
        "SELECT FROM vpd.alarms",
        "SELECT FROM vpd.audit_trail",
        "UPDATE vpd.alarm_counts SET alarms = 0",
        "DELETE FROM vpd.alarm_counts",
        "SELECT FROM vpd_private.audit_alarm",
        "UPDATE vpd_private.audit_alarm SET alarms = 0",
    ] {
        let refused = web.batch_execute(attempt);
        let state = refused
            .err()
            .and_then(|error| error.code().map(|code| code.code().to_owned()));
        assert_eq!(state.as_deref(), Some("42501"), "{attempt}");
    }
    Ok(())
}

#[test]
fn figures_come_without_the_database() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    // control
    assert!(alarms(&stage, "audit.lost")?.is_some());
    database
        .admin()?
        .batch_execute(&format!("REVOKE SELECT ON vpd.alarm_counts FROM {}", role::WEB))?;
    assert_eq!(alarms(&stage, "audit.lost")?, None);
    let figures = stage.ask("GET /metrics", "service", &[], "")?;
    assert!(figures.body.contains("bridge_requests_total"));
    Ok(())
}
