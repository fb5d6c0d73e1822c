//! Records on their way: nothing is lost silently.

use super::*;

/// A cluster of its own, whose scribe can be stopped.
pub fn cluster(settings: &str) -> Result<Cluster> {
    Cluster::start(&Extension::debug()?, Library::Preloaded, settings)
}

fn signal(process: i32, name: &str) -> Result<()> {
    let done = Command::new("kill").args([name, &process.to_string()]).status()?;
    if done.success() {
        Ok(())
    } else {
        Err("no such process".into())
    }
}

/// The scribe of a database that has something to write.
fn scribe(database: &Database<'_>) -> Result<i32> {
    assert!(
        database
            .connect(role::USER)?
            .batch_execute("SELECT vpd.attach_session('x')")
            .is_err()
    );
    last(database)?;
    let row = database
        .connect(role::AUDITOR)?
        .query_one("SELECT scribe FROM vpd.audit_status()", &[])?;
    Ok(row.get::<_, Option<i32>>(0).ok_or("no scribe")?)
}

/// The scribe of a database, stopped until this is dropped.
pub struct Stopped(i32);

/// Stops the scribe.
pub fn stop_scribe(database: &Database<'_>) -> Result<Stopped> {
    let process = scribe(database)?;
    signal(process, "-STOP")?;
    Ok(Stopped(process))
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = signal(self.0, "-CONT");
    }
}

#[test]
fn without_the_scribe_what_is_strictly_audited_is_refused() -> Result<()> {
    let cluster = cluster("vpd.audit_wait = '500ms'")?;
    let database = Database::create_in(&cluster)?;
    create_protected_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.add_audit_policy('shop.orders', 'amounts', columns => '{amount}', mode => 'strict');
         SELECT vpd.add_audit_policy('shop.orders', 'ids', columns => '{id}')",
    )?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    let read = |column: &str| -> Result<std::result::Result<u64, postgres::Error>> {
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        Ok(transaction.execute(&format!("SELECT {column} FROM shop.orders"), &[]))
    };
    assert_eq!(read("amount")??, 10, "control");
    let process = scribe(&database)?;
    signal(process, "-STOP")?;
    let refused = read("amount")?;
    let free = read("id")?;
    signal(process, "-CONT")?;
    assert_refused(refused, "55000", "audit_unavailable");
    assert_eq!(free?, 10, "who is not audited strictly goes on");
    assert_eq!(read("amount")??, 10);
    let told = told(&database, 0)?;
    let begun = told.iter().filter(|one| one.0 == "data.begin").count();
    let ended = told
        .iter()
        .filter(|one| one.0 == "data" && one.1 == "ok" && one.5 == Some(10))
        .count();
    assert_eq!((begun, ended), (3, 3), "{told:?}");
    Ok(())
}

#[test]
fn what_finds_no_room_is_counted() -> Result<()> {
    let cluster = cluster("vpd.audit_ring_size = '64kB'")?;
    let database = Database::create_in(&cluster)?;
    let process = scribe(&database)?;
    let before = last(&database)?;
    // Each record that finds no room waits for so long.
    let mut admin = database.admin()?;
    admin.batch_execute("ALTER SYSTEM SET vpd.audit_wait = '1ms'")?;
    admin.batch_execute("SELECT pg_reload_conf()")?;
    until("the setting counts", || {
        let row = database.admin()?.query_one("SHOW vpd.audit_wait", &[])?;
        Ok(row.get::<_, &str>(0) == "1ms")
    })?;
    let mut security = database.connect(role::SECURITY)?;
    signal(process, "-STOP")?;
    let filled = security.batch_execute(
        "DO $$BEGIN FOR i IN 1..3000 LOOP PERFORM vpd.define_role('r' || i % 7); END LOOP; END$$",
    );
    let lost: i64 = database
        .connect(role::AUDITOR)?
        .query_one("SELECT lost FROM vpd.audit_status()", &[])?
        .get(0);
    signal(process, "-CONT")?;
    filled?;
    assert!(lost > 0);
    let mut auditor = database.connect(role::AUDITOR)?;
    until_true(
        &mut auditor,
        "SELECT EXISTS (SELECT FROM vpd.alarms WHERE event = 'audit.lost')",
    )?;
    let row = auditor.query_one(
        "SELECT count(*) FILTER (WHERE event = 'changed'), coalesce(sum(row_count) FILTER (WHERE event = 'audit.lost'), 0)::bigint
           FROM vpd.audit_trail WHERE sequence > $1",
        &[&before],
    )?;
    let (recorded, counted): (i64, i64) = (row.get(0), row.get(1));
    assert_eq!(recorded + counted, 3000);
    assert_eq!(verified(&mut auditor)?.1, None);
    Ok(())
}

