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
