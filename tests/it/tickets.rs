//! Handoff tickets: one redemption, by the right application, with the right verifier, in time.

use postgres::Client;
use vpd_tests::{
    Database, Notices, Refusal, Result, Subject, VERIFIER, assert_denied_to_all_but, assert_refused, attach,
    challenge, role,
};

struct Bridge {
    client: Client,
    notices: Notices,
}

impl Bridge {
    fn connect(database: &Database<'_>) -> Result<Self> {
        let (client, notices) = database.connect_noticing(role::BRIDGE)?;
        Ok(Self { client, notices })
    }

    fn issue(&mut self, token: &str, target: &str) -> Result<String> {
        let issue = "SELECT vpd.issue_ticket($1, $2, $3)";
        Ok(self
            .client
            .query_one(issue, &[&token, &target, &challenge(VERIFIER)])?
            .get(0))
    }

    fn redeem(&mut self, ticket: &str, target: &str, verifier: &str) -> Result<Option<String>> {
        let redeem = "SELECT vpd.redeem_ticket($1, $2, $3)";
        Ok(self
            .client
            .query_one(redeem, &[&ticket, &target, &verifier])?
            .get(0))
    }

    /// Redeems in vain and returns the warning.
    fn refused(&mut self, ticket: &str, target: &str, verifier: &str) -> Result<Refusal> {
        let _before = self.notices.take();
        assert_eq!(self.redeem(ticket, target, verifier)?, None);
        let warnings = self.notices.take();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let refusal = Refusal::from(&warnings[0]);
        assert_eq!(
            (refusal.state.code(), refusal.token.as_deref()),
            ("28000", Some("ticket_invalid"))
        );
        Ok(refusal)
    }
}

fn session_row(database: &Database<'_>, token: &str) -> Result<(String, String, Option<String>, bool)> {
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, token)?;
    let row = session.query_one(
        "SELECT session_id::text, app, vpd.attribute('app', 'region'), vpd.user_in_role('manager')
           FROM vpd.current_session()",
        &[],
    )?;
    Ok((row.get(0), row.get(1), row.get(2), row.get(3)))
}

fn alice() -> Subject {
    Subject::in_region("alice", "West").role("manager")
}

#[test]
fn within_a_pillar_the_session_is_shared() -> Result<()> {
    let database = Database::create()?;
    let portal = alice().log_in(&database)?;
    let mut bridge = Bridge::connect(&database)?;
    let ticket = bridge.issue(&portal, "floor")?;
    assert!(ticket.starts_with("vt_") && ticket.len() >= 46);
    let floor = bridge.redeem(&ticket, "floor", VERIFIER)?.unwrap();
    assert!(floor.starts_with("vs_") && floor != portal);
    let (portal_id, portal_app, ..) = session_row(&database, &portal)?;
    let (floor_id, floor_app, region, is_manager) = session_row(&database, &floor)?;
    assert_eq!((portal_id, portal_app.as_str()), (floor_id, "portal"));
    assert_eq!(
        (floor_app.as_str(), region.as_deref(), is_manager),
        ("floor", Some("West"), true)
    );
    Ok(())
}

#[test]
fn across_pillars_only_the_identity_is_handed_over() -> Result<()> {
    let database = Database::create()?;
    let portal = alice().log_in(&database)?;
    let mut bridge = Bridge::connect(&database)?;
    let ticket = bridge.issue(&portal, "ledger")?;
    let ledger = bridge.redeem(&ticket, "ledger", VERIFIER)?.unwrap();
    let (portal_id, ..) = session_row(&database, &portal)?;
    let (ledger_id, app, region, is_manager) = session_row(&database, &ledger)?;
    assert_ne!(portal_id, ledger_id);
    assert_eq!((app.as_str(), region, is_manager), ("ledger", None, false));
    let child = database.admin()?.query_one(
        "SELECT user_name, pillar, parent_id::text FROM vpd.sessions WHERE app = 'ledger'",
        &[],
    )?;
    assert_eq!(
        (child.get(0), child.get(1), child.get(2)),
        ("alice", "finance", portal_id.as_str())
    );
    Ok(())
}

#[test]
fn ending_either_session_ends_both() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(role::USER)?;
    for target in ["floor", "ledger"] {
        let portal = alice().log_in(&database)?;
        let mut bridge = Bridge::connect(&database)?;
        let ticket = bridge.issue(&portal, target)?;
        let given = bridge.redeem(&ticket, target, VERIFIER)?.unwrap();
        bridge.client.execute("SELECT vpd.end_session($1)", &[&portal])?;
        assert_refused(attach(&mut user, &given), "28000", "session_invalid");
    }
    Ok(())
}

