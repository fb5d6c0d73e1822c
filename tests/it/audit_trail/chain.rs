//! A record that is changed, taken away or added is found.

use super::*;
use serde_json::json;
use vpd_tests::issuer::SigningKey;

/// Ways to change what is recorded.
const TAMPERING: [&str; 8] = [
    "INSERT INTO vpd_private.audit_record SELECT * FROM vpd_private.audit_record LIMIT 1",
    "UPDATE vpd_private.audit_record SET verdict = 'ok'",
    "DELETE FROM vpd_private.audit_record",
    "TRUNCATE vpd_private.audit_record",
    "UPDATE vpd_private.audit_person SET user_name = 'bob'",
    "DELETE FROM vpd_private.audit_person",
    "UPDATE vpd_private.audit_state SET last_sequence = 0",
    "DO $$BEGIN EXECUTE format('DROP TABLE vpd_private.audit_record_%s', to_char(now(), 'YYYY_MM')); END$$",
];

#[test]
fn nobody_but_the_owner_changes_what_is_recorded() -> Result<()> {
    let database = Database::create()?;
    last(&database)?;
    assert_denied_to_all_but(&database, &[], &TAMPERING)?;
    assert_denied_to_all_but(
        &database,
        &[role::AUDITOR],
        &[
            "SELECT vpd.verify_audit()",
            "SELECT vpd.flush_audit()",
            "SELECT * FROM vpd.audit_trail LIMIT 0",
        ],
    )
}

/// Changes by the owner of the extension, each in one record.
const FORGERIES: [&str; 15] = [
    "UPDATE vpd_private.audit_record SET event = 'x' WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET verdict = '42501' WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET code = 'x' WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET database_role = database_role || ' ' WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET process_id = process_id + 1 WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET recorded_at = recorded_at + interval '1 microsecond' WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET session_id = '' WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET transaction_id = 1 WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET row_count = 0 WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET personal_hash = set_byte(personal_hash, 0, 255 - get_byte(personal_hash, 0)) WHERE sequence = $1",
    "UPDATE vpd_private.audit_record SET hash = set_byte(hash, 31, 255 - get_byte(hash, 31)) WHERE sequence = $1",
    "UPDATE vpd_private.audit_person SET user_name = 'bob' WHERE sequence = $1",
    "UPDATE vpd_private.audit_person SET details = '{}' WHERE sequence = $1",
    "UPDATE vpd_private.audit_person SET salt = set_byte(salt, 0, 255 - get_byte(salt, 0)) WHERE sequence = $1",
    "DELETE FROM vpd_private.audit_record WHERE sequence = $1",
];

#[test]
fn whatever_is_changed_in_the_trail_is_found() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE t AS SELECT 1 AS id; SELECT vpd.add_audit_policy('t', 'reads');
         DO $$BEGIN FOR i IN 1..10000 LOOP PERFORM FROM t; END LOOP; END$$",
    )?;
    let end = last(&database)?;
    assert!(end >= 10_000, "{end}");
    assert_eq!(verified(&mut admin)?, (end, None, None));
    for (place, forgery) in FORGERIES.iter().enumerate() {
        let at = [1, end / 2, end - 1][place % 3];
        let mut transaction = admin.transaction()?;
        assert_eq!(transaction.execute(*forgery, &[&at])?, 1, "{forgery}");
        let row = transaction.query_one("SELECT first_broken FROM vpd.verify_audit()", &[])?;
        let found: Option<i64> = row.get(0);
        let row = transaction.query_one("SELECT first_broken FROM vpd.verify_audit($1, $1)", &[&at])?;
        assert_eq!((found, row.get(0)), (Some(at), Some(at)), "{forgery}");
        transaction.rollback()?;
    }
    let mut transaction = admin.transaction()?;
    transaction.execute(
        "INSERT INTO vpd_private.audit_record SELECT (r).* FROM (SELECT r FROM vpd_private.audit_record r WHERE sequence = $1) r",
        &[&(end / 2)],
    )?;
    let row = transaction.query_one("SELECT first_broken FROM vpd.verify_audit()", &[])?;
    assert_eq!(row.get::<_, Option<i64>>(0), Some(end / 2 + 1), "one was added");
    transaction.rollback()?;
    assert_eq!(verified(&mut admin)?.1, None);
    Ok(())
}

