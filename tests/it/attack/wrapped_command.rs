//! Commands that are refused or followed, in everything a command can be wrapped in: each maker and each taker in each wrapper.

use postgres::Client;
use vpd_tests::{
    BY_REGION, Database, Outcome, Result, Subject, add_policy, assert_refused, attach, create_orders, ids,
    outcome, role,
};

const TABLES: &str = "
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
GRANT USAGE ON FOREIGN SERVER nowhere TO app_owner;
CREATE FUNCTION public.run(command text) RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE command; END$$;
CREATE FUNCTION public.commented() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN IF current_setting('wrapped.command', true) <> '' THEN EXECUTE current_setting('wrapped.command'); END IF; END$$;
CREATE EVENT TRIGGER commented ON ddl_command_end WHEN TAG IN ('COMMENT') EXECUTE FUNCTION public.commented();
SET ROLE app_owner;
CREATE TABLE shop.regions (region text PRIMARY KEY);
INSERT INTO shop.regions SELECT DISTINCT region FROM shop.orders;
CREATE TABLE shop.parent (id integer NOT NULL, region text NOT NULL, amount integer NOT NULL);
CREATE TABLE shop.sales (id integer, region text) PARTITION BY LIST (region);
CREATE TABLE shop.sales_east PARTITION OF shop.sales FOR VALUES IN ('East');
CREATE FOREIGN TABLE shop.far (id integer NOT NULL, region text NOT NULL, amount integer NOT NULL) SERVER nowhere;
CREATE FOREIGN TABLE shop.far_sales (id integer, region text) SERVER nowhere;
RESET ROLE;
";

/// The owner's tables; under policy or, for the control, not.
fn scene(is_protected: bool) -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(TABLES)?;
    admin.batch_execute(&format!(
        "GRANT CREATE ON DATABASE {} TO app_owner",
        database.name()
    ))?;
    if is_protected {
        let mut security = database.connect(role::SECURITY)?;
        for table in ["shop.orders", "shop.sales"] {
            add_policy(&mut security, table, "by_region", BY_REGION)?;
        }
    }
    Ok(database)
}

/// What the owner of a table under policy may not do.
const REFUSED: [&str; 20] = [
    "ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE shop.orders NO FORCE ROW LEVEL SECURITY",
    "CREATE POLICY own ON shop.orders USING (true)",
    "CREATE INDEX ON shop.orders (lower(region))",
    "CREATE INDEX ON shop.orders (id) WHERE region = 'West'",
    "ALTER TABLE shop.orders ADD CHECK (length(region) > 0)",
    "ALTER TABLE shop.orders ALTER region TYPE varchar",
    "ALTER TABLE shop.orders ADD size integer GENERATED ALWAYS AS (length(region)) STORED",
    "CREATE STATISTICS shop.sizes ON (length(region)) FROM shop.orders",
    "CREATE TABLE shop.probe (id integer REFERENCES shop.orders)",
    "ALTER TABLE shop.orders ADD FOREIGN KEY (region) REFERENCES shop.regions ON DELETE CASCADE",
    "CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM shop.orders",
    "ALTER TABLE shop.orders INHERIT shop.parent",
    "CREATE TABLE shop.child () INHERITS (shop.orders, shop.parent)",
    "CREATE PUBLICATION p FOR TABLE shop.orders",
    "TRUNCATE shop.orders",
    "ALTER FOREIGN TABLE shop.far INHERIT shop.orders",
    "CREATE FOREIGN TABLE shop.near () INHERITS (shop.orders) SERVER nowhere",
    "CREATE FOREIGN TABLE shop.near PARTITION OF shop.sales FOR VALUES IN ('West') SERVER nowhere",
    "ALTER TABLE shop.sales ATTACH PARTITION shop.far_sales FOR VALUES IN ('West')",
];

