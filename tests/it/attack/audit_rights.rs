//! A security administrator who is no superuser, and what he cannot make others run, or make them believe: conditions and handlers of
//! audit policies, and views over the trail.

use postgres::Client;
use vpd_tests::{
    Database, Outcome, Result, Subject, attach, create_protected_orders, expected_ids, ids, outcome, refusal,
    role,
};

use super::findings::Findings;
use crate::audit_trail::{Told, last, told};

/// A table with a column of each kind, and what the administrator has in a schema of his own.
const FACTS: &str = "
CREATE TYPE public.colour AS ENUM ('red', 'blue'); CREATE DOMAIN public.code AS text CHECK (VALUE <> '');
CREATE TABLE shop.facts (id integer, amount integer, price numeric, note text, tags integer[], doc jsonb, colour colour, code code,
    day date, at timestamptz, flag boolean);
ALTER TABLE shop.facts OWNER TO app_owner; GRANT SELECT ON shop.facts TO app_user;
INSERT INTO shop.facts VALUES
    (1, 40, 1.5, '2026-01-01', '{1,2}', '{\"x\": \"y\", \"n\": {\"m\": 1}}', 'red', 'c1', '2026-01-01', '2026-01-01', true);
CREATE SCHEMA m AUTHORIZATION sec_admin; GRANT USAGE ON SCHEMA m TO PUBLIC;
CREATE EXTENSION pg_trgm;
";
const OWN: &str = "
CREATE FUNCTION m.check(integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'ran as %', current_user; RETURN true; END $$;
CREATE FUNCTION m.cast(public.colour) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'ran as %', current_user; RETURN '1'; END $$;
CREATE SEQUENCE m.numbers; GRANT ALL ON m.numbers TO PUBLIC;
CREATE DOMAIN m.his AS integer CHECK (m.check(VALUE));
CREATE TYPE m.pair AS (a m.his);
CREATE OPERATOR m.=== (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer, NEGATOR = OPERATOR(m.!==));
";
/// What a superuser made of it.
const OVER_IT: &str = "
CREATE DOMAIN public.over_his AS m.his; CREATE TYPE public.span AS RANGE (SUBTYPE = m.his); CREATE TYPE public.pair AS (a m.his);
CREATE DOMAIN public.list AS m.his[];
";

/// Conditions that would run what a reader has the rights for and the administrator has not, or that mean what somebody's setting says.
const REFUSED: [&str; 39] = [
    "query_to_xml('SELECT 1', true, true, '') IS NOT NULL",
    "table_to_xml('shop.facts', true, true, '') IS NOT NULL",
    "ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery') IS NOT NULL",
    "vpd.grant_profile('security_admin', 'app_user') IS NOT NULL",
    "pg_notify('channel', note) IS NOT NULL",
    "pg_read_file('PG_VERSION') <> ''",
    "set_config('my.setting', note, false) <> ''",
    "pg_sleep(0.01) IS NOT NULL",
    "nextval('m.numbers') > 0",
    "currval('m.numbers') > 0",
    "random() > 0.5",
    "now() > at",
    "clock_timestamp() > at",
    "CURRENT_TIMESTAMP > at",
    "txid_current() > 0",
    "pg_advisory_lock(1) IS NOT NULL",
    "pg_backend_pid() > 0",
    "lo_creat(-1) > 0",
    "to_jsonb(colour) IS NOT NULL",
    "to_json(colour) IS NOT NULL",
    "jsonb_build_array(colour) IS NOT NULL",
    "format('%s', id::m.his) <> ''",
    "id::m.his > 0",
    "id::public.over_his > 0",
    "substring(note FROM 1 FOR 4)::public.over_his > 0",
    "tags::public.list IS NULL",
    "jsonb_populate_record(NULL::m.pair, '{\"a\": 1}') IS NOT NULL",
    "jsonb_populate_record(NULL::public.pair, '{\"a\": 1}') IS NOT NULL",
    "('{' || id || '}')::m.his[] IS NOT NULL",
    "public.span(id, id + 1) IS NOT NULL",
    "('[' || id || ',9)')::public.span IS NOT NULL",
    "('(' || id || ')')::public.pair IS NOT NULL",
    "ROW(id)::public.pair IS NOT NULL",
    "id OPERATOR(m.===) 1",
    "current_setting('server_version') <> ''",
    "to_char(day, 'YYYY') = '2026'",
    "day::text = '2026-01-01'",
    "at > note::timestamptz",
    "similarity(note, 'x') < 2",
];

/// Conditions that hold for the row and may be asked.
const ALLOWED: [&str; 30] = [
    "amount = 40",
    "amount <> 41 AND amount >= 40 AND amount < 41",
    "amount * 2 + id - 1 = 80 AND amount / 4 = 10 AND amount % 7 = 5",
    "price > 1.25",
    "amount::numeric * price = 60",
    "note LIKE '2026%'",
    "note NOT LIKE 'x%'",
    "amount IN (1, 40)",
    "note IN ('x', '2026-01-01')",
    "amount = ANY (ARRAY[1, 40])",
    "note IS NOT NULL",
    "flag",
    "flag IS TRUE",
    "lower(note) = '2026-01-01'",
    "upper(code) = 'C1'",
    "substring(note FROM 1 FOR 4) = '2026'",
    "length(note) = 10",
    "coalesce(note, 'x') <> 'x'",
    "nullif(amount, 1) = 40",
    "CASE WHEN amount > 30 THEN flag ELSE false END",
    "amount BETWEEN 35 AND 45",
    "tags @> ARRAY[1]",
    "1 = ANY (tags)",
    "tags[2] = 2",
    "doc ->> 'x' = 'y'",
    "note ~ '^2026-[0-9]+'",
    "vpd.user_name() = 'alice'",
    "vpd.attribute('app', 'region') = 'North'",
    "colour = 'red'",
    "code = 'c1'",
];

fn facts() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(FACTS)?;
    database.connect(role::SECURITY)?.batch_execute(OWN)?;
    admin.batch_execute(OVER_IT)?;
    admin.batch_execute("CREATE CAST (colour AS json) WITH FUNCTION m.cast(colour)")?;
    Ok(database)
}

