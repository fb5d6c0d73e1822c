//! A partition has its triggers from its parent. Taken off, changed and put back, its rows would tell of other authors, or of none; so would rows
//! that were written elsewhere and are brought in.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, assert_refused, attach, outcome, role};

const PARTS: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.parts (id integer, region text, body text, created_by text, created_at timestamptz, created_login text,
    updated_by text, updated_at timestamptz, updated_login text) PARTITION BY LIST (region);
CREATE TABLE shop.east PARTITION OF shop.parts FOR VALUES IN ('East');
CREATE TABLE shop.west PARTITION OF shop.parts FOR VALUES IN ('West') PARTITION BY LIST (id);
CREATE TABLE shop.west_1 PARTITION OF shop.west DEFAULT;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO app_user;
RESET ROLE;
";

/// The parts that are taken off and put back, and how.
const PIECES: [(&str, &str, &str); 3] = [
    ("shop.parts", "shop.east", "FOR VALUES IN ('East')"),
    ("shop.parts", "shop.west", "FOR VALUES IN ('West')"),
    ("shop.west", "shop.west_1", "DEFAULT"),
];

fn database(is_tracked: bool) -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(PARTS)?;
    if is_tracked {
        database
            .connect(role::SECURITY)?
            .batch_execute("SELECT vpd.track_changes('shop.parts')")?;
    }
    Ok(database)
}

fn write(client: &mut Client, token: &str, statement: &str) -> std::result::Result<(), postgres::Error> {
    let mut transaction = client.transaction()?;
    attach(&mut transaction, token)?;
    transaction.batch_execute(statement)?;
    transaction.commit()
}

/// Who made and who changed the rows, as they stand there.
fn authors(database: &Database<'_>) -> Result<String> {
    let query = "SELECT coalesce(string_agg(DISTINCT concat_ws('/', created_by, updated_by), ' ' ORDER BY concat_ws('/', created_by, updated_by)), '') FROM shop.parts";
    Ok(database.admin()?.query_one(query, &[])?.get(0))
}

/// The owner takes a part off, changes it and puts it back.
fn attack(database: &Database<'_>, (parent, piece, bound): (&str, &str, &str)) -> Result<()> {
    let mut owner = database.connect(role::OWNER)?;
    for statement in [
        format!("ALTER TABLE {parent} DETACH PARTITION {piece}"),
        format!("UPDATE {piece} SET created_by = 'mallory', updated_by = 'mallory', body = 'forged'"),
        format!("INSERT INTO {piece} SELECT * FROM {piece}"),
        format!("ALTER TABLE {parent} ATTACH PARTITION {piece} {bound}"),
    ] {
        owner
            .batch_execute(&statement)
            .map_err(|error| format!("{statement}: {error:?}"))?;
    }
    Ok(())
}

const ROWS: &str =
    "INSERT INTO shop.parts (id, region, created_by) VALUES (1, 'East', 'alice'), (2, 'West', 'alice')";

#[test]
fn control_columns_that_nobody_keeps_are_forged_in_a_detached_part() -> Result<()> {
    for piece in PIECES {
        let database = database(false)?;
        database.admin()?.batch_execute(ROWS)?;
        attack(&database, piece)?;
        assert!(authors(&database)?.contains("mallory/mallory"), "{piece:?}");
    }
    Ok(())
}

#[test]
fn rows_of_a_detached_part_keep_their_authors() -> Result<()> {
    for piece in PIECES {
        let database = database(true)?;
        let token = Subject::new("alice").log_in(&database)?;
        let mut user = database.connect(role::USER)?;
        write(&mut user, &token, ROWS)?;
        for _ in 0..2 {
            attack(&database, piece)?;
            let known = authors(&database)?;
            assert!(!known.contains("mallory"), "{piece:?}: {known}");
            assert!(known.contains("alice/app_owner"), "{piece:?}: {known}");
        }
        // Back in the family it is written through the parent, once.
        write(&mut user, &token, ROWS)?;
        let triggers: i64 = database
            .admin()?
            .query_one(
                "SELECT max(n) FROM (SELECT count(*) n FROM pg_trigger WHERE tgfoid = 'vpd_private.track_changes'::regproc GROUP BY tgrelid) t",
                &[],
            )?
            .get(0);
        assert_eq!(triggers, 1, "{piece:?}");
        let roots: i64 = database
            .admin()?
            .query_one("SELECT count(*) FROM vpd_private.tracked_table", &[])?
            .get(0);
        assert_eq!(roots, 1, "{piece:?}");
    }
    Ok(())
}

#[test]
fn rows_that_were_written_elsewhere_are_brought_in_by_nobody_who_could_not_vouch_for_them() -> Result<()> {
    let made = "CREATE TABLE shop.made (LIKE shop.parts)";
    let forged = "INSERT INTO shop.made (id, region, created_by) VALUES (1, 'North', 'mallory')";
    let bring = "ALTER TABLE shop.parts ATTACH PARTITION shop.made FOR VALUES IN ('North')";
    let control = database(false)?;
    control
        .connect(role::OWNER)?
        .batch_execute(&format!("{made}; {forged}; {bring}"))?;
    assert_eq!(authors(&control)?, "mallory", "control");

    let database = database(true)?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(&format!("{made}; {forged}"))?;
    assert_refused(owner.batch_execute(bring), "55000", "rows_untracked");
    // Later commands have nothing to do with it.
    owner.batch_execute("CREATE TABLE shop.other (id integer)")?;
    // Empty it may come, and is kept from then on.
    owner.batch_execute(&format!("TRUNCATE shop.made; {bring}"))?;
    owner.batch_execute(&forged.replace("shop.made", "shop.parts"))?;
    assert_eq!(authors(&database)?, "app_owner/app_owner");
    // An administrator says what is right.
    owner.batch_execute(
        "CREATE TABLE shop.old (LIKE shop.parts); INSERT INTO shop.old (id, region, created_by) VALUES (1, 'South', 'grandfather')",
    )?;
    database
        .admin()?
        .batch_execute("ALTER TABLE shop.parts ATTACH PARTITION shop.old FOR VALUES IN ('South')")?;
    assert!(authors(&database)?.contains("grandfather"));
    Ok(())
}

#[test]
fn a_child_that_goes_its_own_way_keeps_its_authors_too() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA shop AUTHORIZATION app_owner; GRANT USAGE ON SCHEMA shop TO PUBLIC; SET ROLE app_owner;
         CREATE TABLE shop.parts (id integer); CREATE TABLE shop.child () INHERITS (shop.parts); RESET ROLE;
         SELECT vpd.track_changes('shop.parts')",
    )?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "INSERT INTO shop.child (id) VALUES (1); ALTER TABLE shop.child NO INHERIT shop.parts",
    )?;
    let forged = outcome(owner.batch_execute("UPDATE shop.child SET created_by = 'mallory'"));
    assert!(forged.is_ok(), "{forged:?}");
    owner.batch_execute("ALTER TABLE shop.child INHERIT shop.parts")?;
    assert_eq!(authors(&database)?, "app_owner/app_owner");
    Ok(())
}
