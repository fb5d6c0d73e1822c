//! Policy functions and their kinds: when the function runs, and what its answer means.

use std::sync::MutexGuard;

use postgres::Client;
use vpd_tests::{
    Cluster, Database, Result, Subject, assert_denied, assert_refused, attach, create_orders, expected_ids,
    fresh_ids, ids, outcome, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

/// Counts its calls in a sequence, which no rollback takes back.
const BY_REGION: &str = "
CREATE SEQUENCE shop.calls;
GRANT USAGE, SELECT ON SEQUENCE shop.calls TO PUBLIC;
CREATE FUNCTION shop.by_region(object_schema text, object_name text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('shop.calls');
    RETURN format('region = %L', vpd.attribute('app', 'region'));
END $$;
";

/// A database whose policy counts the calls of its function, and the turn in the cluster where nothing else makes it run.
fn with_function(kind: &str) -> Result<(Database<'static>, MutexGuard<'static, ()>)> {
    let (turn, cluster) = Cluster::quiet()?;
    let database = Database::create_in(cluster)?;
    create_orders(&database)?;
    database.admin()?.batch_execute(BY_REGION)?;
    add_function(&mut database.connect(role::SECURITY)?, "shop.by_region", kind)?;
    Ok((database, turn))
}

fn add_function(
    security: &mut Client,
    function: &str,
    kind: &str,
) -> std::result::Result<u64, postgres::Error> {
    security.execute(
        "SELECT vpd.add_policy('shop.orders', 'by_function', policy_function => $1::text::regproc, kind => $2)",
        &[&function, &kind],
    )
}

fn calls(database: &Database<'_>) -> Result<i64> {
    let row = database.admin()?.query_one(
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM shop.calls",
        &[],
    )?;
    Ok(row.get(0))
}

#[test]
fn context_sensitive_and_dynamic_functions_filter_by_the_session() -> Result<()> {
    for kind in ["context_sensitive", "shared_context_sensitive", "dynamic"] {
        let (database, _turn) = with_function(kind)?;
        for region in ["North", "West"] {
            let token = Subject::in_region("alice", region).log_in(&database)?;
            assert_eq!(
                fresh_ids(&database, Some(&token), ORDERS)?,
                expected_ids(region),
                "{kind}"
            );
        }
        assert!(fresh_ids(&database, None, ORDERS)?.is_empty(), "{kind}");
    }
    Ok(())
}

#[test]
fn a_function_is_dynamic_and_a_predicate_static_unless_told() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(BY_REGION)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.add_policy('shop.orders', 'f', policy_function => 'shop.by_region');
         SELECT vpd.add_policy('shop.orders', 'p', predicate => 'true')",
    )?;
    let kinds = security.query("SELECT kind FROM vpd.policies ORDER BY policy_name", &[])?;
    let kinds: Vec<String> = kinds.iter().map(|row| row.get(0)).collect();
    assert_eq!(kinds, ["dynamic", "shared_static"]);
    Ok(())
}

/// P-9: at most one call for a thousand statements.
#[test]
fn context_sensitive_runs_once_while_the_context_is_unchanged() -> Result<()> {
    let (database, _turn) = with_function("context_sensitive")?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let before = calls(&database)?;
    for _ in 0..1000 {
        transaction.execute("SELECT FROM shop.orders WHERE id = 1", &[])?;
    }
    let during = calls(&database)? - before;
    assert!(during <= 1, "{during} calls for 1000 statements");
    Ok(())
}

#[test]
fn context_sensitive_runs_again_for_another_session() -> Result<()> {
    let (database, _turn) = with_function("context_sensitive")?;
    let mut user = database.connect(role::USER)?;
    for region in ["East", "West", "East"] {
        let token = Subject::in_region("alice", region).log_in(&database)?;
        let before = calls(&database)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        assert_eq!(ids(&mut transaction, ORDERS)?, expected_ids(region));
        transaction.commit()?;
        assert!(calls(&database)? > before);
    }
    Ok(())
}

