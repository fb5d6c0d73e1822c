//! Keep-alives between two front ends: recorded by one, validated by the other; a refusal closes both.

use std::time::Duration;

use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;
use vpd_tests::{Database, Refusal, Result, Subject, VERIFIER, assert_refused, attach, challenge, role};

/// A portal and a floor that share alice's session.
struct Pair {
    database: Database<'static>,
    bridge: Client,
    portal: String,
    floor: String,
}

impl Pair {
    fn new() -> Result<Self> {
        let database = Database::create()?;
        let mut bridge = database.connect(role::BRIDGE)?;
        let portal = Subject::new("alice").log_in(&database)?;
        let floor = hand_over(&mut bridge, &portal, "floor")?;
        Ok(Self {
            database,
            bridge,
            portal,
            floor,
        })
    }

    fn record(&mut self) -> Result<String> {
        Ok(self
            .bridge
            .query_one("SELECT vpd.record_message($1, 'portal')", &[&self.floor])?
            .get(0))
    }

    fn validate(&mut self, message: &str) -> Result<bool> {
        Ok(self
            .bridge
            .query_one("SELECT vpd.validate_message($1, $2)", &[&self.portal, &message])?
            .get(0))
    }

    fn age_session(&self, by: &str) -> Result<()> {
        self.database.admin()?.batch_execute(&format!(
            "UPDATE vpd_private.session SET last_access_at = last_access_at - interval '{by}';
             UPDATE vpd_private.session_use SET used_at = used_at - interval '{by}'"
        ))?;
        Ok(())
    }

    fn idle_seconds(&self) -> Result<f64> {
        let query =
            "SELECT max(extract(epoch FROM clock_timestamp() - last_access_at))::float8 FROM vpd.sessions";
        Ok(self.database.admin()?.query_one(query, &[])?.get(0))
    }

    /// The queue of one token: (id, kind, reason).
    fn queue(&mut self, token: &str) -> Result<Vec<(i64, String, String)>> {
        let rows = self
            .bridge
            .query("SELECT id, kind, reason FROM vpd.browse_queue($1)", &[&token])?;
        Ok(rows
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2)))
            .collect())
    }

    /// A refusal that changes nothing: the session goes on, its clock stands still, and a WARNING says why.
    fn assert_refused_plainly(&mut self, message: &str) -> Result<()> {
        let before = self.idle_seconds()?;
        let (mut bridge, notices) = self.database.connect_noticing(role::BRIDGE)?;
        let validate = "SELECT vpd.validate_message($1, $2)";
        assert!(
            !bridge
                .query_one(validate, &[&self.portal, &message])?
                .get::<_, bool>(0)
        );
        let warnings = notices.take();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let refusal = Refusal::from(&warnings[0]);
        assert_eq!(
            (refusal.state.code(), refusal.token.as_deref()),
            ("28000", Some("message_stale"))
        );
        assert!(self.idle_seconds()? >= before, "the clock moved");
        let floor = self.floor.clone();
        assert!(self.queue(&floor)?.is_empty());
        // In a transaction that leaves the clock alone.
        let mut user = self.database.connect(role::USER)?;
        let mut look = user.build_transaction().read_only(true).start()?;
        for token in [&self.portal, &self.floor] {
            look.execute("SELECT vpd.attach_session($1)", &[token])?;
        }
        Ok(())
    }

    /// The refusal of RW-7: both tokens dead, a close in the queue of floor.
    fn assert_closed(&mut self) -> Result<()> {
        let mut user = self.database.connect(role::USER)?;
        for token in [&self.portal, &self.floor] {
            assert_refused(attach(&mut user, token), "28000", "session_invalid");
        }
        let floor = self.floor.clone();
        let queue = self.queue(&floor)?;
        assert_eq!(queue.len(), 1, "{queue:?}");
        assert!(
            queue[0].0 > 0 && queue[0].1 == "close" && !queue[0].2.is_empty(),
            "{queue:?}"
        );
        Ok(())
    }
}

fn hand_over(bridge: &mut Client, token: &str, target: &str) -> Result<String> {
    let issue = "SELECT vpd.issue_ticket($1, $2, $3)";
    let ticket: String = bridge
        .query_one(issue, &[&token, &target, &challenge(VERIFIER)])?
        .get(0);
    Ok(bridge
        .query_one(
            "SELECT vpd.redeem_ticket($1, $2, $3)",
            &[&ticket, &target, &VERIFIER],
        )?
        .get(0))
}