fn add(security: &mut Client, condition: &str) -> std::result::Result<u64, postgres::Error> {
    security.execute(
        "SELECT vpd.add_audit_policy('shop.facts', 'some', condition => $1)",
        &[&condition],
    )
}

#[test]
fn a_condition_runs_nothing_with_the_rights_of_readers() -> Result<()> {
    let database = facts()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut admin = database.admin()?;
    for condition in REFUSED {
        admin.batch_execute("BEGIN; SELECT nextval('m.numbers')")?;
        let asked = outcome(admin.query(&format!("SELECT FROM shop.facts WHERE {condition}"), &[]));
        admin.batch_execute("ROLLBACK")?;
        assert!(
            asked.is_ok(),
            "control: PostgreSQL runs it for a reader: {condition} {asked:?}"
        );
    }
    let mut findings = Findings::default();
    for condition in REFUSED {
        let outcome = outcome(add(&mut security, condition));
        let met = outcome
            .as_ref()
            .err()
            .map(|refusal| (refusal.state.code(), refusal.token.as_deref()));
        let is_right = met == Some(("22023", Some("predicate_invalid")));
        findings.expect(is_right, || format!("{condition}: {met:?}"));
        if outcome.is_ok() {
            security.batch_execute("SELECT vpd.drop_audit_policy('shop.facts', 'some')")?;
        }
    }
    findings.settle();
    Ok(())
}

#[test]
fn control_conditions_that_only_look_at_the_row_are_accepted_and_count() -> Result<()> {
    let database = facts()?;
    let mut security = database.connect(role::SECURITY)?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for condition in ALLOWED {
        for (condition, count) in [(condition.to_owned(), 1), (format!("NOT ({condition})"), 0)] {
            let added = outcome(add(&mut security, &condition));
            assert!(added.is_ok(), "{condition} {added:?}");
            let behind = last(&database)?;
            user.batch_execute("BEGIN")?;
            attach(&mut user, &token)?;
            assert_eq!(user.query("SELECT id FROM shop.facts", &[])?.len(), 1);
            user.batch_execute("COMMIT")?;
            let told = told(&database, behind)?;
            let data = told.iter().filter(|one| one.0 == "data").count();
            assert_eq!(data, count, "{condition} {told:?}");
            security.batch_execute("SELECT vpd.drop_audit_policy('shop.facts', 'some')")?;
        }
    }
    Ok(())
}

