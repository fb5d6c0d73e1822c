//! What was rolled back must not stay in force in the backend that saw it.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, assert_refused, attach, role};

use crate::authority::define;

const SCENE: &str = "
SELECT vpd.define_privilege('read'), vpd.define_role('Reader'), vpd.define_user('alice');
SELECT vpd.grant_authority('privilege:read', 'role:Reader');
";
const GRANT: &str = "SELECT vpd.grant_authority('role:Reader', 'user:alice')";
const REVOKE: &str = "SELECT vpd.revoke_authority('role:Reader', 'user:alice')";

fn scene() -> Result<(Database<'static>, String, Client)> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    let token = Subject::new("alice").log_in(&database)?;
    let admin = database.admin()?;
    Ok((database, token, admin))
}

fn is_reader(client: &mut Client, token: &str) -> Result<bool> {
    attach(client, token)?;
    Ok(client
        .query_one(
            "SELECT vpd.user_in_role('Reader') AND vpd.has_privilege('read')",
            &[],
        )?
        .get(0))
}

fn is_reader_next(client: &mut Client, token: &str) -> Result<bool> {
    client.batch_execute("BEGIN")?;
    let is = is_reader(client, token)?;
    client.batch_execute("COMMIT")?;
    Ok(is)
}

#[test]
fn a_grant_that_was_rolled_back_is_none() -> Result<()> {
    let (_database, token, mut admin) = scene()?;
    for known_before in [false, true] {
        if known_before {
            assert!(!is_reader_next(&mut admin, &token)?);
        }
        admin.batch_execute("BEGIN")?;
        admin.batch_execute(GRANT)?;
        assert!(is_reader(&mut admin, &token)?, "control: it sees its own change");
        admin.batch_execute("ROLLBACK")?;
        assert!(
            !is_reader_next(&mut admin, &token)?,
            "known before: {known_before}"
        );
    }
    Ok(())
}

#[test]
fn a_revocation_that_was_rolled_back_is_none() -> Result<()> {
    let (_database, token, mut admin) = scene()?;
    admin.batch_execute(GRANT)?;
    admin.batch_execute("BEGIN")?;
    admin.batch_execute(REVOKE)?;
    assert!(!is_reader(&mut admin, &token)?);
    admin.batch_execute("ROLLBACK")?;
    assert!(is_reader_next(&mut admin, &token)?);
    Ok(())
}

#[test]
fn a_savepoint_takes_back_what_was_seen_after_it() -> Result<()> {
    let (_database, token, mut admin) = scene()?;
    admin.batch_execute("BEGIN; SAVEPOINT before")?;
    admin.batch_execute(GRANT)?;
    assert!(is_reader(&mut admin, &token)?);
    admin.batch_execute("ROLLBACK TO before")?;
    assert!(!is_reader(&mut admin, &token)?);
    admin.batch_execute("COMMIT")?;
    assert!(!is_reader_next(&mut admin, &token)?);
    Ok(())
}

#[test]
fn a_session_whose_creation_was_rolled_back_is_none() -> Result<()> {
    let (_database, _token, mut admin) = scene()?;
    for (begin, end) in [
        ("BEGIN", "ROLLBACK"),
        ("BEGIN; SAVEPOINT before", "ROLLBACK TO before"),
    ] {
        admin.batch_execute(begin)?;
        let token: String = admin
            .query_one("SELECT vpd.create_session('alice', 'portal')", &[])?
            .get(0);
        attach(&mut admin, &token)?;
        admin.batch_execute(end)?;
        if end == "ROLLBACK" {
            admin.batch_execute("BEGIN")?;
        }
        assert_refused(attach(&mut admin, &token), "28000", "session_invalid");
        admin.batch_execute("ROLLBACK")?;
    }
    Ok(())
}

#[test]
fn what_a_hand_wrote_into_a_session_and_took_back_is_none() -> Result<()> {
    let (_database, token, mut admin) = scene()?;
    admin.batch_execute("BEGIN; UPDATE vpd_private.session SET user_name = 'root'")?;
    attach(&mut admin, &token)?;
    let name = "SELECT vpd.user_name()";
    assert_eq!(admin.query_one(name, &[])?.get::<_, String>(0), "root", "control");
    admin.batch_execute("ROLLBACK; BEGIN")?;
    attach(&mut admin, &token)?;
    assert_eq!(admin.query_one(name, &[])?.get::<_, String>(0), "alice");
    Ok(())
}

#[test]
fn nothing_is_kept_that_another_connection_could_read_of_it() -> Result<()> {
    let (database, token, mut admin) = scene()?;
    admin.batch_execute("BEGIN")?;
    admin.batch_execute(GRANT)?;
    assert!(is_reader(&mut admin, &token)?);
    admin.batch_execute("ROLLBACK")?;
    let mut user = database.connect(role::USER)?;
    assert!(!is_reader_next(&mut user, &token)?);
    Ok(())
}
