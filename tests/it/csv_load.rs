//! Loads of CSV files: all or nothing, every fault with its line, the same again for nothing.

mod command;

use std::sync::atomic::{AtomicBool, Ordering};

use postgres::{Client, GenericClient};
use vpd_tests::{
    Database, Result, Subject, assert_all_refused, assert_denied_to_all_but, assert_refused, outcome,
    overlapped, role,
};

/// A fault as a test writes it: line, column, value, and a piece of the reason.
type Expected<'a> = (i64, Option<&'a str>, Option<&'a str>, &'a str);

type Fault = (i64, Option<String>, Option<String>, String);

fn load(client: &mut impl GenericClient, kind: &str, file: &str) -> Result<Vec<Fault>> {
    let rows = client.query(
        "SELECT line, column_name, value, reason FROM vpd.load_csv($1, $2)",
        &[&kind, &file],
    )?;
    Ok(rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect())
}

#[track_caller]
fn assert_faults(found: &[Fault], expected: &[Expected<'_>]) {
    let found: Vec<_> = found
        .iter()
        .map(|(line, column, value, reason)| (*line, column.as_deref(), value.as_deref(), reason.as_str()))
        .collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(
            (found.0, found.1, found.2),
            (expected.0, expected.1, expected.2),
            "{found:?}"
        );
        assert!(
            found.3.contains(expected.3),
            "{found:?} says nothing of {:?}",
            expected.3
        );
    }
}

/// Everything a load may change, as text.
fn state(database: &Database<'_>) -> Result<String> {
    let query = "SELECT coalesce(string_agg(line, E'\n' ORDER BY line), '') FROM (
        SELECT a::text AS line FROM vpd_private.authority a
        UNION ALL SELECT g::text FROM vpd_private.authority_grant g
        UNION ALL SELECT u::text FROM vpd_private.user_account u
        UNION ALL SELECT (c.action, c.subject, c.detail)::text FROM vpd_private.authority_change c) lines";
    Ok(database.admin()?.query_one(query, &[])?.get(0))
}

/// One row as text, columns joined by a bar.
fn row(database: &Database<'_>, query: &str) -> Result<String> {
    let query = format!(
        "SELECT coalesce(string_agg(concat_ws('|', VARIADIC line), E'\n'), '') FROM ({query}) q (line)"
    );
    Ok(database.admin()?.query_one(&query, &[])?.get(0))
}

fn accounts(database: &Database<'_>) -> Result<String> {
    row(
        database,
        "SELECT ARRAY[a.name, u.source, u.display_name, u.attributes::text, u.unit, m.name, u.is_test::text, a.is_enabled::text]
           FROM vpd_private.user_account u
           JOIN vpd_private.authority a ON a.id = u.user_id
           LEFT JOIN vpd_private.authority m ON m.id = u.manager_id
          ORDER BY a.name, u.source",
    )
}

fn members(database: &Database<'_>) -> Result<String> {
    row(
        database,
        "SELECT ARRAY[w.name, h.name, to_char(g.valid_from AT TIME ZONE 'UTC', 'YYYY-MM-DD'), to_char(g.valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD'), g.reason]
           FROM vpd_private.authority_grant g
           JOIN vpd_private.authority h ON h.id = g.holder_id
           JOIN vpd_private.authority w ON w.id = g.granted_id
          WHERE g.valid_until > now() AND h.kind IN ('user', 'group') AND w.kind IN ('group', 'data_group', 'role')
          ORDER BY w.name, h.name, g.valid_from",
    )
}

/// Units, a source, a role and a data group that files refer to.
fn with_definitions() -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(
        "INSERT INTO vpd_private.unit (name) VALUES ('Buying'), ('Stores');
         INSERT INTO vpd_private.defined_source (name, precedence) VALUES ('ldap', 50);
         INSERT INTO vpd_private.authority (kind, name) VALUES ('role', 'Test Buyer'), ('data_group', 'West')",
    )?;
    Ok(database)
}

const USERS: &str = "user_name,display_name,e_mail,unit,manager,grade:json
alice,Alice Young,alice@example.com,Buying,carol,3
bob,\"Bob \"\"the\"\" Builder\",,Stores,alice,
carol,Carol,carol@example.com,Buying,,7
";

#[test]
fn users_are_loaded_whatever_the_order_of_managers_and_columns() -> Result<()> {
    let database = with_definitions()?;
    let (mut security, notices) = database.connect_noticing(role::SECURITY)?;
    assert_faults(&load(&mut security, "users", USERS)?, &[]);
    let told = notices.take();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].detail(), Some("code: load_done; 3 3 0 0"));
    let expected = "alice|local|Alice Young|{\"grade\": 3, \"e_mail\": \"alice@example.com\"}|Buying|carol|false|true\n\
                    bob|local|Bob \"the\" Builder|{}|Stores|alice|false|true\n\
                    carol|local|Carol|{\"grade\": 7, \"e_mail\": \"carol@example.com\"}|Buying|false|true";
    assert_eq!(accounts(&database)?, expected);
    let turned = "manager,unit,grade:json,user_name,e_mail,display_name\n\
                  ,Buying,7,carol,carol@example.com,Carol\n\
                  carol,Buying,3,alice,alice@example.com,Alice Young\n";
    let before = state(&database)?;
    assert_faults(&load(&mut security, "users", turned)?, &[]);
    assert_eq!(notices.take()[0].detail(), Some("code: load_done; 2 0 0 2"));
    assert_eq!(state(&database)?, before);
    Ok(())
}

