//! What is recorded, and what is in no record.

use super::*;

#[test]
fn sessions_tickets_and_messages_are_recorded() -> Result<()> {
    let database = Database::create()?;
    let start = last(&database)?;
    let token = Subject::new("peter").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for _ in 0..3 {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        transaction.commit()?;
    }
    let mut bridge = database.connect(role::BRIDGE)?;
    let ticket = issue(&mut bridge, &token, "floor")?;
    let other = redeem(&mut bridge, &ticket, "floor")?.ok_or("no token")?;
    // again: a replay, which ends what the ticket gave
    assert_eq!(redeem(&mut bridge, &ticket, "floor")?, None);
    assert_eq!(redeem(&mut bridge, "nonsense", "floor")?, None);
    assert_refused(attach(&mut user, &other), "28000", "session_invalid");
    let token = Subject::new("peter").log_in(&database)?;
    bridge.query("SELECT vpd.validate_message($1, repeat('x', 43))", &[&token])?;
    let told = told(&database, start)?;
    let expected = [
        "session.created",
        "session.attached",
        "ticket.issued",
        "ticket.redeemed",
        "session.ended",
        "ticket.replayed",
        "ticket.refused",
        "denied",
        "session.created",
        "message.refused",
        "session.ended",
    ];
    assert_eq!(events(&told), expected);
    let mut auditor = database.connect(role::AUDITOR)?;
    let alarms = auditor.query("SELECT event FROM vpd.alarms ORDER BY sequence", &[])?;
    let alarms: Vec<&str> = alarms.iter().map(|row| row.get(0)).collect();
    assert_eq!(alarms, ["ticket.replayed", "message.refused"]);
    let who = auditor.query_one(
        "SELECT string_agg(DISTINCT concat_ws(' ', user_name, app), ', ') FROM vpd.audit_trail WHERE sequence > $1 AND event LIKE 'session%'",
        &[&start],
    )?;
    assert_eq!(who.get::<_, &str>(0), "peter portal");
    Ok(())
}

#[test]
fn whoever_listens_hears_of_alarms_though_the_replay_was_rolled_back() -> Result<()> {
    let database = Database::create()?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let ticket = issue(&mut bridge, &token, "floor")?;
    redeem(&mut bridge, &ticket, "floor")?;
    let mut listener = database.connect(role::AUDITOR)?;
    listener.batch_execute("LISTEN vpd_alarm")?;
    let mut transaction = bridge.transaction()?;
    redeem(&mut transaction, &ticket, "floor")?;
    transaction.rollback()?;
    let mut heard = String::new();
    until("the alarm is heard", || {
        use postgres::fallible_iterator::FallibleIterator as _;
        listener.batch_execute("SELECT 1")?;
        if let Some(notification) = listener.notifications().iter().next()? {
            heard = notification.payload().to_owned();
        }
        Ok(!heard.is_empty())
    })?;
    assert!(heard.ends_with(" ticket.replayed"), "{heard}");
    let told = told(&database, 0)?;
    let end = &events(&told)[told.len() - 3..];
    assert_eq!(
        end,
        ["session.ended", "ticket.replayed", "transaction.rolled_back"]
    );
    Ok(())
}

/// Calls that change something, or are refused, and how their record ends.
const CALLS: [(&str, &str, &str); 9] = [
    (
        role::SECURITY,
        "SELECT vpd.define_role('clerk')",
        "changed ok vpd.define_role",
    ),
    (
        role::SECURITY,
        "SELECT vpd.define_role('')",
        "changed 22023 vpd.define_role",
    ),
    (
        role::SECURITY,
        "SELECT vpd.define_user('alice')",
        "changed ok vpd.define_user",
    ),
    (
        role::SECURITY,
        "SELECT dbms_rls.add_policy('shop', 'orders', 'p', 'shop', 'nothing')",
        "changed 42704 dbms_rls.add_grouped_policy",
    ),
    (
        role::SECURITY,
        "SELECT vpd.end_all_sessions()",
        "changed ok vpd.end_all_sessions",
    ),
    (
        role::SECURITY,
        "SELECT vpd.export_definitions()",
        "changed ok vpd.export_definitions",
    ),
    (role::USER, "SELECT vpd.define_role('clerk')", "denied 42501"),
    (role::USER, "SELECT * FROM vpd.audit_trail", "denied 42501"),
    (role::USER, "SELECT vpd.attach_session('x')", "denied 28000"),
];

