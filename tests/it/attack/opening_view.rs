//! A view reads with the rights of its owner. One whose owner no policy applies to opens the table to whoever may read the view;
//! a materialized view keeps the rows of one session for everybody.

use vpd_tests::{
    Database, Result, Subject, assert_refused, create_orders, expected_ids, fresh_ids, ids, outcome,
    protected_orders, role,
};

const GRANT: &str = "GRANT SELECT ON ALL TABLES IN SCHEMA shop TO app_user";

/// Ways in which a superuser opens the table, and the relation to read.
const OPENINGS: [(&str, &str); 8] = [
    ("CREATE VIEW shop.door AS SELECT * FROM shop.orders", "shop.door"),
    (
        "CREATE OR REPLACE VIEW shop.door AS SELECT id FROM shop.orders WHERE id > 0",
        "shop.door",
    ),
    (
        "CREATE VIEW shop.door AS SELECT id FROM (SELECT * FROM shop.orders) o",
        "shop.door",
    ),
    (
        "CREATE VIEW shop.door WITH (security_invoker) AS SELECT * FROM shop.orders;
         ALTER VIEW shop.door RESET (security_invoker)",
        "shop.door",
    ),
    (
        "SET ROLE app_owner; CREATE VIEW shop.door AS SELECT * FROM shop.orders; RESET ROLE;
         ALTER TABLE shop.door OWNER TO postgres",
        "shop.door",
    ),
    (
        "GRANT CREATE ON SCHEMA shop TO app_stranger; GRANT SELECT ON shop.orders TO app_stranger;
         SET ROLE app_stranger; CREATE VIEW shop.door AS SELECT * FROM shop.orders; RESET ROLE;
         REASSIGN OWNED BY app_stranger TO postgres",
        "shop.door",
    ),
    (
        "CREATE MATERIALIZED VIEW shop.door AS SELECT * FROM shop.orders",
        "shop.door",
    ),
    (
        "CREATE SCHEMA attic CREATE VIEW door AS SELECT * FROM shop.orders;
         GRANT USAGE ON SCHEMA attic TO app_user; GRANT SELECT ON attic.door TO app_user",
        "attic.door",
    ),
];

#[test]
fn a_view_that_opens_the_table_is_warned_of() -> Result<()> {
    for (opening, door) in OPENINGS {
        let database = protected_orders()?;
        let (mut admin, notices) = database.connect_noticing("postgres")?;
        admin.batch_execute(opening)?;
        admin.batch_execute(GRANT)?;
        let through = fresh_ids(&database, None, &format!("SELECT id FROM {door}"))?;
        assert_eq!(through.len(), 40, "control: it opens the table: {opening}");
        let warnings: Vec<_> = notices
            .take()
            .into_iter()
            .filter(|notice| {
                notice
                    .detail()
                    .is_some_and(|detail| detail.contains("code: policy_bypassed"))
            })
            .collect();
        assert_eq!(warnings.len(), 1, "{opening}: {warnings:?}");
        assert!(warnings[0].hint().is_some());
    }
    Ok(())
}

#[test]
fn a_view_that_does_not_open_the_table_is_not_warned_of() -> Result<()> {
    let database = protected_orders()?;
    let (mut admin, notices) = database.connect_noticing("postgres")?;
    admin.batch_execute(
        "CREATE VIEW shop.invoker WITH (security_invoker) AS SELECT * FROM shop.orders;
         CREATE TABLE shop.notes (id integer); CREATE VIEW shop.of_notes AS SELECT * FROM shop.notes;
         CREATE MATERIALIZED VIEW shop.stored_notes AS SELECT * FROM shop.notes;
         SET ROLE app_owner; CREATE VIEW shop.plain AS SELECT * FROM shop.orders; RESET ROLE;
         CREATE VIEW shop.over_plain AS SELECT id FROM shop.plain; CREATE VIEW shop.over_invoker AS SELECT id FROM shop.invoker",
    )?;
    admin.batch_execute(GRANT)?;
    let warnings = notices.take();
    assert!(warnings.is_empty(), "{warnings:?}");
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    for view in ["invoker", "plain", "over_plain", "over_invoker"] {
        let query = format!("SELECT id FROM shop.{view}");
        assert!(fresh_ids(&database, None, &query)?.is_empty(), "{view}");
        assert_eq!(
            fresh_ids(&database, Some(&token), &query)?,
            expected_ids("East"),
            "{view}"
        );
    }
    Ok(())
}

const STORED: [&str; 3] = [
    "CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM shop.orders",
    "CREATE VIEW shop.thin AS SELECT * FROM shop.orders; CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM shop.thin",
    "CREATE TEMPORARY TABLE stored (id integer); CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM shop.orders WITH NO DATA;
     REFRESH MATERIALIZED VIEW shop.stored",
];

#[test]
fn control_a_materialized_view_shows_the_rows_of_one_to_another() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY by_region ON shop.orders USING (region = current_setting('app.region', true))",
    )?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("SET app.region = 'East'")?;
    owner.batch_execute(STORED[0])?;
    owner.batch_execute(GRANT)?;
    assert_eq!(
        fresh_ids(&database, None, "SELECT id FROM shop.stored")?,
        expected_ids("East")
    );
    Ok(())
}

#[test]
fn a_materialized_view_is_refused_to_roles_under_policy() -> Result<()> {
    for stored in STORED {
        let database = protected_orders()?;
        let mut owner = database.connect(role::OWNER)?;
        assert_refused(owner.batch_execute(stored), "42501", "privilege_missing");
        assert!(
            ids(&mut owner, "SELECT 1 FROM pg_matviews")?.is_empty(),
            "{stored}"
        );
    }
    Ok(())
}

#[test]
fn a_materialized_view_made_before_is_not_filled_again_by_roles_under_policy() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM shop.orders WITH NO DATA")?;
    vpd_tests::add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_region",
        vpd_tests::BY_REGION,
    )?;
    assert_refused(
        owner.batch_execute("REFRESH MATERIALIZED VIEW shop.stored"),
        "42501",
        "privilege_missing",
    );
    Ok(())
}

#[test]
fn a_rule_that_reads_the_table_with_rights_past_policy_is_warned_of() -> Result<()> {
    let database = protected_orders()?;
    let (mut admin, notices) = database.connect_noticing("postgres")?;
    admin.batch_execute(
        "CREATE TABLE shop.knock (id integer); CREATE TABLE shop.shown (id integer);
         GRANT ALL ON shop.knock, shop.shown TO app_user;
         CREATE RULE door AS ON INSERT TO shop.knock DO INSTEAD INSERT INTO shop.shown SELECT id FROM shop.orders",
    )?;
    assert_eq!(notices.take().len(), 1);
    let mut user = database.connect(role::USER)?;
    user.execute("INSERT INTO shop.knock VALUES (1)", &[])?;
    assert_eq!(
        ids(&mut user, "SELECT id FROM shop.shown")?.len(),
        40,
        "control: it opens the table"
    );
    Ok(())
}

#[test]
fn nobody_under_policy_gives_a_view_to_an_owner_past_policy() -> Result<()> {
    let database = protected_orders()?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("CREATE VIEW shop.door AS SELECT * FROM shop.orders")?;
    assert!(outcome(owner.batch_execute("ALTER VIEW shop.door OWNER TO postgres")).is_err());
    Ok(())
}
