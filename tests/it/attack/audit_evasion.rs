//! Ways by which somebody learned, or changed, what is in an audited row without a record of it.
//! Each first shows that he learns it; then there must be a record that tells of him, or a refusal.

use std::io::Write;
use std::thread;

use postgres::Client;
use postgres::error::SqlState;
use vpd_tests::{
    Database, Notices, Result, Subject, attach, create_protected_orders, outcome, refusal, role, until_true,
};

use super::findings::Findings;
use crate::audit_trail::last;

/// A record of reading or writing.
#[derive(Debug)]
struct Record {
    relation: String,
    command: String,
    user: Option<String>,
    rows: Option<i64>,
    statement: Option<String>,
}

/// What is recorded of reading and writing behind a record.
fn recorded(database: &Database<'_>, behind: i64) -> Result<Vec<Record>> {
    last(database)?;
    let rows = database.connect(role::AUDITOR)?.query(
        "SELECT relation, coalesce(command, ''), user_name, row_count, statement FROM vpd.audit_trail
          WHERE sequence > $1 AND event IN ('data', 'data.command') ORDER BY sequence",
        &[&behind],
    )?;
    let record = |row: &postgres::Row| Record {
        relation: row.get(0),
        command: row.get(1),
        user: row.get(2),
        rows: row.get(3),
        statement: row.get(4),
    };
    Ok(rows.iter().map(record).collect())
}

/// Orders 4, 8, … of the region North, which alice sees; `ev` is the attacker's schema.
fn orders(policy: &str) -> Result<Database<'static>> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    database
        .admin()?
        .batch_execute("CREATE SCHEMA ev AUTHORIZATION app_user")?;
    audit(&database, policy)?;
    Ok(database)
}

/// Arguments of `vpd.add_audit_policy`.
fn audit(database: &Database<'_>, policy: &str) -> Result<()> {
    let call = format!("SELECT vpd.add_audit_policy({policy})");
    Ok(database.connect(role::SECURITY)?.batch_execute(&call)?)
}

/// The attacker in a transaction, with alice's session.
fn alice(database: &Database<'_>) -> Result<(Client, Notices)> {
    let token = Subject::in_region("alice", "North").log_in(database)?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    Ok((user, notices))
}

fn learned(notices: &Notices, what: &str) -> bool {
    notices
        .take()
        .iter()
        .any(|notice| notice.message().contains(what))
}

/// Cursors whose second row fails: the first one was read.
const FAILING_CURSORS: [&str; 3] = [
    "BEGIN
        OPEN c FOR SELECT amount FROM shop.orders WHERE 1 / (id - 8) < 5;
        FETCH c INTO seen; RAISE NOTICE 'learned %', seen; FETCH c INTO seen;
     EXCEPTION WHEN division_by_zero THEN NULL; END;",
    "OPEN c FOR SELECT amount FROM shop.orders WHERE 1 / (id - 8) < 5;
     BEGIN
        FETCH c INTO seen; RAISE NOTICE 'learned %', seen; FETCH c INTO seen;
     EXCEPTION WHEN division_by_zero THEN NULL; END;
     CLOSE c;",
    "BEGIN
        FOR seen IN SELECT amount FROM shop.orders LOOP
            RAISE NOTICE 'learned %', seen; PERFORM 1 / (seen - 40);
        END LOOP;
     EXCEPTION WHEN division_by_zero THEN NULL; END;",
];