/// The same inside commands that hold others.
const REFUSED_WRAPPED: [&str; 6] = [
    "CREATE SCHEMA g CREATE TABLE probe (id integer REFERENCES shop.orders)",
    "CREATE SCHEMA g CREATE TABLE child () INHERITS (shop.orders, shop.parent)",
    "EXPLAIN ANALYZE CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM shop.orders",
    "EXPLAIN (COSTS off, ANALYZE) CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM shop.orders",
    "EXPLAIN (ANALYZE off, ANALYZE on) CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM shop.orders",
    "EXPLAIN ANALYZE CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM (SELECT * FROM shop.orders) o",
];

/// What makes a part of a table under policy: it is protected at once.
const FOLLOWED: [&str; 8] = [
    "CREATE TABLE shop.child PARTITION OF shop.sales FOR VALUES IN ('West')",
    "CREATE TABLE shop.child () INHERITS (shop.orders)",
    "CREATE TABLE shop.child (LIKE shop.sales); ALTER TABLE shop.sales ATTACH PARTITION shop.child FOR VALUES IN ('West')",
    "CREATE TABLE shop.child (LIKE shop.orders); ALTER TABLE shop.child INHERIT shop.orders",
    "CREATE SCHEMA g CREATE TABLE child PARTITION OF shop.sales FOR VALUES IN ('West')",
    "CREATE SCHEMA g CREATE TABLE child () INHERITS (shop.orders)",
    "CREATE SCHEMA g CREATE VIEW v AS SELECT 1 AS one CREATE TABLE child () INHERITS (shop.orders) CREATE INDEX ON child (id)",
    "CREATE TABLE shop.middle (id integer, region text) PARTITION BY LIST (id); CREATE TABLE shop.child PARTITION OF shop.middle DEFAULT;
     ALTER TABLE shop.sales ATTACH PARTITION shop.middle FOR VALUES IN ('West')",
];

/// Ways to have a command run.
const WRAPPERS: [&str; 7] = [
    "bare",
    "extended",
    "do",
    "function",
    "sql function",
    "query",
    "event trigger",
];

fn run(client: &mut Client, wrapper: &str, command: &str) -> Outcome<()> {
    let done = match wrapper {
        "extended" => command.split(';').try_for_each(|part| client.execute(part, &[]).map(|_| ())),
        "do" => client.batch_execute(&format!("DO $do$ BEGIN EXECUTE $c${command}$c$; END $do$")),
        "function" => client.execute("SELECT public.run($1)", &[&command]).map(|_| ()),
        "sql function" => client.batch_execute(&format!(
            "SET LOCAL check_function_bodies = off;
             CREATE FUNCTION shop.wrapped() RETURNS void LANGUAGE sql AS $c${command}$c$; SELECT shop.wrapped()"
        )),
        // A function in a query, which a cursor runs.
        "query" => client.batch_execute(&format!(
            "DECLARE c CURSOR FOR SELECT public.run($c${command}$c$); FETCH c"
        )),
        "event trigger" => client
            .execute("SELECT set_config('wrapped.command', $1, true)", &[&command])
            .and_then(|_| client.batch_execute("COMMENT ON TABLE shop.parent IS 'x'")),
        _ => client.batch_execute(command),
    };
    outcome(done)
}

#[test]
fn control_every_command_works_in_every_wrapper_without_policies() -> Result<()> {
    let database = scene(false)?;
    let mut owner = database.connect(role::OWNER)?;
    for command in REFUSED.iter().chain(&REFUSED_WRAPPED).chain(&FOLLOWED) {
        for wrapper in WRAPPERS {
            owner.batch_execute("BEGIN")?;
            let done = run(&mut owner, wrapper, command);
            owner.batch_execute("ROLLBACK")?;
            assert!(done.is_ok(), "{wrapper}: {command}: {done:?}");
        }
    }
    Ok(())
}

