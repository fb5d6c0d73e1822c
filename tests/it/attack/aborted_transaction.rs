//! Crashing the server for everybody: a command that fails half done, and whatever ends its transaction. Nothing can be read then, for what is
//! locked in a transaction that has failed is never let go, and the next process in that place breaks.
//!
//! The same without the extension is the control: every command fails there too, and every end succeeds.

use std::fs;

use postgres::Client;
use vpd_tests::{Cluster, Database, Extension, Library, Result, role};

/// Tables of the owner, who needs no rights but his own.
const SCENE: &str = "
CREATE TABLE own.keys (a int PRIMARY KEY) PARTITION BY LIST (a);
CREATE TABLE own.keys1 PARTITION OF own.keys FOR VALUES IN (1);
CREATE TABLE own.listed (a int REFERENCES own.keys) PARTITION BY LIST (a);
CREATE TABLE own.orphan (a int NOT NULL);
INSERT INTO own.orphan VALUES (1);
CREATE TABLE own.parent (id int);
CREATE TABLE own.child (id int);
INSERT INTO own.child VALUES (1), (1), (70000);
CREATE TABLE own.referred (id int PRIMARY KEY);
CREATE TABLE own.referring (id int REFERENCES own.referred);
CREATE VIEW own.shown AS SELECT id FROM own.child;
CREATE MATERIALIZED VIEW own.stored AS SELECT 1 / (id - 1) AS x FROM own.parent;
INSERT INTO own.parent VALUES (1);
CREATE FUNCTION own.fails() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;
CREATE PROCEDURE own.calls() LANGUAGE plpgsql AS $$BEGIN ALTER TABLE own.child INHERIT own.parent; RAISE 'no'; END$$;
CREATE TYPE own.pair AS (a int, b int);
CREATE TABLE own.typed (p own.pair);
";

/// Commands that fail after they began.
const FAILING: [&str; 20] = [
    "ALTER TABLE own.listed ATTACH PARTITION own.orphan FOR VALUES IN (1)",
    "ALTER TABLE own.listed ATTACH PARTITION own.orphan FOR VALUES IN (2)",
    "ALTER TABLE own.child INHERIT own.parent, ADD CHECK (id < 0)",
    "ALTER TABLE own.child ALTER id TYPE smallint",
    "ALTER TABLE own.child ADD COLUMN n int NOT NULL",
    "ALTER TYPE own.pair ADD ATTRIBUTE c int, ALTER ATTRIBUTE a TYPE text",
    "CREATE UNIQUE INDEX ON own.child (id)",
    "CREATE INDEX ON own.child ((1 / (id - 1)))",
    "CREATE TABLE own.made (id) AS SELECT 1 / (id - 1) FROM own.child",
    "CREATE TABLE own.heir (CHECK (id / 0 = 1), id text) INHERITS (own.parent)",
    "CREATE TRIGGER t BEFORE INSERT ON own.shown FOR EACH ROW EXECUTE FUNCTION own.fails()",
    "CREATE POLICY p ON own.child USING (id / 0 = 'x')",
    "CREATE RULE r AS ON INSERT TO own.child DO INSTEAD SELECT nothing FROM own.parent",
    "REFRESH MATERIALIZED VIEW own.stored",
    "TRUNCATE own.referred",
    "DROP TABLE own.child",
    "DO $$BEGIN ALTER TABLE own.child INHERIT own.parent; PERFORM 1 / 0; END$$",
    "CALL own.calls()",
    "COPY own.child FROM PROGRAM 'true'",
    "DISCARD ALL",
];

/// What can be sent to a transaction that has failed, and whether it goes on afterwards.
const ENDS: [(&str, bool); 6] = [
    ("COMMIT", false),
    ("ROLLBACK", false),
    ("PREPARE TRANSACTION 'x'", false),
    ("COMMIT AND CHAIN", true),
    ("ROLLBACK AND CHAIN", true),
    ("ROLLBACK TO SAVEPOINT s", true),
];

fn scene<'a>(cluster: &'a Cluster, has_extension: bool) -> Result<Database<'a>> {
    let database = if has_extension {
        Database::create_in(cluster)?
    } else {
        Database::create_bare_in(cluster)?
    };
    database
        .admin()?
        .batch_execute(&format!("CREATE SCHEMA own AUTHORIZATION {}", role::OWNER))?;
    database.connect(role::OWNER)?.batch_execute(SCENE)?;
    Ok(database)
}

/// Fails, ends, looks whether the connection holds anything, and leaves; the next process takes its place.
fn fail_and_end(database: &Database<'_>, admin: &mut Client, failing: &str, end: (&str, bool)) -> Result<()> {
    let (end, goes_on) = end;
    let mut owner = database.connect(role::OWNER)?;
    let pid: i32 = owner.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    owner.batch_execute("BEGIN; SAVEPOINT s")?;
    assert!(owner.batch_execute(failing).is_err(), "does not fail: {failing}");
    // By the extended protocol, as drivers do, which analyses what it is sent.
    owner
        .execute(end, &[])
        .map_err(|error| format!("{failing}; {end}: {error:?}"))?;
    owner.batch_execute("SELECT 1")?;
    if goes_on {
        owner.batch_execute("COMMIT")?;
    }
    let held: i64 = admin
        .query_one("SELECT count(*) FROM pg_locks WHERE pid = $1", &[&pid])?
        .get(0);
    assert_eq!(held, 0, "{failing}; {end}: still locked");
    drop(owner);
    database
        .connect(role::OWNER)?
        .batch_execute("SELECT count(*) FROM own.parent")?;
    Ok(())
}

fn try_everything(has_extension: bool) -> Result<()> {
    let cluster = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "max_prepared_transactions = 5",
    )?;
    let database = scene(&cluster, has_extension)?;
    let mut admin = database.admin()?;
    for failing in FAILING {
        for end in ENDS {
            fail_and_end(&database, &mut admin, failing, end)?;
        }
    }
    let log = fs::read_to_string(cluster.log())?;
    for bad in ["PANIC", "terminated by signal", "re-find shared lock", "WARNING"] {
        assert!(!log.contains(bad), "{bad} in the log");
    }
    Ok(())
}

#[test]
fn a_command_that_fails_leaves_nothing_locked_however_its_transaction_ends() -> Result<()> {
    try_everything(true)
}

#[test]
fn control_without_the_extension_each_fails_and_each_end_succeeds() -> Result<()> {
    try_everything(false)
}
