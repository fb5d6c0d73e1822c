//! The audit trail: what is recorded, that nothing of it is lost or changed unnoticed, and that it tells no secret.

use std::process::Command;

use postgres::{Client, NoTls};
use vpd_tests::{
    Cluster, Database, Desk, Extension, Library, Result, Subject, act_for, assert_denied_to_all_but,
    assert_refused, attach, create_protected_orders, issue, redeem, role, until, until_true,
};

/// Event, verdict, code, command, relation, rows; in the order of the trail.
type Told = (
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
);

/// What is recorded behind a record.
fn told(database: &Database<'_>, behind: i64) -> Result<Vec<Told>> {
    let mut auditor = database.connect(role::AUDITOR)?;
    auditor.query_one("SELECT vpd.flush_audit()", &[])?;
    let rows = auditor.query(
        "SELECT event, verdict, code, command, relation, row_count FROM vpd.audit_trail WHERE sequence > $1 ORDER BY sequence",
        &[&behind],
    )?;
    Ok(rows
        .iter()
        .map(|row| {
            (
                row.get(0),
                row.get(1),
                row.get(2),
                row.get(3),
                row.get(4),
                row.get(5),
            )
        })
        .collect())
}

/// The last record, once all are written.
fn last(database: &Database<'_>) -> Result<i64> {
    Ok(database
        .connect(role::AUDITOR)?
        .query_one("SELECT vpd.flush_audit()", &[])?
        .get(0))
}

fn events(told: &[Told]) -> Vec<&str> {
    told.iter().map(|one| one.0.as_str()).collect()
}

fn verified(client: &mut Client) -> Result<(i64, Option<i64>, Option<String>)> {
    let row = client.query_one(
        "SELECT records, first_broken, problem FROM vpd.verify_audit()",
        &[],
    )?;
    Ok((row.get(0), row.get(1), row.get(2)))
}

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

/// Ways to read or write a table under an audit policy, as a user with a session, and what of it is recorded: command and verdict.
const WAYS: [(&str, &str); 19] = [
    ("SELECT * FROM shop.orders", "select ok 10"),
    ("TABLE shop.orders LIMIT 3", "select ok 3"),
    (
        "SELECT count(*) FROM shop.orders o JOIN shop.orders p USING (id)",
        "select ok 1",
    ),
    ("SELECT EXISTS (SELECT FROM shop.orders)", "select ok 1"),
    (
        "WITH o AS (SELECT id FROM shop.orders) SELECT * FROM o",
        "select ok 10",
    ),
    (
        "PREPARE p AS SELECT * FROM shop.orders; EXECUTE p; DEALLOCATE p",
        "select ok 10",
    ),
    (
        "DECLARE c CURSOR FOR SELECT * FROM shop.orders; FETCH 4 FROM c; CLOSE c",
        "select ok 4",
    ),
    (
        "DECLARE c CURSOR FOR SELECT * FROM shop.orders; FETCH 4 FROM c",
        "select closed 4",
    ),
    ("DO $$BEGIN PERFORM FROM shop.orders; END$$", "select ok 10"),
    ("COPY shop.orders TO STDOUT", "select ok 10"),
    ("COPY (SELECT id FROM shop.orders) TO STDOUT", "select ok 10"),
    ("SELECT * FROM shop.orders_view", "select ok 10"),
    ("SELECT 1 / (id - id) FROM shop.orders", "select 22012"),
    (
        "EXPLAIN (ANALYZE, TIMING off) SELECT * FROM shop.orders",
        "select ok 10",
    ),
    ("UPDATE shop.orders SET amount = 1", "update ok 10"),
    ("DELETE FROM shop.orders WHERE false", "delete ok 0"),
    ("INSERT INTO shop.orders VALUES (900, 'North', 1)", "insert ok 1"),
    ("INSERT INTO shop.orders VALUES (901, 'East', 1)", "insert 44000"),
    ("SELECT count(*) FROM shop.other", ""),
];