#[test]
fn a_cursor_that_fails_and_is_left_behind_by_other_queries_is_recorded() -> Result<()> {
    let database = orders("'shop.orders', 'reads'")?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.others (id integer, amount integer); INSERT INTO shop.others VALUES (1, 1); GRANT SELECT ON shop.others TO app_user",
    )?;
    // Queries that come to stand at the place of the cursor's.
    audit(&database, "'shop.others', 'reads'")?;
    let mut findings = Findings::default();
    for cursor in FAILING_CURSORS {
        let behind = last(&database)?;
        let (mut user, notices) = alice(&database)?;
        user.batch_execute(&format!(
            "DO $$ DECLARE c refcursor; d refcursor; seen integer; BEGIN
             FOR turn IN 1..20 LOOP
                 c := NULL; {cursor}
                 FOR n IN 1..15 LOOP
                     d := 'other ' || n; OPEN d FOR SELECT amount FROM shop.others WHERE 1 / (id - 8) < 5; FETCH d INTO seen;
                 END LOOP;
                 FOR n IN 1..15 LOOP d := 'other ' || n; CLOSE d; END LOOP;
             END LOOP; END $$; COMMIT"
        ))?;
        assert!(learned(&notices, "learned 40"), "control: {cursor}");
        let records = recorded(&database, behind)?;
        let of_alice = |one: &&Record| one.relation == "shop.orders" && one.user.as_deref() == Some("alice");
        let rows: Vec<Option<i64>> = records.iter().filter(of_alice).map(|one| one.rows).collect();
        // A loop fetches more than one at a time.
        let is_told = |count: &Option<i64>| {
            count.is_some_and(|count| count == 1 || cursor.contains("LOOP") && count > 0)
        };
        let is_right = rows.len() == 20 && rows.iter().all(is_told);
        findings.expect(is_right, || format!("{cursor} {rows:?}"));
    }
    findings.settle();
    Ok(())
}

const PARTS: &str = "
CREATE TABLE shop.parts (id integer PRIMARY KEY, amount integer) PARTITION BY RANGE (id);
CREATE TABLE shop.parts_1 PARTITION OF shop.parts FOR VALUES FROM (0) TO (10);
CREATE TABLE shop.parts_2 PARTITION OF shop.parts FOR VALUES FROM (10) TO (20);
INSERT INTO shop.parts VALUES (1, 10), (11, 4711);
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.parts TO app_user;
";

/// Statements on the parent that read or write a row of the second part, and a command that must be recorded for it.
const THROUGH_THE_PARENT: [(&str, &str); 7] = [
    ("SELECT amount FROM shop.parts WHERE id = 11", "select"),
    ("INSERT INTO shop.parts VALUES (12, 5)", "insert"),
    (
        "INSERT INTO shop.parts VALUES (11, 5) ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING amount",
        "update",
    ),
    (
        "INSERT INTO shop.parts VALUES (11, 5) ON CONFLICT (id) DO UPDATE SET amount = 0 WHERE parts.amount > 4000",
        "update",
    ),
    ("UPDATE shop.parts SET id = 15 WHERE id = 1", "insert or update"),
    (
        "MERGE INTO shop.parts USING (VALUES (13)) v (n) ON id = n WHEN NOT MATCHED THEN INSERT VALUES (13, 1)",
        "insert",
    ),
    ("COPY shop.parts FROM STDIN", "insert"),
];

#[test]
fn what_reaches_a_part_through_its_parent_is_recorded_for_the_part() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    database.admin()?.batch_execute(PARTS)?;
    audit(
        &database,
        "'shop.parts_2', 'own', commands => '{select,insert,update,delete}', mode => 'strict'",
    )?;
    let mut findings = Findings::default();
    for (statement, command) in THROUGH_THE_PARENT {
        let behind = last(&database)?;
        let (mut user, _) = alice(&database)?;
        if statement.starts_with("COPY") {
            let mut rows = user.copy_in(statement)?;
            rows.write_all(b"14\t1\n")?;
            assert_eq!(rows.finish()?, 1, "control");
        } else {
            let done = user.execute(statement, &[])?;
            assert_eq!(done, 1, "control: {statement}");
        }
        user.batch_execute("COMMIT")?;
        let records = recorded(&database, behind)?;
        let is_told = records.iter().any(|one| {
            one.relation == "shop.parts_2"
                && command.contains(&one.command)
                && one.user.as_deref() == Some("alice")
        });
        findings.expect(is_told, || format!("{statement} {records:?}"));
    }
    findings.settle();
    Ok(())
}

/// Commands through views of the attacker that change nothing: the views' conditions are told of each row before.
const THROUGH_VIEWS: [&str; 4] = [
    "UPDATE ev.barrier SET amount = 1",
    "DELETE FROM ev.barrier",
    "SELECT * FROM ev.barrier",
    "MERGE INTO shop.orders o USING ev.barrier b ON o.id = b.id WHEN MATCHED THEN DELETE",
];

