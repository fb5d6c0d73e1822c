//! A parallel worker is another process: it has no session. A reader that ran there would answer for nobody.

use postgres::GenericClient;
use vpd_tests::{BY_REGION, Database, Result, Subject, add_policy, attach, role};

const BIG: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.big (id integer, region text);
INSERT INTO shop.big SELECT n, (ARRAY['North', 'East', 'South', 'West'])[1 + n % 4] FROM generate_series(1, 100000) n;
GRANT SELECT ON shop.big TO app_user;
RESET ROLE;
ANALYZE shop.big;
";

const FORCE_PARALLEL: &str = "
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
";

const QUERIES: [&str; 3] = [
    "SELECT count(*) FROM shop.big",
    "SELECT count(*) FROM shop.big a JOIN shop.big b USING (id) WHERE a.id % 5 = 0",
    "SELECT count(DISTINCT id) FROM (SELECT id FROM shop.big UNION ALL SELECT id FROM shop.big) both_halves",
];

fn plan(client: &mut impl GenericClient, query: &str) -> Result<String> {
    let rows = client.query(&format!("EXPLAIN {query}"), &[])?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, &str>(0))
        .collect::<Vec<_>>()
        .join("\n"))
}

/// Counts with and without parallel workers.
fn counts(client: &mut impl GenericClient, query: &str) -> Result<(i64, i64)> {
    client.batch_execute("SET max_parallel_workers_per_gather = 0")?;
    let alone = client.query_one(query, &[])?.get(0);
    client.batch_execute(FORCE_PARALLEL)?;
    let together = client.query_one(query, &[])?.get(0);
    Ok((alone, together))
}

#[test]
fn control_a_reader_labelled_parallel_safe_loses_rows() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(BIG)?;
    database.admin()?.batch_execute(
        "DO $$ BEGIN EXECUTE (SELECT format(
            'CREATE FUNCTION public.attribute(text, text) RETURNS text LANGUAGE c STABLE STRICT PARALLEL SAFE AS %L, %L',
            probin, prosrc) FROM pg_proc WHERE oid = 'vpd.attribute'::regproc); END $$;
         ALTER TABLE shop.big ENABLE ROW LEVEL SECURITY;
         CREATE POLICY by_region ON shop.big USING (region = public.attribute('app', 'region'))",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET parallel_leader_participation = off")?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    let (alone, together) = counts(&mut session, QUERIES[0])?;
    assert!(plan(&mut session, QUERIES[0])?.contains("Gather"));
    assert_eq!((alone, together), (25_000, 0));
    Ok(())
}

#[test]
fn parallel_plans_give_the_same_rows() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(BIG)?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.big",
        "by_region",
        BY_REGION,
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    for leader in ["on", "off"] {
        let mut user = database.connect(role::USER)?;
        user.batch_execute(&format!("SET parallel_leader_participation = {leader}"))?;
        for query in QUERIES {
            let mut session = user.transaction()?;
            attach(&mut session, &token)?;
            let (alone, together) = counts(&mut session, query)?;
            assert_eq!(alone, together, "{query}");
            assert!(alone > 0, "{query}");
            session.commit()?;
            assert_eq!(counts(&mut user, query)?, (0, 0), "{query}");
        }
    }
    Ok(())
}

#[test]
fn forced_parallel_mode_gives_the_same_rows() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(BIG)?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.big",
        "by_region",
        BY_REGION,
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    // Renamed in PostgreSQL 16.
    if user.batch_execute("SET force_parallel_mode = on").is_err() {
        user.batch_execute("SET debug_parallel_query = on")?;
    }
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    for query in QUERIES {
        let (alone, together) = counts(&mut session, query)?;
        assert_eq!(alone, together, "{query}");
    }
    let readers: bool = session
        .query_one(
            "SELECT vpd.attribute('app', 'region') = 'East' AND vpd.user_name() = 'alice'",
            &[],
        )?
        .get(0);
    assert!(readers);
    Ok(())
}

#[test]
fn parallel_plans_keep_groups_and_relevant_columns() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(BIG)?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.create_policy_group('shop.big', 'east'), vpd.create_policy_group('shop.big', 'none');
         SELECT vpd.add_policy('shop.big', 'east', 'region = ''East''', policy_group => 'east');
         SELECT vpd.add_policy('shop.big', 'none', 'false', policy_group => 'none');
         SELECT vpd.add_policy_context('shop.big', 'app', 'region');
         SELECT vpd.add_policy('shop.big', 'small', 'id <= 1000', relevant_columns => '{region}')",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    for leader in ["on", "off"] {
        let mut user = database.connect(role::USER)?;
        user.batch_execute(&format!("SET parallel_leader_participation = {leader}"))?;
        for (query, expected) in [
            ("SELECT count(id) FROM shop.big", 25_000),
            ("SELECT count(*) FROM shop.big WHERE region IS NOT NULL", 250),
        ] {
            let mut session = user.transaction()?;
            attach(&mut session, &token)?;
            assert_eq!(counts(&mut session, query)?, (expected, expected), "{query}");
            session.commit()?;
        }
    }
    Ok(())
}