/// Orders under an audit policy whose handler has a body, and `shop.many`, which nobody audits.
fn with_handler(declarations: &str, body: &str) -> Result<Database<'static>> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    database.admin()?.batch_execute(&format!(
        "CREATE TABLE shop.many (id integer); INSERT INTO shop.many SELECT generate_series(1, 100); GRANT SELECT ON shop.many TO app_user;
         CREATE SEQUENCE shop.stolen; ALTER SEQUENCE shop.stolen OWNER TO app_owner;
         CREATE FUNCTION shop.note(object_schema text, object_name text, policy_name text) RETURNS void LANGUAGE plpgsql AS $handler$
         DECLARE n integer; got integer; {declarations} BEGIN {body} END $handler$;
         ALTER FUNCTION shop.note(text, text, text) OWNER TO app_owner;
         SELECT vpd.grant_profile('runtime', 'app_owner')",
    ))?;
    database
        .admin()?
        .batch_execute("SELECT vpd.add_audit_policy('shop.orders', 'reads', handler => 'shop.note')")?;
    Ok(database)
}

fn failures(told: &[Told]) -> Vec<&str> {
    told.iter()
        .filter(|one| one.0 == "handler.failed")
        .map(|one| one.1.as_str())
        .collect()
}

/// What a handler took, in a sequence because no failure takes that back.
fn stolen(database: &Database<'_>) -> Result<bool> {
    Ok(database
        .admin()?
        .query_one("SELECT is_called FROM shop.stolen", &[])?
        .get(0))
}

const HIS: &str = "c refcursor := 'his';";
const KEEP: &str = "IF got IS NOT NULL THEN PERFORM setval('shop.stolen', got); END IF;";

/// What handlers do with a cursor of the reader: declarations, body, whether the handler must fail.
fn on_cursors() -> Vec<(&'static str, String)> {
    vec![
        (HIS, format!("FETCH c INTO got; {KEEP}")),
        (HIS, format!("FETCH LAST FROM c INTO got; {KEEP}")),
        (HIS, "MOVE FORWARD ALL FROM c;".into()),
        (HIS, "CLOSE c;".into()),
        (HIS, "OPEN c FOR SELECT 1;".into()),
        (HIS, "EXECUTE 'CLOSE his';".into()),
        (HIS, "EXECUTE 'CLOSE ALL';".into()),
        (HIS, "EXECUTE 'MOVE ALL FROM his';".into()),
    ]
}

#[test]
fn a_handler_has_no_hold_of_the_readers_cursor() -> Result<()> {
    let mut findings = Findings::default();
    for (declarations, body) in on_cursors() {
        let database = with_handler(declarations, &body)?;
        let token = Subject::in_region("alice", "North").log_in(&database)?;
        let mut user = database.connect(role::USER)?;
        let behind = last(&database)?;
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        session.batch_execute("DECLARE his SCROLL CURSOR FOR SELECT id FROM shop.many")?;
        let mut seen = ids(&mut session, "FETCH 1 FROM his")?;
        assert_eq!(
            session.query("SELECT id FROM shop.orders", &[])?.len(),
            10,
            "{body}"
        );
        let rest = outcome(ids(&mut session, "FETCH ALL FROM his"));
        seen.extend(rest.clone().unwrap_or_default());
        session.rollback()?;
        let failures = failures(&told(&database, behind)?).len();
        let is_stolen = stolen(&database)?;
        let is_right = seen == (1..=100).collect::<Vec<i32>>() && failures == 1 && !is_stolen;
        findings.expect(is_right, || {
            let rest = rest.map(|rest| rest.len());
            format!("{body} {rest:?}, failures {failures}, stolen {is_stolen}")
        });
    }
    findings.settle();
    Ok(())
}

/// A reader's loop, whose cursor has no name that he gave.
const LOOP: &str = "DO $$ DECLARE one integer; BEGIN
    FOR one IN SELECT id FROM shop.many LOOP
        RAISE NOTICE 'row %', one;
        IF one % 10 = 1 THEN PERFORM count(*) FROM shop.orders; END IF;
    END LOOP; END $$";

#[test]
fn a_handler_has_no_hold_of_the_readers_loop() -> Result<()> {
    let mut findings = Findings::default();
    for act in [
        format!("FETCH c INTO got; {KEEP}"),
        "MOVE FORWARD ALL FROM c;".to_owned(),
        "CLOSE c;".to_owned(),
        "EXECUTE format('CLOSE %I', c);".to_owned(),
    ] {
        let body = format!(
            "FOR n IN 1..9 LOOP c := '<unnamed portal ' || n || '>'; BEGIN {act} EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP;"
        );
        let database = with_handler("c refcursor;", &body)?;
        let token = Subject::in_region("alice", "North").log_in(&database)?;
        let (mut user, notices) = database.connect_noticing(role::USER)?;
        user.batch_execute("BEGIN")?;
        attach(&mut user, &token)?;
        let outcome = outcome(user.batch_execute(LOOP));
        user.batch_execute("ROLLBACK")?;
        let rows = notices
            .take()
            .iter()
            .filter(|notice| notice.message().starts_with("row "))
            .count();
        let is_stolen = stolen(&database)?;
        findings.expect(outcome.is_ok() && rows == 100 && !is_stolen, || {
            format!("{act} {rows} {outcome:?} stolen {is_stolen}")
        });
    }
    findings.settle();
    Ok(())
}