#[test]
fn what_a_condition_of_the_attackers_view_is_told_is_recorded() -> Result<()> {
    let mut findings = Findings::default();
    for policy in [
        "'shop.orders', 'some', condition => 'amount BETWEEN 35 AND 45', commands => '{select,update,delete}'",
        "'shop.orders', 'every', commands => '{select,update,delete}'",
    ] {
        let database = orders(policy)?;
        database.connect(role::USER)?.batch_execute(
            "CREATE FUNCTION ev.leak(value integer) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
                'BEGIN RAISE NOTICE ''learned %'', value; RETURN false; END';
             CREATE VIEW ev.barrier WITH (security_barrier) AS SELECT id, amount FROM shop.orders WHERE ev.leak(amount)",
        )?;
        for statement in THROUGH_VIEWS {
            let behind = last(&database)?;
            let (mut user, notices) = alice(&database)?;
            user.batch_execute(statement)?;
            user.batch_execute("COMMIT")?;
            assert!(learned(&notices, "learned 40"), "control: {statement}");
            let records = recorded(&database, behind)?;
            findings.expect(!records.is_empty(), || format!("{policy} {statement}"));
        }
    }
    findings.settle();
    Ok(())
}

#[test]
fn a_foreign_part_that_is_read_by_its_own_name_is_recorded() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
         CREATE TABLE shop.old (id integer, amount integer) PARTITION BY RANGE (id);
         DO $$ DECLARE path text := current_setting('data_directory') || '/' || current_database() || '.csv'; BEGIN
             EXECUTE format('COPY (SELECT 21, 4711) TO %L', path);
             EXECUTE format('CREATE FOREIGN TABLE shop.old_file PARTITION OF shop.old FOR VALUES FROM (20) TO (30) SERVER files OPTIONS (filename %L)', path);
         END $$; GRANT SELECT ON shop.old, shop.old_file TO app_user",
    )?;
    audit(&database, "'shop.old', 'some', condition => 'amount > 4000'")?;
    let mut findings = Findings::default();
    for table in ["shop.old", "shop.old_file"] {
        for (rest, count) in [("", 1), (" WHERE id <> 21", 0)] {
            let behind = last(&database)?;
            let (mut user, _) = alice(&database)?;
            let rows = user.query(&format!("SELECT amount FROM {table}{rest}"), &[])?;
            assert_eq!(rows.len(), count, "control");
            user.batch_execute("COMMIT")?;
            let records = recorded(&database, behind)?;
            findings.expect(count == 0 || !records.is_empty(), || {
                format!("{table} {records:?}")
            });
        }
    }
    findings.settle();
    Ok(())
}

/// Statements that name all of the columns, each in another place.
const ALL_COLUMNS: [&str; 6] = [
    "SELECT a.amount, b.region FROM shop.orders a JOIN shop.orders b USING (id)",
    "SELECT amount, (SELECT region FROM shop.orders b WHERE b.id = a.id) FROM shop.orders a",
    "SELECT amount FROM shop.orders a WHERE EXISTS (SELECT FROM shop.orders b WHERE b.id = a.id AND b.region = 'North')",
    "WITH b AS MATERIALIZED (SELECT id, region FROM shop.orders) SELECT amount, b.region FROM shop.orders JOIN b USING (id)",
    "SELECT amount, r FROM shop.orders a, LATERAL (SELECT region AS r FROM shop.orders b WHERE b.id = a.id) b",
    "SELECT a FROM shop.orders a",
];

#[test]
fn columns_that_are_named_in_several_places_of_a_statement_are_named() -> Result<()> {
    let database = orders("'shop.orders', 'both', columns => '{amount,region}', all_columns => true")?;
    let mut findings = Findings::default();
    for statement in ALL_COLUMNS {
        let behind = last(&database)?;
        let (mut user, _) = alice(&database)?;
        assert_eq!(user.query(statement, &[])?.len(), 10, "control: {statement}");
        user.batch_execute("COMMIT")?;
        let is_told = !recorded(&database, behind)?.is_empty();
        findings.expect(is_told, || statement.to_owned());
    }
    let behind = last(&database)?;
    let (mut user, _) = alice(&database)?;
    user.query("SELECT amount FROM shop.orders", &[])?;
    user.batch_execute("COMMIT")?;
    let records = recorded(&database, behind)?;
    findings.expect(records.is_empty(), || {
        "control: one column is not all of them".to_owned()
    });
    findings.settle();
    Ok(())
}

