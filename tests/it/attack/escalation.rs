//! The functions of the extension run with the rights of its owner, a superuser. Text that a security administrator or a
//! user hands to them must never run with those rights.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, attach, create_orders, ids, outcome, role};

/// Functions and types of the security administrator that note who runs them.
const TRAPS: &str = "
CREATE SCHEMA trap AUTHORIZATION sec_admin;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
CREATE TABLE trap.who (name text);
GRANT INSERT, SELECT ON trap.who TO PUBLIC;
SET ROLE sec_admin;
CREATE FUNCTION trap.write() RETURNS void LANGUAGE plpgsql VOLATILE AS
    $$ BEGIN INSERT INTO trap.who VALUES (current_user); END $$;
CREATE FUNCTION trap.note(anything text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 1 AS
    $$ BEGIN PERFORM trap.write(); RETURN true; END $$;
CREATE FUNCTION trap.note_integer(anything integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT AS
    $$ BEGIN PERFORM trap.write(); RETURN true; END $$;
CREATE DOMAIN trap.noted AS integer CHECK (trap.note_integer(VALUE));
CREATE TYPE trap.pair AS (a trap.noted, b integer);
CREATE FUNCTION trap.policy(object_schema text, object_name text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN PERFORM trap.note(object_name); RETURN 'true'; END $$;
CREATE OPERATOR trap.~~~ (FUNCTION = trap.noted_equal, LEFTARG = text, RIGHTARG = text);
RESET ROLE;
";

const OPERATOR_FUNCTION: &str = "
SET ROLE sec_admin;
CREATE FUNCTION trap.noted_equal(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM trap.write(); RETURN true; END $$;
";

fn scene() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    let (before, after) = TRAPS.split_once("CREATE OPERATOR").ok_or("no operator")?;
    let mut admin = database.admin()?;
    admin.batch_execute(before)?;
    admin.batch_execute(OPERATOR_FUNCTION)?;
    admin.batch_execute(&format!("SET ROLE sec_admin; CREATE OPERATOR {after}"))?;
    Ok(database)
}

/// Who ran a trap so far.
fn victims(database: &Database<'_>) -> Result<Vec<String>> {
    let rows = database
        .admin()?
        .query("SELECT DISTINCT name FROM trap.who ORDER BY 1", &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

const PREDICATES: [&str; 7] = [
    "trap.note('constant')",
    "trap.note_integer(7)",
    "7::trap.noted IS NOT NULL",
    "'(7,1)'::trap.pair IS NOT NULL",
    "'{7}'::trap.noted[] IS NOT NULL",
    "'a' OPERATOR(trap.~~~) 'b'",
    "id > 0 AND (SELECT trap.note('in a sub-select'))",
];

#[test]
fn control_a_constant_function_runs_when_its_caller_plans() -> Result<()> {
    let database = scene()?;
    database
        .admin()?
        .query("SELECT 1 WHERE trap.note('constant')", &[])?;
    assert_eq!(victims(&database)?, ["postgres"]);
    Ok(())
}

#[test]
fn adding_a_policy_runs_nothing_as_the_superuser() -> Result<()> {
    let mut escalations = vec![];
    for predicate in PREDICATES {
        let database = scene()?;
        let mut security = database.connect(role::SECURITY)?;
        let add = "SELECT vpd.add_policy('shop.orders', 'p', $1)";
        let added = outcome(security.execute(add, &[&predicate]));
        let alter = "SELECT vpd.alter_policy('shop.orders', 'p', predicate => $1)";
        let _altered = outcome(security.execute(alter, &[&predicate]));
        let _shown = outcome(security.query("SELECT vpd.effective_predicate('shop.orders')", &[]));
        use_table(&database)?;
        if victims(&database)?.contains(&"postgres".to_owned()) {
            escalations.push((predicate, added));
        }
    }
    assert!(escalations.is_empty(), "{escalations:#?}");
    Ok(())
}

#[test]
fn a_policy_function_never_runs_as_the_superuser() -> Result<()> {
    for kind in ["static", "context_sensitive", "dynamic"] {
        let database = scene()?;
        let mut security = database.connect(role::SECURITY)?;
        security.execute(
            "SELECT vpd.add_policy('shop.orders', 'p', policy_function => 'trap.policy', kind => $1)",
            &[&kind],
        )?;
        security.batch_execute("SELECT vpd.refresh_policy('shop.orders')")?;
        let _shown = outcome(security.query("SELECT vpd.effective_predicate('shop.orders')", &[]));
        use_table(&database)?;
        let victims = victims(&database)?;
        assert!(
            victims.contains(&role::USER.to_owned()),
            "{kind}: control: it ran"
        );
        assert!(
            !victims.contains(&"postgres".to_owned()),
            "{kind} ran as {victims:?}"
        );
    }
    Ok(())
}

/// An ordinary user reads and writes the table, and a session comes and goes.
fn use_table(database: &Database<'_>) -> Result<()> {
    let token = Subject::in_region("alice", "East").log_in(database)?;
    let mut user = database.connect(role::USER)?;
    for statement in [
        "SELECT id FROM shop.orders",
        "UPDATE shop.orders SET amount = 1 RETURNING id",
    ] {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        let _rows = outcome(ids(&mut session, statement));
        drop(session.commit());
    }
    database
        .connect(role::BRIDGE)?
        .execute("SELECT vpd.end_session($1)", &[&token])?;
    Ok(())
}

#[test]
fn what_users_call_their_things_runs_nothing_as_the_superuser() -> Result<()> {
    let database = scene()?;
    let name = database.name();
    database
        .admin()?
        .batch_execute(&format!("GRANT CREATE ON DATABASE {name} TO app_owner"))?;
    let mut owner: Client = database.connect(role::OWNER)?;
    // The event triggers of the extension run as its owner for every one of these.
    owner.batch_execute(
        "CREATE SCHEMA \"a.b\"; CREATE TABLE \"a.b\".\"c; DROP TABLE trap.who; --\" (id trap.noted);
         CREATE TABLE \"a.b\".parent (id integer) PARTITION BY RANGE (id);
         CREATE TABLE \"a.b\".\"'x\" PARTITION OF \"a.b\".parent FOR VALUES FROM (0) TO (1);
         ALTER TABLE \"a.b\".parent ADD COLUMN \"$$\" trap.pair DEFAULT '(7,1)';
         DROP SCHEMA \"a.b\" CASCADE",
    )?;
    let victims = victims(&database)?;
    assert!(!victims.contains(&"postgres".to_owned()), "{victims:?}");
    Ok(())
}
