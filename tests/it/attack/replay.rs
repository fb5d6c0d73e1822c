//! A ticket shown twice was stolen once. Whoever came first must not keep what it gave.

use postgres::Client;
use vpd_tests::{
    Database, Result, Subject, VERIFIER, assert_refused, attach, challenge, create_orders, outcome,
    overlapped, redeem, role,
};

struct Scene {
    database: Database<'static>,
    bridge: Client,
    portal: String,
}

impl Scene {
    fn new() -> Result<Self> {
        let database = Database::create()?;
        let mut bridge = database.connect(role::BRIDGE)?;
        let portal = Subject::new("alice").log_in_with(&mut bridge)?;
        Ok(Self {
            database,
            bridge,
            portal,
        })
    }

    fn issue(&mut self, target: &str) -> Result<String> {
        let issue = "SELECT vpd.issue_ticket($1, $2, $3)";
        Ok(self
            .bridge
            .query_one(issue, &[&self.portal, &target, &challenge(VERIFIER)])?
            .get(0))
    }

    fn redeem(&mut self, ticket: &str, target: &str, verifier: &str) -> Result<Option<String>> {
        let redeem = "SELECT vpd.redeem_ticket($1, $2, $3)";
        Ok(self
            .bridge
            .query_one(redeem, &[&ticket, &target, &verifier])?
            .get(0))
    }

    fn assert_dead(&self, token: &str) -> Result<()> {
        assert_refused(
            attach(&mut self.database.connect(role::USER)?, token),
            "28000",
            "session_invalid",
        );
        Ok(())
    }
}

#[test]
fn control_a_ticket_that_is_merely_deleted_leaves_the_thief_in() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE shop.ticket (ticket text); INSERT INTO shop.ticket VALUES ('t');
         CREATE TABLE shop.session (owner text);
         CREATE FUNCTION shop.redeem(who text) RETURNS bigint LANGUAGE sql AS $$
             WITH gone AS (DELETE FROM shop.ticket WHERE ticket = 't' RETURNING 1),
                  opened AS (INSERT INTO shop.session SELECT who FROM gone RETURNING 1)
             SELECT count(*) FROM opened $$",
    )?;
    let thief: i64 = admin.query_one("SELECT shop.redeem('thief')", &[])?.get(0);
    let owner: i64 = admin.query_one("SELECT shop.redeem('owner')", &[])?.get(0);
    assert_eq!((thief, owner), (1, 0));
    assert_eq!(
        admin
            .query("SELECT FROM shop.session WHERE owner = 'thief'", &[])?
            .len(),
        1
    );
    Ok(())
}

#[test]
fn a_replay_ends_the_session_the_ticket_gave() -> Result<()> {
    for target in ["floor", "ledger"] {
        let mut scene = Scene::new()?;
        let ticket = scene.issue(target)?;
        let stolen = scene.redeem(&ticket, target, VERIFIER)?.unwrap();
        attach(&mut scene.database.connect(role::USER)?, &stolen)?;
        assert_eq!(scene.redeem(&ticket, target, VERIFIER)?, None);
        scene.assert_dead(&stolen)?;
        let reason = "SELECT DISTINCT end_reason FROM vpd.sessions WHERE NOT is_live";
        let reason: String = scene.database.admin()?.query_one(reason, &[])?.get(0);
        assert_eq!(reason, "ticket_replayed");
    }
    Ok(())
}

#[test]
fn a_replay_with_a_wrong_verifier_or_application_is_a_replay() -> Result<()> {
    for (target, verifier) in [("floor", "a guess"), ("ledger", VERIFIER), ("no-such-app", "")] {
        let mut scene = Scene::new()?;
        let ticket = scene.issue("floor")?;
        let given = scene.redeem(&ticket, "floor", VERIFIER)?.unwrap();
        assert_eq!(scene.redeem(&ticket, target, verifier)?, None);
        scene.assert_dead(&given)?;
    }
    Ok(())
}

