//! Making everybody wait: graphs of few grants through which there are more ways than anybody can walk, or that reach every user.
//!
//! A time-out of a minute stands for "does not end"; what must not grow with the number of users is counted in rows read.

use postgres::{Client, GenericClient};
use vpd_tests::{Database, Result, assert_refused, refusal, role};

/// 900 grants in ten steps between a hundred roles, no two with the same times; user:alice has the first ten.
const LATTICE: &str = "
SELECT vpd.define_role(format('r%s_%s', step, place)) FROM generate_series(0, 9) step, generate_series(0, 9) place;
SELECT vpd.grant_authority(format('role:r%s_%s', step + 1, below), format('role:r%s_%s', step, above),
                           valid_from => now() + (step * 100 + above * 10 + below) * interval '1 minute',
                           valid_until => now() + interval '10 days' + (step * 100 + above * 7 + below * 3) * interval '1 hour')
  FROM generate_series(0, 8) step, generate_series(0, 9) above, generate_series(0, 9) below;
SELECT vpd.define_user('alice'), vpd.define_user('bob'), vpd.define_role('spare');
SELECT vpd.grant_authority('role:r0_' || n, 'user:alice') FROM generate_series(0, 9) n;
";

/// Nobody has the spare role.
const RULE: &str = "SELECT vpd.define_sod_rule('all', 'role:spare'::text || ARRAY(SELECT format('role:r%s_%s', step, place)
                                                             FROM generate_series(0, 9) step, generate_series(0, 9) place), at_most => 100)";

/// Steps of two roles, each of which holds both of the next step; the last ones hold a data group, and alice has the first ones.
const LADDER: &str = "
SELECT vpd.define_hierarchy('places', '{place}'), vpd.define_node('places', 'north', level => 'place'), vpd.define_data_group('North');
SELECT vpd.grant_node('North', 'places', 'north');
SELECT vpd.define_role(format('r%s_%s', step, place)) FROM generate_series(0, 29) step, generate_series(0, 1) place;
SELECT vpd.grant_authority(format('role:r%s_%s', step + 1, below), format('role:r%s_%s', step, above))
  FROM generate_series(0, 28) step, generate_series(0, 1) above, generate_series(0, 1) below;
SELECT vpd.grant_authority('data_group:North', 'role:r29_' || n) FROM generate_series(0, 1) n;
SELECT vpd.define_user('alice');
SELECT vpd.grant_authority('role:r0_' || n, 'user:alice') FROM generate_series(0, 1) n;
";

/// The way every path is walked, one by one.
const WALK: &str = "WITH RECURSIVE way (node) AS (
    SELECT 'user:alice' UNION ALL SELECT g.granted FROM way JOIN vpd.grants g ON g.holder = way.node AND g.valid_until > now()
) SELECT count(*) FROM way";

fn scene(graph: &str) -> Result<(Database<'static>, Client)> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(graph)?;
    // control: there are more ways than can be walked
    security.batch_execute("SET statement_timeout = '3s'")?;
    assert_eq!(refusal(security.query(WALK, &[])).state.code(), "57014");
    security.batch_execute("SET statement_timeout = '60s'")?;
    Ok((database, security))
}

#[test]
fn a_rule_over_a_lattice_of_dated_grants_is_looked_at_in_time() -> Result<()> {
    let (_database, mut security) = scene(LATTICE)?;
    security.batch_execute(RULE)?;
    security.batch_execute("SELECT vpd.grant_authority('role:r0_1', 'user:bob')")?;
    assert!(security.query("SELECT FROM vpd.sod_conflicts", &[])?.is_empty());
    // What is found is right: with all hundred held at once the rule is broken when the last of them begins.
    security.batch_execute(&RULE.replace("at_most => 100", "at_most => 99, enforce_existing => false"))?;
    let row = security.query_one(
        "SELECT user_name, cardinality(items), since > now() FROM vpd.sod_conflicts",
        &[],
    )?;
    let (user, held, is_later): (String, i32, bool) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((user.as_str(), held, is_later), ("alice", 100, true));
    Ok(())
}

#[test]
fn who_can_see_climbs_a_ladder_in_time() -> Result<()> {
    let (_database, mut security) = scene(LADDER)?;
    let rows = security.query(
        "SELECT user_name, path FROM vpd.who_can_see('places', 'north')",
        &[],
    )?;
    assert_eq!(rows.len(), 1);
    let path: String = rows[0].get(1);
    let expected: Vec<String> = std::iter::once("user:alice".to_owned())
        .chain((0..30).map(|step| format!("role:r{step}_0")))
        .chain(["data_group:North".to_owned()])
        .collect();
    assert_eq!(path, expected.join(" > "));
    Ok(())
}

#[test]
fn entitlements_at_goes_down_a_long_chain_in_time_and_refuses_what_cannot_be_told() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SET statement_timeout = '60s'; SELECT vpd.define_user('alice')")?;
    let chain = |from: i32, to: i32| {
        format!(
            "SELECT vpd.define_role('r' || n) FROM generate_series({from}, {to}) n;
             SELECT vpd.grant_authority('role:r' || n, CASE n WHEN 1 THEN 'user:alice' ELSE 'role:r' || n - 1 END)
               FROM generate_series({from}, {to}) n"
        )
    };
    security.batch_execute(&chain(1, 2000))?;
    let deepest = "SELECT max(cardinality(path)) FROM vpd.entitlements_at('alice')";
    assert_eq!(security.query_one(deepest, &[])?.get::<_, i32>(0), 2001);
    // The ways grow with the square of the depth, whoever writes them down.
    security.batch_execute(&chain(2001, 3000))?;
    assert_refused(security.query_one(deepest, &[]), "53400", "limit_paths");
    Ok(())
}