#[test]
fn nothing_is_lost_when_the_server_falls() -> Result<()> {
    let cluster = cluster("")?;
    let database = Database::create_in(&cluster)?;
    let process = scribe(&database)?;
    let before = last(&database)?;
    signal(process, "-STOP")?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.define_role('kept')")?;
    let own: i32 = security.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    // control: it is not in the trail when the server falls
    let mut admin = database.admin()?;
    let written = admin.query_one(
        "SELECT count(*) FROM vpd.audit_trail WHERE sequence > $1",
        &[&before],
    )?;
    assert_eq!(written.get::<_, i64>(0), 0);
    drop(admin);
    cluster.crash(own)?;
    let told = told(&database, before)?;
    let own: Vec<&Told> = told
        .iter()
        .filter(|one| one.3.as_deref() == Some("vpd.define_role"))
        .collect();
    assert_eq!(own.len(), 1, "{told:?}");
    assert_eq!(verified(&mut database.admin()?)?.1, None);
    Ok(())
}

#[test]
fn a_scribe_that_ends_leaves_no_lock() -> Result<()> {
    let cluster = cluster("")?;
    let database = Database::create_in(&cluster)?;
    let process = scribe(&database)?;
    let mut admin = database.admin()?;
    let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND objid IN (1, 2) AND pid = $1";
    assert_eq!(admin.query_one(held, &[&process])?.get::<_, i64>(0), 1, "control");
    admin.execute("SELECT pg_terminate_backend($1, 10000)", &[&process])?;
    assert_eq!(admin.query_one(held, &[&process])?.get::<_, i64>(0), 0);
    assert_ne!(scribe(&database)?, process);
    Ok(())
}

#[test]
fn settings_of_the_database_do_not_stop_the_scribe() -> Result<()> {
    let cluster = cluster("")?;
    let database = Database::create_in(&cluster)?;
    database.admin()?.batch_execute(&format!(
        "ALTER DATABASE {0} SET default_tablespace = 'pg_global'; ALTER DATABASE {0} SET client_encoding = 'EUC_JP';
         ALTER DATABASE {0} SET default_transaction_read_only = on",
        database.name()
    ))?;
    let mut security = cluster.config(role::SECURITY, database.name()).connect(NoTls)?;
    security.batch_execute("SET default_transaction_read_only = off; SET client_encoding = 'UTF8'")?;
    security.batch_execute("SELECT vpd.define_role('zoë')")?;
    let mut auditor = cluster.config(role::AUDITOR, database.name()).connect(NoTls)?;
    auditor.batch_execute("SET client_encoding = 'UTF8'")?;
    auditor.query_one("SELECT vpd.flush_audit()", &[])?;
    let row = auditor.query_one(
        "SELECT details::jsonb ->> 'name' FROM vpd.audit_trail WHERE event = 'changed'",
        &[],
    )?;
    assert_eq!(row.get::<_, &str>(0), "zoë");
    assert_eq!(verified(&mut auditor)?.1, None);
    Ok(())
}

#[test]
fn another_encoding_is_refused() -> Result<()> {
    let cluster = cluster("")?;
    let mut admin = cluster.connect("postgres", "postgres")?;
    admin.batch_execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")?;
    let refused = cluster
        .connect("postgres", "latin")?
        .batch_execute("CREATE EXTENSION pgcrypto; CREATE EXTENSION pg_vpd");
    assert_refused(refused, "0A000", "encoding_unsupported");
    Ok(())
}
