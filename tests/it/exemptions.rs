//! Roles that policies do not apply to: what they see, from when until when, and what is written down.

use postgres::Client;
use vpd_tests::{
    Database, Result, Subject, assert_all_refused, assert_denied, assert_refused, expected_ids, fresh_ids,
    ids, protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";
const GRANT: &str = "SELECT vpd.grant_exempt($1::text::regrole, $2, $3::text::regclass)";
const REVOKE: &str = "SELECT vpd.revoke_exempt($1::text::regrole, $2::text::regclass)";

fn grant(
    security: &mut Client,
    role: &str,
    table: Option<&str>,
) -> std::result::Result<u64, postgres::Error> {
    security.execute(GRANT, &[&role, &"nightly load", &table])
}

fn revoke(
    security: &mut Client,
    role: &str,
    table: Option<&str>,
) -> std::result::Result<u64, postgres::Error> {
    security.execute(REVOKE, &[&role, &table])
}

/// Protected orders that the stranger may read and write, too.
fn scene() -> Result<Database<'static>> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES ON shop.orders TO app_stranger;
         GRANT CREATE ON SCHEMA shop TO app_stranger",
    )?;
    Ok(database)
}

#[test]
fn an_exempt_role_reads_and_writes_every_row_until_it_is_revoked() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut stranger = database.connect(role::STRANGER)?;
    assert!(ids(&mut stranger, ORDERS)?.is_empty(), "control");
    grant(&mut security, role::STRANGER, None)?;
    assert_eq!(ids(&mut stranger, ORDERS)?.len(), 40);
    assert_eq!(stranger.execute("UPDATE shop.orders SET amount = 1", &[])?, 40);
    assert_eq!(
        stranger.execute("INSERT INTO shop.orders VALUES (41, 'Moon', 1)", &[])?,
        1
    );
    let predicate: String = {
        database
            .admin()?
            .batch_execute("GRANT EXECUTE ON FUNCTION vpd.effective_predicate TO app_stranger")?;
        let query = "SELECT vpd.effective_predicate('shop.orders')";
        stranger.query_one(query, &[])?.get(0)
    };
    assert_eq!(predicate, "true");
    assert!(
        fresh_ids(&database, None, ORDERS)?.is_empty(),
        "others are not exempt"
    );
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, expected_ids("East"));
    revoke(&mut security, role::STRANGER, None)?;
    assert!(ids(&mut stranger, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn an_exemption_may_be_for_one_table() -> Result<()> {
    let database = scene()?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.returns AS SELECT * FROM shop.orders; GRANT SELECT ON shop.returns TO app_stranger",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    vpd_tests::add_policy(&mut security, "shop.returns", "by_region", vpd_tests::BY_REGION)?;
    grant(&mut security, role::STRANGER, Some("shop.orders"))?;
    let mut stranger = database.connect(role::STRANGER)?;
    assert_eq!(ids(&mut stranger, ORDERS)?.len(), 40);
    assert!(ids(&mut stranger, "SELECT id FROM shop.returns")?.is_empty());
    grant(&mut security, role::STRANGER, None)?;
    assert_eq!(ids(&mut stranger, "SELECT id FROM shop.returns")?.len(), 40);
    revoke(&mut security, role::STRANGER, None)?;
    assert!(ids(&mut stranger, "SELECT id FROM shop.returns")?.is_empty());
    assert_eq!(ids(&mut stranger, ORDERS)?.len(), 40, "the narrow one stands");
    Ok(())
}

#[test]
fn a_table_protected_later_is_open_to_who_is_exempt_on_every_table() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    grant(&mut security, role::STRANGER, None)?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.later AS SELECT * FROM shop.orders; GRANT SELECT ON shop.later TO app_stranger, app_user",
    )?;
    vpd_tests::add_policy(&mut security, "shop.later", "none", "false")?;
    let later = "SELECT id FROM shop.later";
    assert_eq!(ids(&mut database.connect(role::STRANGER)?, later)?.len(), 40);
    assert!(fresh_ids(&database, None, later)?.is_empty());
    Ok(())
}

#[test]
fn cached_plans_follow_grants_and_revokes_in_other_connections() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut stranger = database.connect(role::STRANGER)?;
    stranger.batch_execute(
        "CREATE FUNCTION pg_temp.seen() RETURNS bigint LANGUAGE plpgsql AS
             'DECLARE n bigint; BEGIN SELECT count(*) INTO n FROM shop.orders; RETURN n; END'",
    )?;
    let direct = stranger.prepare("SELECT count(*) FROM shop.orders")?;
    let nested = stranger.prepare("SELECT pg_temp.seen()")?;
    for expected in [0, 40, 0, 40] {
        for _ in 0..8 {
            for statement in [&direct, &nested] {
                assert_eq!(stranger.query_one(statement, &[])?.get::<_, i64>(0), expected);
            }
        }
        if expected == 0 {
            grant(&mut security, role::STRANGER, Some("shop.orders"))?;
        } else {
            revoke(&mut security, role::STRANGER, Some("shop.orders"))?;
        }
    }
    Ok(())
}

