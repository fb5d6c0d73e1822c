//! Masks beside row policies, policies that mask, and whom neither applies to.

use super::scene::{SALARY, hr, in_region, is_revealing, masked_staff, nobody};
use super::{is_masked, seen};
use vpd_tests::{Cluster, Database, Result, attach, create_orders, fresh_ids, role};

#[test]
fn row_policies_and_masks_go_together() -> Result<()> {
    let database = masked_staff()?;
    vpd_tests::add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.staff",
        "not_the_boss",
        "salary < 910008 AND id > 1",
    )?;
    let token = nobody(&database)?;
    // The policy decides by the true value, which the session does not see.
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.staff")?,
        [2, 3, 4, 5, 6, 7]
    );
    assert!(!is_revealing(&seen(&database, &token, "TABLE shop.staff")?));
    Ok(())
}

#[test]
fn whom_policies_do_not_apply_to_sees_the_values() -> Result<()> {
    let database = masked_staff()?;
    let count = "SELECT count(salary)::integer FROM shop.staff";
    assert_eq!(database.admin()?.query_one(count, &[])?.get::<_, i32>(0), 8);
    let mut owner = database.connect(role::OWNER)?;
    assert_eq!(
        owner.query_one(count, &[])?.get::<_, i32>(0),
        0,
        "the owner is no exception"
    );
    Ok(())
}

#[test]
fn a_new_row_may_be_written_and_is_returned_masked() -> Result<()> {
    let database = masked_staff()?;
    let token = nobody(&database)?;
    let told = seen(
        &database,
        &token,
        "INSERT INTO shop.staff (id, name, region, salary, ssn) VALUES (9, 'new', 'East', 910009, '555-19-6799')
             RETURNING id, salary, ssn",
    )?;
    assert_eq!(told, "9|(null)|XXX-XX-6799|\n");
    Ok(())
}

#[test]
fn a_policy_that_masks_leaves_the_rows_and_hides_the_columns() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.execute(
        "SELECT vpd.add_policy('shop.orders', 'amounts', 'region = vpd.attribute(''app'', ''region'')',
             relevant_columns => '{amount}', mask_columns => true)",
        &[],
    )?;
    let token = in_region(&database, "West")?;
    let west = vpd_tests::expected_ids("West");
    let amounts = "SELECT id FROM shop.orders WHERE amount IS NOT NULL";
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?.len(),
        40
    );
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id, amount FROM shop.orders")?.len(),
        40
    );
    assert_eq!(fresh_ids(&database, Some(&token), amounts)?, west);
    assert!(fresh_ids(&database, None, amounts)?.is_empty());
    // A mask of its own over the same column: the value is shown where both say so.
    security.execute(
        "SELECT vpd.add_mask('shop.orders', 'amount', '0', 'id > 20')",
        &[],
    )?;
    let both: Vec<i32> = west.iter().copied().filter(|id| *id > 20).collect();
    assert_eq!(
        fresh_ids(
            &database,
            Some(&token),
            "SELECT id FROM shop.orders WHERE amount > 0"
        )?,
        both
    );
    security.execute("SELECT vpd.drop_mask('shop.orders', 'amount')", &[])?;
    // Once its column cannot be told any more, the policy leaves rows out.
    database
        .admin()?
        .batch_execute("ALTER TABLE shop.orders RENAME amount TO total")?;
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        west
    );
    Ok(())
}

#[test]
fn a_masking_policy_function_follows_the_session() -> Result<()> {
    for kind in ["dynamic", "context_sensitive", "shared_static"] {
        // The text of a static function is fixed until something makes the backend forget the table; nothing does here.
        let (_turn, cluster) = Cluster::quiet()?;
        let database = Database::create_in(cluster)?;
        create_orders(&database)?;
        database.admin()?.batch_execute(
            "CREATE FUNCTION shop.amounts(text, text) RETURNS text LANGUAGE sql STABLE AS
                 $$SELECT CASE WHEN vpd.user_in_role('hr') THEN 'true' ELSE 'id < 4' END$$",
        )?;
        database.connect(role::SECURITY)?.execute(
            "SELECT vpd.add_policy('shop.orders', 'f', policy_function => 'shop.amounts', kind => $1,
                 relevant_columns => '{amount}', mask_columns => true)",
            &[&kind],
        )?;
        let (clerk, hr) = (nobody(&database)?, hr(&database)?);
        let mut user = database.connect(role::USER)?;
        user.batch_execute("SET plan_cache_mode = force_generic_plan")?;
        let statement = user.prepare("SELECT count(amount)::integer FROM shop.orders")?;
        for turn in 0..10 {
            for (token, expected) in [(&clerk, 3), (&hr, if kind == "shared_static" { 3 } else { 40 })] {
                let mut session = user.transaction()?;
                attach(&mut session, token)?;
                let count: i32 = session.query_one(&statement, &[])?.get(0);
                assert_eq!(count, expected, "{kind}, turn {turn}");
                session.commit()?;
            }
        }
    }
    Ok(())
}

#[test]
fn an_exempt_role_sees_the_values() -> Result<()> {
    let database = masked_staff()?;
    let token = nobody(&database)?;
    assert!(!seen(&database, &token, "SELECT salary FROM shop.staff")?.contains(SALARY));
    let mut security = database.connect(role::SECURITY)?;
    security.execute("SELECT vpd.grant_exempt('app_user', 'test of masks')", &[])?;
    assert!(seen(&database, &token, "SELECT salary FROM shop.staff")?.contains(SALARY));
    assert_eq!(is_masked(&database, Some(&token), "salary")?, Some(false));
    security.execute("SELECT vpd.revoke_exempt('app_user')", &[])?;
    assert!(!seen(&database, &token, "SELECT salary FROM shop.staff")?.contains(SALARY));
    Ok(())
}
