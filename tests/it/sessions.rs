//! Sessions from login to logout: attached for one transaction, ended everywhere at once.

use postgres::error::SqlState;
use vpd_tests::{
    Database, Result, Subject, assert_denied, assert_denied_to_all_but, assert_refused, attach, expected_ids,
    fresh_ids, ids, protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

#[test]
fn a_token_is_long_random_and_kept_as_a_hash_only() -> Result<()> {
    let database = Database::create()?;
    let first = Subject::new("alice").log_in(&database)?;
    let second = Subject::new("alice").log_in(&database)?;
    assert!(
        first.starts_with("vs_") && first.len() >= 46,
        "256 bits need 43 letters"
    );
    assert_ne!(first, second);
    let stored = database.admin()?.query_one(
        "SELECT count(*) FROM vpd_private.session_token WHERE token_hash = sha256(convert_to($1, 'UTF8'))",
        &[&first],
    )?;
    assert_eq!(stored.get::<_, i64>(0), 1);
    Ok(())
}

#[test]
fn a_session_ends_with_its_transaction_whether_committed_or_not() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for is_committed in [true, false] {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        assert_eq!(ids(&mut transaction, ORDERS)?, expected_ids("East"));
        if is_committed {
            transaction.commit()?
        } else {
            transaction.rollback()?
        }
        assert!(ids(&mut user, ORDERS)?.is_empty(), "committed: {is_committed}");
        assert!(
            !user
                .query_one("SELECT vpd.is_established()", &[])?
                .get::<_, bool>(0)
        );
    }
    Ok(())
}