#[test]
fn a_second_load_of_the_same_file_changes_nothing() -> Result<()> {
    let database = with_definitions()?;
    let mut security = database.connect(role::SECURITY)?;
    let files = [
        ("users", USERS),
        (
            "groups",
            "group_name,description,member_of\nWest Buyers,West,Buyers\nBuyers,,\n",
        ),
        (
            "group_members",
            "group_name,user_name,valid_until\nWest Buyers,alice,2099-01-01\nBuyers,bob,\n",
        ),
        (
            "role_members",
            "role_name,group_name,user_name,valid_from\nTest Buyer,Buyers,,2020-01-01\nTest Buyer,,carol,\n",
        ),
        (
            "data_group_members",
            "data_group,user_name,reason\nWest,alice,asked for\n",
        ),
    ];
    for (kind, file) in files {
        assert_faults(&load(&mut security, kind, file)?, &[]);
    }
    let expected = "Buyers|West Buyers|TODAY\nBuyers|bob|TODAY\nTest Buyer|Buyers|2020-01-01\nTest Buyer|carol|TODAY\n\
                    West|alice|TODAY|asked for\nWest Buyers|alice|TODAY|2099-01-01";
    let today: String = database
        .admin()?
        .query_one("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')", &[])?
        .get(0);
    assert_eq!(members(&database)?, expected.replace("TODAY", &today));
    let before = state(&database)?;
    for (kind, file) in files {
        assert_faults(&load(&mut security, kind, file)?, &[]);
        assert_eq!(state(&database)?, before, "{kind}");
    }
    Ok(())
}

#[test]
fn what_a_file_says_differently_is_changed_and_the_rest_stays() -> Result<()> {
    let database = with_definitions()?;
    let (mut security, notices) = database.connect_noticing(role::SECURITY)?;
    load(&mut security, "users", USERS)?;
    let changes = "user_name,e_mail,manager,is_test\nalice,a.young@example.com,,yes\nbob,,alice,\ndave,dave@example.com,bob,\n";
    let _first = notices.take();
    assert_faults(&load(&mut security, "users", changes)?, &[]);
    assert_eq!(notices.take()[0].detail(), Some("code: load_done; 3 1 1 1"));
    let expected = "alice|local|Alice Young|{\"grade\": 3, \"e_mail\": \"a.young@example.com\"}|Buying|true|true\n\
                    bob|local|Bob \"the\" Builder|{}|Stores|alice|false|true\n\
                    carol|local|Carol|{\"grade\": 7, \"e_mail\": \"carol@example.com\"}|Buying|false|true\n\
                    dave|local|{\"e_mail\": \"dave@example.com\"}|bob|false|true";
    assert_eq!(accounts(&database)?, expected);
    let other = "user_name,source,display_name\nalice,ldap,Alice of LDAP\n";
    assert_faults(&load(&mut security, "users", other)?, &[]);
    assert!(accounts(&database)?.contains("alice|ldap|Alice of LDAP|{}|false|true\nalice|local|Alice Young"));
    let recorded = row(
        &database,
        "SELECT ARRAY[changed_by, action, subject, detail::text] FROM vpd_private.authority_change ORDER BY id",
    )?;
    let expected = "sec_admin|load|load:users|{\"added\": 3, \"changed\": 0, \"unchanged\": 0}\n\
                    sec_admin|load|load:users|{\"added\": 1, \"changed\": 1, \"unchanged\": 1}\n\
                    sec_admin|load|load:users|{\"added\": 0, \"changed\": 1, \"unchanged\": 0}";
    assert_eq!(recorded, expected);
    Ok(())
}