/// Rows of a table that a transaction has read so far.
fn read(transaction: &mut impl GenericClient, table: &str) -> Result<i64> {
    let query = "SELECT (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_all_tables WHERE relid = $1::text::regclass";
    Ok(transaction.query_one(query, &[&table])?.get(0))
}

#[test]
fn a_change_that_concerns_nobody_reads_nobody() -> Result<()> {
    const USERS: i64 = 2000;
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(&format!(
        "SELECT vpd.define_role('Maker'), vpd.define_role('Checker'), vpd.define_role('Other'), vpd.define_group('everybody');
         SELECT vpd.define_user('u' || n, attributes => '{{\"grade\": 1}}') FROM generate_series(1, {USERS}) n;
         SELECT vpd.grant_authority('group:everybody', 'user:u' || n) FROM generate_series(1, {USERS}) n;
         SELECT vpd.define_sod_rule('pair', '{{role:Maker,role:Checker}}');
         ANALYZE"
    ))?;
    let mut costs = |statement: &str| -> Result<i64> {
        let mut transaction = admin.transaction()?;
        let all = |transaction: &mut postgres::Transaction<'_>| -> Result<i64> {
            Ok(read(transaction, "vpd_private.user_account")?
                + read(transaction, "vpd_private.authority")?
                + read(transaction, "vpd_private.authority_grant")?)
        };
        // What was read before may not have been handed over to the collector yet.
        let before = all(&mut transaction)?;
        transaction.batch_execute(statement)?;
        let rows = all(&mut transaction)? - before;
        transaction.rollback()?;
        Ok(rows)
    };
    // control: what concerns everybody reads everybody
    for statement in [
        "SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade > 5'), vpd.grant_authority('role:Maker', 'role:Senior'),
                vpd.define_role('Junior', 'parametric', rule => '$.grade > 9'), vpd.grant_authority('role:Checker', 'role:Junior')",
        "SELECT vpd.grant_authority('role:Maker', 'group:everybody'), vpd.define_role('Senior', 'parametric', rule => '$.grade > 5'),
                vpd.grant_authority('role:Checker', 'role:Senior')",
    ] {
        let rows = costs(statement)?;
        assert!(rows >= USERS, "{statement}: {rows}");
    }
    // attack: what does not
    for statement in [
        "SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade > 5'); SELECT vpd.grant_authority('role:Maker', 'role:Senior')",
        "SELECT vpd.grant_authority('role:Maker', 'group:everybody')",
        "SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade > 5')",
        "SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade > 5'); SELECT vpd.grant_authority('role:Other', 'role:Senior')",
        "SELECT vpd.grant_authority('role:Other', 'group:everybody')",
        "SELECT vpd.enable_authority('role:Other', false); SELECT vpd.enable_authority('role:Other', true)",
        "SELECT vpd.define_unit('Stores')",
        "SELECT vpd.direct_reports('u7')",
    ] {
        let rows = costs(statement)?;
        assert!(rows < 200, "{statement}: {rows} rows were read");
    }
    Ok(())
}

/// Files of so many lines that joining each with each does not end.
const LINES: i32 = 60_000;

fn load(client: &mut Client, kind: &str, lines: &str) -> Result<i64> {
    let file =
        format!("SELECT string_agg(line, E'\\n' ORDER BY n) FROM (SELECT 0 AS n, {lines}) l (n, line)");
    let query = format!("SELECT count(*) FROM vpd.load_csv('{kind}', ({file}))");
    Ok(client.query_one(&query, &[])?.get(0))
}

#[test]
fn files_of_many_lines_are_loaded_in_time() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_hierarchy('places', '{region,shop}'); SET statement_timeout = '60s'",
    )?;
    let rest = format!("UNION ALL SELECT n, format({{}}) FROM generate_series(1, {LINES}) n");
    for (kind, header, line) in [
        (
            "groups",
            "group_name,member_of",
            "'g%s,%s', n, CASE WHEN n > 1 THEN 'g' || n / 2 END",
        ),
        (
            "users",
            "user_name,manager",
            "'u%s,%s', n, CASE WHEN n > 1 THEN 'u' || n / 2 END",
        ),
        (
            "nodes",
            "hierarchy,key,parent,level",
            "'places,%s,%s,%s', n, CASE WHEN n > 30000 THEN n - 30000 END, CASE WHEN n > 30000 THEN 'shop' ELSE 'region' END",
        ),
        ("group_members", "group_name,user_name", "'g%s,u%s', n, n"),
    ] {
        let lines = format!("'{header}' {}", rest.replace("{}", line));
        // The second time everything is there, and everything above it is looked at.
        for _ in 0..2 {
            assert_eq!(load(&mut security, kind, &lines)?, 0, "{kind}");
        }
    }
    Ok(())
}

/// Each definition names the one before it, and the document has them the wrong way round.
#[test]
fn long_chains_are_imported_in_time() -> Result<()> {
    const LONG: i32 = 5000;
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SET statement_timeout = '60s'")?;
    for (section, above) in [("units", "parent"), ("users", "manager")] {
        let import = format!(
            "SELECT count(*) FROM vpd.import_definitions(jsonb_build_object('format', 'pg_vpd definitions', 'version', 1, '{section}', (
                 SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', 'c' || n, '{above}', CASE WHEN n > 1 THEN 'c' || n - 1 END)) ORDER BY n DESC)
                   FROM generate_series(1, {LONG}) n)))"
        );
        let changes: i64 = security.query_one(&import, &[])?.get(0);
        assert_eq!(changes, i64::from(LONG), "{section}");
        let again: i64 = security.query_one(&import, &[])?.get(0);
        assert_eq!(again, 0, "{section}");
    }
    Ok(())
}