#[test]
fn a_recorded_keep_alive_moves_the_idle_clock() -> Result<()> {
    let mut pair = Pair::new()?;
    pair.age_session("20 minutes")?;
    let message = pair.record()?;
    assert!(message.starts_with("vm_") && message.len() >= 46);
    assert!(pair.idle_seconds()? > 1000.0, "recording alone moves nothing");
    assert!(pair.validate(&message)?);
    assert!(pair.idle_seconds()? < 60.0);
    let floor = pair.floor.clone();
    assert!(pair.queue(&floor)?.is_empty());
    Ok(())
}

#[test]
fn a_keep_alive_never_moves_the_absolute_limit() -> Result<()> {
    let mut pair = Pair::new()?;
    let limit = "SELECT expires_at::text, idle_expires_at <= expires_at FROM vpd.sessions";
    pair.database.admin()?.batch_execute(
        "UPDATE vpd_private.session SET expires_at = clock_timestamp() + interval '5 minutes'",
    )?;
    let before: String = pair.database.admin()?.query_one(limit, &[])?.get(0);
    let message = pair.record()?;
    assert!(pair.validate(&message)?);
    let row = pair.database.admin()?.query_one(limit, &[])?;
    assert_eq!((row.get::<_, String>(0), row.get::<_, bool>(1)), (before, true));
    Ok(())
}

#[test]
fn a_keep_alive_that_was_not_recorded_closes_both() -> Result<()> {
    let mut pair = Pair::new()?;
    assert!(!pair.validate(&format!("vm_{}", "A".repeat(43)))?);
    pair.assert_closed()
}

#[test]
fn the_refusal_warns_with_its_token() -> Result<()> {
    let pair = Pair::new()?;
    let (mut bridge, notices) = pair.database.connect_noticing(role::BRIDGE)?;
    bridge.execute("SELECT vpd.validate_message($1, 'garbage')", &[&pair.portal])?;
    let warnings = notices.take();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let refusal = Refusal::from(&warnings[0]);
    assert_eq!(
        (refusal.state.code(), refusal.token.as_deref()),
        ("28000", Some("message_invalid"))
    );
    Ok(())
}

#[test]
fn a_keep_alive_is_good_once() -> Result<()> {
    let mut pair = Pair::new()?;
    let message = pair.record()?;
    assert!(pair.validate(&message)?);
    pair.age_session("20 minutes")?;
    pair.assert_refused_plainly(&message)
}

#[test]
fn a_stale_keep_alive_closes_nothing_purged_or_not() -> Result<()> {
    let mut pair = Pair::new()?;
    let message = pair.record()?;
    pair.age_session("20 minutes")?;
    pair.database
        .admin()?
        .batch_execute("UPDATE vpd_private.message SET expires_at = clock_timestamp()")?;
    pair.assert_refused_plainly(&message)?;
    pair.database.admin()?.batch_execute("SELECT vpd.purge()")?;
    pair.assert_refused_plainly(&message)
}

/// Two windows, or two requests on their way at the same time.
#[test]
fn keep_alives_count_in_any_order() -> Result<()> {
    let mut pair = Pair::new()?;
    let messages = [pair.record()?, pair.record()?, pair.record()?];
    for message in messages.iter().rev() {
        pair.age_session("20 minutes")?;
        assert!(pair.validate(message)?);
        assert!(pair.idle_seconds()? < 60.0);
    }
    for message in &messages {
        pair.assert_refused_plainly(message)?;
    }
    Ok(())
}

#[test]
fn only_one_of_two_that_validate_the_same_keep_alive_at_once_is_believed() -> Result<()> {
    let mut pair = Pair::new()?;
    let message = pair.record()?;
    let mut other = pair.database.connect(role::BRIDGE)?;
    let portal = pair.portal.clone();
    let validate = "SELECT vpd.validate_message($1, $2)";
    let mut first = pair.bridge.transaction()?;
    assert!(first.query_one(validate, &[&portal, &message])?.get::<_, bool>(0));
    let second = std::thread::scope(|scope| -> Result<bool> {
        let (portal, message) = (&portal, &message);
        let waiting = scope.spawn(move || {
            other
                .query_one(validate, &[portal, message])
                .map(|row| row.get(0))
        });
        first.commit()?;
        Ok(waiting.join().map_err(|_| "the second one failed")??)
    })?;
    assert!(!second);
    attach(&mut pair.database.connect(role::USER)?, &portal)?;
    Ok(())
}