#[test]
fn context_sensitive_remembers_the_sessions_of_a_pooled_connection() -> Result<()> {
    let (database, _turn) = with_function("context_sensitive")?;
    let sessions = ["North", "East", "South", "West"].map(|region| {
        (
            region,
            Subject::in_region("alice", region).log_in(&database).unwrap(),
        )
    });
    let mut user = database.connect(role::USER)?;
    for round in 0..3 {
        let before = calls(&database)?;
        for (region, token) in &sessions {
            let mut transaction = user.transaction()?;
            attach(&mut transaction, token)?;
            assert_eq!(ids(&mut transaction, ORDERS)?, expected_ids(region));
            transaction.commit()?;
        }
        let during = calls(&database)? - before;
        assert!(
            during <= if round == 0 { 4 } else { 0 },
            "round {round}: {during} calls"
        );
    }
    Ok(())
}

#[test]
fn dynamic_runs_for_every_statement() -> Result<()> {
    let (database, _turn) = with_function("dynamic")?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let prepared = transaction.prepare(ORDERS)?;
    transaction.query(&prepared, &[])?;
    for _ in 0..10 {
        let before = calls(&database)?;
        transaction.query(&prepared, &[])?;
        assert!(calls(&database)? > before);
    }
    Ok(())
}

#[test]
fn dynamic_sees_what_changed_outside_the_context() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.gate (limit_id integer); INSERT INTO shop.gate VALUES (3);
         GRANT SELECT, UPDATE ON shop.gate TO app_user;
         CREATE FUNCTION shop.gated(text, text) RETURNS text LANGUAGE sql STABLE
             AS $$ SELECT format('id <= %s', limit_id) FROM shop.gate $$",
    )?;
    add_function(&mut database.connect(role::SECURITY)?, "shop.gated", "dynamic")?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let prepared = transaction.prepare(ORDERS)?;
    for limit in [3_i32, 5, 2] {
        transaction.execute("UPDATE shop.gate SET limit_id = $1", &[&limit])?;
        assert_eq!(transaction.query(&prepared, &[])?.len(), usize::try_from(limit)?);
    }
    Ok(())
}

#[test]
fn dynamic_sees_what_others_changed_between_executions() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.gate (limit_id integer); INSERT INTO shop.gate VALUES (3);
         GRANT SELECT ON shop.gate TO app_user;
         CREATE FUNCTION shop.gated(text, text) RETURNS text LANGUAGE sql STABLE
             AS $$ SELECT format('id <= %s', limit_id) FROM shop.gate $$",
    )?;
    add_function(&mut database.connect(role::SECURITY)?, "shop.gated", "dynamic")?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let prepared = transaction.prepare(ORDERS)?;
    assert_eq!(transaction.query(&prepared, &[])?.len(), 3);
    for limit in [5_i32, 2] {
        database
            .admin()?
            .execute("UPDATE shop.gate SET limit_id = $1", &[&limit])?;
        assert_eq!(transaction.query(&prepared, &[])?.len(), usize::try_from(limit)?);
    }
    Ok(())
}

#[test]
fn static_runs_once_and_again_after_a_refresh() -> Result<()> {
    let (_turn, cluster) = Cluster::quiet()?;
    let database = Database::create_in(cluster)?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.gate (limit_id integer); INSERT INTO shop.gate VALUES (3);
         GRANT SELECT ON shop.gate TO app_user;
         CREATE FUNCTION shop.gated(text, text) RETURNS text LANGUAGE sql STABLE
             AS $$ SELECT format('id <= %s', limit_id) FROM shop.gate $$",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    add_function(&mut security, "shop.gated", "static")?;
    let alice = Subject::new("alice").log_in(&database)?;
    let bob = Subject::new("bob").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut seen = |token: &str| -> Result<usize> {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, token)?;
        Ok(ids(&mut transaction, ORDERS)?.len())
    };
    assert_eq!(seen(&alice)?, 3);
    database
        .admin()?
        .execute("UPDATE shop.gate SET limit_id = 5", &[])?;
    assert_eq!(seen(&bob)?, 3, "the text is fixed");
    security.execute("SELECT vpd.refresh_policy('shop.orders', 'by_function')", &[])?;
    assert_eq!(seen(&alice)?, 5);
    database
        .admin()?
        .execute("UPDATE shop.gate SET limit_id = 1", &[])?;
    security.execute("SELECT vpd.refresh_policy('shop.orders')", &[])?;
    assert_eq!(seen(&alice)?, 1);
    Ok(())
}

