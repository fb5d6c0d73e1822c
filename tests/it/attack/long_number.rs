//! Two numbers that differ in a digit far behind are two numbers, wherever they pass through the library: what is rounded makes one user of two, or
//! shows the row of another.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, attach, role};

/// Pairs that a double takes for one.
const PAIRS: [(&str, &str); 4] = [
    ("100000000000000000000", "100000000000000000001"),
    ("0.1234567890123456789", "0.1234567890123456788"),
    (
        "-123456789012345678901234567890.5",
        "-123456789012345678901234567890.25",
    ),
    ("1e400", "1.0000000000000000001e400"),
];

fn text(client: &mut Client, query: &str) -> Result<String> {
    Ok(client.query_one(query, &[])?.get(0))
}

#[test]
fn a_parametric_role_is_given_to_who_has_exactly_the_number() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut user = database.connect(role::USER)?;
    for (number, (given, other)) in PAIRS.into_iter().enumerate() {
        security.batch_execute(&format!(
            "SELECT vpd.define_role('Exact{number}', 'parametric', rule => '$.badge == {given}');
             SELECT vpd.define_user('who{number}', attributes => '{{\"badge\": {given}}}');
             SELECT vpd.define_user('other{number}', attributes => '{{\"badge\": {other}}}')"
        ))?;
        for (name, expected) in [("who", true), ("other", false)] {
            let token = Subject::new(&format!("{name}{number}")).log_in(&database)?;
            let mut session = user.transaction()?;
            attach(&mut session, &token)?;
            let has: bool = session
                .query_one(
                    &format!("SELECT 'Exact{number}' = ANY (roles) FROM vpd.current_session()"),
                    &[],
                )?
                .get(0);
            assert_eq!(has, expected, "{name} {given} {other}");
        }
    }
    Ok(())
}

/// What stores a number, with `{}` in its place, and what reads it as text.
const WAYS: [(&str, &str, &str); 4] = [
    (
        "a user",
        "SELECT vpd.define_user('zoe', attributes => '{\"badge\": {}}')",
        "SELECT attributes ->> 'badge' FROM vpd.users WHERE name = 'zoe'",
    ),
    (
        "a load",
        "SELECT vpd.load_csv('users', E'user_name,badge:json\\nzoe,{}')",
        "SELECT attributes ->> 'badge' FROM vpd.users WHERE name = 'zoe'",
    ),
    (
        "an import",
        "SELECT vpd.import_definitions('{\"format\": \"pg_vpd definitions\", \"version\": 1, \"users\": [{\"name\": \"zoe\", \"attributes\": {\"badge\": {}}}]}')",
        "SELECT vpd.export_definitions(with_users => true) -> 'users' -> 0 -> 'attributes' ->> 'badge'",
    ),
    (
        "an import of a text",
        "SELECT vpd.import_definitions('{\"format\": \"pg_vpd definitions\", \"version\": 1, \"users\": [{\"name\": \"zoe\", \"attributes\": \"{\\\"badge\\\": {}}\"}]}')",
        "SELECT vpd.export_definitions(with_users => true) -> 'users' -> 0 -> 'attributes' ->> 'badge'",
    ),
];

#[test]
fn what_is_told_of_a_user_keeps_every_digit() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    for (what, store, read) in WAYS {
        for number in PAIRS.into_iter().flat_map(|(one, other)| [one, other]) {
            let mut trial = security.transaction()?;
            trial.batch_execute(&store.replace("{}", number))?;
            let kept: String = trial.query_one(read, &[])?.get(0);
            let same: bool = trial
                .query_one("SELECT $1::text::numeric = $2::text::numeric", &[&kept, &number])?
                .get(0);
            assert!(same, "{what}: {number} became {kept}");
        }
    }
    Ok(())
}

#[test]
fn an_attribute_of_a_session_keeps_every_digit() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut user = database.connect(role::USER)?;
    for number in PAIRS.into_iter().flat_map(|(one, other)| [one, other]) {
        let token = text(
            &mut bridge,
            &format!("SELECT vpd.create_session('alice', 'portal', '{{\"app\": {{\"badge\": {number}}}}}')"),
        )?;
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        let same: bool = session
            .query_one(
                "SELECT vpd.attribute('app', 'badge')::numeric = $1::text::numeric",
                &[&number],
            )?
            .get(0);
        assert!(same, "{number}");
    }
    Ok(())
}

#[test]
fn the_row_that_is_explained_is_the_one_of_the_key() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA far;
         CREATE TABLE far.numbers (id numeric PRIMARY KEY, is_mine boolean);
         GRANT USAGE ON SCHEMA far TO app_auditor; GRANT SELECT ON far.numbers TO app_auditor",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    database
        .admin()?
        .batch_execute("SELECT vpd.add_policy('far.numbers', 'mine', 'is_mine')")?;
    security.batch_execute("SELECT vpd.define_user('alice')")?;
    Subject::new("alice").log_in(&database)?;
    let mut admin = database.admin()?;
    for (shown, hidden) in PAIRS {
        admin.batch_execute(&format!(
            "INSERT INTO far.numbers VALUES ({shown}, true), ({hidden}, false)"
        ))?;
    }
    let mut auditor = database.connect(role::AUDITOR)?;
    for (shown, hidden) in PAIRS {
        for (number, expected) in [(shown, "true"), (hidden, "false")] {
            let told = text(
                &mut auditor,
                &format!(
                    "SELECT vpd.explain_access_json('alice', 'far.numbers', '{{\"id\": {number}}}'::jsonb) ->> 'is_allowed'"
                ),
            )?;
            assert_eq!(told, expected, "{number}");
        }
    }
    Ok(())
}
