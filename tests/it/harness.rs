//! The harness itself: what the other tests lean on holds.

use std::collections::BTreeSet;
use std::process::Command;

use vpd_tests::{Cluster, Database, Extension, Library, Result, role};

#[test]
fn plain_roles_are_plain() -> Result<()> {
    let database = Database::create_bare()?;
    let query = "SELECT rolname::text FROM pg_roles
                  WHERE rolname = ANY ($1) AND NOT rolsuper AND NOT rolbypassrls AND NOT rolcreaterole
                    AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = pg_roles.oid)";
    let plain = database
        .admin()?
        .query(query, &[&[&role::ALL[..], &role::PROGRAMS].concat()])?;
    assert_eq!(plain.len(), role::ALL.len() + role::PROGRAMS.len());
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

/// What a database has after the extension was created, with who may what, without OIDs and times; rows are counted.
/// Whether the purge has run already is left out.
const CONTENTS: &str = "
SELECT 'function ' || p.oid::regprocedure || coalesce(p.proacl::text, '') FROM pg_proc p WHERE p.oid >= 16384
UNION ALL SELECT concat_ws(' ', c.relkind, c.oid::regclass, c.relacl, c.relrowsecurity, c.reltuples,
                           CASE WHEN c.relkind = 'r' AND c.relnamespace = 'vpd_private'::regnamespace
                                THEN query_to_xml(format('SELECT count(*) FROM %s', c.oid::regclass), false, true, '')::text END)
            FROM pg_class c WHERE c.oid >= 16384 AND c.relkind IN ('r', 'v', 'S') AND c.relname !~ '^job_run'
UNION ALL SELECT 'schema ' || nspname || coalesce(nspacl::text, '') FROM pg_namespace WHERE oid >= 16384
UNION ALL SELECT concat_ws(' ', 'event trigger', evtname, evtenabled) FROM pg_event_trigger
UNION ALL SELECT 'app ' || (to_jsonb(a) - 'registered_at')::text FROM vpd_private.app a
UNION ALL SELECT concat_ws(' ', 'shared', classid::regclass, deptype, count(*)) FROM pg_shdepend
           WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY classid, deptype";

#[test]
fn a_database_from_the_template_is_as_one_where_the_extension_was_created() -> Result<()> {
    let contents = |database: &Database<'_>| -> Result<BTreeSet<String>> {
        let rows = database.admin()?.query(CONTENTS, &[])?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    let (copied, made) = (Database::create()?, Database::install_in(Cluster::shared()?)?);
    let expected = contents(&made)?;
    let differences = |found: &BTreeSet<String>| -> Vec<String> {
        found.symmetric_difference(&expected).cloned().collect()
    };
    assert_eq!(differences(&contents(&copied)?), Vec::<String>::new());
    copied
        .admin()?
        .batch_execute("REVOKE EXECUTE ON FUNCTION vpd.purge FROM sec_admin")?;
    assert!(
        !differences(&contents(&copied)?).is_empty(),
        "control: a difference is seen"
    );
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