#[test]
fn twelve_faults_are_twelve_lines_and_change_nothing() -> Result<()> {
    let database = with_definitions()?;
    let mut security = database.connect(role::SECURITY)?;
    load(&mut security, "users", USERS)?;
    let before = state(&database)?;
    let long = "x".repeat(257);
    let file = format!(
        "user_name,source,unit,manager,is_enabled,e_mail,grade:json\n\
         erin,,Buying,alice,,erin@example.com,4\n\
         ,,,,,nameless@example.com,\n\
         frank,nis,,,,,\n\
         grace,,Warehouse,,,,\n\
         heidi,,,nobody,,,\n\
         ivan,,,,maybe,,\n\
         judy,,,,,,not json\n\
         {long},,,,,,\n\
         erin,,,,,\"two\nlines\",\n\
         \"con\ntrol\",,,,,,\n\
         mallory,,,mallory,,,\n\
         niaj,,,,\n\
         \x20olivia,,,,,,\n"
    );
    let expected: [Expected<'_>; 12] = [
        (3, Some("user_name"), Some(""), "is missing"),
        (4, Some("source"), Some("nis"), "no identity source"),
        (5, Some("unit"), Some("Warehouse"), "no organization unit"),
        (6, Some("manager"), Some("nobody"), "no user"),
        (7, Some("is_enabled"), Some("maybe"), "neither true nor false"),
        (8, Some("grade:json"), Some("not json"), "no JSON"),
        (
            9,
            Some("user_name"),
            Some(&format!("{}…", "x".repeat(200))),
            "longer than 256",
        ),
        (10, Some("user_name"), Some("erin"), "stands on line 2 already"),
        (12, Some("user_name"), Some("con\ntrol"), "control character"),
        (14, Some("manager"), Some("mallory"), "own name"),
        (15, None, None, "has 5 values, the header has 7"),
        (16, Some("user_name"), Some(" olivia"), "blank"),
    ];
    assert_faults(&load(&mut security, "users", &file)?, &expected);
    assert_eq!(state(&database)?, before);
    Ok(())
}

#[test]
fn members_have_faults_of_their_own() -> Result<()> {
    let database = with_definitions()?;
    let mut security = database.connect(role::SECURITY)?;
    load(&mut security, "users", USERS)?;
    load(&mut security, "groups", "group_name\nBuyers\n")?;
    let before = state(&database)?;
    let file = "group_name,user_name,valid_from,valid_until\n\
                Buyers,alice,2026-02-30,\n\
                Buyers,nobody,,\n\
                Sellers,alice,,\n\
                Buyers,bob,2030-01-01,2029-01-01\n\
                Buyers,carol,,tomorrow\n\
                Buyers,alice,,2001-01-01\n\
                Buyers,alice,,\n";
    let expected: [Expected<'_>; 6] = [
        (2, Some("valid_from"), Some("2026-02-30"), "no date"),
        (3, Some("user_name"), Some("nobody"), "is no user"),
        (4, Some("group_name"), Some("Sellers"), "is no group"),
        (6, Some("valid_until"), Some("tomorrow"), "no date"),
        (8, Some("user_name"), Some("alice"), "stands on line 7 already"),
        (5, None, None, "end before it begins"),
    ];
    let mut found = load(&mut security, "group_members", file)?;
    // What depends on the time of the load is told with the rest, in the order of the lines.
    let mut expected = expected.to_vec();
    expected.push((7, None, None, "end before it begins"));
    expected.sort_by_key(|fault| fault.0);
    found.sort();
    assert_faults(&found, &expected);
    let either =
        "role_name,user_name,group_name\nTest Buyer,alice,Buyers\nTest Buyer,,\nTest Buyer,,Sellers\n";
    assert_faults(
        &load(&mut security, "role_members", either)?,
        &[
            (2, None, None, "either user_name or group_name"),
            (3, None, None, "either user_name or group_name"),
            (4, Some("group_name"), Some("Sellers"), "is no group"),
        ],
    );
    assert_eq!(state(&database)?, before);
    Ok(())
}

#[test]
fn circles_of_managers_and_of_groups_are_faults() -> Result<()> {
    let database = with_definitions()?;
    let mut security = database.connect(role::SECURITY)?;
    load(&mut security, "users", USERS)?;
    // alice is below carol, and carol would come below bob, who is below alice.
    let file = "user_name,manager\ncarol,dave\ndave,bob\nerin,bob\n";
    assert_faults(
        &load(&mut security, "users", file)?,
        &[
            (2, Some("manager"), Some("dave"), "circle"),
            (3, Some("manager"), Some("bob"), "circle"),
        ],
    );
    // No circle when alice goes elsewhere in the same file.
    let file = "user_name,manager\ncarol,dave\ndave,bob\nalice,\n";
    assert_faults(&load(&mut security, "users", file)?, &[]);
    assert_faults(
        &load(&mut security, "groups", "group_name,member_of\nA,B\nB,C\nC,\n")?,
        &[],
    );
    assert_faults(
        &load(&mut security, "groups", "group_name,member_of\nC,D\nD,A\nE,A\n")?,
        &[
            (2, Some("member_of"), Some("D"), "circle"),
            (3, Some("member_of"), Some("A"), "circle"),
        ],
    );
    Ok(())
}