#[test]
fn a_session_attached_outside_a_transaction_block_is_gone_with_the_statement() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    attach(&mut user, &token)?;
    assert!(ids(&mut user, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn an_error_in_the_transaction_ends_the_session_too() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    assert!(user.batch_execute("SELECT 1 / 0").is_err());
    user.batch_execute("COMMIT")?;
    assert!(ids(&mut user, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn detaching_ends_it_before_the_transaction() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.execute("SELECT vpd.detach_session()", &[])?;
    assert!(ids(&mut transaction, ORDERS)?.is_empty());
    transaction.execute("SELECT vpd.detach_session()", &[])?;
    Ok(())
}

#[test]
fn the_last_session_attached_is_the_one_that_counts() -> Result<()> {
    let database = protected_orders()?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    for region in ["East", "West", "East"] {
        let token = Subject::in_region("alice", region).log_in(&database)?;
        attach(&mut transaction, &token)?;
        assert_eq!(ids(&mut transaction, ORDERS)?, expected_ids(region));
    }
    transaction.execute("SELECT vpd.attach_anonymous()", &[])?;
    assert!(ids(&mut transaction, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn a_failed_attach_leaves_no_session_behind() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    user.batch_execute("SAVEPOINT before")?;
    let unknown = format!("vs_{}", "A".repeat(43));
    assert_refused(attach(&mut user, &unknown), "28000", "session_invalid");
    user.batch_execute("ROLLBACK TO before")?;
    // The savepoint gives back what was attached before it, and nothing else.
    assert_eq!(ids(&mut user, ORDERS)?, expected_ids("East"));
    Ok(())
}

#[test]
fn an_ended_session_is_refused_and_ending_is_quiet_about_unknown_tokens() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    for _ in 0..2 {
        bridge.execute("SELECT vpd.end_session($1)", &[&token])?;
    }
    bridge.execute("SELECT vpd.end_session($1)", &[&"no token at all"])?;
    let mut user = database.connect(role::USER)?;
    assert_refused(attach(&mut user, &token), "28000", "session_invalid");
    Ok(())
}

#[test]
fn unknown_ended_and_malformed_tokens_look_alike() -> Result<()> {
    let database = protected_orders()?;
    let ended = Subject::new("alice").log_in(&database)?;
    database
        .connect(role::BRIDGE)?
        .execute("SELECT vpd.end_session($1)", &[&ended])?;
    let unknown = format!("vs_{}", "A".repeat(43));
    let mut user = database.connect(role::USER)?;
    let mut refusals = vec![];
    for token in [
        ended.as_str(),
        &unknown,
        "",
        "vs_",
        "garbage",
        &"x".repeat(100_000),
        "vs_\u{fffd}☃",
    ] {
        refusals.push(assert_refused(
            attach(&mut user, token),
            "28000",
            "session_invalid",
        ));
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    Ok(())
}

#[test]
fn a_user_lists_and_ends_own_sessions_only() -> Result<()> {
    let database = Database::create()?;
    let first = Subject::new("alice").log_in(&database)?;
    let second = Subject::new("alice").app("floor").log_in(&database)?;
    let bob = Subject::new("bob").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &bob)?;
    let of_bob: String = session.query_one("SELECT vpd.session_id()::text", &[])?.get(0);
    session.commit()?;

    let mut session = user.transaction()?;
    attach(&mut session, &first)?;
    let mine = session.query(
        "SELECT session_id::text, is_current FROM vpd.my_sessions ORDER BY is_current",
        &[],
    )?;
    assert_eq!(
        mine.iter().map(|row| row.get(1)).collect::<Vec<bool>>(),
        [false, true]
    );
    let end_own = "SELECT vpd.end_own_session($1::text::uuid)";
    assert!(!session.query_one(end_own, &[&of_bob])?.get::<_, bool>(0));
    let other: String = mine[0].get(0);
    assert!(session.query_one(end_own, &[&other])?.get::<_, bool>(0));
    session.commit()?;
    let mut session = user.transaction()?;
    attach(&mut session, &first)?;
    assert!(!session.query_one(end_own, &[&other])?.get::<_, bool>(0));
    session.commit()?;

    assert_refused(attach(&mut user, &second), "28000", "session_invalid");
    attach(&mut user, &bob)?;
    assert!(user.query("SELECT FROM vpd.my_sessions", &[])?.is_empty());
    Ok(())
}

#[test]
fn ending_ones_own_session_needs_an_authenticated_one() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(role::USER)?;
    let end_own = "SELECT vpd.end_own_session(gen_random_uuid())";
    assert_refused(user.execute(end_own, &[]), "28000", "session_invalid");
    let mut anonymous = user.transaction()?;
    anonymous.execute("SELECT vpd.attach_anonymous()", &[])?;
    assert_refused(anonymous.execute(end_own, &[]), "28000", "session_invalid");
    Ok(())
}

#[test]
fn an_administrator_ends_one_session_one_users_or_all() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut user = database.connect(role::USER)?;
    let mut tokens = vec![];
    for name in ["alice", "alice", "bob", "carol"] {
        tokens.push(Subject::new(name).log_in(&database)?);
    }
    let carol: String = security
        .query_one(
            "SELECT session_id::text FROM vpd.sessions WHERE user_name = 'carol'",
            &[],
        )?
        .get(0);
    let by_id = "SELECT vpd.end_session_by_id($1::text::uuid)";
    assert!(security.query_one(by_id, &[&carol])?.get::<_, bool>(0));
    assert!(!security.query_one(by_id, &[&carol])?.get::<_, bool>(0));
    let ended: i64 = security
        .query_one("SELECT vpd.end_user_sessions('alice')", &[])?
        .get(0);
    assert_eq!(ended, 2);
    attach(&mut user, &tokens[2])?;
    let ended: i64 = security.query_one("SELECT vpd.end_all_sessions()", &[])?.get(0);
    assert_eq!(ended, 1);
    for token in &tokens {
        assert_refused(attach(&mut user, token), "28000", "session_invalid");
    }
    let reasons = security.query("SELECT end_reason FROM vpd.sessions WHERE NOT is_live", &[])?;
    assert!(reasons.iter().all(|row| row.get::<_, &str>(0) == "administrator"));
    Ok(())
}

#[test]
fn dropping_an_application_ends_its_sessions() -> Result<()> {
    let database = Database::create()?;
    let portal = Subject::new("alice").log_in(&database)?;
    let ledger = Subject::new("alice").app("ledger").log_in(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.execute("SELECT vpd.drop_app('ledger')", &[])?;
    let mut user = database.connect(role::USER)?;
    assert_refused(attach(&mut user, &ledger), "28000", "session_invalid");
    attach(&mut user, &portal)?;
    assert_refused(
        security.execute("SELECT vpd.drop_app('ledger')", &[]),
        "42704",
        "app_not_found",
    );
    Ok(())
}

#[test]
fn a_user_may_hold_only_so_many_sessions() -> Result<()> {
    let database = Database::create()?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.register_app('portal', 'retail', max_sessions_per_user => 2, when_full => 'refuse')",
        &[],
    )?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let alice = Subject::new("alice");
    let first = alice.log_in_with(&mut bridge)?;
    alice.log_in_with(&mut bridge)?;
    assert_refused(alice.log_in_with(&mut bridge), "53400", "limit_sessions");
    Subject::new("bob").log_in_with(&mut bridge)?;
    alice.clone().app("floor").log_in_with(&mut bridge)?;
    bridge.execute("SELECT vpd.end_session($1)", &[&first])?;
    alice.log_in_with(&mut bridge)?;
    Ok(())
}

#[test]
fn one_login_too_many_ends_the_one_that_was_used_least_recently() -> Result<()> {
    let database = Database::create()?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.register_app('portal', 'retail', max_sessions_per_user => 3)",
        &[],
    )?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let alice = Subject::new("alice");
    let logins = [
        alice.log_in_with(&mut bridge)?,
        alice.log_in_with(&mut bridge)?,
        alice.log_in_with(&mut bridge)?,
    ];
    let others = [
        alice.clone().app("floor").log_in_with(&mut bridge)?,
        Subject::new("bob").log_in_with(&mut bridge)?,
    ];
    // The first is used; then the second is the oldest.
    let mut admin = database.admin()?;
    admin.batch_execute(
        "INSERT INTO vpd_private.session_use (root_id, used_at)
         SELECT s.id, clock_timestamp() FROM vpd_private.session s WHERE s.user_name = 'alice' AND s.app = 'portal' ORDER BY s.created_at LIMIT 1",
    )?;
    let mut user = database.connect(role::USER)?;
    let fourth = alice.log_in_with(&mut bridge)?;
    let mut live = |token: &String| attach(&mut user, token).is_ok();
    assert_eq!(
        logins.iter().map(&mut live).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert!(live(&fourth) && others.iter().all(&mut live));
    let reason: String = admin
        .query_one(
            "SELECT max(end_reason) FROM vpd_private.session WHERE ended_at IS NOT NULL",
            &[],
        )?
        .get(0);
    assert_eq!(reason, "limit_sessions");
    // A limit that was lowered ends as many as are too many.
    admin.execute(
        "SELECT vpd.register_app('portal', 'retail', max_sessions_per_user => 1)",
        &[],
    )?;
    let fifth = alice.log_in_with(&mut bridge)?;
    assert!(live(&fifth) && !live(&fourth) && !logins.iter().any(&mut live));
    Ok(())
}

#[test]
fn the_limit_holds_when_logins_race() -> Result<()> {
    let database = Database::create()?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.register_app('portal', 'retail', max_sessions_per_user => 3, when_full => 'refuse')",
        &[],
    )?;
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut bridge = database.connect(role::BRIDGE).unwrap();
                if let Err(error) = Subject::new("alice").log_in_with(&mut bridge) {
                    assert_eq!(
                        error.code(),
                        Some(&SqlState::CONFIGURATION_LIMIT_EXCEEDED),
                        "{error:?}"
                    );
                }
            });
        }
    });
    let live: i64 = database
        .admin()?
        .query_one("SELECT count(*) FROM vpd.sessions WHERE is_live", &[])?
        .get(0);
    assert_eq!(live, 3);
    Ok(())
}

#[test]
fn only_the_bridge_creates_sessions_and_it_reads_no_rows() -> Result<()> {
    let database = protected_orders()?;
    let create = "SELECT vpd.create_session('mallory', 'portal')";
    assert_denied_to_all_but(&database, &[role::BRIDGE], &[create])?;
    assert_denied(database.connect(role::BRIDGE)?.query(ORDERS, &[]));
    assert!(fresh_ids(&database, None, ORDERS)?.is_empty());
    Ok(())
}