#[test]
fn a_replay_is_noticed_long_after_the_ticket_would_have_expired() -> Result<()> {
    let mut scene = Scene::new()?;
    let ticket = scene.issue("floor")?;
    let given = scene.redeem(&ticket, "floor", VERIFIER)?.unwrap();
    scene
        .database
        .connect(role::SECURITY)?
        .execute("SELECT vpd.purge()", &[])?;
    scene.database.admin()?.batch_execute(
        "UPDATE vpd_private.session_token SET issued_at = issued_at - interval '10 minutes'",
    )?;
    scene
        .database
        .connect(role::SECURITY)?
        .execute("SELECT vpd.purge()", &[])?;
    assert_eq!(scene.redeem(&ticket, "floor", VERIFIER)?, None);
    scene.assert_dead(&given)
}

#[test]
fn a_ticket_that_was_never_redeemed_ends_nothing() -> Result<()> {
    let mut scene = Scene::new()?;
    let ticket = scene.issue("floor")?;
    assert_eq!(scene.redeem(&ticket, "floor", &VERIFIER.to_lowercase())?, None);
    assert_eq!(scene.redeem(&ticket, "ledger", VERIFIER)?, None);
    attach(&mut scene.database.connect(role::USER)?, &scene.portal)?;
    Ok(())
}

#[test]
fn a_session_that_used_another_ticket_is_left_alone() -> Result<()> {
    let mut scene = Scene::new()?;
    let (first, second) = (scene.issue("ledger")?, scene.issue("ledger")?);
    let replayed = scene.redeem(&first, "ledger", VERIFIER)?.unwrap();
    let other = scene.redeem(&second, "ledger", VERIFIER)?.unwrap();
    assert_eq!(scene.redeem(&first, "ledger", VERIFIER)?, None);
    scene.assert_dead(&replayed)?;
    attach(&mut scene.database.connect(role::USER)?, &other)?;
    attach(&mut scene.database.connect(role::USER)?, &scene.portal)?;
    Ok(())
}

#[test]
fn control_a_deletion_that_waited_for_another_fails_and_undoes_what_came_with_it() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    let (mut first, mut second) = (database.admin()?, database.admin()?);
    first.batch_execute("CREATE TABLE shop.ticket (ticket text); INSERT INTO shop.ticket VALUES ('t')")?;
    first.batch_execute("BEGIN; DELETE FROM shop.ticket")?;
    second.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM shop.ticket")?;
    let delete = |client: &mut Client| outcome(client.batch_execute("DELETE FROM shop.ticket"));
    let mut watcher = database.admin()?;
    let (refused, committed) = overlapped(&mut second, &mut watcher, delete, || {
        first.batch_execute("COMMIT")
    })?;
    committed?;
    assert_eq!(
        refused
            .err()
            .map(|refusal| refusal.state.code().to_owned())
            .as_deref(),
        Some("40001")
    );
    Ok(())
}

/// The thief and the owner redeem at the same moment; whoever comes second waits for the first, and has seen a state from before.
#[test]
fn a_replay_that_raced_ends_what_was_given_at_every_level() -> Result<()> {
    for level in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        for target in ["floor", "ledger"] {
            let mut scene = Scene::new()?;
            let ticket = scene.issue(target)?;
            let mut owner = scene.database.connect(role::BRIDGE)?;
            let mut watcher = scene.database.admin()?;
            let thief = &mut scene.bridge;
            for client in [&mut *thief, &mut owner] {
                client.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}"))?;
                client.query("SELECT count(*) FROM pg_class", &[])?;
            }
            let stolen = redeem(thief, &ticket, target)?.ok_or("not redeemed")?;
            let replay = |owner: &mut Client| {
                let replayed = outcome(redeem(owner, &ticket, target));
                (replayed, outcome(owner.batch_execute("COMMIT")))
            };
            let ((replayed, committed), stolen_for_good) =
                overlapped(&mut owner, &mut watcher, replay, || thief.batch_execute("COMMIT"))?;
            stolen_for_good?;
            let failure = replayed.as_ref().err().or(committed.as_ref().err());
            if level == "SERIALIZABLE" && failure.is_some_and(|refusal| refusal.state.code() == "40001") {
                // It may be asked to try again, and is told so.
                continue;
            }
            assert_eq!((replayed, committed), (Ok(None), Ok(())), "{level} {target}");
            scene.assert_dead(&stolen)?;
        }
    }
    Ok(())
}
