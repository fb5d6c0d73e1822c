//! Rows of sessions and tokens that an administrator changes by hand count: in a transaction that is open, and for who attached before.

use vpd_tests::{Database, Result, Subject, assert_refused, attach, role};

/// What takes the session away, and whether the open transaction has to notice.
const CHANGES: [&str; 8] = [
    "UPDATE vpd_private.session SET ended_at = clock_timestamp()",
    "DELETE FROM vpd_private.session",
    "TRUNCATE vpd_private.session",
    "UPDATE vpd_private.session SET made_in = made_in + 1",
    "DELETE FROM vpd_private.session_token",
    "TRUNCATE vpd_private.session_token",
    "UPDATE vpd_private.session_token SET made_in = made_in + 1",
    "UPDATE vpd_private.session_token SET session_id = gen_random_uuid()",
];

#[test]
fn what_is_taken_away_by_hand_is_gone_at_once() -> Result<()> {
    for change in CHANGES {
        let database = Database::create()?;
        let token = Subject::new("alice").log_in(&database)?;
        let mut before = database.connect(role::USER)?;
        let mut open = database.connect(role::USER)?;
        before.batch_execute("BEGIN")?;
        attach(&mut before, &token)?;
        before.batch_execute("COMMIT")?;
        open.batch_execute("BEGIN")?;
        // Who truncates waits for those who read.
        let is_waited_for = change.starts_with("TRUNCATE");
        if !is_waited_for {
            attach(&mut open, &token)?;
        }
        // control: nothing has happened, and another session changes nothing for this one
        Subject::new("bob").log_in(&database)?;
        let asks = "SELECT vpd.user_name()";
        assert!(is_waited_for || open.query_one(asks, &[])?.get::<_, String>(0) == "alice");
        database.admin()?.batch_execute(change)?;
        if !is_waited_for {
            assert_refused(open.query(asks, &[]), "28000", "session_invalid");
        }
        assert_refused(attach(&mut before, &token), "28000", "session_invalid");
    }
    Ok(())
}

/// What a session carries, the column and what it reads as.
const CARRIED: [(&str, &str, &str); 3] = [
    ("audit_identity", "'other'", "SELECT vpd.audit_identity()"),
    ("actors", "'{peter}'", "SELECT vpd.actor_chain()::text"),
    ("pillar", "'finance'", "SELECT vpd.pillar()"),
];

#[test]
fn what_is_changed_by_hand_is_read_again() -> Result<()> {
    for (column, value, question) in CARRIED {
        let database = Database::create()?;
        let token = Subject::new("alice").log_in(&database)?;
        let mut user = database.connect(role::USER)?;
        let mut ask = || -> Result<String> {
            user.batch_execute("BEGIN")?;
            attach(&mut user, &token)?;
            let answer = user.query_one(question, &[])?.get(0);
            user.batch_execute("COMMIT")?;
            Ok(answer)
        };
        let before = ask()?;
        assert_eq!(ask()?, before);
        database
            .admin()?
            .batch_execute(&format!("UPDATE vpd_private.session SET {column} = {value}"))?;
        assert_ne!(ask()?, before, "{column}");
    }
    Ok(())
}
