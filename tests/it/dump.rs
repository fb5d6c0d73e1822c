//! Dump and restore: policies travel with their tables, sessions stay behind, and a table restored without the
//! library shows nothing.

use std::process::Stdio;

use vpd_tests::{
    Cluster, Database, Extension, Library, Result, Subject, assert_refused, attach, expected_ids, fresh_ids,
    ids, outcome, protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

fn dump(database: &Database<'_>, role: &str) -> Result<std::process::Output> {
    Ok(database
        .cluster()
        .client_program("pg_dump", role)
        .arg(database.name())
        .stdin(Stdio::null())
        .output()?)
}

/// Feeds a dump to psql; returns what psql complained about.
fn restore(dump: &[u8], target: &Database<'_>) -> Result<String> {
    let file = target
        .cluster()
        .socket_folder()
        .join(format!("{}.sql", target.name()));
    std::fs::write(&file, dump)?;
    let output = target
        .cluster()
        .client_program("psql", "postgres")
        .args(["--quiet", "--no-psqlrc", "--file"])
        .arg(&file)
        .arg(target.name())
        .stdin(Stdio::null())
        .output()?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_restored_database_has_its_policies_and_no_sessions() -> Result<()> {
    let source = protected_orders()?;
    source
        .connect(role::SECURITY)?
        .execute("SELECT vpd.set_purge_interval(7)", &[])?;
    let old = Subject::in_region("alice", "East").log_in(&source)?;
    let dump = dump(&source, "postgres")?;
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let target = Database::create_bare()?;
    let complaints = restore(&dump.stdout, &target)?;
    assert!(!complaints.contains("ERROR"), "{complaints}");

    assert!(fresh_ids(&target, None, ORDERS)?.is_empty());
    assert_refused(
        attach(&mut target.connect(role::USER)?, &old),
        "28000",
        "session_invalid",
    );
    let new = Subject::in_region("alice", "East").log_in(&target)?;
    assert_eq!(fresh_ids(&target, Some(&new), ORDERS)?, expected_ids("East"));
    let defended = "SELECT is_row_security_enabled AND is_forced AND has_guard FROM vpd.protected_tables";
    assert!(target.admin()?.query_one(defended, &[])?.get::<_, bool>(0));
    assert_eq!(
        target
            .admin()?
            .query("SELECT FROM vpd_private.setting", &[])?
            .len(),
        1
    );
    Ok(())
}

#[test]
fn a_dump_by_a_role_under_policy_fails_and_gives_nothing() -> Result<()> {
    let source = protected_orders()?;
    source
        .admin()?
        .batch_execute("GRANT USAGE ON SCHEMA vpd_private TO app_owner")?;
    let output = source
        .cluster()
        .client_program("pg_dump", role::OWNER)
        .arg("--table=shop.orders")
        .arg(source.name())
        .output()?;
    assert!(!output.status.success());
    assert!(!String::from_utf8_lossy(&output.stdout).contains("\t10\n"));
    Ok(())
}

#[test]
fn restored_where_the_library_is_missing_the_table_shows_nothing() -> Result<()> {
    let source = protected_orders()?;
    let dump = dump(&source, "postgres")?;
    let cluster = Cluster::start(&Extension::debug()?, Library::Absent, "")?;
    let target = Database::create_bare_in(&cluster)?;
    let complaints = restore(&dump.stdout, &target)?;
    assert!(
        complaints.contains("pg_vpd"),
        "control: the extension cannot be created here"
    );
    assert_eq!(
        ids(&mut target.admin()?, ORDERS)?.len(),
        40,
        "control: the rows are there"
    );
    for role in [role::USER, role::OWNER] {
        let seen = outcome(ids(&mut target.connect(role)?, ORDERS)).unwrap_or_default();
        assert!(seen.is_empty(), "{role}: {} rows", seen.len());
    }
    Ok(())
}
