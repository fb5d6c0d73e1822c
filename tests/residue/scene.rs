//! A scene in which every secret is born, used, misused and ended.

use vpd_tests::{Database, Result, Subject, VERIFIER, attach, challenge, outcome, role};

/// Plays the scene; returns every secret that was in it.
pub fn play(database: &Database<'_>) -> Result<Vec<String>> {
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut user = database.connect(role::USER)?;
    let portal = Subject::new("alice").log_in_with(&mut bridge)?;
    let issue = "SELECT vpd.issue_ticket($1, $2, $3)";
    let redeem = "SELECT vpd.redeem_ticket($1, $2, $3)";
    let validate = "SELECT vpd.validate_message($1, $2)";
    let mut secrets = vec![portal.clone(), VERIFIER.to_owned()];
    for target in ["floor", "ledger"] {
        let ticket: String = bridge
            .query_one(issue, &[&portal, &target, &challenge(VERIFIER)])?
            .get(0);
        let given: String = bridge.query_one(redeem, &[&ticket, &target, &VERIFIER])?.get(0);
        attach(&mut user, &given)?;
        secrets.extend([ticket, given]);
    }
    let message: String = bridge
        .query_one("SELECT vpd.record_message($1, 'portal')", &[&secrets[3]])?
        .get(0);
    bridge.execute(validate, &[&portal, &message])?;
    secrets.push(message.clone());

    // Misuse: each of these is refused, with an error or a warning in the log.
    let refused = [
        outcome(bridge.execute(issue, &[&portal, &"no-such-app", &challenge(VERIFIER)])),
        outcome(bridge.execute(issue, &[&portal, &"floor", &portal])),
        outcome(bridge.execute("SELECT vpd.record_message($1, 'no-such-app')", &[&portal])),
        outcome(user.execute(issue, &[&portal, &"floor", &challenge(VERIFIER)])),
        outcome(user.execute(redeem, &[&secrets[2], &"floor", &VERIFIER])),
    ];
    assert!(refused.iter().all(|outcome| outcome.is_err()), "{refused:?}");
    bridge.execute(redeem, &[&secrets[4], &"ledger", &VERIFIER])?;
    bridge.execute(validate, &[&portal, &message])?;
    // Nobody recorded this one: the session ends.
    bridge.execute(validate, &[&portal, &secrets[0]])?;
    for token in [&portal, &secrets[3]] {
        assert!(outcome(attach(&mut user, token)).is_err());
        bridge.query("SELECT * FROM vpd.browse_queue($1)", &[token])?;
        bridge.execute("SELECT vpd.end_session($1)", &[token])?;
    }
    // A session that is alive at the end, so that the statistics could show it.
    secrets.push(Subject::new("bob").log_in_with(&mut bridge)?);
    let mut session = user.transaction()?;
    attach(&mut session, &secrets[secrets.len() - 1])?;
    assert!(outcome(session.batch_execute("SELECT 1 / 0")).is_err());
    Ok(secrets)
}
