//! A change of the graph reaches sessions that are attached, with their next statement.

use postgres::error::SqlState;
use postgres::{Client, IsolationLevel};
use vpd_tests::{
    Cluster, Database, Result, Subject, add_policy, assert_refused, attach, create_orders, ids, outcome, role,
};

use crate::authority::define;

const SCENE: &str = "
SELECT vpd.define_privilege('read_orders'), vpd.define_role('Reader'), vpd.define_user('alice');
SELECT vpd.grant_authority('privilege:read_orders', 'role:Reader'), vpd.grant_authority('role:Reader', 'user:alice');
";
const ORDERS: &str = "SELECT id FROM shop.orders";

fn scene() -> Result<Database<'static>> {
    scene_in(Database::create()?)
}

fn scene_in(database: Database<'static>) -> Result<Database<'static>> {
    create_orders(&database)?;
    define(&database, SCENE)?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_privilege",
        "vpd.has_privilege('read_orders')",
    )?;
    Ok(database)
}

#[test]
fn a_revoked_grant_denies_the_next_statement_of_an_open_transaction() -> Result<()> {
    for level in [
        IsolationLevel::ReadCommitted,
        IsolationLevel::RepeatableRead,
        IsolationLevel::Serializable,
    ] {
        let database = scene()?;
        let token = Subject::new("alice").log_in(&database)?;
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.build_transaction().isolation_level(level).start()?;
        attach(&mut transaction, &token)?;
        let prepared = transaction.prepare(ORDERS)?;
        for _ in 0..7 {
            assert_eq!(transaction.query(&prepared, &[])?.len(), 40);
        }
        define(
            &database,
            "SELECT vpd.revoke_authority('role:Reader', 'user:alice')",
        )?;
        assert!(transaction.query(&prepared, &[])?.is_empty(), "{level:?}");
        assert!(ids(&mut transaction, ORDERS)?.is_empty());
        define(
            &database,
            "SELECT vpd.grant_authority('role:Reader', 'user:alice')",
        )?;
        assert_eq!(transaction.query(&prepared, &[])?.len(), 40, "{level:?}");
        transaction.commit()?;
    }
    Ok(())
}

#[test]
fn every_way_of_taking_something_away_is_followed() -> Result<()> {
    for (away, back) in [
        (
            "SELECT vpd.revoke_authority('privilege:read_orders', 'role:Reader')",
            "SELECT vpd.grant_authority('privilege:read_orders', 'role:Reader')",
        ),
        (
            "SELECT vpd.enable_authority('role:Reader', false)",
            "SELECT vpd.enable_authority('role:Reader', true)",
        ),
        (
            "SELECT vpd.enable_authority('privilege:read_orders', false)",
            "SELECT vpd.enable_authority('privilege:read_orders', true)",
        ),
        ("SELECT vpd.drop_authority('role:Reader')", SCENE),
    ] {
        let database = scene()?;
        let token = Subject::new("alice").log_in(&database)?;
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        assert_eq!(ids(&mut transaction, ORDERS)?.len(), 40);
        define(&database, away)?;
        assert!(ids(&mut transaction, ORDERS)?.is_empty(), "{away}");
        define(&database, back)?;
        assert_eq!(ids(&mut transaction, ORDERS)?.len(), 40, "{back}");
    }
    Ok(())
}