#[test]
fn a_handler_has_no_hold_of_the_readers_session() -> Result<()> {
    let mut findings = Findings::default();
    for act in [
        "PERFORM vpd.detach_session();",
        "PERFORM vpd.attach_session(TOKEN);",
        "PERFORM vpd.detach_session(); PERFORM vpd.attach_session(TOKEN);",
        "BEGIN PERFORM vpd.detach_session(); EXCEPTION WHEN OTHERS THEN RAISE; END;",
    ] {
        let database = with_handler("", "NULL;")?;
        let other = Subject::in_region("bob", "South").log_in(&database)?;
        database.admin()?.batch_execute(&format!(
            "CREATE OR REPLACE FUNCTION shop.note(object_schema text, object_name text, policy_name text) RETURNS void LANGUAGE plpgsql AS
                $handler$ BEGIN {} END $handler$",
            act.replace("TOKEN", &format!("'{other}'"))
        ))?;
        let token = Subject::in_region("alice", "North").log_in(&database)?;
        let behind = last(&database)?;
        let mut user = database.connect(role::USER)?;
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        let mut seen = || outcome(ids(&mut session, "SELECT id FROM shop.orders"));
        let seen = [seen(), seen()];
        let name: Option<String> = session.query_one("SELECT vpd.user_name()", &[])?.get(0);
        session.commit()?;
        let told = told(&database, behind)?;
        let failures = failures(&told).len();
        let is_his = |rows: &Outcome<Vec<i32>>| rows.as_ref() == Ok(&expected_ids("North"));
        findings.expect(
            seen.iter().all(is_his) && name.as_deref() == Some("alice") && failures == 2,
            || format!("{act} {name:?}, failures {failures}, {seen:?}"),
        );
    }
    findings.settle();
    Ok(())
}

/// How the function behind a handler's name becomes one of a superuser.
const CHANGES: [&str; 4] = [
    "DROP SCHEMA h CASCADE; ALTER SCHEMA other RENAME TO h",
    "ALTER FUNCTION h.note(text, text, text) OWNER TO postgres",
    "DROP FUNCTION h.note(text, text, text); ALTER FUNCTION other.note(text, text, text) SET SCHEMA h",
    "ALTER FUNCTION h.note(text, text, text) RENAME TO former; ALTER FUNCTION other.note(text, text, text) SET SCHEMA h",
];

#[test]
fn a_handler_does_not_become_a_function_of_a_superuser() -> Result<()> {
    let mut findings = Findings::default();
    for change in CHANGES {
        let database = Database::create()?;
        create_protected_orders(&database)?;
        let mut admin = database.admin()?;
        let function = "(object_schema text, object_name text, policy_name text) RETURNS void LANGUAGE sql AS
            $$ INSERT INTO public.noted VALUES (current_user) $$";
        admin.batch_execute(&format!(
            "CREATE TABLE public.noted (role text); GRANT INSERT ON public.noted TO app_owner;
             CREATE SCHEMA h AUTHORIZATION app_owner; CREATE SCHEMA other AUTHORIZATION app_owner;
             CREATE FUNCTION h.note{function}; ALTER FUNCTION h.note(text, text, text) OWNER TO app_owner; CREATE FUNCTION other.note{function}"
        ))?;
        admin.batch_execute("SELECT vpd.add_audit_policy('shop.orders', 'reads', handler => 'h.note')")?;
        let mut user = database.connect(role::USER)?;
        user.batch_execute("SELECT FROM shop.orders")?;
        let mut noted = || -> Result<Vec<String>> {
            Ok(admin
                .query("SELECT role FROM public.noted", &[])?
                .iter()
                .map(|row| row.get(0))
                .collect())
        };
        assert_eq!(noted()?, ["app_owner"], "control: it is called");
        database.admin()?.batch_execute(change)?;
        let behind = last(&database)?;
        // One that knew the function before, and one that did not.
        user.batch_execute("SELECT FROM shop.orders")?;
        database
            .connect(role::USER)?
            .batch_execute("SELECT FROM shop.orders")?;
        let told = told(&database, behind)?;
        let noted = noted()?;
        let failures = failures(&told);
        findings.expect(noted == ["app_owner"] && failures == ["42501", "42501"], || {
            format!("{change}: {noted:?} {failures:?}")
        });
    }
    findings.settle();
    Ok(())
}

