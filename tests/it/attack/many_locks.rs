//! Filling the table of locks, which everybody shares: a lock for each of very many rows, users or sessions would keep all others from connecting.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, attach, refusal, role};

const SCENE: &str = "
CREATE SCHEMA stock AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA stock TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE stock.moves (id integer PRIMARY KEY, state text);
GRANT SELECT, INSERT, UPDATE ON stock.moves TO app_user;
RESET ROLE;
SELECT vpd.define_resource('move'), vpd.define_privilege('move:approve'), vpd.define_privilege('move:submit');
SELECT vpd.track_changes('stock.moves');
SELECT vpd.protect_action('stock.moves', 'created_by', 'move:approve', 'state', 'approved');
SELECT vpd.define_role('Approver'), vpd.define_user('alice'), vpd.define_user('carl'), vpd.define_user('dora');
SELECT vpd.grant_authority('privilege:move:approve', 'role:Approver'), vpd.grant_authority('privilege:move:submit', 'role:Approver');
SELECT vpd.grant_authority('role:Approver', 'user:carl'), vpd.grant_authority('role:Approver', 'user:dora');
SELECT vpd.define_sod_rule('one_hand', '{privilege:move:approve,privilege:move:submit}', scope => 'object');
";

/// More than the table of locks of a server with default settings has room for.
const ROWS: i32 = 30_000;
/// Locks of one transaction, of its plans and tables too, are fewer than this however much it does.
const FEW: i64 = 300;

/// A user at work.
struct Actor {
    client: Client,
    token: String,
}

impl Actor {
    fn of(database: &Database<'_>, name: &str) -> Result<Self> {
        let token = Subject::new(name).log_in(database)?;
        let mut client = database.connect(role::USER)?;
        client.batch_execute("SET lock_timeout = '300ms'")?;
        Ok(Self { client, token })
    }

    fn begin(&mut self) -> Result<()> {
        self.client.batch_execute("BEGIN")?;
        Ok(attach(&mut self.client, &self.token)?)
    }

    /// One statement in a transaction of its own.
    fn act(&mut self, statement: &str) -> Result<std::result::Result<(), postgres::Error>> {
        self.begin()?;
        let outcome = self.client.batch_execute(statement);
        self.client.batch_execute("COMMIT")?;
        Ok(outcome)
    }
}

fn scene() -> Result<(Database<'static>, Actor, Actor)> {
    let database = Database::create()?;
    database.admin()?.batch_execute(SCENE)?;
    let fill = format!("INSERT INTO stock.moves SELECT i, 'new' FROM generate_series(1, {ROWS}) i");
    Actor::of(&database, "alice")?.act(&fill)??;
    let (carl, dora) = (Actor::of(&database, "carl")?, Actor::of(&database, "dora")?);
    Ok((database, carl, dora))
}

fn held(database: &Database<'_>, client: &mut Client) -> Result<i64> {
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    Ok(database
        .admin()?
        .query_one("SELECT count(*) FROM pg_locks WHERE pid = $1", &[&pid])?
        .get(0))
}

#[test]
fn one_statement_over_many_rows_holds_few_locks() -> Result<()> {
    let (database, mut carl, mut dora) = scene()?;
    carl.begin()?;
    carl.client
        .batch_execute("UPDATE stock.moves SET state = 'approved' WHERE id > 10")?;
    let locks = held(&database, &mut carl.client)?;
    assert!(locks < FEW, "{locks}");
    // Everybody else gets in, and whoever acts waits for the end.
    database.connect(role::STRANGER)?.batch_execute("SELECT 1")?;
    let submit = "SELECT vpd.record_action('move/5', 'submit')";
    assert_eq!(refusal(dora.act(submit)?).state.code(), "55P03");
    carl.client.batch_execute("COMMIT")?;
    dora.act(submit)??;
    Ok(())
}

#[test]
fn a_loop_of_actions_logins_or_savepoints_holds_few_locks() -> Result<()> {
    let (database, mut carl, _dora) = scene()?;
    for work in [
        "SELECT count(vpd.record_action('move/' || i, 'submit')) FROM generate_series(1, 20000) i",
        "DO $$BEGIN
            FOR i IN 1 .. 400 LOOP
                BEGIN
                    PERFORM vpd.record_action('move/' || i * 10 + j, 'submit') FROM generate_series(1, 9) j;
                    IF i % 2 = 0 THEN RAISE 'no'; END IF;
                EXCEPTION WHEN raise_exception THEN NULL;
                END;
                PERFORM vpd.record_action('move/' || i, 'submit');
            END LOOP;
         END$$",
    ] {
        carl.begin()?;
        carl.client.batch_execute(work)?;
        let locks = held(&database, &mut carl.client)?;
        assert!(locks < FEW, "{locks}: {work}");
        carl.client.batch_execute("ROLLBACK")?;
    }
    let mut bridge = database.connect(role::BRIDGE)?;
    bridge.batch_execute("BEGIN")?;
    bridge.execute(
        "SELECT count(vpd.create_session('many' || i, 'portal')) FROM generate_series(1, 3000) i",
        &[],
    )?;
    let locks = held(&database, &mut bridge)?;
    assert!(locks < FEW, "{locks}: logins");
    bridge.batch_execute("ROLLBACK")?;
    Ok(())
}

/// What a savepoint gives back is locked again, and nobody slips in between.
#[test]
fn what_a_savepoint_gave_back_is_locked_again() -> Result<()> {
    let (_database, mut carl, mut dora) = scene()?;
    let submit = "SELECT vpd.record_action('move/1', 'submit')";
    for many in [1, 200] {
        let act = format!(
            "SELECT count(vpd.record_action('move/' || i, 'submit')) FROM generate_series(1, {many}) i"
        );
        carl.begin()?;
        carl.client
            .batch_execute(&format!("SAVEPOINT s; {act}; ROLLBACK TO s"))?;
        // Given back: somebody else may act.
        dora.act(submit)??;
        carl.client
            .batch_execute(&format!("{act}; SAVEPOINT t; {act}; RELEASE t"))?;
        assert_eq!(refusal(dora.act(submit)?).state.code(), "55P03", "{many}");
        carl.client.batch_execute("ROLLBACK")?;
    }
    Ok(())
}

/// The control: locks of the server's own, one for each of as many keys, are held one by one.
#[test]
fn control_a_lock_for_each_key_is_held_for_each_key() -> Result<()> {
    let (database, mut carl, _dora) = scene()?;
    carl.begin()?;
    carl.client
        .batch_execute("SELECT count(pg_advisory_xact_lock(i)) FROM generate_series(1, 1000) i")?;
    assert!(held(&database, &mut carl.client)? >= 1000);
    carl.client.batch_execute("ROLLBACK")?;
    Ok(())
}
