//! A server that is killed must come back with every redemption counted and every close kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use vpd_tests::{
    Cluster, Database, Extension, Library, Result, Subject, VERIFIER, assert_refused, attach, challenge,
    create_protected_orders, expected_ids, fresh_ids, outcome, role, until,
};

/// Commits must be on disk before they are acknowledged, or a crash could not be judged.
const DURABLE: &str = "fsync = on\nsynchronous_commit = on\nfull_page_writes = on";

#[test]
fn after_a_kill_no_ticket_is_good_twice_and_no_closed_session_is_open() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, DURABLE)?;
    let database = Database::create_in(&cluster)?;
    create_protected_orders(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut tickets = vec![];
    for number in 0..300 {
        let token = Subject::in_region(&format!("user{number}"), "East").log_in_with(&mut bridge)?;
        let issue = "SELECT vpd.issue_ticket($1, 'ledger', $2)";
        let ticket: String = bridge.query_one(issue, &[&token, &challenge(VERIFIER)])?.get(0);
        tickets.push((token, ticket));
    }
    let redeem = "SELECT vpd.redeem_ticket($1, 'ledger', $2)";
    let victim: i32 = bridge.query_one("SELECT pg_backend_pid()", &[])?.get(0);

    // One client redeems tickets, another closes sessions, until the server falls under their feet.
    let (redemptions, closes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (redeemed, closed) = thread::scope(|scope| {
        let redeeming = scope.spawn(|| {
            let mut client = database.connect(role::BRIDGE).unwrap();
            let (even, _) = tickets.split_at(150);
            even.iter()
                .take_while(|(_, ticket)| client.query_one(redeem, &[ticket, &VERIFIER]).is_ok())
                .inspect(|_| _ = redemptions.fetch_add(1, Ordering::Relaxed))
                .map(|(_, ticket)| ticket.clone())
                .collect::<Vec<_>>()
        });
        let closing = scope.spawn(|| {
            let mut client = database.connect(role::BRIDGE).unwrap();
            let (_, odd) = tickets.split_at(150);
            odd.iter()
                .take_while(|(token, _)| client.execute("SELECT vpd.end_session($1)", &[token]).is_ok())
                .inspect(|_| _ = closes.fetch_add(1, Ordering::Relaxed))
                .map(|(token, _)| token.clone())
                .collect::<Vec<_>>()
        });
        until("the clients are at work", || {
            Ok(redemptions.load(Ordering::Relaxed) >= 10 && closes.load(Ordering::Relaxed) >= 10)
        })
        .unwrap();
        cluster.crash(victim).unwrap();
        (redeeming.join().unwrap(), closing.join().unwrap())
    });
    assert!(
        !redeemed.is_empty() && !closed.is_empty(),
        "the kill came too early to tell anything"
    );

    let mut bridge = database.connect(role::BRIDGE)?;
    for ticket in &redeemed {
        assert_eq!(
            bridge
                .query_one(redeem, &[ticket, &VERIFIER])?
                .get::<_, Option<String>>(0),
            None
        );
    }
    let mut user = database.connect(role::USER)?;
    for token in &closed {
        assert_refused(attach(&mut user, token), "28000", "session_invalid");
    }
    let fresh = Subject::in_region("alice", "East").log_in(&database)?;
    assert_eq!(
        fresh_ids(&database, Some(&fresh), "SELECT id FROM shop.orders")?,
        expected_ids("East")
    );
    Ok(())
}

#[test]
fn a_revocation_still_bites_after_a_crash() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, DURABLE)?;
    let database = Database::create_in(&cluster)?;
    create_protected_orders(&database)?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let pid: i32 = user.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    cluster.crash(pid)?;
    // Shared memory began again; the counter in it must not look as if nothing had happened.
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    database
        .connect(role::BRIDGE)?
        .execute("SELECT vpd.end_session($1)", &[&token])?;
    let seen = outcome(vpd_tests::ids(&mut session, "SELECT id FROM shop.orders")).unwrap_or_default();
    assert!(seen.is_empty());
    Ok(())
}
