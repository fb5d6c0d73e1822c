//! An application is dropped, or moved to another pillar. What it held in sessions of others is gone, whoever has its name next.

use postgres::Client;
use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, issue, overlapped, redeem, role,
};

fn scene() -> Result<(Database<'static>, Client, String)> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let portal = Subject::new("alice").log_in_with(&mut bridge)?;
    Ok((database, bridge, portal))
}

fn is_alive(database: &Database<'_>, token: &str) -> Result<bool> {
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    Ok(attach(&mut transaction, token).is_ok())
}

/// How an application becomes another one, whatever its name.
const CHANGES: [&str; 3] = [
    "SELECT vpd.drop_app('floor')",
    "SELECT vpd.drop_app('floor'); SELECT vpd.register_app('floor', 'retail')",
    "SELECT vpd.register_app('floor', 'finance')",
];

/// The same, one after the other.
const RETURN: &str =
    "SELECT vpd.register_app('floor', 'finance'); SELECT vpd.register_app('floor', 'retail')";

#[test]
fn control_tokens_that_name_their_application_come_back_with_the_name() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE shop.app (name text); CREATE TABLE shop.token (token text, app text);
         INSERT INTO shop.app VALUES ('floor'); INSERT INTO shop.token VALUES ('t', 'floor');
         DELETE FROM shop.app; INSERT INTO shop.app VALUES ('floor')",
    )?;
    let good = admin.query(
        "SELECT FROM shop.token JOIN shop.app ON app.name = token.app",
        &[],
    )?;
    assert_eq!(good.len(), 1);
    Ok(())
}

#[test]
fn tokens_in_sessions_of_others_die_with_their_application() -> Result<()> {
    for change in CHANGES.into_iter().chain([RETURN]) {
        let (database, mut bridge, portal) = scene()?;
        let ticket = issue(&mut bridge, &portal, "floor")?;
        let floor = redeem(&mut bridge, &ticket, "floor")?.ok_or("not redeemed")?;
        assert!(is_alive(&database, &floor)?, "control");
        let mut known = database.connect(role::USER)?;
        known.batch_execute("BEGIN")?;
        attach(&mut known, &floor)?;
        database.connect(role::SECURITY)?.batch_execute(change)?;
        assert!(!is_alive(&database, &floor)?, "{change}");
        // Nor on a connection that remembers it, now and in its next transaction.
        assert_refused(attach(&mut known, &floor), "28000", "session_invalid");
        known.batch_execute("ROLLBACK; BEGIN")?;
        assert_refused(attach(&mut known, &floor), "28000", "session_invalid");
        // It hands nothing over and says nothing any more.
        assert_refused(issue(&mut bridge, &floor, "portal"), "28000", "session_invalid");
        let record = bridge.query_one("SELECT vpd.record_message($1, 'portal')", &[&floor]);
        assert_refused(record, "28000", "session_invalid");
        let validate = bridge.query_one("SELECT vpd.validate_message($1, 'vm_x')", &[&floor]);
        assert_refused(validate, "28000", "session_invalid");
        // The session is the portal's and goes on.
        assert!(is_alive(&database, &portal)?, "{change}");
        let fresh = issue(&mut bridge, &portal, "ledger")?;
        assert!(redeem(&mut bridge, &fresh, "ledger")?.is_some());
    }
    Ok(())
}

#[test]
fn a_statement_that_runs_on_is_refused() -> Result<()> {
    for change in CHANGES {
        let (database, mut bridge, portal) = scene()?;
        let ticket = issue(&mut bridge, &portal, "floor")?;
        let floor = redeem(&mut bridge, &ticket, "floor")?.ok_or("not redeemed")?;
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &floor)?;
        transaction.query("SELECT vpd.user_name()", &[])?;
        database.connect(role::SECURITY)?.batch_execute(change)?;
        let next = transaction.query("SELECT vpd.user_name()", &[]);
        assert_refused(next, "28000", "session_invalid");
    }
    Ok(())
}

#[test]
fn tickets_die_with_the_application_that_asked_and_with_their_target() -> Result<()> {
    for change in CHANGES.into_iter().chain([RETURN]) {
        let (database, mut bridge, portal) = scene()?;
        let ticket = issue(&mut bridge, &portal, "floor")?;
        let floor = redeem(&mut bridge, &ticket, "floor")?.ok_or("not redeemed")?;
        let to = issue(&mut bridge, &portal, "floor")?;
        let from = issue(&mut bridge, &floor, "ledger")?;
        let other = issue(&mut bridge, &portal, "ledger")?;
        database.connect(role::SECURITY)?.batch_execute(change)?;
        assert_eq!(redeem(&mut bridge, &to, "floor")?, None, "{change}");
        assert_eq!(redeem(&mut bridge, &from, "ledger")?, None, "{change}");
        // control
        assert!(redeem(&mut bridge, &other, "ledger")?.is_some());
    }
    Ok(())
}

