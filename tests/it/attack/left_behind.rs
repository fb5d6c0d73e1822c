//! What one request leaves on a pooled connection would run in the next user's session: temporary objects of any kind, and a search path that leads
//! to operators and functions of somebody else.

use postgres::Client;
use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, outcome, protected_orders, role,
};

/// One object of each kind that a schema can hold, each made in a statement of its own.
const OBJECTS: &[(&str, &str)] = &[
    ("table", "CREATE TABLE pg_temp.left_behind (id integer)"),
    ("view", "CREATE VIEW pg_temp.left_behind AS SELECT 1 AS id"),
    ("sequence", "CREATE SEQUENCE pg_temp.left_behind"),
    (
        "function",
        "CREATE FUNCTION pg_temp.left_behind() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    ),
    (
        "procedure",
        "CREATE PROCEDURE pg_temp.left_behind() LANGUAGE plpgsql AS 'BEGIN END'",
    ),
    (
        "aggregate",
        "CREATE AGGREGATE pg_temp.left_behind (integer) (SFUNC = int4pl, STYPE = integer)",
    ),
    (
        "operator",
        "CREATE OPERATOR pg_temp.=== (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text)",
    ),
    ("type", "CREATE TYPE pg_temp.left_behind AS ENUM ('a')"),
    ("type", "CREATE TYPE pg_temp.left_behind AS (a integer)"),
    (
        "type",
        "CREATE DOMAIN pg_temp.left_behind AS text CHECK (VALUE <> '')",
    ),
    (
        "type",
        "CREATE TYPE pg_temp.left_behind AS RANGE (subtype = integer)",
    ),
    ("collation", "CREATE COLLATION pg_temp.left_behind FROM \"C\""),
    (
        "text search configuration",
        "CREATE TEXT SEARCH CONFIGURATION pg_temp.left_behind (COPY = pg_catalog.simple)",
    ),
    (
        "text search dictionary",
        "CREATE TEXT SEARCH DICTIONARY pg_temp.left_behind (TEMPLATE = pg_catalog.simple)",
    ),
    (
        "conversion",
        "CREATE CONVERSION pg_temp.left_behind FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
    ),
];

/// Alice's request leaves a view that calls a function of hers; it runs when the next user reads the name.
const TRAP: &str = "
CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'ran as %', current_setting('app.who', true); RETURN 1; END$$;
CREATE TEMP VIEW orders AS SELECT pg_temp.f() AS id";

#[test]
fn control_a_temporary_view_runs_in_the_next_users_request() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    user.batch_execute(&format!("BEGIN; SET LOCAL app.who = 'alice'; {TRAP}; COMMIT"))?;
    user.batch_execute("BEGIN; SET LOCAL app.who = 'bob'; SELECT id FROM orders")?;
    assert!(
        notices
            .take()
            .iter()
            .any(|notice| notice.message() == "ran as bob")
    );
    Ok(())
}

#[test]
fn no_session_is_attached_to_a_connection_with_temporary_objects() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    for (kind, statement) in OBJECTS {
        let mut user = database.connect(role::USER)?;
        user.batch_execute(statement)?;
        user.batch_execute("BEGIN")?;
        let refused = assert_refused(attach(&mut user, &token), "0A000", "outlives_session");
        assert!(refused.text.contains(kind), "{statement}: {}", refused.text);
        user.batch_execute("ROLLBACK; BEGIN")?;
        assert_refused(
            user.execute("SELECT vpd.attach_anonymous()", &[]),
            "0A000",
            "outlives_session",
        );
        // What the hint says helps.
        user.batch_execute("ROLLBACK")?;
        user.batch_execute("DISCARD TEMP")?;
        user.batch_execute("BEGIN")?;
        attach(&mut user, &token)?;
        // What the transaction itself made before counts as well.
        user.batch_execute("ROLLBACK; BEGIN")?;
        user.batch_execute(statement)?;
        assert_refused(attach(&mut user, &token), "0A000", "outlives_session");
    }
    Ok(())
}

#[test]
fn what_a_request_made_after_attaching_is_not_there_for_the_next_one() -> Result<()> {
    let database = protected_orders()?;
    let alice = Subject::in_region("alice", "East").log_in(&database)?;
    let bob = Subject::in_region("bob", "West").log_in(&database)?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &alice)?;
    user.batch_execute(TRAP)?;
    user.batch_execute("COMMIT; BEGIN")?;
    assert_refused(attach(&mut user, &bob), "0A000", "outlives_session");
    assert!(notices.take().is_empty());
    Ok(())
}

