//! Changing what a predicate or mask says by a setting that anybody may set, for oneself and for whoever comes next on the connection.
//! Settings × texts × what is kept.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, attach, ids, role};

/// A setting, the value of an attacker, and a condition over the table that opens with it.
const MEMBERS: [(&str, &str, &str); 12] = [
    ("standard_conforming_strings", "off", r"word LIKE 'A\_%'"),
    ("standard_conforming_strings", "off", r"word !~ '\d'"),
    ("transform_null_equals", "on", "word = NULL"),
    ("array_nulls", "off", "word = ANY ('{NULL,none}'::text[])"),
    ("TimeZone", "<x>+167", "moment < timestamptz '2026-01-01 00:00'"),
    ("TimeZone", "<x>-167", "moment > timestamptz '2026-12-31 00:00'"),
    ("DateStyle", "ISO, DMY", "day < '01/02/2026'"),
    (
        "DateStyle",
        "ISO, DMY",
        "day = ANY ('{01/02/2026,01/06/2026}'::date[])",
    ),
    ("IntervalStyle", "sql_standard", "length > interval '-1 2:03'"),
    ("lc_monetary", "%L", "price > '9,99'::money"),
    (
        "xmloption",
        "document",
        "word IS NULL OR xmlparse(CONTENT 'a')::text = 'a' AND 'a'::xml::text = word",
    ),
    ("backslash_quote", "off", r"word <> E'\''"),
];

const TABLE: &str = "
CREATE TABLE public.things (id integer PRIMARY KEY, word text, moment timestamptz, day date, length interval, price money, shown text DEFAULT 'secret');
INSERT INTO public.things VALUES
    (1, 'A_1', '2026-06-01 00:00+00', '2026-01-15', '1 hour', '5.00'), (2, 'AB3', '2026-01-03 00:00+00', '2026-06-01', '-25 hours', '10.00'),
    (3, NULL, '2025-12-29 00:00+00', '2026-01-02', '-27 hours', '100.00'), (4, 'NULL', '2026-12-28 00:00+00', '2026-02-01', NULL, '1000.00'),
    (5, 'x\\d', NULL, NULL, '-1 days', NULL);
GRANT SELECT, UPDATE ON public.things TO app_user;
";