#[test]
fn sessions_opened_through_it_end_with_all_below_them() -> Result<()> {
    for change in CHANGES.into_iter().chain([RETURN]) {
        let (database, mut bridge, portal) = scene()?;
        let root = Subject::new("alice").app("floor").log_in_with(&mut bridge)?;
        let ticket = issue(&mut bridge, &root, "ledger")?;
        let ledger = redeem(&mut bridge, &ticket, "ledger")?.ok_or("not redeemed")?;
        let ticket = issue(&mut bridge, &ledger, "portal")?;
        let back = redeem(&mut bridge, &ticket, "portal")?.ok_or("not redeemed")?;
        database.connect(role::SECURITY)?.batch_execute(change)?;
        for token in [&root, &ledger, &back] {
            assert!(!is_alive(&database, token)?, "{change}");
        }
        assert!(is_alive(&database, &portal)?, "control");
    }
    Ok(())
}

#[test]
fn registering_again_with_the_same_pillar_ends_nothing() -> Result<()> {
    let (database, mut bridge, portal) = scene()?;
    let ticket = issue(&mut bridge, &portal, "floor")?;
    let floor = redeem(&mut bridge, &ticket, "floor")?.ok_or("not redeemed")?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.register_app('floor', 'retail', idle_timeout => '1 minute'), vpd.register_app('portal', 'retail')",
    )?;
    for token in [&portal, &floor] {
        assert!(is_alive(&database, token)?);
    }
    Ok(())
}

/// What becomes of an application while a redemption waits for its turn, after it has taken the ticket.
const ENDS_OF_APPS: [&str; 4] = [
    "SELECT vpd.drop_app('floor'), vpd.register_app('floor', 'retail')",
    "SELECT vpd.drop_app('floor'), vpd.register_app('floor', 'elsewhere')",
    "SELECT vpd.register_app('floor', 'elsewhere')",
    "SELECT vpd.drop_app('portal'), vpd.register_app('portal', 'retail')",
];

#[test]
fn a_ticket_dies_with_its_applications_while_a_redemption_waits() -> Result<()> {
    for end in ENDS_OF_APPS {
        let database = Database::create()?;
        let mut bridge = database.connect(role::BRIDGE)?;
        let token = Subject::new("alice").log_in(&database)?;
        // control: without an end in between it is redeemed after the wait
        for (between, is_redeemed) in [("SELECT", true), (end, false)] {
            let ticket = issue(&mut bridge, &token, "floor")?;
            let mut other = database.connect(role::BRIDGE)?;
            let mut security = database.admin()?;
            // Whoever logs the same user in has the turn.
            other.batch_execute("BEGIN")?;
            Subject::new("alice").log_in_with(&mut other)?;
            let (redeemed, ()) = overlapped(
                &mut bridge,
                &mut database.admin()?,
                |bridge| redeem(bridge, &ticket, "floor").map_err(|error| error.to_string()),
                || {
                    let _ended = security.batch_execute(between);
                    let _over = other.batch_execute("ROLLBACK");
                },
            )?;
            assert_eq!(redeemed?.is_some(), is_redeemed, "{between}");
        }
    }
    Ok(())
}

#[test]
fn an_application_that_moves_leaves_no_exemption_behind() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute("SELECT vpd.define_hierarchy('places', '{region}')")?;
    admin.batch_execute("SELECT vpd.exempt_app('portal', 'a migration', 'places')")?;
    let count =
        "SELECT count(*) FROM vpd_private.hierarchy_exemption WHERE app = 'portal' AND revoked_at IS NULL";
    assert_eq!(admin.query_one(count, &[])?.get::<_, i64>(0), 1);
    admin.batch_execute("SELECT vpd.register_app('portal', 'elsewhere')")?;
    assert_eq!(admin.query_one(count, &[])?.get::<_, i64>(0), 0);
    Ok(())
}

#[test]
fn of_two_first_registrations_the_later_one_ends_what_the_first_has_begun() -> Result<()> {
    let database = Database::create()?;
    let (mut first, mut second) = (database.admin()?, database.admin()?);
    first.batch_execute("BEGIN; SELECT vpd.register_app('fresh', 'one')")?;
    second.batch_execute("BEGIN")?;
    let mut token = String::new();
    let (registered, ()) = overlapped(
        &mut second,
        &mut database.admin()?,
        |second| second.batch_execute("SELECT vpd.register_app('fresh', 'two')"),
        || {
            let _done = first.batch_execute("COMMIT");
            let row = first.query_one("SELECT vpd.create_session('alice', 'fresh')", &[]);
            token = row.map(|row| row.get(0)).unwrap_or_default();
        },
    )?;
    registered?;
    second.batch_execute("COMMIT")?;
    assert_refused(
        attach(&mut database.connect(role::USER)?, &token),
        "28000",
        "session_invalid",
    );
    Ok(())
}

#[test]
fn time_outs_are_checked_as_they_are_stored() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    for arguments in [
        "'{}', '100 years -36000 days 24 hours', '100 years -35970 days'",
        "'{}', '25 hours', '26 hours'",
        "'{}', '35 minutes', '1 year -330 days'",
        "'{}', '35 minutes', '12 hours', '1 year -360 days'",
    ] {
        let register = format!("SELECT vpd.register_app('odd', 'retail', {arguments})");
        assert_refused(admin.batch_execute(&register), "22023", "argument_invalid");
    }
    admin.batch_execute(
        "SELECT vpd.register_app('odd', 'retail', '{}', '24 hours', '30 days', '120 seconds')",
    )?;
    Ok(())
}
