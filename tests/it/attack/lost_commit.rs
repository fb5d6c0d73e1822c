//! Any role may say that its commits need not be on disk. What closes a door is there all the same when the server falls right after it.

use vpd_tests::{
    BY_REGION, Cluster, Database, Extension, Library, Result, Subject, act_for, add_policy, create_orders,
    fresh_ids, issue, outcome, redeem, role,
};

use crate::authority::define;

/// Nothing reaches the disk by itself for as long as this test takes.
const LAZY: &str = "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\nwal_writer_delay = 10000\nwal_writer_flush_after = 0\nwal_buffers = '64MB'\nautovacuum = off\ncheckpoint_timeout = 3600\nbgwriter_lru_maxpages = 0\nmax_worker_processes = 0";

const ORDERS: &str = "SELECT id FROM shop.orders";

const SCENE: &str = "
SELECT vpd.define_privilege('read'), vpd.define_role('Reader'), vpd.grant_authority('privilege:read', 'role:Reader');
SELECT vpd.define_user('alice'), vpd.define_user('henry'), vpd.grant_authority('role:Reader', 'user:alice');
SELECT vpd.grant_delegation('user:henry', 'user:alice');
";

/// The token of the attached session's user is a reader, and so on; false or an error is closed.
fn is_open(database: &Database<'_>, token: &str, question: &str) -> Result<bool> {
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    if outcome(vpd_tests::attach(&mut transaction, token)).is_err() {
        return Ok(false);
    }
    Ok(outcome(transaction.query_one(question, &[])).is_ok_and(|row| row.get(0)))
}

/// Each closes a door: who does it, and what.
const CLOSINGS: [(&str, &str); 10] = [
    (role::BRIDGE, "SELECT vpd.end_session($1)"),
    (role::SECURITY, "SELECT vpd.end_user_sessions('alice')"),
    (role::SECURITY, "SELECT vpd.end_all_sessions()"),
    (role::SECURITY, "SELECT vpd.drop_app('portal')"),
    (role::SECURITY, "SELECT vpd.register_app('portal', 'finance')"),
    (role::SECURITY, "SELECT vpd.disable_user('alice')"),
    (
        role::SECURITY,
        "SELECT vpd.revoke_authority('role:Reader', 'user:alice')",
    ),
    (role::SECURITY, "SELECT vpd.drop_authority('role:Reader')"),
    (role::BRIDGE, "SELECT vpd.validate_message($1, 'vm_x')"),
    (role::USER, "SELECT vpd.end_own_session(vpd.session_id())"),
];

#[test]
fn an_end_that_was_acknowledged_is_kept() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, LAZY)?;
    let reads = "SELECT vpd.has_privilege('read')";
    for (closer, closing) in CLOSINGS {
        let database = Database::create_in(&cluster)?;
        define(&database, SCENE)?;
        let mut control = database.admin()?;
        control.batch_execute("CREATE TABLE control (); CHECKPOINT")?;
        let token = Subject::new("alice").log_in(&database)?;
        assert!(is_open(&database, &token, reads)?, "control");
        control.batch_execute("CHECKPOINT")?;
        let mut client = database.connect(closer)?;
        let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        client.batch_execute("SET synchronous_commit = off; BEGIN")?;
        if closer == role::USER {
            vpd_tests::attach(&mut client, &token)?;
        }
        if closing.contains("$1") {
            client.query(closing, &[&token])?;
        } else {
            client.query(closing, &[])?;
        }
        client.batch_execute("COMMIT")?;
        // control: what is committed like that after it is lost
        control.batch_execute("SET synchronous_commit = off; INSERT INTO control DEFAULT VALUES")?;
        cluster.crash(pid)?;
        let mut admin = database.admin()?;
        assert!(
            admin.query("SELECT FROM control", &[])?.is_empty(),
            "control: {closing}"
        );
        assert!(!is_open(&database, &token, reads)?, "{closing}");
    }
    Ok(())
}

#[test]
fn a_redemption_is_kept_so_that_nobody_redeems_again() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, LAZY)?;
    let database = Database::create_in(&cluster)?;
    for target in ["floor", "ledger"] {
        let mut client = database.connect(role::BRIDGE)?;
        let token = Subject::new("alice").log_in_with(&mut client)?;
        let ticket = issue(&mut client, &token, target)?;
        let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        client.batch_execute("SET synchronous_commit = off")?;
        assert!(redeem(&mut client, &ticket, target)?.is_some());
        cluster.crash(pid)?;
        let mut bridge = database.connect(role::BRIDGE)?;
        assert_eq!(redeem(&mut bridge, &ticket, target)?, None, "{target}");
    }
    Ok(())
}

#[test]
fn a_replay_that_was_refused_stays_refused() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, LAZY)?;
    let database = Database::create_in(&cluster)?;
    let mut client = database.connect(role::BRIDGE)?;
    let token = Subject::new("alice").log_in_with(&mut client)?;
    let ticket = issue(&mut client, &token, "ledger")?;
    let given = redeem(&mut client, &ticket, "ledger")?.ok_or("not redeemed")?;
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    client.batch_execute("SET synchronous_commit = off")?;
    assert_eq!(redeem(&mut client, &ticket, "ledger")?, None);
    cluster.crash(pid)?;
    assert!(!is_open(&database, &given, "SELECT true")?);
    Ok(())
}

#[test]
fn a_delegation_taken_back_and_a_policy_put_in_force_are_kept() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, LAZY)?;
    let database = Database::create_in(&cluster)?;
    create_orders(&database)?;
    define(&database, SCENE)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let henry = Subject::new("henry").log_in_with(&mut bridge)?;
    let acting = act_for(&mut bridge, &henry, "alice")?;
    assert!(is_open(&database, &acting, "SELECT true")?, "control");
    assert_eq!(fresh_ids(&database, None, ORDERS)?.len(), 40, "control");
    let mut security = database.connect(role::SECURITY)?;
    let pid: i32 = security.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    security.batch_execute("SET synchronous_commit = off")?;
    security.batch_execute("SELECT vpd.revoke_delegation(min(delegation_id)) FROM vpd.delegations")?;
    cluster.crash(pid)?;
    assert!(!is_open(&database, &acting, "SELECT true")?);
    let mut security = database.connect(role::SECURITY)?;
    let pid: i32 = security.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    security.batch_execute("SET synchronous_commit = off")?;
    add_policy(&mut security, "shop.orders", "by_region", BY_REGION)?;
    cluster.crash(pid)?;
    assert!(fresh_ids(&database, None, ORDERS)?.is_empty());
    Ok(())
}
