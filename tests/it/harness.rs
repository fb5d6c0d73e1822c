//! The harness itself: what the other tests lean on holds.

use std::process::Command;

use vpd_tests::{Cluster, Database, Extension, Library, Result, role};

#[test]
fn plain_roles_are_plain() -> Result<()> {
    let database = Database::create_bare()?;
    let query = "SELECT rolname::text FROM pg_roles
                  WHERE rolname = ANY ($1) AND NOT rolsuper AND NOT rolbypassrls AND NOT rolcreaterole
                    AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = pg_roles.oid)";
    let plain = database.admin()?.query(query, &[&role::ALL.as_slice()])?;
    assert_eq!(plain.len(), role::ALL.len());
    let mut stranger = database.connect(role::STRANGER)?;
    let names = stranger.query_one("SELECT session_user::text, current_user::text", &[])?;
    assert_eq!((names.get(0), names.get(1)), (role::STRANGER, role::STRANGER));
    Ok(())
}

#[test]
fn a_database_goes_with_its_test() -> Result<()> {
    let database = Database::create_bare()?;
    let name = database.name().to_owned();
    let open = database.connect(role::STRANGER)?;
    drop(database);
    let mut admin = Cluster::shared()?.connect("postgres", "postgres")?;
    assert!(
        admin
            .query("SELECT FROM pg_database WHERE datname = $1", &[&name])?
            .is_empty()
    );
    drop(open);
    Ok(())
}

#[test]
fn a_cluster_leaves_no_process_and_no_folder() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Absent, "")?;
    let folder = cluster.socket_folder().to_path_buf();
    let is_running = || -> Result<bool> {
        let found = Command::new("pgrep")
            .arg("-f")
            .arg(folder.join("data"))
            .output()?;
        Ok(!found.stdout.is_empty())
    };
    assert!(folder.exists() && is_running()?);
    drop(cluster);
    assert!(!folder.exists() && !is_running()?);
    Ok(())
}