#[test]
fn redeeming_removes_the_row_and_keeps_no_secret() -> Result<()> {
    let database = Database::create()?;
    let portal = alice().log_in(&database)?;
    let mut bridge = Bridge::connect(&database)?;
    let ticket = bridge.issue(&portal, "floor")?;
    let counts = "SELECT (SELECT count(*) FROM vpd_private.ticket), (SELECT count(*) FROM vpd_private.session_token WHERE ticket_hash IS NOT NULL)";
    let mut admin = database.admin()?;
    let row = admin.query_one(counts, &[])?;
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 0));
    bridge.redeem(&ticket, "floor", VERIFIER)?;
    let row = admin.query_one(counts, &[])?;
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (0, 1));
    Ok(())
}

#[test]
fn every_unusable_ticket_gets_the_same_answer() -> Result<()> {
    let database = Database::create()?;
    let portal = alice().log_in(&database)?;
    let mut bridge = Bridge::connect(&database)?;
    let unknown = format!("vt_{}", "A".repeat(43));
    let another: String = VERIFIER.chars().rev().collect();
    let expired = bridge.issue(&portal, "floor")?;
    database.admin()?.execute(
        "UPDATE vpd_private.ticket SET expires_at = clock_timestamp()",
        &[],
    )?;
    let for_floor = bridge.issue(&portal, "floor")?;
    let used = bridge.issue(&portal, "floor")?;
    let other = alice().log_in(&database)?;
    let of_ended = bridge.issue(&other, "floor")?;
    bridge.client.execute("SELECT vpd.end_session($1)", &[&other])?;
    let mut answers = vec![
        bridge.refused(&unknown, "floor", VERIFIER)?,
        bridge.refused("", "floor", VERIFIER)?,
        bridge.refused("garbage", "floor", VERIFIER)?,
        bridge.refused(&"x".repeat(100_000), "floor", VERIFIER)?,
        bridge.refused(&portal, "floor", VERIFIER)?,
        bridge.refused(&expired, "floor", VERIFIER)?,
        bridge.refused(&of_ended, "floor", VERIFIER)?,
        bridge.refused(&for_floor, "ledger", VERIFIER)?,
        bridge.refused(&for_floor, "no-such-app", VERIFIER)?,
        bridge.refused(&for_floor, "floor", &another)?,
        bridge.refused(&for_floor, "floor", "too short")?,
        bridge.refused(&for_floor, "floor", "")?,
    ];
    assert!(bridge.redeem(&used, "floor", VERIFIER)?.is_some());
    answers.push(bridge.refused(&used, "floor", VERIFIER)?);
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    Ok(())
}

#[test]
fn null_arguments_are_refused_as_any_other_garbage() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = Bridge::connect(&database)?;
    for call in [
        "SELECT vpd.redeem_ticket(NULL, 'floor', 'x')",
        "SELECT vpd.redeem_ticket('vt_x', NULL, 'x')",
        "SELECT vpd.redeem_ticket('vt_x', 'floor', NULL)",
    ] {
        assert_eq!(
            bridge.client.query_one(call, &[])?.get::<_, Option<String>>(0),
            None
        );
    }
    Ok(())
}

#[test]
fn issuing_checks_session_target_challenge_and_number() -> Result<()> {
    let database = Database::create()?;
    let portal = alice().log_in(&database)?;
    let mut bridge = Bridge::connect(&database)?;
    let good = challenge(VERIFIER);
    let mut issue = |token: &str, target: &str, challenge: &str| {
        bridge.client.execute(
            "SELECT vpd.issue_ticket($1, $2, $3)",
            &[&token, &target, &challenge],
        )
    };
    assert_refused(issue("garbage", "floor", &good), "28000", "session_invalid");
    assert_refused(issue(&portal, "no-such-app", &good), "42704", "app_not_found");
    for bad in [
        "",
        "plain",
        &good[1..],
        &format!("{good}A"),
        &good.replace(|_: char| true, "!"),
        &"A".repeat(100_000),
    ] {
        assert_refused(issue(&portal, "floor", bad), "22023", "argument_invalid");
    }
    Ok(())
}

#[test]
fn whoever_makes_tickets_for_somebody_keeps_him_from_none() -> Result<()> {
    let database = Database::create()?;
    let portal = alice().log_in(&database)?;
    let mut bridge = Bridge::connect(&database)?;
    // As any page does that sends his browser to where tickets are given out.
    let mut first = Vec::new();
    for _ in 0..12 {
        first.push(bridge.issue(&portal, "floor")?);
    }
    let own = bridge.issue(&portal, "floor")?;
    assert!(bridge.redeem(&own, "floor", VERIFIER)?.is_some());
    // What made way is as if it had never been, and ends no session.
    for (number, ticket) in first.iter().enumerate() {
        assert_eq!(
            bridge.redeem(ticket, "floor", VERIFIER)?.is_some(),
            number >= 3,
            "{number}"
        );
    }
    Ok(())
}