#[test]
fn headers_are_checked_before_anything_below_them() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    for (kind, file, expected) in [
        ("users", "", vec![(1, None, None, "empty")]),
        ("users", "\u{feff}\r\n\r\n", vec![(1, None, None, "empty")]),
        (
            "users",
            "name\nx,y\n",
            vec![(1, Some("user_name"), None, "missing in the header")],
        ),
        (
            "users",
            "user_name,unit,unit\n",
            vec![(1, Some("unit"), None, "stands twice")],
        ),
        (
            "users",
            "user_name,,\n",
            vec![(1, Some(""), None, "is missing"), (1, Some(""), None, "twice")],
        ),
        (
            "users",
            "user_name,x,x:json\n",
            vec![(1, Some("x:json"), None, "no attribute of its own")],
        ),
        (
            "group_members",
            "group_name,user_name,colour\nx,y,z,a\n",
            vec![(1, Some("colour"), None, "no column of this kind")],
        ),
    ] {
        assert_faults(&load(&mut security, kind, file)?, &expected);
    }
    assert_all_refused(
        &mut security,
        "SELECT vpd.load_csv({})",
        "
         22023 argument_invalid 'cats', ''
         22023 argument_invalid 'users', NULL",
    );
    Ok(())
}

#[test]
fn mark_line_ends_quoted_newlines_and_empty_lines_are_read() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let file = "\u{feff}user_name,note\r\nalice,\"one\r\ntwo, \"\"three\"\"\"\r\n\r\nbob,\r\n\r\nbad\r\n";
    assert_faults(
        &load(&mut security, "users", file)?,
        &[(7, None, None, "has 1 values")],
    );
    assert_faults(
        &load(&mut security, "users", &file.replace("bad\r\n", "carol,ünï"))?,
        &[],
    );
    let expected = "alice|local|{\"note\": \"one\\r\\ntwo, \\\"three\\\"\"}|false|true\nbob|local|{}|false|true\n\
                    carol|local|{\"note\": \"ünï\"}|false|true";
    assert_eq!(accounts(&database)?, expected);
    assert_faults(
        &load(&mut security, "users", "user_name,note\ndave,\"open\nerin,x\n")?,
        &[(2, None, None, "quote is not closed")],
    );
    Ok(())
}

#[test]
fn values_have_a_longest_length() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let file = |length: usize| format!("user_name,note\nalice,{}\nbob,x\n", "y".repeat(length));
    let found = load(&mut security, "users", &file(65_537))?;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0, found[0].1.as_deref()), (2, Some("note")));
    assert!(found[0].3.contains("65536"));
    assert_faults(
        &load(&mut security, "users", &file(65_536))?,
        &[(2, None, None, "attributes of more than")],
    );
    assert_faults(
        &load(&mut security, "users", &file(3_000_000))?,
        &[(2, None, None, "longer than 1 MiB")],
    );
    assert_faults(&load(&mut security, "users", &file(65_000))?, &[]);
    let length: i32 = database
        .admin()?
        .query_one(
            "SELECT max(length(attributes ->> 'note')) FROM vpd_private.user_account",
            &[],
        )?
        .get(0);
    assert_eq!(length, 65_000);
    Ok(())
}

#[test]
fn a_dry_run_tells_and_keeps_nothing() -> Result<()> {
    let database = with_definitions()?;
    let (mut security, notices) = database.connect_noticing(role::SECURITY)?;
    let before = state(&database)?;
    let rows = security.query(
        "SELECT * FROM vpd.load_csv('users', $1, dry_run => true)",
        &[&USERS],
    )?;
    assert!(rows.is_empty());
    let told = notices.take();
    assert_eq!(told[0].detail(), Some("code: load_done; 3 3 0 0"));
    assert!(told[0].message().starts_with("would load"));
    assert_eq!(state(&database)?, before);
    let bad = security.query(
        "SELECT * FROM vpd.load_csv('users', $1, true)",
        &[&format!("{USERS},,,,,\n")],
    )?;
    assert_eq!(bad.len(), 1);
    Ok(())
}

#[test]
fn a_load_in_parts_is_the_load_of_the_whole_wherever_it_is_cut() -> Result<()> {
    for size in [1, 7, 64] {
        let database = with_definitions()?;
        let mut security = database.connect(role::SECURITY)?;
        let mut transaction = security.transaction()?;
        transaction.execute("SELECT vpd.begin_load('users')", &[])?;
        let mut lines = 0;
        for part in format!("\u{feff}{USERS}ünï,x,,,,").as_bytes().chunks(size) {
            lines = transaction
                .query_one("SELECT vpd.load_part($1)", &[&part])?
                .get::<_, i64>(0);
        }
        assert_eq!(lines, 4, "the last line has no end yet");
        assert!(
            transaction
                .query("SELECT * FROM vpd.finish_load()", &[])?
                .is_empty()
        );
        assert_refused(
            transaction.query("SELECT * FROM vpd.finish_load()", &[]),
            "55000",
            "load_not_begun",
        );
        transaction.rollback()?;
        assert_eq!(accounts(&database)?, "", "rolled back with the transaction");
    }
    Ok(())
}

