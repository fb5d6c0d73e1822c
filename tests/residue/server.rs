//! A server of its own, searched for the secrets of the scene: what was issued is nowhere, in no file and in no view.

use std::fs;
use std::path::Path;

use postgres::Client;
use vpd_tests::{Cluster, Database, Extension, Library, Result, find_secrets};

use super::scene;

/// Everything a monitoring role may read about statements and sessions, as one text.
const VIEWS: [&str; 4] = [
    "pg_stat_activity",
    "pg_prepared_statements",
    "pg_cursors",
    "pg_stat_statements",
];

/// Secrets are ASCII, so what is no UTF-8 may be mangled.
fn contains(haystack: &[u8], needle: &str) -> bool {
    String::from_utf8_lossy(haystack).contains(needle)
}

/// Files below the folder that hold one of the secrets.
fn search(folder: &Path, secrets: &[String], findings: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            search(&path, secrets, findings)?;
        } else if path.is_file() {
            let bytes = fs::read(&path)?;
            let text = String::from_utf8_lossy(&bytes);
            if secrets.iter().any(|secret| text.contains(secret)) {
                findings.push(path.display().to_string());
            }
        }
    }
    Ok(())
}

fn views(admin: &mut Client) -> Result<String> {
    let mut text = String::new();
    for view in VIEWS {
        let exists = admin.query_one("SELECT to_regclass($1) IS NOT NULL", &[&view])?;
        if exists.get(0) {
            let all = format!("SELECT coalesce(string_agg(to_jsonb(v)::text, ' '), '') FROM {view} v");
            text += admin.query_one(&all, &[])?.get(0);
        }
    }
    Ok(text)
}

#[test]
fn no_secret_is_in_files_logs_or_statistics() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let database = Database::create_in(&cluster)?;
    let mut admin = database.admin()?;
    // The control: this text is kept by a table, and so must be found.
    let kept = "kept_on_purpose_0123456789";
    admin.batch_execute(&format!("CREATE TABLE control AS SELECT '{kept}'::text AS kept"))?;

    let secrets = scene::play(&database)?;
    assert!(secrets.len() >= 7);
    let statistics = views(&mut admin)?;
    assert!(
        secrets.iter().all(|secret| !statistics.contains(secret)),
        "in a view of the statistics"
    );
    let bytes = statistics.as_bytes();
    assert!(
        find_secrets(bytes).is_empty(),
        "something like a secret in a view of the statistics"
    );

    admin.batch_execute("CHECKPOINT")?;
    let mut findings = vec![];
    search(&cluster.data_folder(), &[kept.to_owned()], &mut findings)?;
    assert!(
        !findings.is_empty(),
        "control: the search finds what a table keeps"
    );
    let mut findings = vec![];
    search(&cluster.data_folder(), &secrets, &mut findings)?;
    assert!(findings.is_empty(), "secrets in {findings:?}");

    let log = fs::read(cluster.log())?;
    assert!(
        contains(&log, "code: ticket_invalid"),
        "control: the refusals are in the log"
    );
    assert!(
        !secrets.iter().any(|secret| contains(&log, secret)),
        "a secret is in the server's log"
    );
    Ok(())
}
