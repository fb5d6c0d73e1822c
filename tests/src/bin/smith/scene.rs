//! Tables of which the session may see a part, and marks by which every hidden row is known.

use vpd_tests::{Cluster, Database, Result, Subject, role};

/// In every text of a row that the session may not see.
pub const HIDDEN: &str = "xHIDDENx";
/// In every number of such a row.
pub const HIDDEN_NUMBER: &str = "868686868";
/// In the texts of the others.
pub const VISIBLE: &str = "xVISIBLEx";

/// Types that random expressions like to combine; parts of a parent; a view; a table under a policy function.
const TABLES: &str = "
CREATE SCHEMA smith AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA smith TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE smith.orders (id bigint PRIMARY KEY, region text, note text, amount numeric, ordered date, is_open boolean, tags text[]);
CREATE TABLE smith.lines (id bigint, order_id bigint, region text, product varchar(40), price numeric, extra jsonb);
CREATE TABLE smith.people (id integer, region text, name text, manager integer);
CREATE TABLE smith.events (id bigint, region text, at timestamptz, what text) PARTITION BY LIST (region);
CREATE TABLE smith.events_east PARTITION OF smith.events FOR VALUES IN ('East');
CREATE TABLE smith.events_west PARTITION OF smith.events DEFAULT;
CREATE INDEX ON smith.lines (order_id);
CREATE INDEX ON smith.people (region);
CREATE TEMPORARY TABLE made AS
    SELECT n, CASE WHEN n % 3 = 0 THEN 'East' ELSE 'West' END AS region,
           CASE WHEN n % 3 = 0 THEN 'xVISIBLEx' || n ELSE 'xHIDDENx' || n END AS word,
           CASE WHEN n % 3 = 0 THEN n ELSE 868686868 END AS number
      FROM generate_series(1, 60) n;
INSERT INTO smith.orders SELECT CASE WHEN region = 'East' THEN n ELSE 868686868000 + n END, region, word, number, date '2026-01-01' + n, n % 2 = 0, ARRAY[word, word] FROM made;
INSERT INTO smith.lines SELECT number, CASE WHEN region = 'East' THEN n ELSE 868686868000 + n END, region, word, number, jsonb_build_object(word, number) FROM made;
INSERT INTO smith.people SELECT number, region, word, number FROM made;
INSERT INTO smith.events SELECT number, region, timestamptz '2026-01-01 00:00+00' + n * interval '1 hour', word FROM made;
DROP TABLE made;
CREATE VIEW smith.overview AS SELECT o.id, o.note, l.product, l.price FROM smith.orders o JOIN smith.lines l ON l.order_id = o.id;
CREATE VIEW smith.own_overview WITH (security_invoker) AS SELECT name, count(*) AS people FROM smith.people GROUP BY name;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA smith TO app_user;
RESET ROLE;
CREATE FUNCTION smith.by_region(text, text) RETURNS text LANGUAGE sql STABLE
    RETURN format('region = %L', vpd.attribute('app', 'region'));
ALTER ROLE app_user SET statement_timeout = '2s';
ANALYZE;
";

const POLICIES: &str = "
SELECT vpd.add_policy('smith.orders', 'by_region', $$region = vpd.attribute('app', 'region')$$);
SELECT vpd.add_policy('smith.lines', 'by_order', $$EXISTS (SELECT FROM smith.orders o WHERE o.id = order_id)$$);
SELECT vpd.add_policy('smith.lines', 'by_region', policy_function => 'smith.by_region', kind => 'context_sensitive');
SELECT vpd.add_policy('smith.people', 'by_region', policy_function => 'smith.by_region', kind => 'dynamic');
SELECT vpd.add_policy('smith.events', 'by_region', $$region = ANY (vpd.attribute_list('app', 'region'))$$);
";

/// A database with the tables and the token of a session of the region East.
pub fn create(cluster: &Cluster, is_protected: bool) -> Result<(Database<'_>, String)> {
    let database = Database::create_in(cluster)?;
    database.admin()?.batch_execute(TABLES)?;
    if is_protected {
        database.connect(role::SECURITY)?.batch_execute(POLICIES)?;
    }
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    Ok((database, token))
}

/// When the server started.
pub fn started_at(database: &Database<'_>) -> Result<String> {
    let row = database.admin()?.query_one(
        "SELECT pg_postmaster_start_time()::text || '/' || pg_current_wal_insert_lsn()::text",
        &[],
    )?;
    Ok(row.get(0))
}

/// Whether no process of the server died meanwhile.
pub fn is_unbroken(cluster: &Cluster, database: &Database<'_>, born: &str) -> Result<bool> {
    let started = born.split('/').next().unwrap_or_default().to_owned();
    let is_same = started_at(database)?.starts_with(&started);
    let log = std::fs::read_to_string(cluster.log())?;
    let breaks = [
        "PANIC:",
        "was terminated by signal",
        "panicked at",
        "internal error",
    ];
    for line in log
        .lines()
        .filter(|line| breaks.iter().any(|sign| line.contains(sign)))
        .take(10)
    {
        println!("{line}");
    }
    Ok(is_same && !breaks[..3].iter().any(|sign| log.contains(sign)))
}
