//! The table of the tests of sealed columns: six people whose data is easy to find in any output, sealed, and once more in the clear.

use crate::masks::scene::told;
use postgres::{Client, SimpleQueryMessage};
use std::io::Write;
use vpd_tests::{Cluster, Database, Outcome, Result, Subject, outcome, role};

const KEYS: &str = "
SELECT vpd.create_key('pii', 'pii:read', searchable => true);
SELECT vpd.create_key('other', 'pii:read', searchable => true);
SELECT vpd.create_key('pay', 'pay:read', mask => 'secret');
SELECT vpd.create_key('quiet', 'pii:read', hidden_as => 'null');
SELECT vpd.create_key('loud', 'pii:read', hidden_as => 'error');
";

const PEOPLE: &str = r#"
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.people (
    id integer PRIMARY KEY,
    ssn vpd.sealed_text('pii') UNIQUE,
    email vpd.sealed_text('pii'),
    salary vpd.sealed_numeric('pay'),
    points vpd.sealed_numeric('pii'),
    born vpd.sealed_date('pii'),
    badge vpd.sealed_bytea('pii'),
    profile vpd.sealed_jsonb('pii'),
    hint vpd.sealed_text('quiet'),
    code vpd.sealed_text('loud'),
    other vpd.sealed_text('other')
);
CREATE TABLE shop.twins (
    id integer PRIMARY KEY,
    ssn text UNIQUE,
    email text,
    salary numeric,
    points numeric,
    born date,
    badge bytea,
    profile jsonb,
    hint text,
    code text
);
INSERT INTO shop.twins
    SELECT n, '555-10' || n, 'person' || n % 3 || '@planted.example', 910000.50 + n, n % 3 + 0.50, date '1984-01-01' + n,
           convert_to('badge-planted-' || n, 'UTF8'), jsonb_build_object('planted', n % 3), 'hint-planted-' || n, 'code-planted-' || n
      FROM generate_series(1, 6) n;
INSERT INTO shop.people
    SELECT id, ssn, email, salary, points, born, badge, profile, hint, code, ssn FROM shop.twins;
GRANT ALL ON shop.people, shop.twins TO app_user;
RESET ROLE;
"#;

/// The table in a database of the cluster that all tests share.
pub fn people() -> Result<Database<'static>> {
    people_in(Cluster::shared()?)
}

/// The same in a cluster of its own.
pub fn people_in(cluster: &Cluster) -> Result<Database<'_>> {
    let database = Database::create_in(cluster)?;
    database.connect(role::SECURITY)?.batch_execute(KEYS)?;
    database.admin()?.batch_execute(PEOPLE)?;
    Ok(database)
}

/// Somebody who may see everything.
pub fn manager(database: &Database<'_>) -> Result<String> {
    Subject::new("manager")
        .privilege("pii:read")
        .privilege("pay:read")
        .log_in(database)
}

/// Somebody who may see nothing of it.
pub fn clerk(database: &Database<'_>) -> Result<String> {
    Subject::new("clerk").log_in(database)
}

/// A security officer who can attach sessions as well.
pub fn officer(database: &Database<'_>) -> Result<Client> {
    database.admin()?.batch_execute(&format!(
        "SELECT vpd.grant_profile('runtime', '{}')",
        role::SECURITY
    ))?;
    database.connect(role::SECURITY)
}

/// Copies a line into a table.
pub fn copied_in(client: &mut Client, copy: &str, line: &str) -> Outcome<u64> {
    let mut copied = || {
        let mut sink = client.copy_in(copy)?;
        // What the server refuses it says at the end.
        sink.write_all(line.as_bytes()).ok();
        sink.finish()
    };
    outcome(copied())
}

/// Lets the purge work until a query of one boolean answers true; false when it never does.
pub fn is_purged_until(client: &mut Client, query: &str) -> Result<bool> {
    for _ in 0..50 {
        client.batch_execute("SELECT vpd.purge()")?;
        if client.query_one(query, &[])?.get(0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a statement gives a role without a session, its rows a line each.
pub fn without_session(database: &Database<'_>, role: &str, statement: &str) -> Result<Outcome<String>> {
    let mut client = database.connect(role)?;
    Ok(outcome(client.simple_query(statement)).map(lines))
}

/// What a statement gives a session, its rows a line each.
pub fn seen(database: &Database<'_>, token: &str, statement: &str) -> Result<Outcome<String>> {
    Ok(told(database, token, statement)?.map(|text| text.trim_end_matches('\n').to_owned()))
}

fn lines(messages: Vec<SimpleQueryMessage>) -> String {
    let mut text = String::new();
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            for index in 0..row.len() {
                text.push_str(row.get(index).unwrap_or("(null)"));
                text.push('|');
            }
            text.push('\n');
        }
    }
    text
}
