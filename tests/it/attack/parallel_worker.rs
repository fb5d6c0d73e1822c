//! A parallel worker is another process: it has no session. A reader that ran there would answer for nobody.

use postgres::GenericClient;
use vpd_tests::{BY_REGION, Database, Result, Subject, add_policy, attach, role, until};

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
    let database = Database::create_bare()?;
    database.admin()?.batch_execute(BIG)?;
    // Which process runs it stands for what a backend alone remembers.
    let mut user = database.connect(role::USER)?;
    let pid: i32 = user.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    database.admin()?.batch_execute(&format!(
        "CREATE FUNCTION shop.is_backend() RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE
             AS 'BEGIN RETURN pg_backend_pid() = {pid}; END';
         ALTER TABLE shop.big ENABLE ROW LEVEL SECURITY;
         CREATE POLICY p ON shop.big USING (region = 'East' AND shop.is_backend())"
    ))?;
    user.batch_execute("SET parallel_leader_participation = off")?;
    let mut session = user.transaction()?;
    let (alone, together) = counts(&mut session, QUERIES[0])?;
    assert!(plan(&mut session, QUERIES[0])?.contains("Gather"));
    assert_eq!((alone, together), (25_000, 0));
    Ok(())
}

/// Calls that look at the session, as a worker would run them by way of a function with a wrong label.
const READERS: &[(&str, &str)] = &[
    ("user_name", "vpd.user_name()"),
    ("session_id", "vpd.session_id()"),
    ("app_name", "vpd.app_name()"),
    ("pillar", "vpd.pillar()"),
    ("audit_identity", "vpd.audit_identity()"),
    ("acting_for", "vpd.acting_for()"),
    ("is_established", "vpd.is_established()"),
    ("is_authenticated", "vpd.is_authenticated()"),
    ("attribute", "vpd.attribute('app', 'region')"),
    ("attribute_list", "vpd.attribute_list('app', 'region')"),
    ("user_in_role", "vpd.user_in_role('trainee')"),
    ("user_in_all_roles", "vpd.user_in_all_roles('trainee')"),
    ("has_privilege", "vpd.has_privilege('x')"),
    ("has_resource", "vpd.has_resource('x', 'y')"),
    ("sys_context", "vpd.sys_context('userenv', 'session_user')"),
    (
        "sys_context",
        "vpd.sys_context('userenv', 'client_identifier', 10)",
    ),
    ("sys_context", "vpd.sys_context('app', 'region')"),
    ("current_session", "(SELECT count(*) FROM vpd.current_session())"),
    ("actor_chain", "vpd.actor_chain()"),
    ("may_reassign", "vpd.may_reassign('bob')"),
    (
        "direct_reports",
        "(SELECT count(*) FROM vpd.direct_reports('alice'))",
    ),
    (
        "manager_chain",
        "(SELECT count(*) FROM vpd.manager_chain('alice'))",
    ),
    (
        "session_privileges",
        "(SELECT count(*) FROM vpd.session_privileges())",
    ),
    ("sees_node", "vpd.sees_node('places', 'x'::text)"),
    (
        "visible_nodes",
        "(SELECT count(*) FROM vpd.visible_nodes('places'))",
    ),
    (
        "can_act",
        "vpd.can_act('{\"task_type\": \"t\", \"owner\": \"alice\"}', 'read')",
    ),
    ("can_act", "vpd.can_act('t', 'read', 'alice')"),
    ("can_see", "vpd.can_see('t', 'title', 'alice')"),
    (
        "visible_content",
        "vpd.visible_content('{\"task_type\": \"t\", \"owner\": \"alice\"}')",
    ),
    (
        "task_actions",
        "vpd.task_actions('{\"task_type\": \"t\", \"owner\": \"alice\"}')",
    ),
    ("is_masked", "vpd.is_masked('shop.big', 'id')"),
    (
        "list_context",
        "(SELECT count(*) FROM dbms_session.list_context())",
    ),
    ("(table under policy)", "(SELECT count(*) FROM shop.big)"),
    ("(view of one)", "(SELECT count(*) FROM shop.big_view)"),
    ("(column under a mask)", "(SELECT max(region) FROM shop.masked)"),
];

/// Functions that the run-time role may call and that tell nothing of the session.
/// `unseal` opens what a session may see, and asks for that where it raises an error in a worker.
const OTHERS: &[&str] = &[
    "issuer_name",
    "mask_hash",
    "sealed_mask",
    "sealed_version",
    "unseal",
];

fn readers() -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(BIG)?;
    database.admin()?.batch_execute(
        "SET ROLE app_owner;
         CREATE TABLE shop.plain AS SELECT n AS id, n % 10 = 0 AS secret FROM generate_series(1, 20000) n;
         CREATE TABLE shop.masked AS SELECT * FROM shop.big LIMIT 10;
         CREATE VIEW shop.big_view AS SELECT * FROM shop.big;
         GRANT SELECT ON ALL TABLES IN SCHEMA shop TO PUBLIC;
         RESET ROLE;
         ANALYZE shop.plain",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    add_policy(&mut security, "shop.big", "by_region", BY_REGION)?;
    security.batch_execute(
        "SELECT vpd.define_hierarchy('places', '{level}');
         SELECT vpd.add_mask('shop.big', 'id', '0', 'vpd.user_in_role(''hr'')');
         SELECT vpd.add_mask('shop.masked', 'region', 'NULL', 'vpd.user_in_role(''hr'')')",
    )?;
    Ok(database)
}

