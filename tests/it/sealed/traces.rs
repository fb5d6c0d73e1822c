//! Where else values leave traces: the server's log, what it tells of statements, temporary files, dumps. The twin in the clear is found in each of them.
//!
//! Values come in as parameters: the text of a statement is what it is, and whoever writes a literal into it has written it into the log of whoever keeps statements.

use std::fs;
use std::path::{Path, PathBuf};

use postgres::Client;
use vpd_tests::{Cluster, Database, Extension, Library, Result, Subject, attach, outcome, role};

use super::scene::{clerk, manager, people_in};

const TABLES: &str = "
SET ROLE app_owner;
CREATE TABLE shop.sealed (id integer PRIMARY KEY, ssn vpd.sealed_text('pii') UNIQUE, email vpd.sealed_text('pii'), CHECK (id < 100000));
CREATE TABLE shop.open (id integer PRIMARY KEY, ssn text UNIQUE, email text, CHECK (id < 100000));
GRANT ALL ON shop.sealed, shop.open TO app_user;
RESET ROLE;
";

const ROWS: i32 = 6000;

/// A table, the text that all its values hold, and whether it is to be found.
const CASES: [(&str, &str, bool); 2] = [
    ("shop.open", "trace-of-open", true),
    ("shop.sealed", "trace-of-sealed", false),
];

fn count(path: &Path, needle: &str) -> usize {
    let Ok(entries) = fs::read_dir(path) else {
        let bytes = fs::read(path).unwrap_or_default();
        let needle = needle.as_bytes();
        return bytes
            .windows(needle.len())
            .filter(|window| *window == needle)
            .count();
    };
    entries.flatten().map(|entry| count(&entry.path(), needle)).sum()
}

/// Values that come in, one that is there already, and a row that no check lets in.
fn write(client: &mut Client, token: &str, table: &str, planted: &str) -> Result<()> {
    let mut session = client.transaction()?;
    attach(&mut session, token)?;
    session.execute(
        &format!(
            "INSERT INTO {table} (id, ssn, email) SELECT n, $1::text || '-ssn-' || n, $1::text || '-mail-' || n % 50 FROM generate_series(1, $2) n"
        ),
        &[&planted, &ROWS],
    )?;
    session.commit()?;
    for id in [ROWS + 1, 200_000] {
        let mut session = client.transaction()?;
        attach(&mut session, token)?;
        let insert = format!("INSERT INTO {table} (id, ssn) VALUES ($1, $2::text)");
        let ssn = format!("{planted}-ssn-1");
        assert!(outcome(session.execute(&insert, &[&id, &ssn])).is_err(), "{id}");
    }
    Ok(())
}

/// Opens cursors whose sorts and hashes have gone to files, and looks at the files.
fn temporary(
    client: &mut Client,
    token: &str,
    table: &str,
    data: &Path,
    planted: &str,
) -> Result<(usize, usize)> {
    let folder: PathBuf = data.join("base/pgsql_tmp");
    let (mut bytes, mut found) = (0, 0);
    for (settings, query) in [
        (
            "SET LOCAL enable_hashagg = off",
            "SELECT ssn, email, count(*) FROM {t} GROUP BY ssn, email",
        ),
        (
            "SET LOCAL enable_sort = off",
            "SELECT ssn, email, count(*) FROM {t} GROUP BY ssn, email",
        ),
        (
            "SET LOCAL enable_mergejoin = off; SET LOCAL enable_nestloop = off",
            "SELECT a.ssn, b.email FROM {t} a JOIN {t} b USING (ssn)",
        ),
        ("", "SELECT ssn, row_number() OVER (PARTITION BY email) FROM {t}"),
    ] {
        let mut session = client.transaction()?;
        attach(&mut session, token)?;
        session.batch_execute(&format!(
            "SET LOCAL work_mem = '64kB'; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; {settings};
             DECLARE c CURSOR FOR {}; MOVE 1 FROM c",
            query.replace("{t}", table)
        ))?;
        bytes += fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| fs::read(entry.path()).map_or(0, |bytes| bytes.len()))
            .sum::<usize>();
        found += count(&folder, planted);
    }
    Ok((bytes, found))
}

fn dumped(database: &Database<'_>, format: &[&str], planted: &str) -> Result<usize> {
    let dump = database
        .cluster()
        .client_program("pg_dump", "postgres")
        .args(format)
        .arg(database.name())
        .output()?;
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let planted = planted.as_bytes();
    Ok(dump
        .stdout
        .windows(planted.len())
        .filter(|window| *window == planted)
        .count())
}

/// What the server tells of statements, past and running.
fn told_of_statements(admin: &mut Client, planted: &str) -> Result<i64> {
    let count = "SELECT (SELECT count(*) FROM pg_stat_activity WHERE strpos(query, $1) > 0 AND pid <> pg_backend_pid())
                      + (SELECT count(*) FROM pg_stat_statements WHERE strpos(query, $1) > 0)";
    Ok(admin.query_one(count, &[&planted])?.get(0))
}