#[test]
fn changes_and_denials_are_recorded_with_how_they_ended() -> Result<()> {
    let database = Database::create()?;
    for (role, call, expected) in CALLS {
        let behind = last(&database)?;
        let _ = database.connect(role)?.batch_execute(call);
        let told = told(&database, behind)?;
        let told: Vec<String> = told
            .iter()
            .map(|(event, verdict, _, command, ..)| {
                [
                    event.as_str(),
                    verdict.as_str(),
                    command.as_deref().unwrap_or_default(),
                ]
                .join(" ")
                .trim_end()
                .to_owned()
            })
            .collect();
        assert_eq!(told, [expected], "{call}");
    }
    Ok(())
}

#[test]
fn what_is_undone_is_recorded_and_that_it_was_undone() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let behind = last(&database)?;
    security.batch_execute(
        "BEGIN; SELECT vpd.define_role('a'); SAVEPOINT s; SELECT vpd.define_role('b'), vpd.define_role('c'); ROLLBACK TO s; COMMIT;
         BEGIN; SELECT vpd.define_role('d'); ROLLBACK;
         DO $$BEGIN BEGIN PERFORM vpd.define_role('e'); PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN END; END$$",
    )?;
    let told = told(&database, behind)?;
    let told: Vec<(&str, Option<i64>)> = told.iter().map(|one| (one.0.as_str(), one.5)).collect();
    let expected = [
        ("changed", None),
        ("changed", None),
        ("changed", None),
        ("savepoint.rolled_back", Some(2)),
        ("changed", None),
        ("transaction.rolled_back", Some(1)),
        ("changed", None),
        ("savepoint.rolled_back", Some(1)),
    ];
    assert_eq!(told, expected);
    Ok(())
}

#[test]
fn no_secret_and_no_constant_is_in_the_trail() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.add_audit_policy('shop.orders', 'reads')")?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let ticket = issue(&mut bridge, &token, "floor")?;
    let other = redeem(&mut bridge, &ticket, "floor")?.ok_or("no token")?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.query(
        "SELECT * FROM shop.orders WHERE amount <> 424242 AND region <> $1",
        &[&"s3cret-value"],
    )?;
    transaction.commit()?;
    last(&database)?;
    let all: String = database
        .admin()?
        .query_one(
            "SELECT string_agg(t::text, ' ') || (SELECT string_agg(p::text, ' ') FROM vpd_private.audit_person p) FROM vpd.audit_trail t",
            &[],
        )?
        .get(0);
    assert!(all.contains("shop.orders"), "control: the reading is there");
    for secret in [
        &token,
        &ticket,
        &other,
        "424242",
        "s3cret-value",
        vpd_tests::VERIFIER,
    ] {
        assert!(!all.contains(secret), "{secret}");
    }
    Ok(())
}

#[test]
fn whoever_acts_for_somebody_is_recorded_as_that() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    database.admin()?.batch_execute(
        "SELECT vpd.define_user('alice'), vpd.define_user('peter');
         SELECT vpd.grant_delegation('user:peter', 'user:alice'); SELECT vpd.add_audit_policy('shop.orders', 'reads')",
    )?;
    let token = Subject::new("peter").log_in(&database)?;
    let token = act_for(&mut database.connect(role::BRIDGE)?, &token, "alice")?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute("SELECT count(*) FROM shop.orders")?;
    transaction.commit()?;
    last(&database)?;
    let row = database.connect(role::AUDITOR)?.query_one(
        "SELECT user_name, actors::text FROM vpd.audit_trail WHERE event = 'data'",
        &[],
    )?;
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, &str>(1)),
        ("alice", "[\"peter\"]")
    );
    Ok(())
}

#[test]
fn keys_that_are_refused_leave_no_secret() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute("SELECT vpd.trust_issuer('https://idp.example', '{a}')")?;
    let refused = admin.batch_execute(
        r#"SELECT vpd.set_issuer_keys('https://idp.example', '{"keys": [{"kty": "oct", "kid": "x", "k": "TOPSECRET"}]}')"#,
    );
    assert!(refused.is_err());
    last(&database)?;
    let row = admin.query_one(
        "SELECT count(*) FILTER (WHERE command = 'vpd.set_issuer_keys'), count(*) FILTER (WHERE details LIKE '%TOPSECRET%') FROM vpd.audit_trail",
        &[],
    )?;
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 0));
    Ok(())
}