#[test]
fn bytes_that_are_no_text_are_reported_with_their_line() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut transaction = security.transaction()?;
    transaction.execute("SELECT vpd.begin_load('users')", &[])?;
    let file: &[u8] = b"user_name,note\nalice,\xff\xfe\nbob,a\0b\ncarol,\x1b[31m\n";
    transaction.execute("SELECT vpd.load_part($1)", &[&file])?;
    let rows = transaction.query("SELECT line, reason FROM vpd.finish_load()", &[])?;
    let found: Vec<(i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let expected = [
        (2, "is not UTF-8"),
        (3, "contains a control character"),
        (4, "contains a control character"),
    ];
    assert_eq!(found, expected.map(|(line, reason)| (line, reason.to_owned())));
    Ok(())
}

#[test]
fn a_load_belongs_to_its_transaction_and_savepoint() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.execute("SELECT vpd.begin_load('users')", &[])?;
    assert_refused(
        security.query("SELECT vpd.load_part('user_name')", &[]),
        "55000",
        "load_not_begun",
    );

    // A savepoint before the load, released or rolled back.
    let mut transaction = security.transaction()?;
    let mut inner = transaction.savepoint("before")?;
    inner.execute("SELECT vpd.begin_load('users')", &[])?;
    inner.execute("SELECT vpd.load_part('user_name')", &[])?;
    inner.commit()?;
    let mut inner = transaction.savepoint("later")?;
    inner.execute("SELECT 1", &[])?;
    inner.rollback()?;
    transaction.execute("SELECT vpd.load_part(E'\\nalice\\n')", &[])?;
    assert!(
        transaction
            .query("SELECT * FROM vpd.finish_load()", &[])?
            .is_empty()
    );
    transaction.commit()?;
    assert_eq!(accounts(&database)?, "alice|local|{}|false|true");

    // A part that is taken back leaves a hole, and no load.
    let mut transaction = security.transaction()?;
    transaction.execute("SELECT vpd.begin_load('users')", &[])?;
    transaction.execute("SELECT vpd.load_part('user_name')", &[])?;
    let mut inner = transaction.savepoint("part")?;
    inner.execute("SELECT vpd.load_part(E'\\nbob\\n')", &[])?;
    inner.rollback()?;
    assert_refused(
        transaction.query("SELECT * FROM vpd.finish_load()", &[]),
        "55000",
        "load_not_begun",
    );
    drop(transaction);

    // What a savepoint takes back after the load is gone.
    let mut transaction = security.transaction()?;
    let mut inner = transaction.savepoint("load")?;
    assert_faults(&load(&mut inner, "users", "user_name\ncarol\n")?, &[]);
    inner.rollback()?;
    transaction.commit()?;
    assert_eq!(accounts(&database)?, "alice|local|{}|false|true");
    Ok(())
}

#[test]
fn a_cancelled_load_leaves_nothing_and_the_connection_works_on() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let file: String = (0..200_000).fold("user_name\n".to_owned(), |file, number| {
        file + &format!("user{number}\n")
    });
    security.batch_execute("SET statement_timeout = '300ms'")?;
    let cancelled = outcome(security.query("SELECT * FROM vpd.load_csv('users', $1)", &[&file]));
    assert!(cancelled.is_err_and(|refusal| refusal.state.code() == "57014"));
    security.batch_execute("RESET statement_timeout")?;
    assert_faults(&load(&mut security, "users", "user_name\nalice\n")?, &[]);
    assert_eq!(accounts(&database)?, "alice|local|{}|false|true");
    Ok(())
}

#[test]
fn what_is_no_csv_is_refused_with_its_line() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    for (file, line) in [
        ("user_name,note\nalice,x\nbob,a\"b\n", 3),
        ("user_name,note\nalice,\"a\"b\n", 2),
        ("user_name,note\nalice, \"a\"\n", 2),
    ] {
        assert_faults(
            &load(&mut security, "users", file)?,
            &[(line, None, None, "quote inside a value")],
        );
    }
    assert_faults(
        &load(&mut security, "groups", "\u{feff}\u{feff}group_name\nstaff\n")?,
        &[
            (1, Some("\u{feff}group_name"), None, "no column"),
            (1, Some("group_name"), None, "missing"),
        ],
    );
    // control: one mark, and quotes where they belong
    assert_faults(
        &load(
            &mut security,
            "users",
            "\u{feff}user_name,note\nalice,\"a\"\"b\"\n",
        )?,
        &[],
    );
    Ok(())
}

