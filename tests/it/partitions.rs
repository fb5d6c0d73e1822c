//! Tables in pieces: partitions and children, written and read through the parent and past it.

use vpd_tests::{
    BY_REGION, Database, Result, Subject, add_policy, assert_refused, attach, fresh_ids, ids, outcome, role,
};

const SALES: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
GRANT USAGE ON FOREIGN SERVER nowhere TO app_owner;
SET ROLE app_owner;
CREATE TABLE shop.sales (id integer, region text) PARTITION BY RANGE (id);
CREATE TABLE shop.sales_1 PARTITION OF shop.sales FOR VALUES FROM (0) TO (20);
CREATE TABLE shop.sales_2 PARTITION OF shop.sales FOR VALUES FROM (20) TO (40) PARTITION BY LIST (region);
CREATE TABLE shop.sales_2_east PARTITION OF shop.sales_2 FOR VALUES IN ('East');
CREATE TABLE shop.sales_2_rest PARTITION OF shop.sales_2 DEFAULT;
INSERT INTO shop.sales SELECT n, CASE n % 2 WHEN 0 THEN 'East' ELSE 'West' END FROM generate_series(0, 39) n;
GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user;
";

fn protected_sales() -> Result<(Database<'static>, String)> {
    let database = Database::create()?;
    database.admin()?.batch_execute(SALES)?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.sales",
        "by_region",
        BY_REGION,
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    Ok((database, token))
}

#[test]
fn pieces_of_pieces_are_covered() -> Result<()> {
    let (database, token) = protected_sales()?;
    for table in ["sales_1", "sales_2", "sales_2_east", "sales_2_rest"] {
        let query = format!("SELECT id FROM shop.{table}");
        assert!(fresh_ids(&database, None, &query)?.is_empty(), "{table}");
        let seen = fresh_ids(&database, Some(&token), &query)?;
        assert!(seen.iter().all(|id| id % 2 == 0), "{table}: {seen:?}");
    }
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.sales")?.len(),
        20
    );
    Ok(())
}

#[test]
fn rows_written_through_the_parent_are_checked_by_its_policies() -> Result<()> {
    let (database, token) = protected_sales()?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_eq!(
        session.execute("INSERT INTO shop.sales VALUES (5, 'East'), (25, 'East')", &[])?,
        2
    );
    assert_eq!(
        session.execute("UPDATE shop.sales SET id = 30 WHERE id = 4", &[])?,
        1,
        "moved to another piece"
    );
    session.commit()?;
    for statement in [
        "INSERT INTO shop.sales VALUES (5, 'West')",
        "INSERT INTO shop.sales VALUES (25, 'West')",
        "UPDATE shop.sales SET region = 'West' WHERE id = 2",
        "UPDATE shop.sales SET id = 31, region = 'West' WHERE id = 2",
        "UPDATE shop.sales SET region = 'West' WHERE id = 22",
    ] {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        assert_refused(session.execute(statement, &[]), "44000", "policy_check");
    }
    Ok(())
}

#[test]
fn rows_written_past_the_parent_are_not_let_in_unchecked() -> Result<()> {
    let (database, token) = protected_sales()?;
    let mut user = database.connect(role::USER)?;
    for statement in [
        "INSERT INTO shop.sales_1 VALUES (7, 'West')",
        "INSERT INTO shop.sales_2 VALUES (27, 'West')",
        "INSERT INTO shop.sales_2_rest VALUES (27, 'West')",
        "UPDATE shop.sales_1 SET region = 'West'",
        "DELETE FROM shop.sales_1 WHERE region = 'West'",
        "DELETE FROM shop.sales_2_rest",
        "TRUNCATE shop.sales_1",
        "TRUNCATE shop.sales_2",
    ] {
        for is_attached in [false, true] {
            let mut session = user.transaction()?;
            if is_attached {
                attach(&mut session, &token)?;
            }
            let _refused_or_without_effect = outcome(session.execute(statement, &[]));
            drop(session.commit());
            let west = "SELECT count(*) FROM shop.sales WHERE region = 'West' AND id % 2 = 1";
            let kept: i64 = database.admin()?.query_one(west, &[])?.get(0);
            let all: i64 = database
                .admin()?
                .query_one("SELECT count(*) FROM shop.sales WHERE region = 'West'", &[])?
                .get(0);
            assert_eq!((kept, all), (20, 20), "{statement}, attached: {is_attached}");
        }
    }
    Ok(())
}

#[test]
fn a_foreign_piece_is_refused_because_row_security_does_not_reach_it() -> Result<()> {
    let piece =
        "CREATE FOREIGN TABLE shop.far PARTITION OF shop.sales FOR VALUES FROM (40) TO (60) SERVER nowhere";
    let (database, _) = protected_sales()?;
    let mut owner = database.connect(role::OWNER)?;
    assert!(outcome(owner.batch_execute(piece)).is_err(), "a new one");
    let attached = "CREATE FOREIGN TABLE shop.far (id integer, region text) SERVER nowhere;
                    ALTER TABLE shop.sales ATTACH PARTITION shop.far FOR VALUES FROM (40) TO (60)";
    assert!(
        outcome(owner.batch_execute(attached)).is_err(),
        "one that was there"
    );

    let database = Database::create()?;
    database.admin()?.batch_execute(SALES)?;
    database.connect(role::OWNER)?.batch_execute(piece)?;
    let mut security = database.connect(role::SECURITY)?;
    let added = vpd_tests::refusal(add_policy(&mut security, "shop.sales", "by_region", BY_REGION));
    assert_eq!(added.state.code(), "42809", "{added:?}");
    Ok(())
}

#[test]
fn dropping_the_last_policy_gives_back_every_piece() -> Result<()> {
    let (database, _) = protected_sales()?;
    database
        .connect(role::SECURITY)?
        .execute("SELECT vpd.drop_policy('shop.sales', 'by_region')", &[])?;
    let flags = "SELECT count(*) FROM pg_class c
                  WHERE c.relnamespace = 'shop'::regnamespace AND (c.relrowsecurity OR c.relforcerowsecurity)";
    assert_eq!(database.admin()?.query_one(flags, &[])?.get::<_, i64>(0), 0);
    let mut user = database.connect(role::USER)?;
    assert_eq!(ids(&mut user, "SELECT id FROM shop.sales_2_rest")?.len(), 10);
    assert!(database.admin()?.query("SELECT FROM pg_policy", &[])?.is_empty());
    Ok(())
}
