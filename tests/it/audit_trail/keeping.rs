//! Records are dropped and names erased, and the rest can be verified.

use super::scribe::cluster;
use super::*;

#[test]
fn whoever_is_erased_is_gone_from_the_trail_and_the_trail_is_whole() -> Result<()> {
    let database = Database::create()?;
    let token = Subject::new("alice.miller").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    attach(&mut user, &token)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.define_user('alice.miller'); SELECT vpd.define_user('bob')")?;
    last(&database)?;
    let mentions = "SELECT count(*) FROM vpd.audit_trail t WHERE t::text LIKE '%alice.miller%'";
    let mut admin = database.admin()?;
    assert!(
        admin.query_one(mentions, &[])?.get::<_, i64>(0) >= 3,
        "control: she is in it"
    );
    assert!(
        security
            .query_one("SELECT vpd.erase_pseudonym('alice.miller')", &[])?
            .get::<_, bool>(0)
    );
    last(&database)?;
    assert_eq!(admin.query_one(mentions, &[])?.get::<_, i64>(0), 0);
    let bob = "SELECT count(*) FROM vpd.audit_trail t WHERE t.details LIKE '%bob%' AND NOT is_erased";
    assert_eq!(admin.query_one(bob, &[])?.get::<_, i64>(0), 1);
    assert_eq!(verified(&mut admin)?.1, None);
    Ok(())
}

/// Puts all that is recorded into a month that is long over. Nobody but the owner can.
const AGE: &str = "
DO $$
DECLARE
    t text;
    m text := to_char(now() AT TIME ZONE 'UTC', '_YYYY_MM');
BEGIN
    FOREACH t IN ARRAY '{audit_record,audit_person}'::text[] LOOP
        EXECUTE format('ALTER TABLE vpd_private.%I DETACH PARTITION vpd_private.%I', t, t || m);
        EXECUTE format('UPDATE vpd_private.%I SET recorded_at = %L', t || m, '2020-03-05');
        EXECUTE format('ALTER TABLE vpd_private.%I RENAME TO %I', t || m, t || '_2020_03');
        EXECUTE format('ALTER TABLE vpd_private.%I ATTACH PARTITION vpd_private.%I FOR VALUES FROM (%L) TO (%L)',
                       t, t || '_2020_03', '2020-03-01+00', '2020-04-01+00');
    END LOOP;
END
$$";

#[test]
fn months_whose_time_is_over_go_and_the_rest_can_be_verified() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_refused(
        security.batch_execute("SELECT vpd.set_audit_retention('0 days')"),
        "22023",
        "argument_invalid",
    );
    security.batch_execute("SELECT vpd.define_role('a'); SELECT vpd.define_role('b')")?;
    let end = last(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(AGE)?;
    security.batch_execute("SELECT vpd.set_audit_retention('1 year')")?;
    until_true(
        &mut admin,
        "SELECT to_regclass('vpd_private.audit_record_2020_03') IS NULL",
    )?;
    security.batch_execute("SELECT vpd.define_role('c')")?;
    last(&database)?;
    let row = admin.query_one("SELECT min(sequence) FROM vpd.audit_trail", &[])?;
    assert_eq!(row.get::<_, i64>(0), end + 1);
    let row = admin.query_one("SELECT is_intact, records > 0 FROM vpd.verify_audit()", &[])?;
    assert!(row.get::<_, bool>(0) && row.get::<_, bool>(1));
    let stub = admin.query_one("SELECT sequence FROM vpd.audit_checkpoints WHERE is_stub", &[])?;
    assert_eq!(stub.get::<_, i64>(0), end);
    Ok(())
}

#[test]
fn whoever_reads_the_trail_for_long_holds_up_nobody_at_the_turn_of_a_month() -> Result<()> {
    let cluster = cluster("")?;
    let database = Database::create_in(&cluster)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.define_role('a')")?;
    last(&database)?;
    database.admin()?.batch_execute(AGE)?;
    let mut auditor = database.connect(role::AUDITOR)?;
    auditor.batch_execute("BEGIN; SELECT count(*) FROM vpd.audit_trail")?;
    security.batch_execute("SELECT vpd.define_role('b')")?;
    // Waits until it is written, or fails.
    until("the record is written", || {
        Ok(database
            .connect(role::AUDITOR)?
            .query_one("SELECT vpd.flush_audit()", &[])
            .is_ok())
    })?;
    Ok(())
}