#[test]
fn there_is_no_way_around_an_audit_policy() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE VIEW shop.orders_view WITH (security_invoker = on) AS SELECT id FROM shop.orders; CREATE TABLE shop.other (id int);
         GRANT SELECT ON shop.orders_view, shop.other TO app_user",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.add_audit_policy('shop.orders', 'all', commands => '{select,insert,update,delete}')",
    )?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    for (way, expected) in WAYS {
        let behind = last(&database)?;
        let mut user = database.connect(role::USER)?;
        user.batch_execute("BEGIN")?;
        attach(&mut user, &token)?;
        let _ = run(&mut user, way);
        user.batch_execute("ROLLBACK")?;
        let told = told(&database, behind)?;
        let told: Vec<String> = told
            .iter()
            .filter(|one| one.0 == "data")
            .map(|(_, verdict, _, command, _, rows)| {
                let rows = rows.map(|rows| format!(" {rows}")).unwrap_or_default();
                format!("{} {verdict}{rows}", command.as_deref().unwrap_or_default())
            })
            .collect();
        assert_eq!(told.join("|"), expected, "{way}");
    }
    // control: without the policy nothing is recorded
    security.batch_execute("SELECT vpd.enable_audit_policy('shop.orders', 'all', false)")?;
    let behind = last(&database)?;
    database.admin()?.batch_execute("SELECT * FROM shop.orders")?;
    assert_eq!(told(&database, behind)?, []);
    Ok(())
}

/// Runs statements one by one, and takes what COPY sends.
fn run(client: &mut Client, text: &str) -> Result<()> {
    if text.starts_with("COPY") {
        let mut sent = Vec::new();
        std::io::Read::read_to_end(&mut client.copy_out(text)?, &mut sent)?;
    } else {
        client.batch_execute(text)?;
    }
    Ok(())
}

