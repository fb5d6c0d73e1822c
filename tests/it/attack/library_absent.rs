//! The library decides who sees what. Without it a protected table shows nothing: not to anybody under row security,
//! not even where somebody added a native policy that permits everything.

use vpd_tests::{
    BY_REGION, Cluster, Database, Extension, Library, Result, Subject, add_policy, attach, create_orders,
    expected_ids, fresh_ids, ids, outcome, refusal, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

#[test]
fn without_the_library_protected_tables_show_nothing() -> Result<()> {
    let mut cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let name = {
        let database = Database::create_in(&cluster)?;
        create_orders(&database)?;
        database.admin()?.batch_execute(
            "CREATE TABLE shop.open AS TABLE shop.orders; GRANT SELECT ON shop.open TO app_user;
             CREATE TABLE shop.permitted AS TABLE shop.orders;
             GRANT SELECT, INSERT, UPDATE, DELETE ON shop.permitted TO app_user;
             ALTER TABLE shop.permitted ENABLE ROW LEVEL SECURITY;
             CREATE POLICY everybody ON shop.permitted USING (true) WITH CHECK (true)",
        )?;
        assert_eq!(
            fresh_ids(&database, None, "SELECT id FROM shop.permitted")?.len(),
            40,
            "control: native policy"
        );
        let mut security = database.connect(role::SECURITY)?;
        add_policy(&mut security, "shop.orders", "by_region", BY_REGION)?;
        add_policy(&mut security, "shop.permitted", "by_region", BY_REGION)?;
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, expected_ids("East"));
        database.keep()
    };
    for library in [Library::NotPreloaded, Library::Absent] {
        cluster.restart(library)?;
        let mut user = cluster.connect(role::USER, &name)?;
        for table in ["orders", "permitted"] {
            for statement in [
                format!("SELECT id FROM shop.{table}"),
                format!("SELECT id FROM shop.{table} WHERE id = 1"),
                format!("UPDATE shop.{table} SET amount = 0 RETURNING id"),
                format!("DELETE FROM shop.{table} RETURNING id"),
                format!("INSERT INTO shop.{table} VALUES (99, 'East', 1) RETURNING id"),
            ] {
                let seen = outcome(ids(&mut user, &statement)).unwrap_or_default();
                assert!(seen.is_empty(), "{library:?}: {statement}");
            }
        }
        assert_eq!(
            ids(&mut user, "SELECT id FROM shop.open")?.len(),
            40,
            "{library:?}: other tables work"
        );
        let mut admin = cluster.connect("postgres", &name)?;
        for table in ["orders", "permitted"] {
            let whole = format!("SELECT id FROM shop.{table} WHERE amount > 0 AND id < 99");
            assert_eq!(
                ids(&mut admin, &whole)?.len(),
                40,
                "{library:?}: nothing was changed in {table}"
            );
        }
    }
    Ok(())
}

#[test]
fn without_preloading_functions_say_that_they_are_not_ready() -> Result<()> {
    let mut cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let (name, token) = {
        let database = Database::create_in(&cluster)?;
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        (database.keep(), token)
    };
    cluster.restart(Library::NotPreloaded)?;
    let mut user = cluster.connect(role::USER, &name)?;
    let refusal = refusal(attach(&mut user, &token));
    assert_eq!(
        (refusal.state.code(), refusal.token.as_deref()),
        ("55000", Some("not_ready")),
        "{refusal:?}"
    );
    assert!(refusal.has_hint);
    Ok(())
}

#[test]
fn once_the_library_is_back_everything_works_again() -> Result<()> {
    let mut cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let (name, token) = {
        let database = Database::create_in(&cluster)?;
        create_orders(&database)?;
        add_policy(
            &mut database.connect(role::SECURITY)?,
            "shop.orders",
            "by_region",
            BY_REGION,
        )?;
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        (database.keep(), token)
    };
    cluster.restart(Library::Absent)?;
    cluster.restart(Library::Preloaded)?;
    let mut user = cluster.connect(role::USER, &name)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
    Ok(())
}
