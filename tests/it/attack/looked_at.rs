//! Whoever may look at the session of somebody else becomes nobody by that, and nothing happens in that name.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, assert_refused, attach, role, until_true};

const EXPLAIN: &str = "SELECT count(*) FROM vpd.explain_access('alice', 'shop.orders', '2')";

/// A table whose predicate takes so long that a grant of alice ends meanwhile.
fn scene() -> Result<Database<'static>> {
    let database = vpd_tests::protected_orders()?;
    database.admin()?.batch_execute(
        "GRANT SELECT ON shop.orders TO app_auditor; GRANT USAGE, CREATE ON SCHEMA shop TO app_user, sec_admin;
         SELECT vpd.define_user('alice'), vpd.define_role('brief'), vpd.set_issuer_name('https://orders.example');
         CREATE FUNCTION shop.slow(r text) RETURNS boolean LANGUAGE plpgsql AS
             'DECLARE t timestamptz := clock_timestamp(); n bigint; BEGIN
                  WHILE clock_timestamp() < t + interval ''700 ms'' LOOP END LOOP;
                  SELECT count(*) INTO n FROM generate_series(1, 10);
                  RETURN r = vpd.attribute(''app'', ''region'');
              END';
         SELECT vpd.alter_policy('shop.orders', 'by_region', predicate => 'shop.slow(region)')",
    )?;
    Subject::in_region("alice", "East").log_in(&database)?;
    Ok(database)
}

fn let_a_grant_end(database: &Database<'_>) -> Result<()> {
    Ok(database.admin()?.batch_execute(
        "SELECT vpd.grant_authority('role:brief', 'user:alice', valid_until => clock_timestamp() + interval '0.5 s')",
    )?)
}

fn who(client: &mut Client) -> Result<Option<String>> {
    Ok(client.query_one("SELECT vpd.user_name()", &[])?.get(0))
}

#[test]
fn no_savepoint_brings_back_the_session_that_was_looked_at() -> Result<()> {
    let database = scene()?;
    for (begin, after) in [
        (format!("BEGIN; SAVEPOINT a; {EXPLAIN}"), "ROLLBACK TO a"),
        (
            format!(
                "BEGIN; DO $$BEGIN PERFORM ({}); RAISE 'x'; EXCEPTION WHEN OTHERS THEN END$$",
                EXPLAIN
            ),
            "SELECT 1",
        ),
    ] {
        let_a_grant_end(&database)?;
        let mut auditor = database.connect(role::AUDITOR)?;
        auditor.batch_execute(&begin)?;
        auditor.batch_execute(after)?;
        assert_eq!(who(&mut auditor)?, None, "{begin}");
    }
    Ok(())
}

/// What a predicate may try to do in the name of whoever is looked at.
const ACTS: [&str; 6] = [
    "vpd.sign_identity('https://stock.example') IS NOT NULL",
    "vpd.end_own_session((SELECT session_id FROM vpd.current_session()))",
    "vpd.detach_session() IS NULL",
    "vpd.attach_anonymous() IS NULL",
    "vpd.assume_role('brief') IS NULL",
    "vpd.set_audit_identity('x') IS NULL",
];

#[test]
fn nothing_is_done_in_the_name_of_whoever_is_looked_at() -> Result<()> {
    let database = scene()?;
    let mut user = database.connect(role::USER)?;
    let mut security = database.connect(role::SECURITY)?;
    for act in ACTS {
        user.batch_execute(&format!(
            "CREATE OR REPLACE FUNCTION shop.act() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN RETURN {act}; END$$"
        ))?;
        security.batch_execute(
            "SELECT vpd.alter_policy('shop.orders', 'by_region', predicate => 'region = vpd.attribute(''app'', ''region'') AND shop.act()')",
        )?;
        let mut auditor = database.connect(role::AUDITOR)?;
        let told = auditor.query(
            "SELECT e::text FROM vpd.explain_access('alice', 'shop.orders', '1') e",
            &[],
        );
        // As an error, or as what became of the predicate.
        let is_refused = match told {
            Err(error) => error.code().is_some_and(|code| code.code() == "25006"),
            Ok(rows) => rows.iter().any(|row| {
                row.get::<_, &str>(0).contains("25006") || row.get::<_, &str>(0).contains("foreign_session")
            }),
        };
        assert!(is_refused, "{act}");
    }
    let mut admin = database.admin()?;
    until_true(
        &mut admin,
        "SELECT count(*) = 1 FROM vpd.sessions WHERE user_name = 'alice' AND ended_at IS NULL",
    )?;
    Ok(())
}

#[test]
fn an_identity_is_signed_for_whoever_asks_himself() -> Result<()> {
    let database = scene()?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.carried (token text); GRANT SELECT, INSERT ON shop.carried TO app_user;
         CREATE VIEW shop.trap AS SELECT id, vpd.sign_identity('https://stock.example') AS token FROM shop.orders; GRANT SELECT ON shop.trap TO app_user;
         CREATE FUNCTION shop.carry() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN vpd.sign_identity('https://stock.example'); END$$;
         ALTER TABLE shop.carried ALTER token SET DEFAULT vpd.sign_identity('https://stock.example')",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    for trap in [
        "SELECT token FROM shop.trap LIMIT 1",
        "SELECT shop.carry()",
        "INSERT INTO shop.carried DEFAULT VALUES",
        "DO $$BEGIN PERFORM vpd.sign_identity('https://stock.example'); END$$",
    ] {
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        assert_refused(transaction.batch_execute(trap), "42501", "privilege_missing");
    }
    // control: alice herself gets one
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    assert_eq!(
        transaction
            .query("SELECT vpd.sign_identity('https://stock.example')", &[])?
            .len(),
        1
    );
    Ok(())
}