#[test]
fn whoever_is_above_policies_is_recorded_and_so_are_partitions() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE t (id int, note text) PARTITION BY RANGE (id);
         CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10); INSERT INTO t VALUES (1, 'x');
         SELECT vpd.add_audit_policy('t', 'notes', columns => '{note}', commands => '{select,insert,delete}')",
    )?;
    for (way, expected) in [
        ("SELECT note FROM t", "public.t select"),
        ("SELECT t FROM t", "public.t select"),
        ("SELECT id FROM t", ""),
        ("SELECT id FROM t WHERE note = 'x'", "public.t select"),
        ("SELECT note FROM t1", "public.t1 select"),
        ("COPY t1 TO '/dev/null'", "public.t1 select"),
        ("INSERT INTO t (id) VALUES (2)", ""),
        ("INSERT INTO t (note, id) VALUES ('y', 2)", "public.t insert"),
        ("DELETE FROM t WHERE id = 2", "public.t delete"),
        ("TRUNCATE t1", "public.t1 delete"),
    ] {
        let behind = last(&database)?;
        admin.batch_execute(way)?;
        let told = told(&database, behind)?;
        let told: Vec<String> = told
            .iter()
            .filter(|one| one.0 == "data")
            .map(|one| {
                format!(
                    "{} {}",
                    one.4.as_deref().unwrap_or_default(),
                    one.3.as_deref().unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(told.join("|"), expected, "{way}");
    }
    Ok(())
}

#[test]
fn a_record_says_which_predicates_were_applied() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.add_audit_policy('shop.orders', 'reads')")?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    let applied = || -> Result<String> {
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        transaction.batch_execute("SELECT count(*) FROM shop.orders")?;
        transaction.commit()?;
        let behind = last(&database)?;
        let row = database.connect(role::AUDITOR)?.query_one(
            "SELECT predicates::text FROM vpd.audit_trail WHERE event = 'data' AND sequence <= $1 ORDER BY sequence DESC LIMIT 1",
            &[&behind],
        )?;
        Ok(row.get(0))
    };
    let hash: String = database
        .admin()?
        .query_one(
            "SELECT encode(sha256($1::text::bytea), 'hex')",
            &[&"region = vpd.attribute('app', 'region')"],
        )?
        .get(0);
    assert_eq!(
        applied()?,
        format!("[{{\"hash\": \"{hash}\", \"policy\": \"by_region\", \"version\": 1}}]")
    );
    security.batch_execute("SELECT vpd.alter_policy('shop.orders', 'by_region', predicate => 'false')")?;
    let other = applied()?;
    assert!(
        other.contains("\"version\": 2") && !other.contains(&hash),
        "{other}"
    );
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

/// Ways to change what is recorded.
const TAMPERING: [&str; 8] = [
    "INSERT INTO vpd_private.audit_record SELECT * FROM vpd_private.audit_record LIMIT 1",
    "UPDATE vpd_private.audit_record SET verdict = 'ok'",
    "DELETE FROM vpd_private.audit_record",
    "TRUNCATE vpd_private.audit_record",
    "UPDATE vpd_private.audit_person SET user_name = 'bob'",
    "DELETE FROM vpd_private.audit_person",
    "UPDATE vpd_private.audit_state SET last_sequence = 0",
    "DO $$BEGIN EXECUTE format('DROP TABLE vpd_private.audit_record_%s', to_char(now(), 'YYYY_MM')); END$$",
];

#[test]
fn nobody_but_the_owner_changes_what_is_recorded() -> Result<()> {
    let database = Database::create()?;
    last(&database)?;
    assert_denied_to_all_but(&database, &[], &TAMPERING)?;
    assert_denied_to_all_but(
        &database,
        &[role::AUDITOR],
        &[
            "SELECT vpd.verify_audit()",
            "SELECT vpd.flush_audit()",
            "SELECT * FROM vpd.audit_trail LIMIT 0",
        ],
    )
}

/// Changes by the owner of the extension, each in one record.
const FORGERIES: [&str; 15] = [
    "UPDATE vpd_private.audit_record SET event = 'x' WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET verdict = '42501' WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET code = 'x' WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET database_role = database_role || ' ' WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET process_id = process_id + 1 WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET recorded_at = recorded_at + interval '1 microsecond' WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET session_id = '' WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET transaction_id = 1 WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET row_count = 0 WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET personal_hash = set_byte(personal_hash, 0, 255 - get_byte(personal_hash, 0)) WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET hash = set_byte(hash, 31, 255 - get_byte(hash, 31)) WHERE sequence = $1",
    "UPDATE vpd_private.audit_person SET user_name = 'bob' WHERE sequence = $1",
    "UPDATE vpd_private.audit_person SET details = '{}' WHERE sequence = $1",
    "UPDATE vpd_private.audit_person SET salt = set_byte(salt, 0, 255 - get_byte(salt, 0)) WHERE sequence = $1",
    "DELETE FROM vpd_private.audit_record WHERE sequence = $1",
];

#[test]
fn whatever_is_changed_in_the_trail_is_found() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "DO $$BEGIN FOR i IN 1..2000 LOOP PERFORM vpd.define_role('r' || i % 7); END LOOP; END$$",
    )?;
    let end = last(&database)?;
    assert!(end >= 2000, "{end}");
    let mut admin = database.admin()?;
    assert_eq!(verified(&mut admin)?, (end, None, None));
    for (place, forgery) in FORGERIES.iter().enumerate() {
        let at = [1, end / 2, end - 1][place % 3];
        let mut transaction = admin.transaction()?;
        assert_eq!(transaction.execute(*forgery, &[&at])?, 1, "{forgery}");
        let row = transaction.query_one("SELECT first_broken FROM vpd.verify_audit()", &[])?;
        let found: Option<i64> = row.get(0);
        let row = transaction.query_one("SELECT first_broken FROM vpd.verify_audit($1, $1)", &[&at])?;
        assert_eq!((found, row.get(0)), (Some(at), Some(at)), "{forgery}");
        transaction.rollback()?;
    }
    let mut transaction = admin.transaction()?;
    transaction.execute(
        "INSERT INTO vpd_private.audit_record SELECT (r).* FROM (SELECT r FROM vpd_private.audit_record r WHERE sequence = $1) r",
        &[&(end / 2)],
    )?;
    let row = transaction.query_one("SELECT first_broken FROM vpd.verify_audit()", &[])?;
    assert_eq!(row.get::<_, Option<i64>>(0), Some(end / 2 + 1), "one was added");
    transaction.rollback()?;
    assert_eq!(verified(&mut admin)?.1, None);
    Ok(())
}