#[test]
fn what_is_refused_is_refused_in_every_wrapper() -> Result<()> {
    let database = scene(true)?;
    let mut owner = database.connect(role::OWNER)?;
    for command in REFUSED.iter().chain(&REFUSED_WRAPPED) {
        for wrapper in WRAPPERS {
            owner.batch_execute("BEGIN")?;
            let done = run(&mut owner, wrapper, command);
            owner.batch_execute("ROLLBACK")?;
            let told = done.err().map(|refusal| refusal.token);
            let is_refused = matches!(
                told.as_ref().map(Option::as_deref),
                Some(Some("privilege_missing" | "relation_unsupported"))
            );
            assert!(is_refused, "{wrapper}: {command}: {told:?}");
        }
    }
    Ok(())
}

#[test]
fn what_joins_a_family_is_protected_in_every_wrapper() -> Result<()> {
    let database = scene(true)?;
    let mut owner = database.connect(role::OWNER)?;
    let defended = "SELECT count(*) FROM pg_class c
                      JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'vpd_guard' AND NOT p.polpermissive
                     WHERE c.relname = 'child' AND c.relrowsecurity AND c.relforcerowsecurity";
    for command in FOLLOWED {
        for wrapper in WRAPPERS {
            owner.batch_execute("BEGIN")?;
            let done = run(&mut owner, wrapper, command);
            assert_eq!(done, Ok(()), "{wrapper}: {command}");
            let count: i64 = owner.query_one(defended, &[])?.get(0);
            owner.batch_execute("ROLLBACK")?;
            assert_eq!(count, 1, "{wrapper}: {command}");
        }
    }
    Ok(())
}

#[test]
fn a_child_made_in_a_new_schema_shows_nothing() -> Result<()> {
    for (is_protected, expected) in [(false, 1), (true, 0)] {
        let database = scene(is_protected)?;
        database.connect(role::OWNER)?.batch_execute(
            "CREATE SCHEMA g CREATE TABLE x PARTITION OF shop.sales FOR VALUES IN ('West');
             GRANT USAGE ON SCHEMA g TO app_user; GRANT SELECT ON g.x TO app_user",
        )?;
        database
            .admin()?
            .batch_execute("INSERT INTO g.x VALUES (1, 'West')")?;
        let seen = ids(&mut database.connect(role::USER)?, "SELECT id FROM g.x")?;
        assert_eq!(seen.len(), expected, "control or attack: {is_protected}");
    }
    Ok(())
}

/// Ways to a temporary table with rows of the session, without one and with another command that runs it.
const KEPT: [&str; 8] = [
    "CREATE TEMPORARY TABLE mine AS SELECT * FROM shop.orders",
    "EXPLAIN ANALYZE CREATE TEMPORARY TABLE mine AS SELECT * FROM shop.orders",
    "EXPLAIN (FORMAT json, ANALYZE true) CREATE TEMPORARY TABLE mine ON COMMIT PRESERVE ROWS AS SELECT * FROM shop.orders",
    "EXPLAIN ANALYZE SELECT * INTO TEMPORARY mine FROM shop.orders",
    "EXPLAIN ANALYZE CREATE TABLE pg_temp.mine AS SELECT * FROM shop.orders",
    "PREPARE p AS SELECT * FROM shop.orders; CREATE TEMPORARY TABLE mine AS EXECUTE p",
    "PREPARE p AS SELECT * FROM shop.orders; EXPLAIN ANALYZE CREATE TEMPORARY TABLE mine AS EXECUTE p",
    "SET LOCAL search_path = pg_temp; EXPLAIN ANALYZE CREATE TABLE mine AS SELECT * FROM shop.orders",
];