/// Statements that change whose session is attached, when they have the row already; `$1` is bob's token.
const CHANGING: [&str; 5] = [
    "WITH x AS MATERIALIZED (SELECT * FROM shop.plain) SELECT x.*, vpd.detach_session()::text, $1::text FROM x",
    "WITH x AS MATERIALIZED (SELECT * FROM shop.plain) SELECT x.*, vpd.attach_session($1)::text FROM x",
    "SELECT p.*, vpd.detach_session()::text, $1::text FROM shop.plain p",
    "SELECT p.*, vpd.attach_session($1)::text FROM shop.plain p",
    "SELECT p.*, ev.other($1) FROM shop.plain p",
];

#[test]
fn a_session_that_is_changed_inside_the_statement_does_not_change_who_read() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.plain (id integer, note text); INSERT INTO shop.plain VALUES (1, 'secret');
         GRANT SELECT ON shop.plain TO app_user; CREATE SCHEMA ev AUTHORIZATION app_user",
    )?;
    database.connect(role::USER)?.batch_execute(
        "CREATE FUNCTION ev.other(token text) RETURNS text LANGUAGE plpgsql AS
            'BEGIN PERFORM vpd.detach_session(); PERFORM vpd.attach_session(token); RETURN token; END'",
    )?;
    let other = Subject::in_region("bob", "North").log_in(&database)?;
    let mut findings = Findings::default();
    for mode in ["async", "strict"] {
        audit(&database, &format!("'shop.plain', '{mode}', mode => '{mode}'"))?;
        for statement in CHANGING {
            let behind = last(&database)?;
            let (mut user, _) = alice(&database)?;
            let Ok(rows) = outcome(user.query(statement, &[&other])) else {
                continue;
            };
            assert_eq!(rows.len(), 1, "control");
            user.batch_execute("COMMIT")?;
            let records = recorded(&database, behind)?;
            let is_told =
                !records.is_empty() && records.iter().all(|one| one.user.as_deref() == Some("alice"));
            findings.expect(is_told, || format!("{mode} {statement} {records:?}"));
        }
    }
    findings.settle();
    Ok(())
}

/// Conditions whose meaning a reader's settings decide.
const BY_SETTING: [&str; 9] = [
    "at::date = DATE '2026-01-01'",
    "date_trunc('day', at) = at",
    "at::text LIKE '2026%'",
    "day::text LIKE '2026%'",
    "to_char(at, 'YYYY') = '2026'",
    "extract(hour FROM at) = 1",
    "at > note::timestamptz",
    "day > note::date",
    "current_setting('my.threshold')::integer < amount",
];

