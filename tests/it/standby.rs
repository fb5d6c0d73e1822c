//! A hot standby: policies and reads work, sessions can be attached, nothing is redeemed, ended or purged there.

use std::thread::sleep;
use std::time::{Duration, Instant};

use postgres::Client;
use vpd_tests::{
    BY_REGION, Cluster, Database, Extension, Library, Result, Subject, VERIFIER, add_policy, assert_refused,
    attach, challenge, create_orders, expected_ids, ids, outcome, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

/// Waits until the standby has replayed what the primary has written.
fn catch_up(primary: &mut Client, standby: &mut Client) -> Result<()> {
    let written: String = primary
        .query_one("SELECT pg_current_wal_flush_lsn()::text", &[])?
        .get(0);
    let deadline = Instant::now() + Duration::from_secs(60);
    let replayed = "SELECT coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, false)";
    while !standby.query_one(replayed, &[&written])?.get::<_, bool>(0) {
        assert!(Instant::now() < deadline, "the standby does not follow");
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn a_standby_reads_under_policy_and_writes_nothing() -> Result<()> {
    let primary = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "synchronous_commit = on",
    )?;
    let database = Database::create_in(&primary)?;
    create_orders(&database)?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_region",
        BY_REGION,
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let issue = "SELECT vpd.issue_ticket($1, 'floor', $2)";
    let ticket: String = bridge.query_one(issue, &[&token, &challenge(VERIFIER)])?.get(0);
    // So old that a primary would move the idle clock.
    database.admin()?.batch_execute(
        "UPDATE vpd_private.session SET last_access_at = clock_timestamp() - interval '20 minutes'",
    )?;

    let standby = primary.start_standby()?;
    let (mut admin, mut watcher) = (database.admin()?, standby.connect("postgres", database.name())?);
    catch_up(&mut admin, &mut watcher)?;

    let mut user = standby.connect(role::USER, database.name())?;
    assert!(ids(&mut user, ORDERS)?.is_empty());
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
    session.commit()?;

    let mut bridge_there = standby.connect(role::BRIDGE, database.name())?;
    let writes = [
        outcome(bridge_there.execute("SELECT vpd.redeem_ticket($1, 'floor', $2)", &[&ticket, &VERIFIER])),
        outcome(bridge_there.execute(issue, &[&token, &challenge(VERIFIER)])),
        outcome(bridge_there.execute("SELECT vpd.end_session($1)", &[&token])),
        outcome(bridge_there.execute("SELECT vpd.create_session('bob', 'portal')", &[])),
    ];
    for write in &writes {
        let state = write
            .as_ref()
            .err()
            .map(|refusal| refusal.state.code().to_owned());
        assert!(matches!(state.as_deref(), Some("55000" | "25006")), "{write:?}");
    }
    let mut security_there = standby.connect(role::SECURITY, database.name())?;
    assert_refused(
        security_there.execute("SELECT vpd.purge()", &[]),
        "55000",
        "not_ready",
    );
    let redeem = "SELECT vpd.redeem_ticket($1, 'floor', $2)";
    let redeemed = bridge.query_one(redeem, &[&ticket, &VERIFIER])?;
    assert!(
        redeemed.get::<_, Option<String>>(0).is_some(),
        "the ticket was still whole on the primary"
    );
    Ok(())
}

#[test]
fn a_close_on_the_primary_bites_on_the_standby_once_it_arrived() -> Result<()> {
    let primary = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "synchronous_commit = on",
    )?;
    let database = Database::create_in(&primary)?;
    create_orders(&database)?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_region",
        BY_REGION,
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let standby = primary.start_standby()?;
    let (mut admin, mut watcher) = (database.admin()?, standby.connect("postgres", database.name())?);
    catch_up(&mut admin, &mut watcher)?;
    let mut user = standby.connect(role::USER, database.name())?;
    for isolation in ["READ COMMITTED", "REPEATABLE READ"] {
        let token = if isolation == "READ COMMITTED" {
            token.clone()
        } else {
            let token = Subject::in_region("bob", "East").log_in(&database)?;
            catch_up(&mut admin, &mut watcher)?;
            token
        };
        user.batch_execute(&format!("BEGIN ISOLATION LEVEL {isolation}"))?;
        attach(&mut user, &token)?;
        assert_eq!(ids(&mut user, ORDERS)?, expected_ids("East"));
        database
            .connect(role::BRIDGE)?
            .execute("SELECT vpd.end_session($1)", &[&token])?;
        catch_up(&mut admin, &mut watcher)?;
        let seen = outcome(ids(&mut user, ORDERS)).unwrap_or_default();
        assert!(seen.is_empty(), "{isolation}: {seen:?}");
        user.batch_execute("ROLLBACK")?;
        // A policy edit arrives as well.
        assert_refused(attach(&mut user, &token), "28000", "session_invalid");
    }
    let carol = Subject::in_region("carol", "East").log_in(&database)?;
    let edit = "SELECT vpd.alter_policy('shop.orders', 'by_region', predicate => 'id = 7')";
    database.connect(role::SECURITY)?.execute(edit, &[])?;
    catch_up(&mut admin, &mut watcher)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &carol)?;
    assert_eq!(ids(&mut user, ORDERS)?, [7]);
    Ok(())
}