#[test]
fn rows_changed_by_hand_are_followed_as_well() -> Result<()> {
    let database = scene()?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    assert_eq!(ids(&mut transaction, ORDERS)?.len(), 40);
    database
        .admin()?
        .batch_execute("DELETE FROM vpd_private.authority_grant")?;
    assert!(ids(&mut transaction, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn what_a_savepoint_takes_back_is_taken_back_from_the_session_too() -> Result<()> {
    let database = scene()?;
    let token = Subject::new("alice").log_in(&database)?;
    // The administrator looks at his own change with a session attached, and thinks again.
    let mut admin = database.admin()?;
    let mut transaction = admin.transaction()?;
    attach(&mut transaction, &token)?;
    let has = "SELECT vpd.has_privilege('read_orders')";
    transaction
        .batch_execute("SAVEPOINT before; SELECT vpd.revoke_authority('role:Reader', 'user:alice')")?;
    assert!(!transaction.query_one(has, &[])?.get::<_, bool>(0));
    transaction.batch_execute("ROLLBACK TO before")?;
    assert!(transaction.query_one(has, &[])?.get::<_, bool>(0));
    transaction.batch_execute("SELECT vpd.revoke_authority('role:Reader', 'user:alice')")?;
    transaction.rollback()?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    assert!(transaction.query_one(has, &[])?.get::<_, bool>(0));
    Ok(())
}

#[test]
fn what_nobody_has_committed_reaches_nobody() -> Result<()> {
    let database = scene()?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    let mut change = security.transaction()?;
    change.batch_execute("SELECT vpd.revoke_authority('role:Reader', 'user:alice')")?;
    // A backend that flattens now keeps nothing that is wrong later, whichever way it ends.
    for _ in 0..2 {
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        assert_eq!(ids(&mut transaction, ORDERS)?.len(), 40);
        transaction.commit()?;
    }
    change.commit()?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    assert!(ids(&mut transaction, ORDERS)?.is_empty());
    Ok(())
}

/// A function whose text depends on a role: its plans are made for one session.
fn with_function(database: &Database<'_>) -> Result<()> {
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.by_role(object_schema text, object_name text) RETURNS text LANGUAGE plpgsql STABLE AS $$
         BEGIN
             RETURN CASE WHEN vpd.user_in_role('Reader') THEN 'true' ELSE 'id <= 10' END;
         END $$;
         GRANT EXECUTE ON FUNCTION shop.by_role(text, text) TO PUBLIC;
         GRANT USAGE ON SCHEMA shop TO PUBLIC;
         SELECT vpd.drop_policy('shop.orders', 'by_privilege');
         SELECT vpd.add_policy('shop.orders', 'by_role', policy_function => 'shop.by_role', kind => 'context_sensitive')",
    )?;
    Ok(())
}

#[test]
fn a_plan_made_for_the_former_roles_does_not_run() -> Result<()> {
    let database = scene()?;
    with_function(&database)?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let run = |client: &mut Client, is_open: bool| -> Result<()> {
        let prepared = client.prepare(ORDERS)?;
        let mut transaction = client.transaction()?;
        attach(&mut transaction, &token)?;
        for _ in 0..7 {
            assert_eq!(transaction.query(&prepared, &[])?.len(), 40);
        }
        define(
            &database,
            "SELECT vpd.revoke_authority('role:Reader', 'user:alice')",
        )?;
        if is_open {
            // Nothing is run with the former text: the rows of one are not shown, and whoever retries gets those of the other.
            let refusal = assert_refused(transaction.query(&prepared, &[]), "40001", "authority_changed");
            assert_eq!(refusal.state, SqlState::T_R_SERIALIZATION_FAILURE);
            drop(transaction);
        } else {
            transaction.commit()?;
        }
        let mut transaction = client.transaction()?;
        attach(&mut transaction, &token)?;
        assert_eq!(transaction.query(&prepared, &[])?.len(), 10);
        transaction.commit()?;
        define(
            &database,
            "SELECT vpd.grant_authority('role:Reader', 'user:alice')",
        )?;
        Ok(())
    };
    run(&mut user, true)?;
    run(&mut user, false)
}

#[test]
fn an_unprepared_statement_is_planned_for_the_roles_of_now() -> Result<()> {
    let database = scene()?;
    with_function(&database)?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let count = |transaction: &mut postgres::Transaction<'_>| -> Result<usize> {
        let rows = outcome(transaction.simple_query(ORDERS)).map_err(|refusal| refusal.text)?;
        Ok(rows
            .iter()
            .filter(|message| matches!(message, postgres::SimpleQueryMessage::Row(_)))
            .count())
    };
    assert_eq!(count(&mut transaction)?, 40);
    define(
        &database,
        "SELECT vpd.revoke_authority('role:Reader', 'user:alice')",
    )?;
    assert_eq!(count(&mut transaction)?, 10);
    Ok(())
}

#[test]
fn the_anonymous_subject_has_what_its_role_is_granted() -> Result<()> {
    let database = scene()?;
    define(&database, "SELECT vpd.define_role('anonymous', 'abstract')")?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    transaction.batch_execute("SELECT vpd.attach_anonymous()")?;
    assert!(ids(&mut transaction, ORDERS)?.is_empty());
    define(
        &database,
        "SELECT vpd.grant_authority('privilege:read_orders', 'role:anonymous')",
    )?;
    assert_eq!(ids(&mut transaction, ORDERS)?.len(), 40);
    define(
        &database,
        "SELECT vpd.revoke_authority('privilege:read_orders', 'role:anonymous')",
    )?;
    assert!(ids(&mut transaction, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn what_was_flattened_is_kept_once_for_every_connection() -> Result<()> {
    let database = scene()?;
    let kept = || -> Result<i64> {
        let count = "SELECT count(*) FROM vpd_private.session_authority";
        Ok(database.admin()?.query_one(count, &[])?.get(0))
    };
    let token = Subject::new("alice").log_in(&database)?;
    assert_eq!(kept()?, 1, "at login");
    let look = || -> Result<usize> {
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        let seen = ids(&mut transaction, ORDERS)?.len();
        transaction.commit()?;
        Ok(seen)
    };
    for _ in 0..3 {
        assert_eq!(look()?, 40);
    }
    assert_eq!(kept()?, 1, "other connections read what is there");
    define(
        &database,
        "SELECT vpd.revoke_authority('role:Reader', 'user:alice')",
    )?;
    for _ in 0..3 {
        assert_eq!(look()?, 0);
    }
    // The worker may have taken away what is superseded.
    let after_change = kept()?;
    assert!(
        (1..=2).contains(&after_change),
        "and the first after a change keeps it for the others: {after_change}"
    );
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.purge()")?;
    assert_eq!(kept()?, 1, "what is superseded goes");
    Ok(())
}

#[test]
fn a_role_of_a_project_is_mapped_later_and_the_next_statement_has_it() -> Result<()> {
    let database = scene()?;
    define(
        &database,
        "SELECT vpd.define_role('Warehouse.Picker'), vpd.define_user('bob');
         SELECT vpd.grant_authority('privilege:read_orders', 'role:Warehouse.Picker')",
    )?;
    let is_mapped = || -> Result<bool> {
        Ok(database
            .connect(role::AUDITOR)?
            .query_one(
                "SELECT is_mapped FROM vpd.roles WHERE name = 'Warehouse.Picker'",
                &[],
            )?
            .get(0))
    };
    let bob = Subject::new("bob").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &bob)?;
    assert!(!is_mapped()?);
    assert!(ids(&mut transaction, ORDERS)?.is_empty());
    define(
        &database,
        "SELECT vpd.grant_authority('role:Warehouse.Picker', 'user:bob')",
    )?;
    assert!(is_mapped()?);
    assert_eq!(ids(&mut transaction, ORDERS)?.len(), 40);
    Ok(())
}

#[test]
fn a_thousand_checks_read_no_table() -> Result<()> {
    // Where somebody else changes the graph, whatever database it is in, a look at the version is right.
    let (_turn, cluster) = Cluster::quiet()?;
    let database = scene_in(Database::create_in(cluster)?)?;
    define(
        &database,
        "SELECT vpd.define_resource('order'); SELECT vpd.define_privilege('order:view'); SELECT vpd.grant_authority('privilege:order:view', 'role:Reader');
         SELECT vpd.define_hierarchy('regions', '{region}'); SELECT vpd.define_node('regions', 'North'), vpd.define_node('regions', 'East');
         SELECT vpd.define_data_group('Northerners'); SELECT vpd.grant_node('Northerners', 'regions', 'North');
         SELECT vpd.grant_authority('data_group:Northerners', 'user:alice')",
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let mut scans = |query: &str| -> Result<(i64, i64)> {
        let count = "SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0)::bigint FROM pg_stat_xact_all_tables WHERE schemaname = 'vpd_private'";
        let before: i64 = transaction.query_one(count, &[])?.get(0);
        let rows = transaction.query(query, &[])?;
        let held = rows
            .iter()
            .filter(|row| row.get::<_, Option<bool>>(0) == Some(true))
            .count();
        let after: i64 = transaction.query_one(count, &[])?.get(0);
        Ok((after - before, held.try_into()?))
    };
    for (check, held) in [
        ("vpd.user_in_role(name)", 500),
        ("vpd.user_in_all_roles(name, 'Reader')", 500),
        (
            "vpd.has_privilege(CASE name WHEN 'Reader' THEN 'read_orders' ELSE name END)",
            500,
        ),
        (
            "vpd.has_resource(CASE name WHEN 'Reader' THEN 'order' ELSE name END, 'view')",
            500,
        ),
        (
            "vpd.sees_node('regions', CASE name WHEN 'Reader' THEN 'North' ELSE 'East' END)",
            500,
        ),
    ] {
        // The first call of a backend reads what it then keeps.
        scans(&format!("SELECT {check} FROM (VALUES ('Reader')) v (name)"))?;
        let query = format!(
            "SELECT {check} FROM (SELECT CASE i % 2 WHEN 0 THEN 'Reader' ELSE 'Role ' || i END AS name FROM generate_series(1, 1000) i OFFSET 0) v"
        );
        assert_eq!(scans(&query)?, (0, held), "{check}");
    }
    let (read, _) = scans("SELECT mode = 'view' FROM vpd.session_privileges()")?;
    assert!(read > 0, "control: what does read a table is counted");
    Ok(())
}
