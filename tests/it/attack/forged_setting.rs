//! Whoever may run SET forges an identity that is kept in a setting. Ours is kept where no SQL writes.

use vpd_tests::{
    Database, Result, Subject, attach, create_orders, expected_ids, ids, outcome, protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

/// Everything a client can say about who it would like to be.
const FORGERIES: &[&str] = &[
    "SET app.user = 'alice'",
    "SET app.region = 'West'",
    "SET app.regions = 'West'",
    "SET LOCAL app.region = 'West'",
    "SELECT set_config('app.region', 'West', false)",
    "SELECT set_config('app.region', 'West', true)",
    "SET vpd.user_name = 'alice'",
    "SET vpd.region = 'West'",
    "SET vpd.session_id = '00000000-0000-0000-0000-000000000000'",
    "SET vpd.is_authenticated = on",
    "SET \"vpd.attribute\" = 'West'",
    "SELECT set_config('vpd.user', 'alice', false)",
    "SELECT set_config('vpd.context', '{\"app\": {\"region\": \"West\"}}', false)",
    "SET application_name = 'alice'",
    "SET session_replication_role = replica",
    "SET row_security = off",
    "SET search_path = pg_temp",
    "SET vpd.null_predicate = 'all_rows'",
    "SET local_preload_libraries = ''",
    "SET session_preload_libraries = ''",
];

#[test]
fn control_a_policy_on_a_setting_believes_anyone() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY by_region ON shop.orders USING (region = current_setting('app.region', true))",
    )?;
    let mut user = database.connect(role::USER)?;
    assert!(ids(&mut user, ORDERS)?.is_empty());
    user.batch_execute("SET app.region = 'West'")?;
    assert_eq!(ids(&mut user, ORDERS)?, expected_ids("West"));
    Ok(())
}

#[test]
fn a_forged_setting_gives_nobody_a_session() -> Result<()> {
    let database = protected_orders()?;
    for forgery in FORGERIES {
        let mut user = database.connect(role::USER)?;
        let accepted = outcome(user.batch_execute(forgery)).is_ok();
        let seen = outcome(ids(&mut user, ORDERS)).unwrap_or_default();
        assert!(seen.is_empty(), "{forgery} (accepted: {accepted})");
        user.batch_execute("RESET ALL")?;
        assert!(
            !user
                .query_one("SELECT vpd.is_established()", &[])?
                .get::<_, bool>(0),
            "{forgery}"
        );
    }
    Ok(())
}

#[test]
fn a_forged_setting_does_not_widen_a_session() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    for forgery in FORGERIES {
        let mut user = database.connect(role::USER)?;
        let _accepted_or_not = outcome(user.batch_execute(forgery));
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        let seen = outcome(ids(&mut session, ORDERS));
        assert!(
            seen.is_err() || seen == Ok(expected_ids("East")),
            "{forgery}: {seen:?}"
        );
    }
    Ok(())
}

#[test]
fn start_up_options_forge_nothing_either() -> Result<()> {
    let database = protected_orders()?;
    for options in [
        "-c app.region=West",
        "-c app.user=alice",
        "-c vpd.region=West",
        "-c vpd.null_predicate=all_rows",
    ] {
        let mut config = database.config(role::USER);
        config.options(options);
        if let Ok(mut user) = config.connect(postgres::NoTls) {
            assert!(
                outcome(ids(&mut user, ORDERS)).unwrap_or_default().is_empty(),
                "{options}"
            );
        }
    }
    Ok(())
}

#[test]
fn settings_of_a_role_forge_nothing_either() -> Result<()> {
    let database = protected_orders()?;
    let mut user = database.connect(role::USER)?;
    for setting in ["vpd.region", "vpd.user_name", "vpd.null_predicate"] {
        let alter = format!(
            "ALTER ROLE app_user IN DATABASE {} SET {setting} = 'all_rows'",
            database.name()
        );
        let _accepted_or_not = outcome(user.batch_execute(&alter));
    }
    assert!(ids(&mut database.connect(role::USER)?, ORDERS)?.is_empty());
    Ok(())
}