#[test]
fn loads_and_changes_wait_for_each_other() -> Result<()> {
    let database = Database::create()?;
    let mut one = database.connect(role::SECURITY)?;
    let mut first = one.transaction()?;
    assert_faults(&load(&mut first, "users", "user_name,note\nalice,first\n")?, &[]);
    let mut other = database.connect(role::SECURITY)?;
    let is_over = AtomicBool::new(false);
    let second = |client: &mut Client| -> Result<Vec<Fault>> {
        let found = load(client, "users", "user_name,note\nalice,second\nbob,second\n");
        is_over.store(true, Ordering::Release);
        found
    };
    let (found, committed) = overlapped(&mut other, &mut database.admin()?, second, || {
        assert!(!is_over.load(Ordering::Acquire), "it did not wait");
        first.commit()
    })?;
    committed?;
    assert_faults(&found?, &[]);
    let expected =
        "alice|local|{\"note\": \"second\"}|false|true\nbob|local|{\"note\": \"second\"}|false|true";
    assert_eq!(accounts(&database)?, expected);
    Ok(())
}

#[test]
fn users_switched_off_by_a_file_lose_their_sessions() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    load(&mut security, "users", "user_name\nalice\nbob\n")?;
    let token = Subject::new("alice").log_in(&database)?;
    let other = Subject::new("bob").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    assert_faults(
        &load(
            &mut security,
            "users",
            "user_name,is_enabled\nalice,no\nbob,yes\n",
        )?,
        &[],
    );
    assert_refused(
        user.query("SELECT vpd.attach_session($1)", &[&token]),
        "28000",
        "session_invalid",
    );
    user.query("SELECT vpd.attach_session($1)", &[&other])?;
    assert!(accounts(&database)?.starts_with("alice|local|{}|false|false\nbob|local|{}|false|true"));
    assert_faults(
        &load(&mut security, "users", "user_name,is_enabled\nalice,1\n")?,
        &[],
    );
    assert!(accounts(&database)?.starts_with("alice|local|{}|false|true"));
    Ok(())
}

#[test]
fn what_somebody_else_shipped_is_not_changed_by_a_file() -> Result<()> {
    let database = with_definitions()?;
    let mut security = database.connect(role::SECURITY)?;
    load(&mut security, "users", USERS)?;
    load(&mut security, "groups", "group_name,description\nBuyers,old\n")?;
    load(
        &mut security,
        "group_members",
        "group_name,user_name\nBuyers,alice\n",
    )?;
    database.admin()?.batch_execute(
        "UPDATE vpd_private.authority SET seeded_by = 'vendor' WHERE name IN ('carol', 'Buyers');
         UPDATE vpd_private.authority_grant SET seeded_by = 'vendor'",
    )?;
    let before = state(&database)?;
    assert_faults(
        &load(&mut security, "users", "user_name,unit\ncarol,Stores\n")?,
        &[(2, Some("user_name"), Some("carol"), "belongs to somebody else")],
    );
    assert_faults(
        &load(&mut security, "groups", "group_name,description\nBuyers,new\n")?,
        &[(2, Some("group_name"), Some("Buyers"), "belongs to somebody else")],
    );
    assert_faults(
        &load(
            &mut security,
            "group_members",
            "group_name,user_name,valid_until\nBuyers,alice,2099-01-01\n",
        )?,
        &[(2, None, None, "belongs to somebody else")],
    );
    assert_eq!(state(&database)?, before);
    // It can be added to.
    assert_faults(
        &load(
            &mut security,
            "group_members",
            "group_name,user_name\nBuyers,bob\n",
        )?,
        &[],
    );
    Ok(())
}

#[test]
fn dates_of_members_are_followed_and_history_stays() -> Result<()> {
    let database = with_definitions()?;
    let mut security = database.connect(role::SECURITY)?;
    load(&mut security, "users", USERS)?;
    load(&mut security, "groups", "group_name\nBuyers\n")?;
    let mut of = |line: &str| -> Result<String> {
        let file = format!("group_name,user_name,valid_from,valid_until\nBuyers,alice,{line}\n");
        assert_faults(&load(&mut security, "group_members", &file)?, &[]);
        members(&database)
    };
    assert_eq!(of("2020-01-01,2098-01-01")?, "Buyers|alice|2020-01-01|2098-01-01");
    assert_eq!(of(",2099-01-01")?, "Buyers|alice|2020-01-01|2099-01-01");
    assert_eq!(of("2020-01-01,")?, "Buyers|alice|2020-01-01");
    // Another beginning is another grant; the one before goes on until then.
    assert_eq!(
        of("2090-01-01,2099-01-01")?,
        "Buyers|alice|2020-01-01|2090-01-01\nBuyers|alice|2090-01-01|2099-01-01"
    );
    // What is spoken of is that one grant; the others stay.
    let three = "Buyers|alice|2020-01-01|2090-01-01\nBuyers|alice|2090-01-01|2098-01-01\nBuyers|alice|2110-01-01|2111-01-01";
    of("2110-01-01,2111-01-01")?;
    assert_eq!(of("2090-01-01,2098-01-01")?, three);
    assert_eq!(of(",2090-01-01")?, three, "a file loaded again changes nothing");
    assert_eq!(
        of("2085-01-01T12:00:00Z,")?,
        "Buyers|alice|2020-01-01|2085-01-01\nBuyers|alice|2085-01-01"
    );
    let rows: i64 = database
        .admin()?
        .query_one(
            "SELECT count(*) FROM vpd_private.authority_grant WHERE valid_from = '2020-01-01'",
            &[],
        )?
        .get(0);
    assert_eq!(rows, 1);
    // Moments are kept to the microsecond, however far.
    of("2020-01-01,9999-12-31T23:59:59.999999Z")?;
    let is_exact: bool = database
        .admin()?
        .query_one(
            "SELECT bool_or(valid_until = '9999-12-31 23:59:59.999999+00') FROM vpd_private.authority_grant",
            &[],
        )?
        .get(0);
    assert!(is_exact);
    Ok(())
}

