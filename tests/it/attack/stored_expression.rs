//! An owner who is under policy has an expression of his own evaluated over the rows the table already has: by an index, a
//! constraint, a conversion. The function is handed every row; without a function, success and failure tell which rows exist.

use vpd_tests::{Database, Result, assert_refused, create_orders, outcome, protected_orders, role};

const LEAK: &str = "
CREATE FUNCTION shop.leak(seen text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RAISE NOTICE 'saw %', seen; RETURN true; END $$;
CREATE FUNCTION shop.convert(seen text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RAISE NOTICE 'saw %', seen; RETURN 1; END $$;
";

const LEAKING: [&str; 11] = [
    "CREATE INDEX ON shop.orders (shop.leak(region))",
    "CREATE INDEX ON shop.orders (id) WHERE shop.leak(region)",
    "CREATE INDEX CONCURRENTLY ON shop.orders (shop.leak(region))",
    "ALTER TABLE shop.orders ADD CHECK (shop.leak(region))",
    "ALTER TABLE shop.orders ADD COLUMN extra integer CHECK (shop.leak(region))",
    "ALTER TABLE shop.orders ADD CONSTRAINT late CHECK (shop.leak(region)) NOT VALID;
     ALTER TABLE shop.orders VALIDATE CONSTRAINT late",
    "ALTER TABLE shop.orders ALTER COLUMN region TYPE integer USING shop.convert(region)",
    "ALTER TABLE shop.orders ADD COLUMN extra integer GENERATED ALWAYS AS (shop.convert(region)) STORED",
    "ALTER TABLE shop.orders ADD EXCLUDE USING btree (shop.convert(region) WITH =) WHERE (shop.leak(region) AND id < 0)",
    "CREATE STATISTICS shop.leaking ON shop.leak(region) FROM shop.orders; ANALYZE shop.orders",
    "DO $$ BEGIN EXECUTE 'CREATE INDEX ON shop.orders (shop.leak(region))'; END $$",
];

/// Native row security that hides every row from the owner too.
fn hidden_orders() -> Result<Database<'static>> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY none ON shop.orders USING (false)",
    )?;
    Ok(database)
}

/// What the owner's functions were shown of hidden rows while he ran a statement.
fn shown(database: &Database<'_>, statement: &str) -> Result<(Vec<String>, Option<String>)> {
    let (mut owner, notices) = database.connect_noticing(role::OWNER)?;
    owner.batch_execute(LEAK)?;
    let run = outcome(owner.batch_execute(statement));
    let seen = notices.take();
    Ok((
        seen.iter()
            .map(|notice| notice.message().to_owned())
            .filter(|text| text.starts_with("saw"))
            .collect(),
        run.err().and_then(|refusal| refusal.token),
    ))
}

#[test]
fn control_an_expression_of_the_owner_is_handed_hidden_rows() -> Result<()> {
    for statement in LEAKING {
        let (seen, _) = shown(&hidden_orders()?, statement)?;
        assert!(seen.contains(&"saw West".to_owned()), "{statement}: {seen:?}");
    }
    Ok(())
}

#[test]
fn an_expression_of_the_owner_meets_no_stored_row() -> Result<()> {
    for statement in LEAKING {
        let (seen, token) = shown(&protected_orders()?, statement)?;
        assert!(seen.is_empty(), "{statement}: {seen:?}");
        assert_eq!(token.as_deref(), Some("privilege_missing"), "{statement}");
    }
    Ok(())
}

const ORACLE: &str = "ALTER TABLE shop.orders ADD CHECK (NOT (id = 3 AND region = 'West'))";

#[test]
fn control_a_failing_check_tells_of_a_hidden_row() -> Result<()> {
    let database = hidden_orders()?;
    let mut owner = database.connect(role::OWNER)?;
    assert!(owner.batch_execute(ORACLE).is_err());
    let other = ORACLE.replace("West", "East");
    assert!(owner.batch_execute(&other).is_ok());
    Ok(())
}

