//! Values of hidden rows lie beside their table as well: in TOAST tables, in statistics, and in the tables of the extension. Members of
//! `pg_read_all_data` and `pg_write_all_data` may read and write those, and no policy of ours is on them.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, assert_denied, outcome, protected_orders, role};

const READER: &str = "app_everything";

/// A table with long values that nobody sees, and a reader of everything.
fn scene() -> Result<Database<'static>> {
    let database = protected_orders()?;
    Subject::in_region("alice", "East").log_in(&database)?;
    database.admin()?.batch_execute(
        "DO $$BEGIN CREATE ROLE app_everything LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END$$;
         GRANT pg_read_all_data, pg_write_all_data TO app_everything;
         CREATE TABLE shop.letters (id integer, body text);
         ALTER TABLE shop.letters ALTER body SET STORAGE EXTERNAL;
         INSERT INTO shop.letters SELECT n, repeat('secret letter ', 2000) FROM generate_series(1, 40) n;
         CREATE TABLE shop.open_letters (LIKE shop.letters INCLUDING STORAGE);
         INSERT INTO shop.open_letters SELECT * FROM shop.letters;
         ANALYZE shop.orders; ANALYZE shop.letters;
         SELECT vpd.add_policy('shop.letters', 'nobody', 'false')",
    )?;
    Ok(database)
}

fn toast(database: &Database<'_>, table: &str) -> Result<String> {
    Ok(database
        .admin()?
        .query_one(
            "SELECT reltoastrelid::regclass::text FROM pg_class WHERE oid = $1::text::regclass",
            &[&table],
        )?
        .get(0))
}

fn count(client: &mut Client, relation: &str) -> std::result::Result<i64, postgres::Error> {
    client
        .query_one(&format!("SELECT count(*) FROM {relation}"), &[])
        .map(|row| row.get(0))
}

#[test]
fn toast_of_a_protected_table_is_closed_to_who_reads_everything() -> Result<()> {
    let database = scene()?;
    let mut reader = database.connect(READER)?;
    // Control: the long values of a table without policies are read beside it.
    assert!(count(&mut reader, &toast(&database, "shop.open_letters")?)? > 0);
    let toast = toast(&database, "shop.letters")?;
    assert_denied(reader.query(&format!("SELECT chunk_data FROM {toast}"), &[]));
    assert_denied(reader.query(
        &format!("SELECT (SELECT max(length(chunk_data)) FROM {toast})"),
        &[],
    ));
    assert_denied(reader.batch_execute(&format!("PREPARE p AS SELECT count(*) FROM {toast}; EXECUTE p")));
    assert!(outcome(reader.batch_execute(&format!("COPY {toast} TO STDOUT"))).is_err());
    assert!(outcome(reader.batch_execute(&format!("COPY (SELECT * FROM {toast}) TO STDOUT"))).is_err());
    assert!(count(&mut database.admin()?, &toast)? > 0);
    // The table itself is read as ever.
    assert_eq!(count(&mut reader, "shop.letters")?, 0);
    Ok(())
}

#[test]
fn statistics_are_read_through_their_views_only() -> Result<()> {
    let database = scene()?;
    let mut reader = database.connect(READER)?;
    let values = "SELECT stavalues1::text FROM pg_statistic WHERE starelid = 'shop.orders'::regclass";
    // Control: they are there.
    assert!(!database.admin()?.query(values, &[])?.is_empty());
    assert_denied(reader.query(values, &[]));
    assert_denied(reader.query("SELECT count(*) FROM pg_statistic_ext_data", &[]));
    let shown = reader.query("SELECT FROM pg_stats WHERE tablename = 'orders'", &[])?;
    assert!(shown.is_empty());
    assert!(count(&mut reader, "pg_stats")? > 0);
    Ok(())
}

#[test]
fn the_tables_of_the_extension_are_closed_to_who_reads_and_writes_everything() -> Result<()> {
    let database = scene()?;
    let tables = database.admin()?.query(
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'vpd_private'::regnamespace AND c.relkind = 'r'",
        &[],
    )?;
    assert!(tables.len() > 30);
    let mut reader = database.connect(READER)?;
    for row in tables {
        let table: String = row.get(0);
        // The private half of the signing key is not even asked.
        if table == "vpd_private.signing_secret" {
            assert_denied(reader.query(&format!("SELECT FROM {table}"), &[]));
            assert_denied(reader.execute(&format!("DELETE FROM {table}"), &[]));
            continue;
        }
        assert_eq!(count(&mut reader, &table)?, 0, "{table}");
        let deleted = outcome(reader.execute(&format!("DELETE FROM {table}"), &[]));
        assert!(deleted.is_err() || deleted == Ok(0), "{table}: {deleted:?}");
    }
    // Control: there are rows.
    assert_eq!(count(&mut database.admin()?, "vpd_private.session")?, 1);
    assert_denied(
        reader.batch_execute("INSERT INTO vpd_private.session_use VALUES (gen_random_uuid(), now())"),
    );
    Ok(())
}

/// What cannot be closed is reported: an index over an expression has statistics of its own.
#[test]
fn statistics_of_an_index_over_an_expression_are_reported_and_can_be_dropped() -> Result<()> {
    let database = scene()?;
    let mut admin = database.admin()?;
    admin.batch_execute("CREATE INDEX by_word ON shop.orders ((region || '!')); ANALYZE shop.orders")?;
    let mut reader = database.connect(READER)?;
    let shown = "SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'by_word'";
    assert!(
        reader
            .query_one(shown, &[])?
            .get::<_, String>(0)
            .contains("West!")
    );
    let remedy: String = database
        .connect(role::AUDITOR)?
        .query_one(
            "SELECT remedy FROM vpd.posture() WHERE finding = 'index_statistics'",
            &[],
        )?
        .get(0);
    admin.batch_execute(&remedy)?;
    admin.batch_execute("ANALYZE shop.orders")?;
    assert!(reader.query(shown, &[])?.is_empty());
    Ok(())
}