#[test]
fn no_setting_of_the_reader_turns_a_condition_off() -> Result<()> {
    let database =
        orders("'shop.orders', 'some', condition => 'amount BETWEEN 35 AND 45 AND region <> ''x'''")?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.facts (id integer, amount integer, note text, day date, at timestamptz);
         ALTER TABLE shop.facts OWNER TO app_owner; INSERT INTO shop.facts VALUES (1, 1, '2026-01-01', '2026-01-01', '2026-01-01')",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let mut admin = database.admin()?;
    let mut findings = Findings::default();
    for condition in BY_SETTING {
        admin.batch_execute(&format!(
            "SET my.threshold = '0'; SELECT FROM shop.facts WHERE {condition}"
        ))?;
        let added = security.execute(
            "SELECT vpd.add_audit_policy('shop.facts', 'x', condition => $1)",
            &[&condition],
        );
        let met = outcome(added).err().map(|refusal| (refusal.state, refusal.token));
        if met.is_none() {
            security.batch_execute("SELECT vpd.drop_audit_policy('shop.facts', 'x')")?;
        }
        let expected = (
            SqlState::INVALID_PARAMETER_VALUE,
            Some("predicate_invalid".to_owned()),
        );
        findings.expect(met.as_ref() == Some(&expected), || format!("{condition} {met:?}"));
    }
    findings.settle();
    let mut user = database.connect(role::USER)?;
    user.batch_execute(
        "CREATE FUNCTION ev.never(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
         CREATE FUNCTION ev.never(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
         CREATE OPERATOR ev.>= (FUNCTION = ev.never, LEFTARG = integer, RIGHTARG = integer);
         CREATE OPERATOR ev.<= (FUNCTION = ev.never, LEFTARG = integer, RIGHTARG = integer);
         CREATE OPERATOR ev.<> (FUNCTION = ev.never, LEFTARG = text, RIGHTARG = text)",
    )?;
    for settings in [
        "SET search_path = ev, pg_catalog",
        "SET timezone = 'Pacific/Kiritimati'; SET datestyle = 'German'; SET intervalstyle = 'iso_8601'",
        "SET extra_float_digits = -15; SET bytea_output = 'escape'; SET xmloption = 'document'",
        "SET transform_null_equals = on; SET array_nulls = off; SET standard_conforming_strings = off",
        "SET row_security = on; SET constraint_exclusion = on; SET plan_cache_mode = force_generic_plan",
    ] {
        let behind = last(&database)?;
        let (mut user, _) = alice(&database)?;
        user.batch_execute(settings)?;
        assert_eq!(
            user.query(
                "SELECT amount FROM shop.orders WHERE id OPERATOR(pg_catalog.=) 4",
                &[]
            )?
            .len(),
            1,
            "control"
        );
        user.batch_execute("COMMIT")?;
        assert_eq!(recorded(&database, behind)?.len(), 1, "{settings}");
    }
    Ok(())
}

/// Statements in which a constant looks as if it were none.
const STATEMENTS: [&str; 7] = [
    "SELECT id AS \u{a0}$a$, $a$ topsecret $a$ FROM shop.orders",
    "SELECT id AS x\u{2003}$a$, $a$ topsecret $a$ FROM shop.orders",
    "SELECT id AS \u{3000}$$, $$ topsecret $$ FROM shop.orders",
    "SELECT id AS \u{feff}$a$, $a$ topsecret $a$ FROM shop.orders",
    "SELECT id AS é$é$, $é$ topsecret $é$ FROM shop.orders",
    "SELECT id AS \"a\"\"'\", 'topsecret' FROM shop.orders",
    "SELECT id, /* ' /* */ ' */ 'topsecret' FROM shop.orders",
];

#[test]
fn no_letter_of_a_name_lets_a_constant_into_the_trail() -> Result<()> {
    let database = orders("'shop.orders', 'reads', statement_text => true")?;
    let mut findings = Findings::default();
    for statement in STATEMENTS {
        let behind = last(&database)?;
        let (mut user, _) = alice(&database)?;
        user.batch_execute(statement)?;
        user.batch_execute("COMMIT")?;
        let records = recorded(&database, behind)?;
        assert_eq!(records.len(), 1, "control: {statement}");
        let told = records[0].statement.as_deref().unwrap_or_default();
        let is_right = !told.is_empty() && !told.contains("topsecret");
        findings.expect(is_right, || format!("{statement} {told}"));
    }
    findings.settle();
    Ok(())
}

/// Conditions that fail for the row, which counts then.
const FAILING: [&str; 4] = [
    "note::integer > 3",
    "1000 / amount > 3",
    "tags[1]::integer > 3",
    "CASE WHEN id = 1 THEN note::numeric > 3 ELSE false END",
];

#[test]
fn a_condition_that_fails_for_a_row_counts_and_tells_nobody_its_value() -> Result<()> {
    let mut findings = Findings::default();
    for condition in FAILING {
        let database = Database::create()?;
        create_protected_orders(&database)?;
        database.admin()?.batch_execute(
            "CREATE TABLE shop.notes (id integer, amount integer, note text, tags text[]); ALTER TABLE shop.notes OWNER TO app_owner;
             INSERT INTO shop.notes VALUES (1, 0, 'topsecret', '{topsecret}');
             GRANT SELECT, INSERT, UPDATE ON shop.notes TO app_user; GRANT SELECT (id) ON shop.notes TO app_stranger",
        )?;
        let failed = refusal(
            database
                .admin()?
                .query(&format!("SELECT FROM shop.notes WHERE {condition}"), &[]),
        );
        assert_eq!(&failed.state.code()[..2], "22", "control: it fails");
        audit(
            &database,
            &format!(
                "'shop.notes', 'some', condition => $c${condition}$c$, commands => '{{select,insert,update}}'"
            ),
        )?;
        let mut look = |client: &mut Client, notices: &Notices, statement: &str, who: &str| -> Result<()> {
            let behind = last(&database)?;
            let answer = outcome(client.query(statement, &[])).map(|rows| rows.len());
            client.batch_execute("ROLLBACK")?;
            let messages = notices.take();
            let is_silent = messages
                .iter()
                .all(|one| !format!("{one:?}").contains("topsecret"));
            let count = recorded(&database, behind)?.len();
            findings.expect(answer == Ok(1) && is_silent && count > 0, || {
                format!("{who}: {condition}: {answer:?}, {count} records, {messages:?}")
            });
            Ok(())
        };
        let (mut stranger, notices) = database.connect_noticing(role::STRANGER)?;
        stranger.batch_execute("BEGIN")?;
        look(
            &mut stranger,
            &notices,
            "SELECT id FROM shop.notes",
            "a role with one column",
        )?;
        let (mut user, notices) = alice(&database)?;
        look(&mut user, &notices, "SELECT note FROM shop.notes", "a reader")?;
        for (statement, who) in [
            ("UPDATE shop.notes SET id = 1 RETURNING id", "a writer"),
            (
                "INSERT INTO shop.notes VALUES (1, 0, 'topsecret', '{topsecret}') RETURNING id",
                "who adds one",
            ),
        ] {
            user.batch_execute("BEGIN")?;
            look(&mut user, &notices, statement, who)?;
        }
        database.connect(role::SECURITY)?.batch_execute(
            "SELECT vpd.add_policy('shop.notes', 'all', 'true'), vpd.add_mask('shop.notes', 'note', '''-''')",
        )?;
        let (mut user, notices) = alice(&database)?;
        look(
            &mut user,
            &notices,
            "SELECT note FROM shop.notes",
            "a reader of a mask",
        )?;
    }
    findings.settle();
    Ok(())
}

const SLOW: &str = "
CREATE FUNCTION ev.slow() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN PERFORM pg_advisory_lock_shared(4711); PERFORM pg_advisory_unlock_shared(4711); RETURN true; END'";

#[test]
fn an_audit_policy_waits_for_statements_that_are_being_planned() -> Result<()> {
    let database = orders("'shop.orders', 'reads', enabled => false")?;
    database.connect(role::USER)?.batch_execute(SLOW)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SET lock_timeout = '300ms'")?;
    let mut enable = |is_enabled: bool| {
        security.execute(
            "SELECT vpd.enable_audit_policy('shop.orders', 'reads', $1)",
            &[&is_enabled],
        )
    };
    enable(true)?;
    enable(false)?;
    let (mut user, _) = alice(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute("SELECT pg_advisory_lock(4711)")?;
    let behind = last(&database)?;
    thread::scope(|scope| -> Result<()> {
        let reading = scope.spawn(|| {
            let rows = outcome(user.query("SELECT amount FROM shop.orders WHERE id = 4 AND ev.slow()", &[]));
            user.batch_execute("COMMIT").map(|()| rows.map(|rows| rows.len()))
        });
        let waited = until_true(
            &mut admin,
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)",
        );
        let enabled = outcome(enable(true));
        admin.batch_execute("SELECT pg_advisory_unlock(4711)")?;
        waited?;
        let read = reading.join().map_err(|_| "the reader panicked")?;
        assert_eq!(read?, Ok(1), "control: it is planned and run");
        let state = enabled.err().map(|refusal| refusal.state.code().to_owned());
        assert_eq!(state.as_deref(), Some("55P03"));
        Ok(())
    })?;
    assert!(
        recorded(&database, behind)?.is_empty(),
        "control: nothing asked for a record"
    );
    enable(true)?;
    let (mut user, _) = alice(&database)?;
    user.query("SELECT amount FROM shop.orders", &[])?;
    user.batch_execute("COMMIT")?;
    assert_eq!(recorded(&database, behind)?.len(), 1);
    Ok(())
}
