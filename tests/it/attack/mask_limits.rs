//! Masks where things fail or are pushed to their limits: no library, parallel workers, hostile text in what defines them.

use vpd_tests::{
    Cluster, Database, Extension, Library, Result, Subject, assert_refused, attach, create_orders, ids,
    outcome, role,
};

use crate::injection::CORPUS;

const MASK: &str =
    "SELECT vpd.add_mask('shop.orders', 'amount', '-1', 'region = vpd.attribute(''app'', ''region'')')";

/// Sum of what a statement returns.
fn amounts(client: &mut impl postgres::GenericClient, query: &str) -> Result<i64> {
    Ok(ids(client, query)?.into_iter().map(i64::from).sum())
}

#[test]
fn without_the_library_a_masked_table_shows_nothing() -> Result<()> {
    let mut cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let name = {
        let database = Database::create_in(&cluster)?;
        create_orders(&database)?;
        let mut user = database.connect(role::USER)?;
        assert_eq!(
            amounts(&mut user, "SELECT amount FROM shop.orders")?,
            8200,
            "control"
        );
        database.connect(role::SECURITY)?.batch_execute(MASK)?;
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        assert_eq!(
            ids(&mut session, "SELECT amount FROM shop.orders WHERE amount < 0")?.len(),
            30
        );
        session.commit()?;
        drop(user);
        database.keep()
    };
    for library in [Library::NotPreloaded, Library::Absent] {
        cluster.restart(library)?;
        let mut user = cluster.connect(role::USER, &name)?;
        for statement in [
            "SELECT amount FROM shop.orders",
            "UPDATE shop.orders SET id = id RETURNING amount",
            "DELETE FROM shop.orders RETURNING amount",
        ] {
            let seen = outcome(ids(&mut user, statement)).unwrap_or_default();
            assert!(seen.is_empty(), "{library:?}: {statement}");
        }
    }
    Ok(())
}

#[test]
fn parallel_plans_show_the_same_masks() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "INSERT INTO shop.orders SELECT n, (ARRAY['North', 'East', 'South', 'West'])[1 + n % 4], n FROM generate_series(41, 40000) n;
         ANALYZE shop.orders",
    )?;
    database.connect(role::SECURITY)?.batch_execute(MASK)?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    let queries = [
        "SELECT count(*)::integer FROM shop.orders WHERE amount = -1",
        "SELECT count(DISTINCT amount)::integer FROM shop.orders",
        "SELECT count(*)::integer FROM shop.orders a JOIN shop.orders b USING (id) WHERE a.amount <> b.amount",
    ];
    let mut alone = vec![];
    for query in queries {
        alone.push(ids(&mut session, query)?);
    }
    assert_eq!(alone, [vec![30_000], vec![10_001], vec![0]]);
    session.batch_execute(
        "SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0;
         SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL max_parallel_workers_per_gather = 2",
    )?;
    for leader in ["on", "off"] {
        session.batch_execute(&format!("SET LOCAL parallel_leader_participation = {leader}"))?;
        for (query, expected) in queries.iter().zip(&alone) {
            assert_eq!(&ids(&mut session, query)?, expected, "{query}");
        }
    }
    let plan = session.query("EXPLAIN SELECT id FROM shop.orders WHERE id % 2 = 0", &[])?;
    assert!(plan.iter().any(|row| row.get::<_, &str>(0).contains("Gather")));
    Ok(())
}

#[test]
fn hostile_text_in_a_mask_is_literal_or_refused() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    for call in [
        "vpd.add_mask('shop.orders', $1)",
        "vpd.add_mask('shop.orders', 'region', $1)",
        "vpd.add_mask('shop.orders', 'region', visible_when => $1)",
        "vpd.drop_mask('shop.orders', $1)",
        "vpd.is_masked('shop.orders', $1)",
    ] {
        for text in CORPUS {
            let mut transaction = security.transaction()?;
            let outcome = outcome(transaction.execute(&format!("SELECT {call}"), &[text]));
            transaction.rollback()?;
            if let Err(refusal) = outcome {
                assert!(
                    refusal
                        .token
                        .as_deref()
                        .is_some_and(|token| token.ends_with("_invalid") || token.ends_with("_not_found")),
                    "{call} with {text:?}: {refusal:?}"
                );
            }
        }
    }
    for text in [
        "'x') FROM pg_authid --",
        "'x', (SELECT rolpassword FROM pg_authid LIMIT 1)",
        "'x'; DROP TABLE shop.orders",
        "'x' END, CASE WHEN true THEN 'y'",
    ] {
        let refused = security.execute("SELECT vpd.add_mask('shop.orders', 'region', $1)", &[&text]);
        let refusal = vpd_tests::refusal(refused);
        assert!(
            refusal
                .token
                .as_deref()
                .is_some_and(|token| token.ends_with("_invalid")),
            "{text}: {refusal:?}"
        );
    }
    Ok(())
}

#[test]
fn without_a_session_a_masked_table_shows_nothing_and_takes_nothing() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.connect(role::SECURITY)?.batch_execute(MASK)?;
    let mut user = database.connect(role::USER)?;
    assert!(ids(&mut user, "SELECT amount FROM shop.orders")?.is_empty());
    assert!(ids(&mut user, "UPDATE shop.orders SET amount = 0 RETURNING id")?.is_empty());
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_refused(
        session.execute("UPDATE shop.orders SET amount = 0 WHERE region = 'West'", &[]),
        "42501",
        "column_masked",
    );
    Ok(())
}