#[test]
fn whoever_writes_the_end_of_the_trail_anew_is_found_by_a_checkpoint() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.define_role('clerk')")?;
    let end = last(&database)?;
    let mut admin = database.admin()?;
    until_true(
        &mut admin,
        &format!("SELECT EXISTS (SELECT FROM vpd.audit_checkpoints WHERE sequence = {end})"),
    )?;
    for (forgery, problem) in [
        (
            "DELETE FROM vpd_private.audit_record WHERE sequence = $1; UPDATE vpd_private.audit_state SET last_sequence = $1 - 1",
            "missing",
        ),
        (
            "UPDATE vpd_private.audit_checkpoint SET hash = set_byte(hash, 0, 255 - get_byte(hash, 0)) WHERE sequence = $1",
            "checkpoint",
        ),
        (
            "UPDATE vpd_private.audit_checkpoint SET made_at = made_at + interval '1 second' WHERE sequence = $1",
            "signature",
        ),
        (
            "UPDATE vpd_private.audit_checkpoint SET kid = 'another' WHERE sequence = $1",
            "signature",
        ),
    ] {
        let mut transaction = admin.transaction()?;
        transaction.batch_execute(&forgery.replace("$1", &end.to_string()))?;
        let found = transaction.query_one("SELECT problem FROM vpd.verify_audit()", &[])?;
        assert_eq!(found.get::<_, Option<&str>>(0), Some(problem), "{forgery}");
        transaction.rollback()?;
    }
    // control: it is whole, with its checkpoint
    let found = admin.query_one("SELECT is_intact, checkpoints > 0 FROM vpd.verify_audit()", &[])?;
    assert!(found.get::<_, bool>(0) && found.get::<_, bool>(1));
    Ok(())
}

#[test]
fn whoever_is_erased_is_gone_from_the_trail_and_the_trail_is_whole() -> Result<()> {
    let database = Database::create()?;
    let token = Subject::new("alice.miller").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    attach(&mut user, &token)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.define_user('alice.miller'); SELECT vpd.define_user('bob')")?;
    last(&database)?;
    let mentions = "SELECT count(*) FROM vpd.audit_trail t WHERE t::text LIKE '%alice.miller%'";
    let mut admin = database.admin()?;
    assert!(
        admin.query_one(mentions, &[])?.get::<_, i64>(0) >= 3,
        "control: she is in it"
    );
    assert!(
        security
            .query_one("SELECT vpd.erase_pseudonym('alice.miller')", &[])?
            .get::<_, bool>(0)
    );
    last(&database)?;
    assert_eq!(admin.query_one(mentions, &[])?.get::<_, i64>(0), 0);
    let bob = "SELECT count(*) FROM vpd.audit_trail t WHERE t.details LIKE '%bob%' AND NOT is_erased";
    assert_eq!(admin.query_one(bob, &[])?.get::<_, i64>(0), 1);
    assert_eq!(verified(&mut admin)?.1, None);
    Ok(())
}

/// Puts all that is recorded into a month that is long over. Nobody but the owner can.
const AGE: &str = "
DO $$
DECLARE
    t text;
    m text := to_char(now() AT TIME ZONE 'UTC', '_YYYY_MM');
BEGIN
    FOREACH t IN ARRAY '{audit_record,audit_person}'::text[] LOOP
        EXECUTE format('ALTER TABLE vpd_private.%I DETACH PARTITION vpd_private.%I', t, t || m);
        EXECUTE format('UPDATE vpd_private.%I SET recorded_at = %L', t || m, '2020-03-05');
        EXECUTE format('ALTER TABLE vpd_private.%I RENAME TO %I', t || m, t || '_2020_03');
        EXECUTE format('ALTER TABLE vpd_private.%I ATTACH PARTITION vpd_private.%I FOR VALUES FROM (%L) TO (%L)',
                       t, t || '_2020_03', '2020-03-01+00', '2020-04-01+00');
    END LOOP;
END
$$";

#[test]
fn months_whose_time_is_over_go_and_the_rest_can_be_verified() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_refused(
        security.batch_execute("SELECT vpd.set_audit_retention('0 days')"),
        "22023",
        "argument_invalid",
    );
    security.batch_execute("SELECT vpd.define_role('a'); SELECT vpd.define_role('b')")?;
    let end = last(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(AGE)?;
    security.batch_execute("SELECT vpd.set_audit_retention('1 year')")?;
    until_true(
        &mut admin,
        "SELECT to_regclass('vpd_private.audit_record_2020_03') IS NULL",
    )?;
    security.batch_execute("SELECT vpd.define_role('c')")?;
    last(&database)?;
    let row = admin.query_one("SELECT min(sequence) FROM vpd.audit_trail", &[])?;
    assert_eq!(row.get::<_, i64>(0), end + 1);
    let row = admin.query_one("SELECT is_intact, records > 0 FROM vpd.verify_audit()", &[])?;
    assert!(row.get::<_, bool>(0) && row.get::<_, bool>(1));
    let stub = admin.query_one("SELECT sequence FROM vpd.audit_checkpoints WHERE is_stub", &[])?;
    assert_eq!(stub.get::<_, i64>(0), end);
    Ok(())
}

