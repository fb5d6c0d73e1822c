//! A name in a sub-select that means another table's column than its author thought: he is warned, and can read what was understood.

use postgres::Client;
use vpd_tests::{Database, Notices, Result, Subject, attach, create_orders, role};

fn scene() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.grants (user_name text, region text);
         INSERT INTO shop.grants VALUES ('alice', 'East');
         GRANT SELECT ON shop.grants TO PUBLIC",
    )?;
    Ok(database)
}

/// The warnings about captured names: the message of each.
fn captured(notices: &Notices) -> Vec<String> {
    let taken = notices.take();
    let found = taken.iter().filter(|notice| {
        notice
            .detail()
            .is_some_and(|detail| detail.contains("code: name_captured"))
            && notice.hint().is_some()
    });
    found.map(|notice| notice.message().to_owned()).collect()
}

const CAPTURING: &str = "EXISTS (SELECT 1 FROM shop.grants g WHERE g.region = region)";
const MEANT: &str = "EXISTS (SELECT 1 FROM shop.grants g WHERE g.region = orders.region)";

/// Every function that takes a predicate or an expression; `$1` is its text.
const TAKERS: &[&str] = &[
    "SELECT vpd.add_policy('shop.orders', 'q', $1)",
    "SELECT vpd.alter_policy('shop.orders', 'p', $1)",
    "SELECT vpd.shadow_policy('shop.orders', 'p', $1)",
    "SELECT vpd.add_mask('shop.orders', 'amount', '0', visible_when => $1)",
    "SELECT vpd.alter_mask('shop.orders', 'region', visible_when => $1)",
    "SELECT vpd.add_mask('shop.orders', 'amount', 'CASE WHEN ' || $1 || ' THEN 1 END')",
    "SELECT * FROM vpd.import_definitions(jsonb_build_object('format', 'pg_vpd definitions', 'version', 1, 'policies', jsonb_build_array(jsonb_build_object('relation', 'shop.orders', 'name', 'i', 'predicate', $1::text))))",
];

#[test]
fn whoever_gives_a_predicate_is_warned_of_captured_names() -> Result<()> {
    let database = scene()?;
    let (mut security, notices) = database.connect_noticing(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.add_policy('shop.orders', 'p', 'true'); SELECT vpd.add_mask('shop.orders', 'region', '''none''')",
    )?;
    for taker in TAKERS {
        for (predicate, is_captured) in [(CAPTURING, true), (MEANT, false), ("region = 'East'", false)] {
            security.batch_execute("BEGIN")?;
            security.execute(*taker, &[&predicate])?;
            security.batch_execute("ROLLBACK")?;
            let warnings = captured(&notices);
            assert_eq!(
                !warnings.is_empty(),
                is_captured,
                "{taker}, {predicate}: {warnings:?}"
            );
            assert!(
                warnings.iter().all(|warning| warning.contains("\"region\"")),
                "{warnings:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn captured_names_are_found_wherever_they_stand() -> Result<()> {
    let database = scene()?;
    let (mut security, notices) = database.connect_noticing(role::SECURITY)?;
    let cases = [
        ("region IN (SELECT g.region FROM shop.grants g)", false),
        ("region IN (SELECT region FROM shop.grants g)", true),
        ("EXISTS (SELECT FROM (SELECT 1 AS id) x WHERE x.id = id)", true),
        (
            "EXISTS (SELECT FROM shop.grants g WHERE EXISTS (SELECT FROM shop.grants h WHERE g.region = region))",
            true,
        ),
        (
            "EXISTS (SELECT FROM shop.grants g WHERE EXISTS (SELECT WHERE g.region = region))",
            true,
        ),
        (
            "EXISTS (SELECT FROM shop.grants g JOIN shop.grants h USING (user_name) WHERE h.region = orders.region)",
            false,
        ),
        (
            "EXISTS (WITH w AS (SELECT 1 AS amount) SELECT FROM w WHERE amount = 1)",
            true,
        ),
        (
            "EXISTS (SELECT FROM shop.grants g WHERE g.user_name = user_name)",
            false,
        ),
        (
            "EXISTS (SELECT FROM (SELECT 1 AS other) x WHERE other = amount)",
            false,
        ),
        (
            "(SELECT count(*) FROM shop.grants g GROUP BY region LIMIT 1) > 0",
            true,
        ),
        ("(SELECT amount) > 0", false),
    ];
    for (predicate, is_captured) in cases {
        security.batch_execute("BEGIN")?;
        security.execute("SELECT vpd.add_policy('shop.orders', 'q', $1)", &[&predicate])?;
        security.batch_execute("ROLLBACK")?;
        let warnings = captured(&notices);
        assert_eq!(!warnings.is_empty(), is_captured, "{predicate}: {warnings:?}");
    }
    Ok(())
}

fn understood(client: &mut Client) -> Result<String> {
    Ok(client
        .query_one("SELECT vpd.effective_predicate('shop.orders')", &[])?
        .get(0))
}

#[test]
fn the_effective_predicate_says_what_was_understood() -> Result<()> {
    let database = scene()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    for (predicate, wanted, rows) in [
        (CAPTURING, "g.region = g.region", 40),
        (MEANT, "g.region = orders.region", 10),
    ] {
        let mut security = database.connect(role::SECURITY)?;
        security.execute("SELECT vpd.add_policy('shop.orders', 'p', $1)", &[&predicate])?;
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        assert_eq!(transaction.query("SELECT FROM shop.orders", &[])?.len(), rows);
        drop(transaction);
        let mut transaction = security.transaction()?;
        let told = {
            let row = transaction.query_one("SELECT vpd.effective_predicate('shop.orders')", &[])?;
            row.get::<_, String>(0)
        };
        assert!(told.contains(wanted), "{told}");
        transaction.commit()?;
        security.batch_execute("SELECT vpd.drop_policy('shop.orders', 'p')")?;
    }
    Ok(())
}

/// What is printed means the same: taken as a predicate, it shows the same rows.
#[test]
fn what_is_printed_means_the_same() -> Result<()> {
    let database = scene()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut admin = database.admin()?;
    for predicate in [
        CAPTURING,
        MEANT,
        "region = vpd.attribute('app', 'region') OR amount BETWEEN 20 AND 30",
        "id % 2 = 0 AND region LIKE 'E%' AND shop.orders.amount::text ~ '0$'",
        "region = ANY (ARRAY['East', 'West']) AND (orders.id, 1) > (3, 0)",
    ] {
        admin.execute("SELECT vpd.add_policy('shop.orders', 'p', $1)", &[&predicate])?;
        let seen = vpd_tests::fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?;
        let told = understood(&mut admin)?;
        admin.execute("SELECT vpd.alter_policy('shop.orders', 'p', $1)", &[&told])?;
        let again = vpd_tests::fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?;
        assert_eq!(seen, again, "{told}");
        admin.batch_execute("SELECT vpd.drop_policy('shop.orders', 'p')")?;
    }
    Ok(())
}