/// What a statement is refused with. Where no worker is free the backend does all by itself and answers: asked again then.
fn worker_refusal(session: &mut impl GenericClient, query: &str) -> Result<vpd_tests::Refusal> {
    let mut refusal = None;
    until("a worker refuses", || {
        refusal = vpd_tests::outcome(session.query_one(query, &[])).err();
        Ok(refusal.is_some())
    })?;
    refusal.ok_or_else(|| "it answers".into())
}

#[test]
fn every_reader_of_the_session_is_an_error_in_a_worker() -> Result<()> {
    let database = readers()?;
    let token = Subject::in_region("alice", "East")
        .role("trainee")
        .log_in(&database)?;
    for (name, call) in READERS {
        database.admin()?.batch_execute(&format!(
            "CREATE OR REPLACE FUNCTION shop.asked(integer) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE
                 AS $$ BEGIN PERFORM {call}; RETURN true; END $$"
        ))?;
        let mut user = database.connect(role::USER)?;
        user.batch_execute("SET parallel_leader_participation = off")?;
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        let query = "SELECT count(*) FROM shop.plain WHERE shop.asked(id)";
        // Control: it answers where the session is.
        session
            .batch_execute(&format!("SET max_parallel_workers_per_gather = 0; SELECT {call}"))
            .map_err(|error| format!("{name}: {error:?}"))?;
        session.batch_execute(FORCE_PARALLEL)?;
        assert!(plan(&mut session, query)?.contains("Gather"));
        let refusal = worker_refusal(&mut session, query).map_err(|error| format!("{name}: {error}"))?;
        assert_eq!(
            (refusal.state.code(), refusal.token.as_deref(), refusal.has_hint),
            ("0A000", Some("parallel_worker"), true),
            "{name}: {refusal:?}"
        );
    }
    Ok(())
}

#[test]
fn no_reader_is_missing_from_the_list() -> Result<()> {
    let database = Database::create()?;
    let rows = database.connect(role::USER)?.query(
        "SELECT DISTINCT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
          WHERE n.nspname IN ('vpd', 'dbms_session') AND p.provolatile = 's' AND p.proparallel <> 's'
            AND has_function_privilege(p.oid, 'EXECUTE') ORDER BY 1",
        &[],
    )?;
    let known: Vec<&str> = READERS
        .iter()
        .map(|(name, _)| *name)
        .chain(OTHERS.iter().copied())
        .collect();
    let missing: Vec<&str> = rows
        .iter()
        .map(|row| row.get(0))
        .filter(|name| !known.contains(name))
        .collect();
    assert!(missing.is_empty(), "no call of {missing:?}");
    assert!(rows.len() > 20);
    Ok(())
}

#[test]
fn a_helper_with_a_wrong_label_never_answers_for_nobody() -> Result<()> {
    let database = readers()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.is_trainee() RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE
             AS $$ BEGIN RETURN vpd.user_in_role('trainee'); END $$",
    )?;
    let (mut security, notices) = database.connect_noticing(role::SECURITY)?;
    add_policy(
        &mut security,
        "shop.plain",
        "p",
        "NOT secret OR NOT shop.is_trainee()",
    )?;
    let warned: Vec<String> = notices
        .take()
        .iter()
        .map(|notice| format!("{} {}", notice.message(), notice.detail().unwrap_or_default()))
        .collect();
    assert!(
        warned
            .iter()
            .any(|warning| warning.contains("is_trainee") && warning.contains("parallel_safe_function")),
        "{warned:?}"
    );
    let token = Subject::new("tom").role("trainee").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for leader in ["on", "off"] {
        user.batch_execute(&format!("SET parallel_leader_participation = {leader}"))?;
        for query in [
            "SELECT count(*) FROM shop.plain",
            "SELECT count(*) FROM shop.plain WHERE secret",
        ] {
            let mut session = user.transaction()?;
            attach(&mut session, &token)?;
            session.batch_execute("SET max_parallel_workers_per_gather = 0")?;
            let alone: i64 = session.query_one(query, &[])?.get(0);
            session.batch_execute(FORCE_PARALLEL)?;
            assert!(plan(&mut session, query)?.contains("Gather"));
            match vpd_tests::outcome(session.query_one(query, &[])) {
                Ok(row) => assert_eq!(row.get::<_, i64>(0), alone, "{query}"),
                Err(refusal) => assert_eq!(refusal.token.as_deref(), Some("parallel_worker"), "{refusal:?}"),
            }
        }
    }
    database
        .admin()?
        .batch_execute("ALTER FUNCTION shop.is_trainee() PARALLEL RESTRICTED")?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_eq!(
        counts(&mut session, "SELECT count(*) FROM shop.plain")?,
        (18_000, 18_000)
    );
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