#[test]
fn a_check_tells_nothing_of_hidden_rows() -> Result<()> {
    let database = protected_orders()?;
    let mut owner = database.connect(role::OWNER)?;
    for region in ["West", "East"] {
        let probe = ORACLE.replace("West", region);
        assert_refused(owner.batch_execute(&probe), "42501", "privilege_missing");
    }
    Ok(())
}

const DOMAIN: &str = "
CREATE DOMAIN shop.place AS text;
CREATE FUNCTION shop.leak(seen text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RAISE NOTICE 'saw %', seen; RETURN true; END $$;
ALTER DOMAIN shop.place OWNER TO app_stranger;
GRANT USAGE, CREATE ON SCHEMA shop TO app_stranger;
ALTER TABLE shop.orders ALTER COLUMN region TYPE shop.place;
";
const DOMAIN_CHECKS: [&str; 2] = [
    "ALTER DOMAIN shop.place ADD CHECK (shop.leak(VALUE))",
    "ALTER DOMAIN shop.place ADD CONSTRAINT late CHECK (shop.leak(VALUE)) NOT VALID;
     ALTER DOMAIN shop.place VALIDATE CONSTRAINT late",
];

#[test]
fn control_a_constraint_of_a_domain_is_handed_the_rows_of_tables_of_others() -> Result<()> {
    for check in DOMAIN_CHECKS {
        let database = hidden_orders()?;
        database.admin()?.batch_execute(DOMAIN)?;
        let (mut stranger, notices) = database.connect_noticing(role::STRANGER)?;
        stranger.batch_execute(check)?;
        assert!(
            notices.take().iter().any(|notice| notice.message() == "saw West"),
            "{check}"
        );
    }
    Ok(())
}

#[test]
fn a_constraint_of_a_domain_meets_no_row_of_a_protected_table() -> Result<()> {
    for check in DOMAIN_CHECKS {
        let database = protected_orders()?;
        database.admin()?.batch_execute(DOMAIN)?;
        let (mut stranger, notices) = database.connect_noticing(role::STRANGER)?;
        assert_refused(stranger.batch_execute(check), "42501", "privilege_missing");
        assert!(
            !notices
                .take()
                .iter()
                .any(|notice| notice.message().starts_with("saw")),
            "{check}"
        );
    }
    Ok(())
}

#[test]
fn a_type_inside_other_types_is_found() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "CREATE DOMAIN shop.inner AS text; CREATE DOMAIN shop.outer AS shop.inner;
         CREATE TYPE shop.pair AS (a shop.outer, b integer); ALTER TABLE shop.orders ADD COLUMN pairs shop.pair[];
         CREATE DOMAIN shop.unused AS text;
         ALTER DOMAIN shop.inner OWNER TO app_stranger; ALTER DOMAIN shop.unused OWNER TO app_stranger;
         GRANT USAGE ON SCHEMA shop TO app_stranger",
    )?;
    let mut stranger = database.connect(role::STRANGER)?;
    stranger.batch_execute("ALTER DOMAIN shop.unused ADD CHECK (VALUE <> '')")?;
    assert_refused(
        stranger.batch_execute("ALTER DOMAIN shop.inner ADD CHECK (VALUE <> '')"),
        "42501",
        "privilege_missing",
    );
    Ok(())
}

const TYPED: &str = "
CREATE TYPE shop.line AS (id integer, region text);
CREATE TABLE shop.lines OF shop.line;
INSERT INTO shop.lines VALUES (1, '7'), (2, 'West');
ALTER TYPE shop.line OWNER TO app_owner;
ALTER TABLE shop.lines OWNER TO app_owner;
";

#[test]
fn a_change_of_a_composite_type_does_not_convert_protected_rows() -> Result<()> {
    let change = "ALTER TYPE shop.line ALTER ATTRIBUTE region TYPE integer CASCADE";
    let database = hidden_orders()?;
    database.admin()?.batch_execute(TYPED)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.lines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE CAST (text AS integer) WITH INOUT AS ASSIGNMENT",
    )?;
    let told = vpd_tests::refusal(database.connect(role::OWNER)?.batch_execute(change));
    assert!(told.text.contains("West"), "control: {told:?}");

    let database = protected_orders()?;
    database.admin()?.batch_execute(TYPED)?;
    vpd_tests::add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.lines",
        "p",
        "region = vpd.attribute('app', 'region')",
    )?;
    let refused = assert_refused(
        database.connect(role::OWNER)?.batch_execute(change),
        "42501",
        "privilege_missing",
    );
    assert!(!refused.text.contains("West"));
    Ok(())
}

