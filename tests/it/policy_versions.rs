//! Proposed definitions beside the active ones, what they would change, putting them in force, going back.

use vpd_tests::{
    Database, Result, Subject, add_policy, assert_all_refused, assert_denied_to_all_but, attach,
    expected_ids, fresh_ids, protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";
const PROPOSAL: &str = "region IN (vpd.attribute('app', 'region'), 'North') AND amount > 100 -- a comment";

/// Orders by region, and a security administrator who may read the table.
fn readable_orders() -> Result<Database<'static>> {
    let database = protected_orders()?;
    database
        .admin()?
        .batch_execute("GRANT USAGE ON SCHEMA shop TO sec_admin; GRANT SELECT ON shop.orders TO sec_admin")?;
    Ok(database)
}

/// As `readable_orders`, with a proposal for its policy.
fn with_proposal() -> Result<Database<'static>> {
    let database = readable_orders()?;
    propose(&database, "by_region", PROPOSAL)?;
    Ok(database)
}

fn propose(database: &Database<'_>, policy: &str, predicate: &str) -> Result<()> {
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.shadow_policy('shop.orders', $1, $2)",
        &[&policy, &predicate],
    )?;
    Ok(())
}

fn differences(database: &Database<'_>, arguments: &str) -> Result<Vec<(String, String, i32)>> {
    let query = format!(
        "SELECT session_user_name, change, (row_key ->> 'id')::integer FROM vpd.policy_diff('shop.orders'{arguments})
          ORDER BY 1, 2, 3"
    );
    let rows = database.connect(role::SECURITY)?.query(&query, &[])?;
    Ok(rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect())
}

/// Orders of a region whose amount is at most 100, or above.
fn split(region: &str) -> (Vec<i32>, Vec<i32>) {
    expected_ids(region).into_iter().partition(|id| *id <= 10)
}

#[test]
fn a_proposal_restricts_nothing() -> Result<()> {
    let database = with_proposal()?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, expected_ids("West"));
    Ok(())
}

#[test]
fn the_difference_is_what_promoting_then_changes() -> Result<()> {
    let database = with_proposal()?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    let told = differences(&database, ", 'alice'")?;
    let ids = |wanted: &str| -> Vec<i32> {
        told.iter()
            .filter(|(_, change, _)| change == wanted)
            .map(|(_, _, id)| *id)
            .collect()
    };
    assert_eq!(ids("lost"), split("West").0);
    assert_eq!(ids("gained"), split("North").1);
    assert!(told.iter().all(|(user, _, _)| user == "alice"));

    let mut open = database.connect(role::USER)?;
    open.batch_execute(&format!("PREPARE seen AS {ORDERS}"))?;
    let mut security = database.connect(role::SECURITY)?;
    security.execute("SELECT vpd.promote_policy('shop.orders', 'by_region')", &[])?;
    let mut expected = [split("West").1, split("North").1].concat();
    expected.sort_unstable();
    let mut transaction = open.transaction()?;
    attach(&mut transaction, &token)?;
    assert_eq!(vpd_tests::ids(&mut transaction, "EXECUTE seen")?, expected);
    assert!(security.query("SELECT FROM vpd.policy_shadows", &[])?.is_empty());
    Ok(())
}

#[test]
fn a_sample_of_sessions_is_told_apart_by_user() -> Result<()> {
    let database = with_proposal()?;
    for (user, region) in [("alice", "West"), ("bob", "North")] {
        Subject::in_region(user, region).log_in(&database)?;
    }
    let told = differences(&database, "")?;
    let of = |wanted: &str| told.iter().filter(|(user, _, _)| user == wanted).count();
    assert_eq!(of("alice"), split("West").0.len() + split("North").1.len());
    assert_eq!(of("bob"), split("North").0.len());
    assert_eq!(
        differences(&database, ", max_rows => 1")?.len(),
        2,
        "one for each session"
    );
    Ok(())
}

#[test]
fn a_proposal_for_a_new_policy_is_compared_and_added() -> Result<()> {
    let database = readable_orders()?;
    propose(&database, "small", "amount <= 100")?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    let told = differences(&database, ", policy_name => 'small'")?;
    assert_eq!(told.len(), split("West").1.len());
    assert!(told.iter().all(|(_, change, _)| change == "lost"));
    database
        .connect(role::SECURITY)?
        .execute("SELECT vpd.promote_policy('shop.orders', 'small')", &[])?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, split("West").0);
    Ok(())
}