#[test]
fn the_limit_holds_when_requests_race() -> Result<()> {
    let database = Database::create()?;
    let portal = alice().log_in(&database)?;
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut bridge = Bridge::connect(&database).unwrap();
                for _ in 0..3 {
                    bridge.issue(&portal, "floor").unwrap();
                }
            });
        }
    });
    let open: i64 = database
        .admin()?
        .query_one("SELECT count(*) FROM vpd_private.ticket", &[])?
        .get(0);
    assert_eq!(open, 10);
    Ok(())
}

#[test]
fn the_limit_counts_open_tickets_only() -> Result<()> {
    let database = Database::create()?;
    let portal = alice().log_in(&database)?;
    let mut bridge = Bridge::connect(&database)?;
    for _ in 0..15 {
        let ticket = bridge.issue(&portal, "floor")?;
        assert!(bridge.redeem(&ticket, "floor", VERIFIER)?.is_some());
    }
    Ok(())
}

#[test]
fn a_ticket_lives_as_long_as_the_application_says() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.execute(
        "SELECT vpd.register_app('portal', 'retail', ticket_lifetime => '1 second')",
        &[],
    )?;
    let portal = alice().log_in(&database)?;
    let mut bridge = Bridge::connect(&database)?;
    let ticket = bridge.issue(&portal, "floor")?;
    let lifetime = "SELECT extract(epoch FROM expires_at - issued_at)::float8 FROM vpd_private.ticket";
    let seconds: f64 = database.admin()?.query_one(lifetime, &[])?.get(0);
    assert!((seconds - 1.0).abs() < 0.001, "{seconds}");
    database
        .admin()?
        .batch_execute("SELECT pg_sleep_until(expires_at) FROM vpd_private.ticket")?;
    bridge.refused(&ticket, "floor", VERIFIER)?;
    Ok(())
}

#[test]
fn a_redemption_that_rolls_back_did_not_happen() -> Result<()> {
    let database = Database::create()?;
    let portal = alice().log_in(&database)?;
    let mut bridge = Bridge::connect(&database)?;
    let ticket = bridge.issue(&portal, "floor")?;
    bridge.client.batch_execute("BEGIN")?;
    let undone = bridge.redeem(&ticket, "floor", VERIFIER)?.unwrap();
    bridge.client.batch_execute("ROLLBACK")?;
    let mut user = database.connect(role::USER)?;
    assert_refused(attach(&mut user, &undone), "28000", "session_invalid");
    assert!(bridge.redeem(&ticket, "floor", VERIFIER)?.is_some());
    Ok(())
}

#[test]
fn a_ticket_of_a_session_that_expired_meanwhile_is_dead() -> Result<()> {
    let database = Database::create()?;
    for clock in [
        "last_access_at = last_access_at - interval '36 minutes'",
        "expires_at = clock_timestamp()",
    ] {
        let portal = alice().log_in(&database)?;
        let mut bridge = Bridge::connect(&database)?;
        let tickets = [bridge.issue(&portal, "floor")?, bridge.issue(&portal, "ledger")?];
        database
            .admin()?
            .batch_execute(&format!("UPDATE vpd_private.session SET {clock}"))?;
        bridge.refused(&tickets[0], "floor", VERIFIER)?;
        bridge.refused(&tickets[1], "ledger", VERIFIER)?;
    }
    Ok(())
}

#[test]
fn a_session_handed_over_keeps_the_limits_of_the_first() -> Result<()> {
    let database = Database::create()?;
    let portal = alice().log_in(&database)?;
    let mut bridge = Bridge::connect(&database)?;
    let limit = "UPDATE vpd_private.session SET expires_at = clock_timestamp() + interval '10 minutes'";
    database.admin()?.batch_execute(limit)?;
    let ticket = bridge.issue(&portal, "ledger")?;
    bridge.redeem(&ticket, "ledger", VERIFIER)?.unwrap();
    let row = database.admin()?.query_one(
        "SELECT bool_and(expires_at <= clock_timestamp() + interval '10 minutes') FROM vpd.sessions",
        &[],
    )?;
    assert!(row.get::<_, bool>(0));
    Ok(())
}

#[test]
fn a_ticket_for_the_own_application_is_an_error_or_works_once() -> Result<()> {
    let database = Database::create()?;
    let portal = alice().log_in(&database)?;
    let mut bridge = Bridge::connect(&database)?;
    if let Ok(ticket) = bridge.issue(&portal, "portal") {
        assert!(bridge.redeem(&ticket, "portal", VERIFIER)?.is_some());
        bridge.refused(&ticket, "portal", VERIFIER)?;
    }
    Ok(())
}

#[test]
fn only_the_bridge_issues_and_redeems() -> Result<()> {
    let database = Database::create()?;
    assert_denied_to_all_but(
        &database,
        &[role::BRIDGE],
        &[
            "SELECT vpd.issue_ticket('a', 'b', 'c')",
            "SELECT vpd.redeem_ticket('a', 'b', 'c')",
        ],
    )?;
    Ok(())
}