#[test]
fn what_meets_no_stored_row_stays_allowed() -> Result<()> {
    let database = protected_orders()?;
    let mut owner = database.connect(role::OWNER)?;
    for statement in [
        "CREATE INDEX ON shop.orders (region, amount)",
        "CREATE UNIQUE INDEX ON shop.orders (id) INCLUDE (region)",
        "ALTER TABLE shop.orders ADD COLUMN note text DEFAULT 'none'",
        "ALTER TABLE shop.orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID",
        "ALTER TABLE shop.orders ALTER COLUMN note SET NOT NULL, ALTER COLUMN note DROP DEFAULT",
        "ALTER TABLE shop.orders ADD UNIQUE (id)",
        "CREATE STATISTICS shop.plain ON region, amount FROM shop.orders",
        "ALTER TABLE IF EXISTS shop.nothing ADD CHECK (true)",
        "CREATE TABLE shop.other (id integer); CREATE INDEX ON shop.other ((id + 1)); ALTER TABLE shop.other ADD CHECK (id > 0)",
    ] {
        let run = outcome(owner.batch_execute(statement));
        assert_eq!(run, Ok(()), "{statement}");
    }
    // Whoever policies do not apply to may do everything.
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ADD CHECK (amount > 0); CREATE INDEX ON shop.orders (lower(region))",
    )?;
    Ok(())
}

/// Runs a command on a table that the owner exchanges for the protected one while the command waits for its lock.
fn run_across_a_swap(
    database: &Database<'_>,
    command: &str,
) -> Result<std::result::Result<(), vpd_tests::Refusal>> {
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("CREATE TABLE shop.bait (id integer)")?;
    let mut swapping = owner.transaction()?;
    swapping.batch_execute(
        "LOCK shop.bait IN ACCESS EXCLUSIVE MODE;
         ALTER TABLE shop.orders RENAME TO former; ALTER TABLE shop.bait RENAME TO hidden; ALTER TABLE shop.former RENAME TO bait",
    )?;
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut other = database.connect(role::OWNER).unwrap();
            outcome(other.batch_execute(command))
        });
        let mut admin = database.admin()?;
        let blocked = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                        WHERE NOT l.granted AND d.datname = current_database()";
        while admin.query_one(blocked, &[])?.get::<_, i64>(0) == 0 {
            std::thread::yield_now();
        }
        swapping.commit()?;
        Ok(waiting.join().unwrap())
    })
}

const SWAPPED: [&str; 6] = [
    "ALTER TABLE shop.bait NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE shop.bait ADD CHECK (id <> 3)",
    "CREATE INDEX ON shop.bait ((id + 1))",
    "CREATE STATISTICS shop.swapped ON (id + 1) FROM shop.bait",
    "CREATE POLICY listener ON shop.bait AS RESTRICTIVE USING (id > 0)",
    "DROP POLICY vpd_guard ON shop.bait",
];

#[test]
fn control_a_command_that_waits_takes_the_table_that_has_the_name_then() -> Result<()> {
    let database = hidden_orders()?;
    assert_eq!(run_across_a_swap(&database, SWAPPED[0])?, Ok(()));
    let forced = "SELECT relforcerowsecurity FROM pg_class WHERE oid = 'shop.bait'::regclass";
    assert!(!database.admin()?.query_one(forced, &[])?.get::<_, bool>(0));
    Ok(())
}

#[test]
fn another_table_that_takes_the_name_meanwhile_is_not_let_through() -> Result<()> {
    for command in SWAPPED {
        let database = protected_orders()?;
        let refused = run_across_a_swap(&database, command)?;
        assert_eq!(
            refused.err().and_then(|refusal| refusal.token).as_deref(),
            Some("privilege_missing"),
            "{command}"
        );
    }
    Ok(())
}