#[test]
fn an_export_is_verified_without_the_database_and_a_changed_byte_is_found() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "DO $$BEGIN FOR i IN 1..300 LOOP PERFORM vpd.define_role('r' || i % 7); END LOOP; END$$",
    )?;
    let end = last(&database)?;
    until_true(
        &mut database.admin()?,
        &format!("SELECT EXISTS (SELECT FROM vpd.audit_checkpoints WHERE sequence = {end})"),
    )?;
    let desk = Desk::at(&database)?;
    let ran = |arguments: &[&str]| -> Result<(bool, String)> {
        let (code, output, errors) = desk.run(arguments)?;
        Ok((code == Some(0), output + &errors))
    };
    let (is_done, exported) = ran(&["audit", "export"])?;
    assert!(is_done, "{exported}");
    let (is_done, keys) = ran(&["audit", "keys"])?;
    assert!(is_done, "{keys}");
    desk.write("keys.json", &keys)?;
    desk.write("whole.jsonl", &exported)?;
    let (file, keys) = (desk.path("whole.jsonl"), desk.path("keys.json"));
    let (file, keys) = (file.to_str().ok_or("no path")?, keys.to_str().ok_or("no path")?);
    let whole = ran(&["audit", "verify", file, "--keys", keys])?;
    assert!(
        whole.0 && whole.1.contains(&format!("signed up to record {end}")),
        "{whole:?}"
    );
    // control: without the key nobody has signed it
    desk.write("others.json", "{\"keys\": []}")?;
    let others = desk.path("others.json");
    let unsigned = ran(&[
        "audit",
        "verify",
        file,
        "--keys",
        others.to_str().ok_or("no path")?,
    ])?;
    assert!(unsigned.1.contains("no checkpoint"), "{unsigned:?}");
    let bytes = exported.as_bytes();
    for turn in 0..40 {
        let place = (turn * 7919 + 13) % bytes.len();
        let mut changed = bytes.to_vec();
        changed[place] ^= 1;
        desk.write("changed.jsonl", &String::from_utf8_lossy(&changed))?;
        let path = desk.path("changed.jsonl");
        let found = ran(&["audit", "verify", path.to_str().ok_or("no path")?, "--keys", keys])?;
        assert!(found != whole, "byte {place}: {found:?}");
    }
    let (_, rest) = ran(&["audit", "export", "--after", &(end - 1).to_string()])?;
    assert!(rest.lines().count() >= 2 && rest.len() < exported.len());
    Ok(())
}

/// A cluster of its own, whose scribe can be stopped.
fn cluster(settings: &str) -> Result<Cluster> {
    Cluster::start(&Extension::debug()?, Library::Preloaded, settings)
}

fn signal(process: i32, name: &str) -> Result<()> {
    let done = Command::new("kill").args([name, &process.to_string()]).status()?;
    if done.success() {
        Ok(())
    } else {
        Err("no such process".into())
    }
}

/// The scribe of a database that has something to write.
fn scribe(database: &Database<'_>) -> Result<i32> {
    assert!(
        database
            .connect(role::USER)?
            .batch_execute("SELECT vpd.attach_session('x')")
            .is_err()
    );
    last(database)?;
    let row = database
        .connect(role::AUDITOR)?
        .query_one("SELECT scribe FROM vpd.audit_status()", &[])?;
    Ok(row.get::<_, Option<i32>>(0).ok_or("no scribe")?)
}