#[test]
fn sealed_values_leave_no_trace_where_their_twin_does() -> Result<()> {
    let cluster = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "shared_preload_libraries = 'pg_vpd, pg_stat_statements'\nwal_level = logical\nfull_page_writes = on",
    )?;
    let database = people_in(&cluster)?;
    let mut admin = database.admin()?;
    admin.batch_execute("CREATE EXTENSION pg_stat_statements")?;
    admin.batch_execute(TABLES)?;
    let (manager, clerk) = (manager(&database)?, clerk(&database)?);
    let data = cluster.data_folder();
    for (table, planted, is_found) in CASES {
        let mut user = database.connect(role::USER)?;
        // Who writes needs no privilege of the key, and errors show him what he may see.
        write(&mut user, &clerk, table, planted)?;
        admin.batch_execute(&format!(
            "CREATE INDEX ON {table} (email); ANALYZE {table}; CHECKPOINT"
        ))?;
        let (bytes, found) = temporary(&mut user, &manager, table, &data, planted)?;
        assert!(
            bytes > 200_000,
            "control: {table}: {bytes} bytes of temporary files"
        );
        assert_eq!(found > 0, is_found, "{table}: temporary files: {found}");
        // Somebody has read them, with the privilege, as a parameter and as a literal of another statement.
        let mut session = user.transaction()?;
        attach(&mut session, &manager)?;
        let by_value = format!("SELECT ssn::text FROM {table} WHERE ssn = $1::text");
        let ssn = format!("{planted}-ssn-17");
        let row = session.query_one(&by_value, &[&ssn])?;
        assert_eq!(row.get::<_, &str>(0), ssn);
        session.commit()?;
        assert_eq!(told_of_statements(&mut admin, planted)?, 0, "{table}: statements");
        admin.batch_execute("CHECKPOINT")?;
        for (place, path) in [("log", cluster.log()), ("data folder", data.clone())] {
            let found = count(&path, planted);
            assert_eq!(found > 0, is_found, "{table}: {place}: {found}");
        }
        for format in [&["--format=plain"][..], &["--format=custom", "--compress=0"]] {
            let found = dumped(&database, format, planted)?;
            assert_eq!(found > 0, is_found, "{table}: {format:?}: {found}");
        }
        let copies: i64 = admin
            .query_one("SELECT count(*) FROM pg_stats WHERE strpos(histogram_bounds::text || coalesce(most_common_vals::text, ''), $1) > 0", &[&planted])?
            .get(0);
        assert_eq!(copies > 0, is_found, "{table}: statistics");
    }
    // Control: what the server tells of statements is looked at; a literal is part of its statement.
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SELECT 'trace-of-literal'; DO $$BEGIN PERFORM 'trace-of-literal'; END$$")?;
    assert!(told_of_statements(&mut admin, "trace-of-literal")? > 1);
    Ok(())
}

#[test]
fn the_audit_trail_holds_no_value_and_no_permit() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "SELECT vpd.create_key('pii', 'pii:read', searchable => true); SELECT vpd.create_key('person', 'pii:read', per_person => true);
         CREATE TABLE public.customers (id integer, name text, email vpd.sealed_text('person'), ssn vpd.sealed_text('pii'), note text);
         GRANT ALL ON public.customers TO app_user;
         SELECT vpd.name_person('public.customers', 'name'); INSERT INTO public.customers VALUES (1, 'ann', 'one@planted', 'two@planted', 'three@planted')",
    )?;
    let reader = Subject::new("reader").privilege("pii:read").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for statement in [
        "INSERT INTO public.customers VALUES (2, 'ann', 'four@planted', 'five@planted')",
        "UPDATE public.customers SET email = 'six@planted' WHERE id = 2",
        "SELECT vpd.seal('seven@planted', 'pii')",
        "SELECT vpd.sealed_opened(ssn, 'eight@planted') FROM public.customers",
        "SELECT vpd.sealed_anew(email, 'person:ann', 'nine@planted') FROM public.customers",
        "SELECT vpd.sealed_differs(email, 'person:ann', 'ten@planted') FROM public.customers",
        "SELECT vpd.sealed_is_about(email, 'person:ann') FROM public.customers",
        "SELECT vpd.unseal(ssn), vpd.sealed_version(email) FROM public.customers",
    ] {
        let mut session = user.transaction()?;
        attach(&mut session, &reader)?;
        let done = session.batch_execute(statement);
        if done.is_ok() {
            session.commit()?
        } else {
            session.rollback()?
        }
    }
    let mut officer = super::scene::officer(&database)?;
    officer.batch_execute(
        "SELECT vpd.seal_column('public.customers', 'note', 'person'); SELECT vpd.rotate_key('person')",
    )?;
    officer.batch_execute("CALL vpd.reseal('public.customers')")?;
    let mut session = officer.transaction()?;
    attach(&mut session, &reader)?;
    session.batch_execute("SELECT vpd.unseal_column('public.customers', 'ssn')")?;
    session.commit()?;
    let mut auditor = database.connect(role::AUDITOR)?;
    auditor.query_one("SELECT vpd.flush_audit()", &[])?;
    let row = auditor.query_one(
        "SELECT count(*) FILTER (WHERE t::text ~ 'planted'), count(*) FILTER (WHERE t::text ~ '[0-9a-f]{64}' AND event = 'changed'), count(*) FILTER (WHERE event = 'unsealed'),
                coalesce(string_agg(t::text, chr(10)) FILTER (WHERE t::text ~ 'planted'), '')
           FROM (SELECT event, command, details FROM vpd.audit_trail) t",
        &[],
    )?;
    let (values, permits, unsealed): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((values, permits), (0, 0), "{}", row.get::<_, String>(3));
    assert!(unsealed > 0, "the control: what was opened is recorded");
    Ok(())
}