#[test]
fn a_temporary_table_of_a_session_is_refused_in_every_wrapper() -> Result<()> {
    let database = scene(true)?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for command in KEPT {
        // control: without a session it is made, with no rows
        user.batch_execute("BEGIN")?;
        let made = outcome(user.batch_execute(command));
        assert_eq!(made, Ok(()), "{command}");
        user.batch_execute("ROLLBACK; DEALLOCATE ALL")?;
        for wrapper in ["bare", "extended", "do", "function", "query"] {
            if command.contains(';') && !matches!(wrapper, "bare" | "extended") {
                continue;
            }
            user.batch_execute("BEGIN")?;
            attach(&mut user, &token)?;
            let made = run(&mut user, wrapper, command);
            user.batch_execute("COMMIT; DEALLOCATE ALL")?;
            let token = made.err().and_then(|refusal| refusal.token);
            assert_eq!(token.as_deref(), Some("outlives_session"), "{wrapper}: {command}");
        }
    }
    // Gone with the transaction, it is allowed; and looking at the plan makes none.
    for allowed in [
        "EXPLAIN ANALYZE CREATE TEMPORARY TABLE mine ON COMMIT DROP AS SELECT * FROM shop.orders",
        "EXPLAIN CREATE TEMPORARY TABLE mine AS SELECT * FROM shop.orders",
        "EXPLAIN (ANALYZE off) CREATE TEMPORARY TABLE mine AS SELECT * FROM shop.orders",
    ] {
        user.batch_execute("BEGIN")?;
        attach(&mut user, &token)?;
        user.batch_execute(allowed)?;
        user.batch_execute("COMMIT")?;
    }
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    Ok(())
}

#[test]
fn a_fault_elsewhere_stops_no_command_and_is_told() -> Result<()> {
    let database = scene(false)?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("ALTER TABLE shop.sales ATTACH PARTITION shop.far_sales FOR VALUES IN ('West')")?;
    let mut security = database.connect(role::SECURITY)?;
    assert_refused(
        add_policy(&mut security, "shop.sales", "by_region", BY_REGION),
        "42809",
        "relation_unsupported",
    );
    // As it comes to be while the library is away.
    database.admin()?.batch_execute(
        "INSERT INTO vpd_private.protected_table (relation, had_row_security, had_force) VALUES ('shop.sales', false, false)",
    )?;
    let (mut owner, notices) = database.connect_noticing(role::OWNER)?;
    for command in [
        "CREATE TABLE shop.unrelated (id integer)",
        "ALTER TABLE shop.unrelated ADD note text",
        "CREATE TABLE shop.part () INHERITS (shop.unrelated)",
    ] {
        owner.batch_execute(command)?;
        let told = notices.take();
        assert!(
            told.iter().any(|notice| notice.message().contains("far_sales")),
            "{command}: {told:?}"
        );
    }
    let mut admin = database.admin()?;
    let found = admin.query(
        "SELECT remedy FROM vpd.posture() WHERE finding = 'partition_unprotected' AND object = 'shop.far_sales'",
        &[],
    )?;
    assert_eq!(found.len(), 1);
    admin.batch_execute(found[0].get(0))?;
    owner.batch_execute("CREATE TABLE shop.quiet (id integer)")?;
    assert!(
        notices
            .take()
            .iter()
            .all(|notice| !notice.message().contains("far_sales"))
    );
    Ok(())
}

#[test]
fn a_child_made_by_the_script_of_an_extension_is_protected() -> Result<()> {
    let database = scene(true)?;
    let versions = database
        .cluster()
        .socket_folder()
        .join("ext/usr/share/postgresql");
    let version = std::fs::read_dir(versions)?
        .next()
        .ok_or("no folder of the extension")??;
    let folder = version.path().join("extension");
    std::fs::write(folder.join("wrapped.control"), "default_version = '1'\n")?;
    std::fs::write(
        folder.join("wrapped--1.sql"),
        "CREATE TABLE shop.child () INHERITS (shop.orders); INSERT INTO shop.child VALUES (1, 'West', 1);
         GRANT SELECT ON shop.child TO app_user;",
    )?;
    let mut admin = database.admin()?;
    admin.batch_execute("CREATE EXTENSION wrapped")?;
    assert_eq!(
        ids(&mut admin, "SELECT id FROM shop.child")?,
        [1],
        "control: it has a row"
    );
    assert!(ids(&mut database.connect(role::USER)?, "SELECT id FROM shop.child")?.is_empty());
    Ok(())
}