#[test]
fn a_proposed_function_runs_with_the_session_of_the_user() -> Result<()> {
    let database = readable_orders()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.nobody_but_bob(object_schema text, object_name text) RETURNS text LANGUAGE sql AS
         $$ SELECT CASE vpd.user_name() WHEN 'bob' THEN 'true' ELSE 'false' END $$",
    )?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.shadow_policy('shop.orders', 'by_region', policy_function => 'shop.nobody_but_bob')",
        &[],
    )?;
    Subject::in_region("alice", "West").log_in(&database)?;
    Subject::in_region("bob", "West").log_in(&database)?;
    let told = differences(&database, "")?;
    let count = |wanted: &str, what: &str| {
        told.iter()
            .filter(|(user, change, _)| user == wanted && change == what)
            .count()
    };
    assert_eq!((count("alice", "lost"), count("alice", "gained")), (10, 0));
    assert_eq!((count("bob", "lost"), count("bob", "gained")), (0, 30));
    Ok(())
}

#[test]
fn every_version_is_kept_and_can_be_taken_back() -> Result<()> {
    let database = protected_orders()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.alter_policy('shop.orders', 'by_region', 'region = ''East''');
         SELECT vpd.enable_policy('shop.orders', 'by_region', false);
         SELECT vpd.refresh_policy('shop.orders', 'by_region')",
    )?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?.len(), 40);
    let mut taken = |arguments: &str| -> Result<i32> {
        let call = format!("SELECT vpd.rollback_policy('shop.orders', 'by_region'{arguments})");
        Ok(security.query_one(&call, &[])?.get(0))
    };
    assert_eq!(taken("")?, 2);
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, expected_ids("East"));
    assert_eq!(taken(", 1")?, 1);
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, expected_ids("West"));
    let rows = security.query("SELECT version, change, changed_by FROM vpd.policy_versions", &[])?;
    let kept: Vec<(i32, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let expected = ["added", "altered", "altered", "rolled back", "rolled back"];
    assert_eq!(kept, (1..).zip(expected.map(str::to_owned)).collect::<Vec<_>>());
    assert!(rows.iter().all(|row| row.get::<_, String>(2) == role::SECURITY));
    security.batch_execute("SELECT vpd.drop_policy('shop.orders', 'by_region')")?;
    add_policy(&mut security, "shop.orders", "by_region", "true")?;
    let newest: i32 = security
        .query_one("SELECT max(version) FROM vpd.policy_versions", &[])?
        .get(0);
    assert_eq!(newest, 7, "dropped, added again");
    Ok(())
}

#[test]
fn what_is_missing_or_wrong_is_refused() -> Result<()> {
    let database = with_proposal()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.{}",
        "
         42601 predicate_invalid shadow_policy('shop.orders', 'x', 'amount >')
         22023 argument_invalid  shadow_policy('shop.orders', 'x')
         22023 argument_invalid  policy_diff('shop.orders', sample => 0)
         22023 argument_invalid  policy_diff('shop.orders', command => 'fly')
         42704 shadow_not_found  promote_policy('shop.orders', 'none')
         42704 shadow_not_found  drop_shadow('shop.orders', 'none')
         42704 shadow_not_found  policy_diff('shop.orders', policy_name => 'none')
         42704 version_not_found rollback_policy('shop.orders', 'by_region')
         42704 version_not_found rollback_policy('shop.orders', 'none')
         42704 session_not_found policy_diff('shop.orders', 'nobody')",
    );
    Ok(())
}

#[test]
fn who_may_not_read_the_table_learns_nothing_from_the_difference() -> Result<()> {
    let database = with_proposal()?;
    Subject::in_region("alice", "West").log_in(&database)?;
    database
        .admin()?
        .batch_execute("REVOKE SELECT ON shop.orders FROM sec_admin")?;
    assert_denied_to_all_but(
        &database,
        &[role::AUDITOR],
        &["SELECT * FROM vpd.policy_diff('shop.orders')"],
    )?;
    Ok(())
}

#[test]
fn looking_as_somebody_leaves_nothing_behind() -> Result<()> {
    const AFTERWARDS: &str = "SELECT vpd.user_name(), (SELECT count(*) FROM shop.orders)";
    let database = with_proposal()?;
    Subject::in_region("alice", "West").log_in(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    let mut transaction = security.transaction()?;
    assert!(
        !transaction
            .query("SELECT * FROM vpd.policy_diff('shop.orders')", &[])?
            .is_empty()
    );
    let row = transaction.query_one(AFTERWARDS, &[])?;
    assert_eq!(row.get::<_, Option<String>>(0), None);
    assert_eq!(row.get::<_, i64>(1), 0, "the policies are in force again");
    transaction.rollback()?;
    security.batch_execute("SELECT vpd.shadow_policy('shop.orders', 'by_region', '1 / (id - 3) > 0')")?;
    let mut transaction = security.transaction()?;
    let mut inner = transaction.savepoint("before")?;
    assert!(
        inner
            .query("SELECT * FROM vpd.policy_diff('shop.orders')", &[])
            .is_err(),
        "the proposal divides by zero"
    );
    inner.rollback()?;
    let row = transaction.query_one(AFTERWARDS, &[])?;
    assert_eq!(row.get::<_, Option<String>>(0), None);
    assert_eq!(row.get::<_, i64>(1), 0);
    Ok(())
}