#[test]
fn whoever_writes_the_end_of_the_trail_anew_is_found_by_a_checkpoint() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.define_role('clerk')")?;
    let end = last(&database)?;
    let mut admin = database.admin()?;
    until_true(
        &mut admin,
        &format!("SELECT EXISTS (SELECT FROM vpd.audit_checkpoints WHERE sequence = {end})"),
    )?;
    for (forgery, problem) in [
        (
            "DELETE FROM vpd_private.audit_record WHERE sequence = $1; UPDATE vpd_private.audit_state SET last_sequence = $1 - 1",
            "missing",
        ),
        (
            "UPDATE vpd_private.audit_checkpoint SET hash = set_byte(hash, 0, 255 - get_byte(hash, 0)) WHERE sequence = $1",
            "checkpoint",
        ),
        (
            "UPDATE vpd_private.audit_checkpoint SET made_at = made_at + interval '1 second' WHERE sequence = $1",
            "signature",
        ),
        (
            "UPDATE vpd_private.audit_checkpoint SET kid = 'another' WHERE sequence = $1",
            "signature",
        ),
    ] {
        let mut transaction = admin.transaction()?;
        transaction.batch_execute(&forgery.replace("$1", &end.to_string()))?;
        let found = transaction.query_one("SELECT problem FROM vpd.verify_audit()", &[])?;
        assert_eq!(found.get::<_, Option<&str>>(0), Some(problem), "{forgery}");
        transaction.rollback()?;
    }
    // control: it is whole, with its checkpoint
    let found = admin.query_one("SELECT is_intact, checkpoints > 0 FROM vpd.verify_audit()", &[])?;
    assert!(found.get::<_, bool>(0) && found.get::<_, bool>(1));
    Ok(())
}

#[test]
fn an_export_is_verified_without_the_database_and_a_changed_byte_is_found() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "DO $$BEGIN FOR i IN 1..300 LOOP PERFORM vpd.define_role('r' || i % 7); END LOOP; END$$",
    )?;
    let end = last(&database)?;
    until_true(
        &mut database.admin()?,
        &format!("SELECT EXISTS (SELECT FROM vpd.audit_checkpoints WHERE sequence = {end})"),
    )?;
    let desk = Desk::at(&database)?;
    let ran = |arguments: &[&str]| -> Result<(bool, String)> {
        let (code, output, errors) = desk.run(arguments)?;
        Ok((code == Some(0), output + &errors))
    };
    let (is_done, exported) = ran(&["audit", "export"])?;
    assert!(is_done, "{exported}");
    let (is_done, keys) = ran(&["audit", "keys"])?;
    assert!(is_done, "{keys}");
    desk.write("keys.json", &keys)?;
    desk.write("whole.jsonl", &exported)?;
    let (file, keys) = (desk.path("whole.jsonl"), desk.path("keys.json"));
    let (file, keys) = (file.to_str().ok_or("no path")?, keys.to_str().ok_or("no path")?);
    let whole = ran(&["audit", "verify", file, "--keys", keys])?;
    assert!(
        whole.0 && whole.1.contains(&format!("signed up to record {end}")),
        "{whole:?}"
    );
    // control: without the key nobody has signed it
    let other = SigningKey::generate("EdDSA")?.public("other");
    desk.write("others.json", &json!({ "keys": [other] }).to_string())?;
    let others = desk.path("others.json");
    let unsigned = ran(&[
        "audit",
        "verify",
        file,
        "--keys",
        others.to_str().ok_or("no path")?,
    ])?;
    assert!(unsigned.1.contains("no checkpoint"), "{unsigned:?}");
    let bytes = exported.as_bytes();
    for turn in 0..40 {
        let place = (turn * 7919 + 13) % bytes.len();
        let mut changed = bytes.to_vec();
        changed[place] ^= 1;
        desk.write("changed.jsonl", &String::from_utf8_lossy(&changed))?;
        let path = desk.path("changed.jsonl");
        let found = ran(&["audit", "verify", path.to_str().ok_or("no path")?, "--keys", keys])?;
        assert!(found != whole, "byte {place}: {found:?}");
    }
    let (_, rest) = ran(&["audit", "export", "--after", &(end - 1).to_string()])?;
    assert!(rest.lines().count() >= 2 && rest.len() < exported.len());
    Ok(())
}

/// What the owner of the extension may write into personal parts, as if somebody had been erased.
const FALSE_ERASURES: [&str; 4] = [
    "UPDATE vpd_private.audit_person SET user_name = 'bob', details = NULL, client_address = NULL, salt = NULL WHERE sequence = 1",
    "UPDATE vpd_private.audit_person SET user_name = NULL, audit_identity = NULL, actors = NULL, details = NULL, client_address = NULL, salt = NULL WHERE sequence = 1",
    "DELETE FROM vpd_private.audit_person WHERE sequence = 1",
    "INSERT INTO vpd_private.audit_record SELECT (r).* FROM (SELECT r FROM vpd_private.audit_record r WHERE sequence = 1) r;
     UPDATE vpd_private.audit_record SET sequence = -1 WHERE ctid = (SELECT max(ctid) FROM vpd_private.audit_record WHERE sequence = 1)",
];

#[test]
fn what_nobody_erased_and_what_was_added_is_found() -> Result<()> {
    let database = Database::create()?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.define_user('alice'); SELECT vpd.define_role('b')")?;
    last(&database)?;
    let mut admin = database.admin()?;
    assert_eq!(verified(&mut admin)?.1, None, "control");
    for forgery in FALSE_ERASURES {
        let mut transaction = admin.transaction()?;
        transaction.batch_execute(forgery)?;
        let row = transaction.query_one("SELECT is_intact FROM vpd.verify_audit()", &[])?;
        assert!(!row.get::<_, bool>(0), "{forgery}");
        transaction.rollback()?;
    }
    Ok(())
}