#[test]
fn a_grant_revoked_on_the_primary_is_followed_on_the_standby_once_it_arrived() -> Result<()> {
    let primary = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "synchronous_commit = on",
    )?;
    let database = Database::create_in(&primary)?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_privilege('read_orders'), vpd.define_role('Reader'), vpd.define_user('alice');
         SELECT vpd.grant_authority('privilege:read_orders', 'role:Reader'), vpd.grant_authority('role:Reader', 'user:alice')",
    )?;
    add_policy(
        &mut security,
        "shop.orders",
        "by_privilege",
        "vpd.has_privilege('read_orders')",
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    let standby = primary.start_standby()?;
    let (mut admin, mut watcher) = (database.admin()?, standby.connect("postgres", database.name())?);
    catch_up(&mut admin, &mut watcher)?;
    let mut user = standby.connect(role::USER, database.name())?;
    for isolation in ["READ COMMITTED", "REPEATABLE READ"] {
        user.batch_execute(&format!("BEGIN ISOLATION LEVEL {isolation}"))?;
        attach(&mut user, &token)?;
        assert_eq!(ids(&mut user, ORDERS)?.len(), 40);
        security.batch_execute("SELECT vpd.revoke_authority('role:Reader', 'user:alice')")?;
        catch_up(&mut admin, &mut watcher)?;
        assert!(ids(&mut user, ORDERS)?.is_empty(), "{isolation}");
        security.batch_execute("SELECT vpd.grant_authority('role:Reader', 'user:alice')")?;
        catch_up(&mut admin, &mut watcher)?;
        assert_eq!(ids(&mut user, ORDERS)?.len(), 40, "{isolation}");
        user.batch_execute("ROLLBACK")?;
    }
    Ok(())
}

#[test]
fn a_moved_node_counts_on_the_standby_once_it_arrived() -> Result<()> {
    let primary = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "synchronous_commit = on",
    )?;
    let database = Database::create_in(&primary)?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_hierarchy('places', '{half,region}');
         SELECT vpd.define_node('places', half) FROM unnest('{upper,lower}'::text[]) half;
         SELECT vpd.define_node('places', 'North', 'upper'), vpd.define_node('places', 'East', 'upper'),
                vpd.define_node('places', 'South', 'lower'), vpd.define_node('places', 'West', 'lower');
         SELECT vpd.protect_by_hierarchy('shop.orders', 'places', 'region');
         SELECT vpd.define_user('alice'), vpd.define_data_group('upper');
         SELECT vpd.grant_node('upper', 'places', 'upper'), vpd.grant_authority('data_group:upper', 'user:alice')",
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    let standby = primary.start_standby()?;
    let (mut admin, mut watcher) = (database.admin()?, standby.connect("postgres", database.name())?);
    catch_up(&mut admin, &mut watcher)?;
    let mut user = standby.connect(role::USER, database.name())?;
    user.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
    attach(&mut user, &token)?;
    let of = |regions: &[&str]| -> Vec<i32> {
        let mut all: Vec<i32> = regions.iter().flat_map(|region| expected_ids(region)).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(ids(&mut user, ORDERS)?, of(&["North", "East"]));
    for (change, seen) in [
        (
            "SELECT vpd.move_node('places', 'West', 'upper')",
            &["North", "East", "West"][..],
        ),
        ("SELECT vpd.revoke_node('upper', 'places', 'upper')", &[]),
        ("SELECT vpd.grant_node('upper', 'places', 'South')", &["South"]),
        (
            "SELECT vpd.revoke_authority('data_group:upper', 'user:alice')",
            &[],
        ),
        (
            "SELECT vpd.set_hierarchy_mode('places', 'open', 'test')",
            &["North", "East", "South", "West"],
        ),
    ] {
        security.batch_execute(change)?;
        catch_up(&mut admin, &mut watcher)?;
        assert_eq!(ids(&mut user, ORDERS)?, of(seen), "{change}");
    }
    Ok(())
}