/// Else they could keep an abandoned session alive for ever.
#[test]
fn two_applications_that_were_handed_a_session_do_not_keep_it_alive() -> Result<()> {
    let mut pair = Pair::new()?;
    let ledger = hand_over(&mut pair.bridge, &pair.portal, "ledger")?;
    pair.age_session("20 minutes")?;
    for (source, target, app) in [(&pair.floor, &ledger, "ledger"), (&ledger, &pair.floor, "floor")] {
        let message: String = pair
            .bridge
            .query_one("SELECT vpd.record_message($1, $2)", &[source, &app])?
            .get(0);
        let validate = "SELECT vpd.validate_message($1, $2)";
        assert!(
            pair.bridge
                .query_one(validate, &[target, &message])?
                .get::<_, bool>(0)
        );
    }
    assert!(pair.idle_seconds()? > 1000.0);
    // The control: the application of the login has the clock.
    let message = pair.record()?;
    assert!(pair.validate(&message)?);
    assert!(pair.idle_seconds()? < 60.0);
    attach(&mut pair.database.connect(role::USER)?, &pair.portal)?;
    Ok(())
}

#[test]
fn spent_keep_alives_go_with_their_session() -> Result<()> {
    let mut pair = Pair::new()?;
    let message = pair.record()?;
    assert!(pair.validate(&message)?);
    let mut admin = pair.database.admin()?;
    let spent = "SELECT count(*) FROM vpd_private.message_spent";
    admin.batch_execute("SELECT vpd.purge()")?;
    assert_eq!(admin.query_one(spent, &[])?.get::<_, i64>(0), 1);
    admin.batch_execute(
        "SELECT vpd.end_all_sessions();
         UPDATE vpd_private.session SET ended_at = ended_at - interval '2 minutes';
         SELECT vpd.purge()",
    )?;
    assert_eq!(admin.query_one(spent, &[])?.get::<_, i64>(0), 0);
    Ok(())
}

#[test]
fn a_keep_alive_of_another_session_closes_both() -> Result<()> {
    let mut pair = Pair::new()?;
    let bob = Subject::new("bob").log_in(&pair.database)?;
    let floor_of_bob = hand_over(&mut pair.bridge, &bob, "floor")?;
    let message: String = pair
        .bridge
        .query_one("SELECT vpd.record_message($1, 'portal')", &[&floor_of_bob])?
        .get(0);
    assert!(!pair.validate(&message)?);
    pair.assert_closed()
}

#[test]
fn a_keep_alive_for_another_application_closes_both() -> Result<()> {
    let mut pair = Pair::new()?;
    let message: String = pair
        .bridge
        .query_one("SELECT vpd.record_message($1, 'ledger')", &[&pair.floor])?
        .get(0);
    assert!(!pair.validate(&message)?);
    pair.assert_closed()
}

#[test]
fn an_application_cannot_keep_itself_alive() -> Result<()> {
    let mut pair = Pair::new()?;
    pair.age_session("20 minutes")?;
    let recorded = pair
        .bridge
        .query_one("SELECT vpd.record_message($1, 'floor')", &[&pair.floor])
        .map(|row| row.get(0));
    if let Ok::<String, _>(message) = recorded {
        let validate = "SELECT vpd.validate_message($1, $2)";
        let is_valid = pair
            .bridge
            .query_one(validate, &[&pair.floor, &message])?
            .get::<_, bool>(0);
        assert!(!is_valid);
    }
    assert!(pair.idle_seconds()? > 1000.0);
    Ok(())
}

#[test]
fn recording_and_validating_need_a_live_session() -> Result<()> {
    let mut pair = Pair::new()?;
    let message = pair.record()?;
    pair.bridge
        .execute("SELECT vpd.end_session($1)", &[&pair.portal])?;
    let validate = pair
        .bridge
        .execute("SELECT vpd.validate_message($1, $2)", &[&pair.portal, &message]);
    assert_refused(validate, "28000", "session_invalid");
    let record = "SELECT vpd.record_message($1, 'portal')";
    assert_refused(
        pair.bridge.execute(record, &[&pair.floor]),
        "28000",
        "session_invalid",
    );
    assert_refused(
        pair.bridge.execute(record, &[&"garbage"]),
        "28000",
        "session_invalid",
    );
    Ok(())
}