/// A schema of the attacker with an operator that everything satisfies.
fn plant(database: &Database<'_>) -> Result<()> {
    database.admin()?.batch_execute(
        "CREATE SCHEMA evil;
         CREATE FUNCTION evil.yes(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'planted'; RETURN true; END$$;
         CREATE OPERATOR evil.= (FUNCTION = evil.yes, LEFTARG = text, RIGHTARG = text);
         GRANT USAGE ON SCHEMA evil TO PUBLIC",
    )?;
    Ok(())
}

const LEFT: &str = "SET search_path = evil, pg_catalog";

fn count(user: &mut Client) -> std::result::Result<i64, postgres::Error> {
    user.query_one(
        "SELECT count(*) FROM shop.orders WHERE region = 'Nowhere'::text",
        &[],
    )
    .map(|row| row.get(0))
}

fn with_rule(database: &Database<'_>, rule: &str) -> Result<()> {
    let name = database.name();
    database.admin()?.batch_execute(&format!(
        "ALTER DATABASE {name} SET vpd.attach_search_path = {rule}"
    ))?;
    Ok(())
}

#[test]
fn control_a_kept_search_path_has_the_next_user_call_planted_operators() -> Result<()> {
    let database = protected_orders()?;
    plant(&database)?;
    with_rule(&database, "keep")?;
    let token = Subject::in_region("bob", "West").log_in(&database)?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    user.batch_execute(LEFT)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    assert_eq!(count(&mut user)?, 10);
    assert!(notices.take().iter().any(|notice| notice.message() == "planted"));
    Ok(())
}

#[test]
fn a_search_path_left_behind_is_reset() -> Result<()> {
    let database = protected_orders()?;
    plant(&database)?;
    let token = Subject::in_region("bob", "West").log_in(&database)?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    let statement = user.prepare("SELECT count(*) FROM shop.orders WHERE region = 'Nowhere'::text")?;
    user.batch_execute(LEFT)?;
    // Also what was prepared while the path led astray.
    user.batch_execute(
        "PREPARE astray AS SELECT count(*) FROM shop.orders WHERE region = 'Nowhere'::text; EXECUTE astray",
    )?;
    for _ in 0..3 {
        user.batch_execute("BEGIN")?;
        attach(&mut user, &token)?;
        assert_eq!(count(&mut user)?, 0);
        assert_eq!(user.query_one(&statement, &[])?.get::<_, i64>(0), 0);
        assert_eq!(user.query_one("EXECUTE astray", &[])?.get::<_, i64>(0), 0);
        // What the session sets afterwards is its own affair, until the next one.
        user.batch_execute("SET search_path = evil, pg_catalog; COMMIT")?;
    }
    assert!(notices.take().is_empty());
    Ok(())
}

#[test]
fn the_search_path_of_role_and_database_is_where_it_goes_back_to() -> Result<()> {
    let database = protected_orders()?;
    let name = database.name();
    database.admin()?.batch_execute(&format!(
        "ALTER ROLE app_user IN DATABASE {name} SET search_path = shop"
    ))?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET search_path = pg_catalog; BEGIN")?;
    attach(&mut user, &token)?;
    let path: String = user.query_one("SHOW search_path", &[])?.get(0);
    assert_eq!(path, "shop");
    Ok(())
}

#[test]
fn a_search_path_left_behind_is_refused_where_that_is_the_rule() -> Result<()> {
    let database = protected_orders()?;
    with_rule(&database, "refuse")?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET search_path = shop; BEGIN")?;
    assert_refused(attach(&mut user, &token), "0A000", "outlives_session");
    user.batch_execute("ROLLBACK; RESET search_path; BEGIN")?;
    attach(&mut user, &token)?;
    user.batch_execute("ROLLBACK")?;
    // The rule is no client's to change.
    assert!(outcome(user.batch_execute("SET vpd.attach_search_path = keep")).is_err());
    Ok(())
}

/// A function with a path of its own keeps it: the path would otherwise be lost for what it does next, with the rights of its owner.
#[test]
fn the_path_that_a_function_pins_is_not_taken_from_it() -> Result<()> {
    let database = protected_orders()?;
    plant(&database)?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.enter(token text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
             $$BEGIN PERFORM vpd.attach_session(token); RETURN current_setting('search_path'); END$$",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for left in ["SET search_path = evil", "RESET search_path"] {
        user.batch_execute(left)?;
        let refused = user.query_one("SELECT shop.enter($1)", &[&token]);
        assert_refused(refused, "0A000", "outlives_session");
    }
    with_rule(&database, "keep")?;
    let mut user = database.connect(role::USER)?;
    let path: String = user.query_one("SELECT shop.enter($1)", &[&token])?.get(0);
    assert_eq!(path, "pg_catalog, pg_temp");
    Ok(())
}
