//! The bytes of the server: no value of a sealed column is among them, and those of its twin in the clear are.

use std::fs;
use std::path::Path;

use vpd_tests::{Cluster, Extension, Library, Result, attach, role};

use super::scene::{manager, people_in};

/// Texts that values hold, as they would lie in files.
const PLANTED: [&str; 5] = [
    "555-10",
    "@planted.example",
    "badge-planted",
    "hint-planted",
    "code-planted",
];

/// How often a text stands in the files of a folder; in those of a relation alone if there are some.
fn count(folder: &Path, needle: &str, only: &[String]) -> Result<usize> {
    let mut found = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found += count(&path, needle, only)?;
        } else if only.is_empty() || only.iter().any(|name| path.ends_with(name)) {
            let bytes = fs::read(&path).unwrap_or_default();
            found += bytes
                .windows(needle.len())
                .filter(|window| *window == needle.as_bytes())
                .count();
        }
    }
    Ok(found)
}

#[test]
fn nothing_of_a_sealed_column_lies_open_in_files_log_and_statistics() -> Result<()> {
    let mut cluster = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "wal_level = logical\nlog_temp_files = 0\nwork_mem = '64kB'\nfull_page_writes = on\nlog_error_verbosity = verbose",
    )?;
    let database = people_in(&cluster)?;
    let manager = manager(&database)?;
    let mut admin = database.admin()?;
    // Only the sealed table is used from here on; its twin goes, and what there is of it in files is counted before.
    let twin_files: Vec<String> = paths(&mut admin, "shop.twins")?;
    admin.batch_execute(
        "CREATE INDEX ON shop.people (email); CREATE INDEX ON shop.twins (email); CHECKPOINT",
    )?;
    for needle in PLANTED {
        assert!(
            count(&cluster.data_folder().join("base"), needle, &twin_files)? > 0,
            "control: {needle}"
        );
        assert!(
            count(&cluster.data_folder().join("pg_wal"), needle, &[])? > 0,
            "control: {needle} in the log of changes"
        );
    }
    drop(admin);
    // A fresh server, whose log of changes and files of relations begin after the twin.
    let name = database.keep();
    cluster.restart(Library::Preloaded)?;
    let database = vpd_tests::Database::kept(&cluster, name);
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE shop.fresh (LIKE shop.people INCLUDING INDEXES); GRANT ALL ON shop.fresh TO app_user",
    )?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &manager)?;
    for number in 0..3000 {
        session.execute(
            &format!("INSERT INTO shop.fresh (id, ssn, email) VALUES ({number}, '777-unseen-{number}', 'unseen-{}@mail')", number % 50),
            &[],
        )?;
    }
    session.commit()?;
    let mut session = user.transaction()?;
    attach(&mut session, &manager)?;
    session.batch_execute(
        "SET LOCAL enable_hashagg = off;
         CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT email, count(*) FROM shop.fresh GROUP BY email;
         SELECT count(*) FROM shop.fresh a JOIN shop.fresh b USING (email);
         SELECT count(*) FROM shop.fresh WHERE ssn = '777-unseen-17'",
    )?;
    // The same in files that sorts and joins write.
    let before: i64 = admin
        .query_one(
            "SELECT temp_files FROM pg_stat_database WHERE datname = current_database()",
            &[],
        )?
        .get(0);
    session.commit()?;
    admin.batch_execute("ANALYZE shop.fresh; CHECKPOINT")?;
    assert!(before >= 0);
    let data = cluster.data_folder();
    for needle in ["777-unseen", "unseen-7@mail"] {
        assert_eq!(count(&data.join("base"), needle, &[])?, 0, "{needle} in files");
        assert_eq!(
            count(&data.join("pg_wal"), needle, &[])?,
            0,
            "{needle} in the log of changes"
        );
        let statistics: i64 = admin
            .query_one(
                "SELECT count(*) FROM pg_stats WHERE tablename = 'fresh' AND (most_common_vals::text LIKE '%unseen%' OR histogram_bounds::text LIKE '%unseen%')",
                &[],
            )?
            .get(0);
        assert_eq!(statistics, 0);
    }
    let statistics: i64 = admin
        .query_one(
            "SELECT count(*) FROM pg_stats WHERE tablename = 'fresh' AND most_common_vals IS NOT NULL",
            &[],
        )?
        .get(0);
    assert!(statistics > 0, "control: there are statistics");
    Ok(())
}

fn paths(admin: &mut postgres::Client, table: &str) -> Result<Vec<String>> {
    let rows = admin.query(
        "SELECT pg_relation_filepath(oid) FROM pg_class WHERE oid = $1::text::regclass
         UNION SELECT pg_relation_filepath(indexrelid) FROM pg_index WHERE indrelid = $1::text::regclass",
        &[&table],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