/// Schemas and tables with names that are hard to read back.
fn odd_names() -> Vec<(String, String)> {
    let quotes = "\"".repeat(63);
    let of_shop = [
        "Order Items",
        "a.b",
        "say \"so\"",
        "it's \\",
        "é",
        "{\"a\",b}",
        "%I",
    ];
    let mut names: Vec<(String, String)> = of_shop
        .iter()
        .map(|table| ("My Shop".into(), (*table).into()))
        .collect();
    names.push(("a.b".into(), "c.d".into()));
    names.push((quotes.clone(), quotes));
    names
}

fn quoted((schema, table): &(String, String)) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    format!("{}.{}", quoted(schema), quoted(table))
}

#[test]
fn no_name_of_a_table_hides_what_others_read() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    let mut admin = database.admin()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut user = database.connect(role::USER)?;
    for name in odd_names() {
        admin.execute("SELECT set_config('my.schema', $1, false)", &[&name.0])?;
        admin.batch_execute(&format!(
            "DO $$ BEGIN EXECUTE format('CREATE SCHEMA IF NOT EXISTS %1$I; GRANT USAGE ON SCHEMA %1$I TO PUBLIC', current_setting('my.schema')); END $$;
             CREATE TABLE {0} (id integer); GRANT SELECT ON {0} TO app_user",
            quoted(&name)
        ))?;
        security.execute(
            "SELECT vpd.add_audit_policy($1::text::regclass, 'reads')",
            &[&quoted(&name)],
        )?;
        user.batch_execute(&format!("SELECT id FROM {}", quoted(&name)))?;
    }
    last(&database)?;
    let rows = database.connect(role::AUDITOR)?.query(
        "SELECT object_schema, object_name FROM vpd.dba_fga_audit_trail ORDER BY entryid",
        &[],
    )?;
    let told: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(told, odd_names());
    Ok(())
}

#[test]
fn many_audit_policies_with_long_names_hide_none_and_break_no_view() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    for number in 0..70 {
        let name = format!("{number:02}{}", "\"".repeat(126));
        security.execute("SELECT vpd.add_audit_policy('shop.orders', $1)", &[&name])?;
    }
    let behind = last(&database)?;
    database
        .connect(role::USER)?
        .batch_execute("SELECT id FROM shop.orders")?;
    last(&database)?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let of_trail = auditor.query(
        "SELECT details::jsonb FROM vpd.audit_trail WHERE sequence > $1 AND event = 'data'",
        &[&behind],
    )?;
    assert_eq!(of_trail.len(), 1, "one statement");
    let rows = auditor.query(
        "SELECT DISTINCT policy_name FROM vpd.dba_fga_audit_trail WHERE entryid > $1 AND object_name = 'orders'",
        &[&behind],
    )?;
    assert!(!rows.is_empty() && rows.len() <= 70, "{}", rows.len());
    let broken: Option<i64> = auditor
        .query_one("SELECT first_broken FROM vpd.verify_audit()", &[])?
        .get(0);
    assert_eq!(broken, None);
    Ok(())
}

#[test]
fn a_dropped_table_takes_its_audit_policies_along() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE shop.plain (id integer); CREATE SCHEMA gone; GRANT USAGE ON SCHEMA gone TO PUBLIC; CREATE TABLE gone.plain (id integer)",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    for table in ["shop.orders", "shop.plain", "gone.plain"] {
        let number: u32 = admin
            .query_one("SELECT $1::text::regclass::oid", &[&table])?
            .get(0);
        let policies = "SELECT FROM vpd.audit_policies WHERE relation = $1::oid";
        security.execute(
            "SELECT vpd.add_audit_policy($1::text::regclass, 'reads')",
            &[&table],
        )?;
        assert_eq!(security.query(policies, &[&number])?.len(), 1, "control");
        admin.batch_execute(
            if table.starts_with("gone") {
                "DROP SCHEMA gone CASCADE".to_owned()
            } else {
                format!("DROP TABLE {table}")
            }
            .as_str(),
        )?;
        assert!(
            security.query("SELECT FROM vpd.audit_policies", &[])?.is_empty(),
            "{table}"
        );
        let dropped = security.execute(
            "SELECT vpd.drop_audit_policy($1::oid::regclass, 'reads')",
            &[&number],
        );
        let refusal = refusal(dropped);
        assert!(refusal.state.code() == "42704" && refusal.has_hint, "{refusal:?}");
    }
    Ok(())
}