#[test]
fn only_a_security_administrator_loads() -> Result<()> {
    let database = Database::create()?;
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &[
            "SELECT vpd.load_csv('users', '')",
            "SELECT vpd.begin_load('users')",
            "SELECT vpd.load_part('')",
            "SELECT vpd.finish_load()",
        ],
    )?;
    Ok(())
}

const HIERARCHY: &str =
    "SELECT vpd.define_hierarchy('places', '{region,state,city}'); SELECT vpd.define_data_group('West')";

const NODES: &str = "hierarchy,key,parent,level,label
places,Reno,Nevada,,Reno
places,Nevada,West,,
places,West,,region,The West
places,Chico,California,city,
places,California,West,state,
";

fn nodes(database: &Database<'_>) -> Result<String> {
    row(
        database,
        "SELECT ARRAY[key, parent, depth::text, label] FROM vpd_private.hierarchy_node WHERE hierarchy = 'places' ORDER BY depth, key",
    )
}

#[test]
fn nodes_are_loaded_whatever_their_order_and_moved_when_the_file_says_so() -> Result<()> {
    let database = Database::create()?;
    let (mut security, notices) = database.connect_noticing(role::SECURITY)?;
    security.batch_execute(HIERARCHY)?;
    assert_faults(&load(&mut security, "nodes", NODES)?, &[]);
    let expected =
        "West|1|The West\nCalifornia|West|2\nNevada|West|2\nChico|California|3\nReno|Nevada|3|Reno";
    assert_eq!(nodes(&database)?, expected);
    let _first = notices.take();
    assert_faults(&load(&mut security, "nodes", NODES)?, &[]);
    assert_eq!(notices.take()[0].detail(), Some("code: load_done; 5 0 0 5"));
    let moved = "key,hierarchy,parent\nEast,places,\nNevada,places,East\n";
    assert_faults(&load(&mut security, "nodes", moved)?, &[]);
    assert_eq!(notices.take()[0].detail(), Some("code: load_done; 2 1 1 0"));
    assert!(nodes(&database)?.contains("Nevada|East|2"));
    Ok(())
}

#[test]
fn nodes_have_faults_of_their_own() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(HIERARCHY)?;
    load(&mut security, "nodes", NODES)?;
    let before = nodes(&database)?;
    let file = "hierarchy,key,parent,level\nplaces,A,Nowhere,\nthings,B,,\nplaces,C,,planet\nplaces,,,\nplaces,D,E,\nplaces,E,D,\nplaces,West,Reno,\nplaces,F,,\nplaces,F,,\n";
    let mut found = load(&mut security, "nodes", file)?;
    found.sort();
    let expected: [Expected<'_>; 8] = [
        (2, Some("parent"), Some("Nowhere"), "is no node"),
        (3, Some("hierarchy"), Some("things"), "is no hierarchy"),
        (4, Some("level"), Some("planet"), "is no level"),
        (5, Some("key"), Some(""), "is missing"),
        (6, Some("parent"), Some("E"), "circle"),
        (7, Some("parent"), Some("D"), "circle"),
        (8, Some("parent"), Some("Reno"), "circle"),
        (10, Some("key"), Some("F"), "stands on line 9 already"),
    ];
    assert_faults(&found, &expected);
    let levels = "hierarchy,key,parent,level\nplaces,Deep,Reno,\nplaces,Flat,Nevada,state\n";
    assert_faults(
        &load(&mut security, "nodes", levels)?,
        &[
            (2, None, None, "below the lowest level"),
            (3, None, None, "not on a level below"),
        ],
    );
    assert_eq!(nodes(&database)?, before);
    Ok(())
}