#[test]
fn without_the_scribe_what_is_strictly_audited_is_refused() -> Result<()> {
    let cluster = cluster("vpd.audit_wait = '500ms'")?;
    let database = Database::create_in(&cluster)?;
    create_protected_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.add_audit_policy('shop.orders', 'amounts', columns => '{amount}', mode => 'strict');
         SELECT vpd.add_audit_policy('shop.orders', 'ids', columns => '{id}')",
    )?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    let read = |column: &str| -> Result<std::result::Result<u64, postgres::Error>> {
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        Ok(transaction.execute(&format!("SELECT {column} FROM shop.orders"), &[]))
    };
    assert_eq!(read("amount")??, 10, "control");
    let process = scribe(&database)?;
    signal(process, "-STOP")?;
    let refused = read("amount")?;
    let free = read("id")?;
    signal(process, "-CONT")?;
    assert_refused(refused, "55000", "audit_unavailable");
    assert_eq!(free?, 10, "who is not audited strictly goes on");
    assert_eq!(read("amount")??, 10);
    let told = told(&database, 0)?;
    let begun = told.iter().filter(|one| one.0 == "data.begin").count();
    let ended = told
        .iter()
        .filter(|one| one.0 == "data" && one.1 == "ok" && one.5 == Some(10))
        .count();
    assert_eq!((begun, ended), (3, 3), "{told:?}");
    Ok(())
}

#[test]
fn what_finds_no_room_is_counted() -> Result<()> {
    let cluster = cluster("vpd.audit_wait = '100ms'\nvpd.audit_ring_size = '64kB'")?;
    let database = Database::create_in(&cluster)?;
    let mut security = database.connect(role::SECURITY)?;
    let process = scribe(&database)?;
    let before = last(&database)?;
    signal(process, "-STOP")?;
    let filled = security.batch_execute(
        "DO $$BEGIN FOR i IN 1..3000 LOOP PERFORM vpd.define_role('r' || i % 7); END LOOP; END$$",
    );
    let lost: i64 = database
        .connect(role::AUDITOR)?
        .query_one("SELECT lost FROM vpd.audit_status()", &[])?
        .get(0);
    signal(process, "-CONT")?;
    filled?;
    assert!(lost > 0);
    let mut auditor = database.connect(role::AUDITOR)?;
    until_true(
        &mut auditor,
        "SELECT EXISTS (SELECT FROM vpd.alarms WHERE event = 'audit.lost')",
    )?;
    let row = auditor.query_one(
        "SELECT count(*) FILTER (WHERE event = 'changed'), coalesce(sum(row_count) FILTER (WHERE event = 'audit.lost'), 0)::bigint
           FROM vpd.audit_trail WHERE sequence > $1",
        &[&before],
    )?;
    let (recorded, counted): (i64, i64) = (row.get(0), row.get(1));
    assert_eq!(recorded + counted, 3000);
    assert_eq!(verified(&mut auditor)?.1, None);
    Ok(())
}

#[test]
fn nothing_is_lost_when_the_server_falls() -> Result<()> {
    let cluster = cluster("")?;
    let database = Database::create_in(&cluster)?;
    let process = scribe(&database)?;
    let before = last(&database)?;
    signal(process, "-STOP")?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.define_role('kept')")?;
    let own: i32 = security.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    // control: it is not in the trail when the server falls
    let mut admin = database.admin()?;
    let written = admin.query_one(
        "SELECT count(*) FROM vpd.audit_trail WHERE sequence > $1",
        &[&before],
    )?;
    assert_eq!(written.get::<_, i64>(0), 0);
    drop(admin);
    cluster.crash(own)?;
    let told = told(&database, before)?;
    let own: Vec<&Told> = told
        .iter()
        .filter(|one| one.3.as_deref() == Some("vpd.define_role"))
        .collect();
    assert_eq!(own.len(), 1, "{told:?}");
    assert_eq!(verified(&mut database.admin()?)?.1, None);
    Ok(())
}

#[test]
fn on_a_standby_reading_is_written_to_the_log() -> Result<()> {
    let primary = cluster("")?;
    let database = Database::create_in(&primary)?;
    create_protected_orders(&database)?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.add_audit_policy('shop.orders', 'reads', mode => 'strict')")?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    let standby = primary.start_standby()?;
    let mut user = standby.config(role::USER, database.name()).connect(NoTls)?;
    until(
        "the session has arrived",
        || Ok(attach(&mut user, &token).is_ok()),
    )?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute("SELECT count(*) FROM shop.orders")?;
    transaction.commit()?;
    let log = std::fs::read_to_string(standby.log())?;
    let line = log
        .lines()
        .find(|line| line.contains("pg_vpd audit:"))
        .ok_or("no line")?;
    assert!(
        line.contains("\"user_name\":\"alice\"") && line.contains("shop.orders"),
        "{line}"
    );
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