fn scene(condition: &str) -> Result<(Database<'static>, String)> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(TABLE)?;
    admin.execute("SELECT vpd.add_policy('public.things', 'p', $1)", &[&condition])?;
    admin.execute(
        "SELECT vpd.add_mask('public.things', 'shown', '''hidden''', $1)",
        &[&condition],
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    Ok((database, token))
}

/// A locale of the machine that writes money in another way, if there is one.
fn value(client: &mut Client, value: &str) -> Result<Option<String>> {
    if value != "%L" {
        return Ok(Some(value.to_owned()));
    }
    let found = client.query_opt(
        "SELECT collcollate FROM pg_collation WHERE collcollate ~ '^(de|fr|es|it)_' AND collprovider = 'c' LIMIT 1",
        &[],
    )?;
    Ok(found.map(|row| row.get(0)))
}

fn seen(client: &mut Client, token: &str) -> Result<(Vec<i32>, Vec<i32>)> {
    client.batch_execute("BEGIN")?;
    attach(client, token)?;
    let rows = ids(client, "SELECT id FROM public.things ORDER BY id")?;
    let shown = ids(
        client,
        "SELECT id FROM public.things WHERE shown = 'secret' ORDER BY id",
    )?;
    client.batch_execute("COMMIT")?;
    Ok((rows, shown))
}

#[test]
fn no_setting_changes_what_a_predicate_or_mask_says() -> Result<()> {
    let mut opened = 0;
    for (setting, value_of, condition) in MEMBERS {
        let (database, token) = scene(condition)?;
        let Some(value) = value(&mut database.admin()?, value_of)? else {
            continue;
        };
        let expected = seen(&mut database.connect(role::USER)?, &token)?;
        // The control: the same condition, written by the role himself, means something else.
        database.admin()?.batch_execute(
            "CREATE TABLE public.open AS TABLE public.things; GRANT SELECT ON public.open TO app_user",
        )?;
        let plain = |client: &mut Client| {
            ids(
                client,
                &format!("SELECT id FROM public.open WHERE {condition} ORDER BY id"),
            )
            .ok()
        };
        let mut user = database.connect(role::USER)?;
        let as_usual = plain(&mut user);
        user.batch_execute(&format!("SET {setting} = '{value}'"))?;
        opened += usize::from(plain(&mut user) != as_usual);
        // Set before anything is known of the table, for this user and for the next one.
        assert_eq!(seen(&mut user, &token)?, expected, "{setting}: {condition}");
        user.batch_execute("DISCARD ALL")?;
        assert_eq!(seen(&mut user, &token)?, expected, "after {setting}: {condition}");
        // From the start of the connection, without a session, in a transaction that is rolled back.
        let mut started = database
            .config(role::USER)
            .options(&format!("-c {setting}={}", value.replace(' ', "\\ ")))
            .connect(postgres::NoTls)?;
        started.batch_execute("SELECT FROM public.things")?;
        assert_eq!(
            seen(&mut started, &token)?,
            expected,
            "started with {setting}: {condition}"
        );
        let mut other = database.connect(role::USER)?;
        other.batch_execute(&format!(
            "BEGIN; SET LOCAL {setting} = '{value}'; SELECT vpd.attach_anonymous(); SELECT FROM public.things; ROLLBACK"
        ))?;
        assert_eq!(
            seen(&mut other, &token)?,
            expected,
            "rolled back {setting}: {condition}"
        );
    }
    assert!(
        opened >= 8,
        "{opened} settings change a condition where nothing pins them"
    );
    Ok(())
}

/// An administrator who adds a policy with settings of his own adds the same one.
#[test]
fn a_definition_means_the_same_whoever_makes_it() -> Result<()> {
    for (setting, value_of, condition) in MEMBERS {
        let (database, token) = scene(condition)?;
        let mut admin = database.admin()?;
        let Some(value) = value(&mut admin, value_of)? else {
            continue;
        };
        let expected = seen(&mut database.connect(role::USER)?, &token)?;
        let told = |client: &mut Client| -> Result<String> {
            Ok(client
                .query_one("SELECT vpd.effective_predicate('public.things', 'select')", &[])?
                .get(0))
        };
        let text = told(&mut admin)?;
        admin.batch_execute(&format!("SET {setting} = '{value}'"))?;
        admin.execute(
            "SELECT vpd.alter_policy('public.things', 'p', predicate => $1)",
            &[&condition],
        )?;
        assert_eq!(told(&mut admin)?, text, "{setting}: {condition}");
        assert_eq!(
            seen(&mut database.connect(role::USER)?, &token)?,
            expected,
            "{setting}: {condition}"
        );
    }
    Ok(())
}

/// The library's own texts are read with the same settings.
#[test]
fn the_librarys_own_texts_warn_of_nothing_and_say_the_same() -> Result<()> {
    let database = Database::create()?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.define_role('XPREPROD'); SELECT vpd.define_user('alice'); SELECT vpd.grant_authority('role:XPREPROD', 'user:alice')",
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    user.batch_execute(
        "SET standard_conforming_strings = off; SET escape_string_warning = on; SET array_nulls = off; SET transform_null_equals = on;
         SET DateStyle = 'SQL, DMY'; SET IntervalStyle = sql_standard; SET TimeZone = '<x>+167'; SET bytea_output = escape; BEGIN",
    )?;
    attach(&mut user, &token)?;
    let has: bool = user.query_one("SELECT vpd.user_in_role('XPREPROD')", &[])?.get(0);
    user.batch_execute("COMMIT")?;
    assert!(has);
    assert_eq!(notices.take().len(), 0);
    Ok(())
}

/// What the library tells, as one text.
const TOLD: [(&str, &str); 4] = [
    (
        "posture",
        "SELECT string_agg(p::text, ',' ORDER BY p::text) FROM vpd.posture() p",
    ),
    ("export", "SELECT vpd.export_definitions()::text"),
    (
        "difference",
        "SELECT string_agg(d::text, ',') FROM vpd.policy_store_difference(vpd.export_definitions(), prune => true) d",
    ),
    (
        "exemptions",
        "SELECT string_agg(e.relation, ',') FROM vpd.exemptions e",
    ),
];

/// A plan is kept from the first run on; what it calls looks at settings whenever it runs.
#[test]
fn every_run_on_a_connection_says_the_same_as_the_first() -> Result<()> {
    let (database, _) = scene("word = 'x'")?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE FUNCTION public.enter(who text) RETURNS void LANGUAGE plpgsql AS
             $f$BEGIN CALL dbms_session.set_context('ctx', 'who', who); END$f$;
         GRANT EXECUTE ON FUNCTION public.enter(text) TO app_user;
         SELECT vpd.create_context('ctx', 'public.enter');
         SELECT vpd.grant_exempt('app_stranger', 'for a test', 'public.things')",
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    for (setting, value) in [
        ("quote_all_identifiers", "on"),
        ("TimeZone", "<x>+167"),
        ("DateStyle", "SQL, DMY"),
        ("IntervalStyle", "sql_standard"),
        ("bytea_output", "escape"),
        ("extra_float_digits", "-15"),
    ] {
        let mut hostile = database.admin()?;
        hostile.execute("SELECT set_config($1, $2, false)", &[&setting, &value])?;
        for (what, query) in TOLD {
            let plain: Option<String> = admin.query_one(query, &[])?.get(0);
            for run in 1..=3 {
                let told: Option<String> = hostile.query_one(query, &[])?.get(0);
                // What is told in a text of the caller's own, such as a row, is written with his settings.
                if what == "posture" && setting != "quote_all_identifiers" {
                    continue;
                }
                assert_eq!(told, plain, "{setting}: {what}, run {run}");
            }
        }
        // Which function is trusted with a context is kept for whoever comes next.
        let mut user = database.connect(role::USER)?;
        user.execute("SELECT set_config($1, $2, false)", &[&setting, &value])?;
        for run in 1..=3 {
            admin.batch_execute("CREATE FUNCTION public.other() RETURNS void LANGUAGE sql AS ''; DROP FUNCTION public.other()")?;
            let mut session = user.transaction()?;
            attach(&mut session, &token)?;
            session.batch_execute("SELECT public.enter('me')")?;
            let who: Option<String> = session
                .query_one("SELECT vpd.attribute('ctx', 'who')", &[])?
                .get(0);
            assert_eq!(who.as_deref(), Some("me"), "{setting}, run {run}");
        }
    }
    Ok(())
}

#[test]
fn a_moment_without_an_offset_is_of_the_connections_time_zone_in_every_load() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_role('R'); SELECT vpd.define_user('u' || n) FROM generate_series(1, 3) n; SET TimeZone = 'Asia/Kathmandu'",
    )?;
    for number in 1..=3 {
        security.execute(
            "SELECT vpd.load_csv('role_members', $1)",
            &[&format!(
                "role_name,user_name,valid_from\nR,u{number},2999-03-04\n"
            )],
        )?;
        let is_there: bool = security
            .query_one(
                "SELECT bool_and(valid_from = timestamptz '2999-03-04 00:00+05:45') FROM vpd.grants WHERE holder = $1",
                &[&format!("user:u{number}")],
            )?
            .get(0);
        assert!(is_there, "load {number}");
    }
    Ok(())
}