#[test]
fn recording_for_an_unknown_application_is_an_error_and_closes_nothing() -> Result<()> {
    let mut pair = Pair::new()?;
    let record = pair
        .bridge
        .execute("SELECT vpd.record_message($1, 'no-such-app')", &[&pair.floor]);
    assert_refused(record, "42704", "app_not_found");
    let message = pair.record()?;
    assert!(pair.validate(&message)?);
    Ok(())
}

#[test]
fn logging_out_queues_a_close_for_the_other_application_only() -> Result<()> {
    let mut pair = Pair::new()?;
    let (portal, floor) = (pair.portal.clone(), pair.floor.clone());
    pair.bridge.execute("SELECT vpd.end_session($1)", &[&portal])?;
    let queue = pair.queue(&floor)?;
    assert_eq!(queue.len(), 1);
    assert_eq!((queue[0].1.as_str(), queue[0].2.as_str()), ("close", "logout"));
    Ok(())
}

#[test]
fn logging_out_of_the_second_application_ends_both() -> Result<()> {
    let mut pair = Pair::new()?;
    let (portal, floor) = (pair.portal.clone(), pair.floor.clone());
    pair.bridge.execute("SELECT vpd.end_session($1)", &[&floor])?;
    let queue = pair.queue(&portal)?;
    assert_eq!((queue.len(), queue[0].1.as_str()), (1, "close"));
    assert_refused(
        attach(&mut pair.database.connect(role::USER)?, &portal),
        "28000",
        "session_invalid",
    );
    Ok(())
}

#[test]
fn browsing_leaves_messages_and_acknowledging_removes_them() -> Result<()> {
    let mut pair = Pair::new()?;
    let (portal, floor) = (pair.portal.clone(), pair.floor.clone());
    pair.bridge.execute("SELECT vpd.end_session($1)", &[&portal])?;
    let queue = pair.queue(&floor)?;
    assert_eq!(pair.queue(&floor)?, queue);
    let ack = "SELECT vpd.ack_message($1, $2)";
    let wrong: bool = pair.bridge.query_one(ack, &[&portal, &queue[0].0])?.get(0);
    assert!(!wrong, "the message is not the portal's");
    assert!(
        pair.bridge
            .query_one(ack, &[&floor, &queue[0].0])?
            .get::<_, bool>(0)
    );
    assert!(
        !pair
            .bridge
            .query_one(ack, &[&floor, &queue[0].0])?
            .get::<_, bool>(0)
    );
    // Over is over: without a queued message the answer is a close all the same.
    let after = pair.queue(&floor)?;
    assert_eq!((after.len(), after[0].0, after[0].1.as_str()), (1, 0, "close"));
    Ok(())
}

#[test]
fn an_expired_session_and_an_unknown_token_read_a_close() -> Result<()> {
    let mut pair = Pair::new()?;
    pair.age_session("36 minutes")?;
    let floor = pair.floor.clone();
    let expired = pair.queue(&floor)?;
    // With an id of its own when the worker has announced the end already.
    assert_eq!((expired.len(), expired[0].1.as_str()), (1, "close"));
    let unknown = pair.queue("garbage")?;
    assert_eq!(
        (unknown.len(), unknown[0].0, unknown[0].1.as_str()),
        (1, 0, "close")
    );
    Ok(())
}

#[test]
fn closing_wakes_listeners_with_the_public_identifier_only() -> Result<()> {
    let mut pair = Pair::new()?;
    let mut listener = pair.database.connect(role::BRIDGE)?;
    listener.batch_execute("LISTEN vpd_queue")?;
    let id: String = pair
        .database
        .admin()?
        .query_one("SELECT session_id::text FROM vpd.sessions", &[])?
        .get(0);
    pair.bridge
        .execute("SELECT vpd.end_session($1)", &[&pair.portal])?;
    let mut notifications = listener.notifications();
    let first = notifications.timeout_iter(Duration::from_secs(30)).next()?;
    let payload = first.map(|notification| notification.payload().to_owned());
    assert_eq!(payload, Some(id));
    Ok(())
}
