//! Two who look before they leap both see the ticket. One conditional statement has one winner.

use std::sync::Barrier;
use std::thread;

use postgres::Client;
use vpd_tests::{
    Database, Result, Subject, VERIFIER, assert_refused, attach, challenge, create_orders, role,
};

const RACERS: usize = 1_000;
const CONNECTIONS: usize = 100;

/// Lets every connection try its share of the attempts at once; returns what each attempt gave.
fn race<T: Send>(
    database: &Database<'_>,
    attempt: impl Fn(&mut Client) -> Option<T> + Sync,
) -> Result<Vec<T>> {
    let mut clients = vec![];
    for _ in 0..CONNECTIONS {
        let mut client = database.connect(role::BRIDGE)?;
        client.batch_execute("SELECT 1")?;
        clients.push(client);
    }
    let start = Barrier::new(CONNECTIONS);
    Ok(thread::scope(|scope| {
        let racers: Vec<_> = clients
            .iter_mut()
            .map(|client| {
                scope.spawn(|| {
                    start.wait();
                    (0..RACERS / CONNECTIONS)
                        .filter_map(|_| attempt(client))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        racers
            .into_iter()
            .flat_map(|racer| racer.join().unwrap())
            .collect()
    }))
}

#[test]
fn control_check_then_act_redeems_twice() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    // The pause stands for the round trip between the look and the deletion in a front end.
    database.admin()?.batch_execute(
        "CREATE TABLE shop.ticket (ticket text); INSERT INTO shop.ticket VALUES ('t');
         CREATE FUNCTION shop.redeem(wanted text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
         BEGIN
             IF NOT EXISTS (SELECT FROM shop.ticket WHERE ticket = wanted) THEN RETURN NULL; END IF;
             PERFORM pg_sleep(0.05);
             DELETE FROM shop.ticket WHERE ticket = wanted;
             RETURN true;
         END $$",
    )?;
    let winners = race(&database, |client| {
        client
            .query_one("SELECT shop.redeem('t')", &[])
            .unwrap()
            .get::<_, Option<bool>>(0)
    })?;
    assert!(winners.len() > 1, "{} winners", winners.len());
    Ok(())
}

#[test]
fn a_thousand_racers_have_one_winner() -> Result<()> {
    let database = Database::create()?;
    for target in ["floor", "ledger"] {
        let mut bridge = database.connect(role::BRIDGE)?;
        let portal = Subject::new("alice").log_in_with(&mut bridge)?;
        let issue = "SELECT vpd.issue_ticket($1, $2, $3)";
        let ticket: String = bridge
            .query_one(issue, &[&portal, &target, &challenge(VERIFIER)])?
            .get(0);
        let redeem = "SELECT vpd.redeem_ticket($1, $2, $3)";
        let winners = race(&database, |client| {
            client
                .query_one(redeem, &[&ticket, &target, &VERIFIER])
                .unwrap()
                .get::<_, Option<String>>(0)
        })?;
        assert_eq!(winners.len(), 1, "{target}");
        // The others replayed a redeemed ticket, and so what it gave is over.
        assert_refused(
            attach(&mut database.connect(role::USER)?, &winners[0]),
            "28000",
            "session_invalid",
        );
    }
    Ok(())
}

#[test]
fn a_hundred_tickets_raced_for_are_each_given_once() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut tickets = vec![];
    for number in 0..100 {
        let token = Subject::new(&format!("user{number}")).log_in_with(&mut bridge)?;
        let issue = "SELECT vpd.issue_ticket($1, 'ledger', $2)";
        tickets.push(
            bridge
                .query_one(issue, &[&token, &challenge(VERIFIER)])?
                .get::<_, String>(0),
        );
    }
    let winners = thread::scope(|scope| -> Vec<usize> {
        let racers: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = database.connect(role::BRIDGE).unwrap();
                    let redeem = "SELECT vpd.redeem_ticket($1, 'ledger', $2)";
                    let mut won = vec![];
                    for (number, ticket) in tickets.iter().enumerate() {
                        let row = client.query_one(redeem, &[ticket, &VERIFIER]).unwrap();
                        won.extend(row.get::<_, Option<String>>(0).map(|_| number));
                    }
                    won
                })
            })
            .collect();
        racers
            .into_iter()
            .flat_map(|racer| racer.join().unwrap())
            .collect()
    });
    let mut winners = winners;
    winners.sort_unstable();
    assert_eq!(winners, (0..100).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_message_raced_for_is_accepted_once() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let portal = Subject::new("alice").log_in_with(&mut bridge)?;
    let ticket: String = bridge
        .query_one(
            "SELECT vpd.issue_ticket($1, 'floor', $2)",
            &[&portal, &challenge(VERIFIER)],
        )?
        .get(0);
    let floor: String = bridge
        .query_one("SELECT vpd.redeem_ticket($1, 'floor', $2)", &[&ticket, &VERIFIER])?
        .get(0);
    let message: String = bridge
        .query_one("SELECT vpd.record_message($1, 'portal')", &[&floor])?
        .get(0);
    // Whoever comes second is refused, which ends the session; whoever comes third has no session any more.
    let accepted = race(&database, |client| {
        let validated = client.query_one("SELECT vpd.validate_message($1, $2)", &[&portal, &message]);
        validated.ok().and_then(|row| row.get::<_, bool>(0).then_some(()))
    })?;
    assert_eq!(accepted.len(), 1);
    Ok(())
}