#[test]
fn a_grant_that_is_rolled_back_exempts_nobody() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut stranger = database.connect(role::STRANGER)?;
    let mut transaction = security.transaction()?;
    transaction.execute(GRANT, &[&role::STRANGER, &"never", &None::<&str>])?;
    assert!(ids(&mut stranger, ORDERS)?.is_empty());
    transaction.rollback()?;
    assert!(ids(&mut stranger, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn an_exempt_role_may_truncate_but_not_leave_a_foreign_key() -> Result<()> {
    let database = scene()?;
    let mut stranger = database.connect(role::STRANGER)?;
    assert_denied(stranger.batch_execute("TRUNCATE shop.orders"));
    grant(
        &mut database.connect(role::SECURITY)?,
        role::STRANGER,
        Some("shop.orders"),
    )?;
    let probe = "CREATE TABLE shop.probe (id integer REFERENCES shop.orders)";
    assert_refused(stranger.batch_execute(probe), "42501", "privilege_missing");
    stranger.batch_execute("TRUNCATE shop.orders")?;
    assert!(ids(&mut database.admin()?, ORDERS)?.is_empty());
    Ok(())
}

#[test]
fn what_cannot_be_granted_is_told_apart() -> Result<()> {
    let database = scene()?;
    let mut admin = database.admin()?;
    admin.batch_execute("CREATE VIEW shop.v AS SELECT 1 AS id")?;
    let mut security = database.connect(role::SECURITY)?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.grant_exempt({})",
        r#"
         22023 argument_invalid     'app_stranger', ''
         22023 argument_invalid     'app_stranger', '  '
         22023 argument_invalid     'app_stranger', E'two\nlines'
         22023 argument_invalid     'app_stranger', repeat('x', 1001)
         22023 argument_invalid     'app_stranger', NULL
         42704 role_not_found       0::oid::regrole, 'why'
         42704 role_not_found       4294967294::oid::regrole, 'why'
         42809 relation_unsupported 'app_stranger', 'why', 'shop.v'
         42809 relation_unsupported 'app_stranger', 'why', 'pg_catalog.pg_class'"#,
    );
    assert_denied(security.execute(
        "SELECT vpd.grant_exempt('app_stranger', 'why', 'vpd_private.session'::regclass::oid::regclass)",
        &[],
    ));
    grant(&mut security, role::STRANGER, None)?;
    assert_refused(
        grant(&mut security, role::STRANGER, None),
        "42710",
        "exemption_exists",
    );
    assert_refused(
        revoke(&mut security, role::OWNER, None),
        "42704",
        "exemption_not_found",
    );
    Ok(())
}

#[test]
fn who_granted_and_revoked_is_kept_and_logged() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    grant(&mut security, role::STRANGER, Some("shop.orders"))?;
    let list = "SELECT role_name, relation, reason, granted_by, revoked_by, is_active FROM vpd.exemptions";
    let mut auditor = database.connect(role::AUDITOR)?;
    let row = auditor.query_one(list, &[])?;
    let texts: [Option<String>; 5] = std::array::from_fn(|column| row.get(column));
    let expected = ["app_stranger", "shop.orders", "nightly load", "sec_admin", ""];
    assert_eq!(texts.map(Option::unwrap_or_default), expected);
    assert!(row.get::<_, bool>(5));
    revoke(&mut security, role::STRANGER, Some("shop.orders"))?;
    grant(&mut security, role::STRANGER, None)?;
    let rows = auditor.query(list, &[])?;
    assert_eq!(rows.len(), 2, "the revoked one stays");
    assert_eq!(rows[1].get::<_, Option<String>>(4).as_deref(), Some("sec_admin"));
    assert!(!rows[1].get::<_, bool>(5));
    let log = std::fs::read_to_string(database.cluster().log())?;
    let place = format!("@{} LOG:  pg_vpd: role \"app_stranger\" is", database.name());
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&place)).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].contains("nightly load"));
    assert!(lines[1].contains("no longer exempt"));
    Ok(())
}

#[test]
fn a_dropped_table_ends_the_exemptions_on_it() -> Result<()> {
    let database = scene()?;
    grant(
        &mut database.connect(role::SECURITY)?,
        role::STRANGER,
        Some("shop.orders"),
    )?;
    let mut admin = database.admin()?;
    admin.batch_execute("DROP TABLE shop.orders")?;
    let row = admin.query_one("SELECT relation, revoked_by, is_active FROM vpd.exemptions", &[])?;
    assert_eq!(row.get::<_, &str>(0), "shop.orders");
    assert_eq!(row.get::<_, &str>(1), "(table dropped)");
    assert!(!row.get::<_, bool>(2));
    Ok(())
}

#[test]
fn an_exempt_role_sees_values_and_not_masks() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.add_mask('shop.orders', 'amount', '-1')")?;
    let amount = "SELECT DISTINCT amount < 0 FROM shop.orders";
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    vpd_tests::attach(&mut transaction, &token)?;
    assert!(
        transaction.query_one(amount, &[])?.get::<_, bool>(0),
        "control: masked"
    );
    grant(&mut security, role::STRANGER, Some("shop.orders"))?;
    let mut stranger = database.connect(role::STRANGER)?;
    assert!(!stranger.query_one(amount, &[])?.get::<_, bool>(0));
    revoke(&mut security, role::STRANGER, Some("shop.orders"))?;
    assert!(stranger.query(amount, &[])?.is_empty());
    Ok(())
}