#[test]
fn faults_of_levels_are_told_beside_all_others_in_every_hierarchy() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_hierarchy('places', '{continent,country,city}'), vpd.define_hierarchy('goods', '{group,item}');
         SELECT vpd.define_node('places', 'Germany', level => 'country'), vpd.define_node('places', 'Ulm', 'Germany', 'city'),
                vpd.define_node('places', 'Bonn', 'Germany', 'city')",
    )?;
    let before = nodes(&database)?;
    // A node above nodes that the file does not name.
    assert_faults(
        &load(
            &mut security,
            "nodes",
            "hierarchy,key,parent,level\nplaces,Germany,Europe,city\nplaces,Europe,,continent\n",
        )?,
        &[(2, None, None, "\"Bonn\""), (2, None, None, "\"Ulm\"")],
    );
    let file = "hierarchy,key,parent,level\nplaces,A,Nowhere,\nplaces,B,Ulm,\nplaces,C,A,\nplaces,D,E,\nplaces,E,D,\nplaces,F,E,\n\
                goods,chair,,item\ngoods,leg,chair,\ngoods,lamp,chair,group\ngoods,lamp,,planet\n";
    assert_faults(
        &load(&mut security, "nodes", file)?,
        &[
            (2, Some("parent"), Some("Nowhere"), "is no node"),
            (3, None, None, "below the lowest level"),
            (5, Some("parent"), Some("E"), "circle"),
            (6, Some("parent"), Some("D"), "circle"),
            (9, None, None, "below the lowest level"),
            (10, None, None, "not on a level below"),
            (11, Some("key"), Some("lamp"), "stands on line 10 already"),
            (11, Some("level"), Some("planet"), "is no level"),
        ],
    );
    assert_eq!(nodes(&database)?, before);
    // With what is below it, it can move.
    let file = "hierarchy,key,parent,level\nplaces,Europe,,continent\nplaces,Germany,Europe,country\nplaces,Ulm,Germany,city\n";
    assert_faults(&load(&mut security, "nodes", file)?, &[]);
    Ok(())
}

#[test]
fn nodes_of_data_groups_decide_what_is_seen_at_the_next_statement() -> Result<()> {
    let database = Database::create()?;
    let (mut security, notices) = database.connect_noticing(role::SECURITY)?;
    security.batch_execute(HIERARCHY)?;
    load(&mut security, "nodes", NODES)?;
    load(&mut security, "users", "user_name\nalice\n")?;
    load(
        &mut security,
        "data_group_members",
        "data_group,user_name\nWest,alice\n",
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    vpd_tests::attach(&mut transaction, &token)?;
    let mut sees = |key: &str| -> Result<bool> {
        Ok(transaction
            .query_one("SELECT vpd.sees_node('places', $1::text)", &[&key])?
            .get(0))
    };
    assert!(!sees("Reno")?);
    let file = "data_group,hierarchy,node,valid_until\nWest,places,Nevada,\nWest,places,Chico,2099-01-01\n";
    let _before = notices.take();
    assert_faults(&load(&mut security, "group_nodes", file)?, &[]);
    assert_eq!(notices.take()[0].detail(), Some("code: load_done; 2 2 0 0"));
    assert!(sees("Reno")? && sees("Chico")? && !sees("California")?);
    assert_faults(&load(&mut security, "group_nodes", file)?, &[]);
    assert_eq!(notices.take()[0].detail(), Some("code: load_done; 2 0 0 2"));
    let other = file.replace("2099", "2098");
    assert_faults(&load(&mut security, "group_nodes", &other)?, &[]);
    assert_eq!(notices.take()[0].detail(), Some("code: load_done; 2 0 1 1"));
    load(
        &mut security,
        "nodes",
        "hierarchy,key,parent\nplaces,Reno,California\n",
    )?;
    assert!(!sees("Reno")?, "it was moved away");
    let bad = "data_group,hierarchy,node\nEast,places,Nevada\nWest,places,Nowhere\nWest,things,Nevada\nWest,places,Nevada\nWest,places,Nevada\n";
    let mut found = load(&mut security, "group_nodes", bad)?;
    found.sort();
    assert_faults(
        &found,
        &[
            (2, Some("data_group"), Some("East"), "is no data group"),
            (3, Some("node"), Some("Nowhere"), "is no node"),
            (4, Some("node"), Some("Nevada"), "is no node"),
            (6, Some("node"), Some("Nevada"), "stands on line 5 already"),
        ],
    );
    Ok(())
}

#[test]
fn a_node_that_is_granted_sooner_than_before_is_loaded_once() -> Result<()> {
    let database = Database::create()?;
    let (mut security, notices) = database.connect_noticing(role::SECURITY)?;
    security.batch_execute(HIERARCHY)?;
    load(&mut security, "nodes", NODES)?;
    let file = "data_group,hierarchy,node,valid_from\nWest,places,Nevada,2099-01-01\n";
    let sooner = file.replace("2099", "2020");
    for (file, counts) in [(file, "1 1 0 0"), (&sooner, "1 0 1 0"), (&sooner, "1 0 0 1")] {
        let _before = notices.take();
        assert_faults(&load(&mut security, "group_nodes", file)?, &[]);
        assert_eq!(
            notices.take()[0].detail(),
            Some(format!("code: load_done; {counts}").as_str())
        );
    }
    let open = security.query_one(
        "SELECT count(*) FROM vpd.data_group_nodes WHERE valid_until > now()",
        &[],
    )?;
    assert_eq!(open.get::<_, i64>(0), 1);
    Ok(())
}