fn answering(body: &str) -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(&format!(
        "CREATE FUNCTION shop.answer(text, text) RETURNS text LANGUAGE plpgsql AS $${body}$$"
    ))?;
    add_function(&mut database.connect(role::SECURITY)?, "shop.answer", "dynamic")?;
    Ok(database)
}

/// What a session sees: rows, or a refusal. The refusal's token is kept.
fn seen(database: &Database<'_>) -> Result<vpd_tests::Outcome<Vec<i32>>> {
    let token = Subject::new("alice").log_in(database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    Ok(outcome(ids(&mut transaction, ORDERS)))
}

#[test]
fn a_function_that_raises_is_reported_without_its_message() -> Result<()> {
    let database = answering("BEGIN RAISE 'the secret is 4711'; END")?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let refusal = assert_refused(transaction.query(ORDERS, &[]), "38000", "policy_function_failed");
    assert!(!refusal.text.contains("4711"), "{refusal:?}");
    Ok(())
}

#[test]
fn a_null_or_empty_answer_denies() -> Result<()> {
    for body in [
        "BEGIN RETURN NULL; END",
        "BEGIN RETURN ''; END",
        "BEGIN RETURN '  '; END",
    ] {
        let database = answering(body)?;
        if let Ok(rows) = seen(&database)? {
            assert!(rows.is_empty(), "{body}");
        }
    }
    Ok(())
}

#[test]
fn only_a_superuser_may_let_a_null_answer_mean_all_rows() -> Result<()> {
    let database = answering("BEGIN RETURN NULL; END")?;
    let mut user = database.connect(role::USER)?;
    assert_denied(user.batch_execute("SET vpd.null_predicate = 'all_rows'"));
    let name = database.name();
    database.admin()?.batch_execute(&format!(
        "ALTER DATABASE {name} SET vpd.null_predicate = 'all_rows'"
    ))?;
    assert_eq!(seen(&database)?.map(|rows| rows.len()), Ok(40));
    Ok(())
}

#[test]
fn an_answer_that_is_no_predicate_denies() -> Result<()> {
    for answer in [
        "no_such_column = 1",
        "id",
        "true; SELECT 1",
        "true) OR (true",
        "id = 1 --",
        "count(*) > 0",
    ] {
        let database = answering(&format!("BEGIN RETURN {}; END", quoted(answer)))?;
        let refusal = seen(&database)?.err();
        if answer == "id = 1 --" {
            continue; // A comment is part of a well-formed expression; what it hides is nothing but itself.
        }
        let token = refusal.and_then(|refusal| refusal.token);
        assert_eq!(token.as_deref(), Some("predicate_invalid"), "{answer}");
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[test]
fn a_function_that_reads_its_own_table_is_stopped() -> Result<()> {
    let database = answering("BEGIN PERFORM count(*) FROM shop.orders; RETURN 'true'; END")?;
    let refusal = seen(&database)?.err();
    let code = refusal.map(|refusal| refusal.state.code().to_owned());
    assert!(
        matches!(code.as_deref(), Some("42P17" | "38000" | "54001")),
        "{code:?}"
    );
    Ok(())
}

#[test]
fn a_replaced_function_body_takes_effect() -> Result<()> {
    let database = answering("BEGIN RETURN 'id = 1'; END")?;
    assert_eq!(seen(&database)?, Ok(vec![1]));
    database.admin()?.batch_execute(
        "CREATE OR REPLACE FUNCTION shop.answer(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'id = 2'$$",
    )?;
    assert_eq!(seen(&database)?, Ok(vec![2]));
    Ok(())
}

#[test]
fn a_dropped_function_denies() -> Result<()> {
    let database = answering("BEGIN RETURN 'true'; END")?;
    assert_eq!(seen(&database)?.map(|rows| rows.len()), Ok(40));
    if database
        .admin()?
        .batch_execute("DROP FUNCTION shop.answer(text, text)")
        .is_ok()
    {
        let rows = seen(&database)?.unwrap_or_default();
        assert!(rows.is_empty());
    }
    Ok(())
}
