//! The private catalogue says what restricts whom. A row of it that cannot be read must close, not open: a command nobody knows, a kind nobody
//! knows, a NULL where there is none.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, expected_ids, outcome, protected_orders, role};

/// What a superuser does to the row of the policy.
const CORRUPTIONS: &[&str] = &[
    "UPDATE vpd_private.policy SET statement_types = '{selekt}'",
    "UPDATE vpd_private.policy SET statement_types = '{selekt,insert}'",
    "UPDATE vpd_private.policy SET statement_types = '{}'",
    "UPDATE vpd_private.policy SET statement_types = NULL",
    "UPDATE vpd_private.policy SET statement_types = '{NULL}'",
    "UPDATE vpd_private.policy SET kind = 'weekly'",
    "UPDATE vpd_private.policy SET kind = NULL",
    "UPDATE vpd_private.policy SET is_enabled = NULL",
    "UPDATE vpd_private.policy SET is_update_checked = NULL",
    "UPDATE vpd_private.policy SET is_masking = NULL",
    "UPDATE vpd_private.policy SET is_masking = true, relevant_columns = NULL",
    "UPDATE vpd_private.policy SET policy_group = NULL",
    "UPDATE vpd_private.policy SET policy_name = NULL",
    "UPDATE vpd_private.policy SET predicate = NULL",
    "UPDATE vpd_private.policy SET predicate = ''",
    "UPDATE vpd_private.policy SET relevant_columns = '{nothing}'",
    "UPDATE vpd_private.policy SET relevant_columns = '{NULL}'",
    "DELETE FROM vpd_private.protected_table",
    "INSERT INTO vpd_private.driving_context (relation, namespace, attribute) SELECT relation, NULL, NULL FROM vpd_private.policy",
];

/// Whatever keeps such rows out of the catalogue is taken away first.
const UNCONSTRAIN: &str = "
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname)
  FROM pg_constraint
 WHERE conrelid = ANY ('{vpd_private.policy,vpd_private.mask,vpd_private.protected_table,vpd_private.driving_context}'::regclass[])
 UNION ALL
SELECT format('ALTER TABLE %s ALTER %I DROP NOT NULL', attrelid::regclass, attname)
  FROM pg_attribute
 WHERE attrelid = ANY ('{vpd_private.policy,vpd_private.mask,vpd_private.protected_table,vpd_private.driving_context}'::regclass[])
   AND attnum > 0
   AND attnotnull
   AND NOT attisdropped";

fn unconstrain(admin: &mut Client) -> Result<()> {
    admin.batch_execute("SET session_replication_role = replica; SET client_min_messages = warning")?;
    for row in admin.query(UNCONSTRAIN, &[])? {
        let _gone_with_another = outcome(admin.batch_execute(row.get(0)));
    }
    assert!(admin.query(UNCONSTRAIN, &[])?.is_empty());
    Ok(())
}

fn seen(database: &Database<'_>, token: &str, query: &str) -> Result<Vec<i32>> {
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    vpd_tests::attach(&mut transaction, token)?;
    Ok(outcome(vpd_tests::ids(&mut transaction, query)).unwrap_or_default())
}

#[test]
fn a_policy_that_cannot_be_read_hides_rows() -> Result<()> {
    for corruption in CORRUPTIONS {
        let database = protected_orders()?;
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        let mut admin = database.admin()?;
        unconstrain(&mut admin)?;
        assert_eq!(
            seen(&database, &token, "SELECT id FROM shop.orders")?,
            expected_ids("East"),
            "control: without the constraints it is as it was"
        );
        admin.batch_execute(corruption)?;
        for query in [
            "SELECT id FROM shop.orders",
            "SELECT id FROM shop.orders WHERE amount > 0",
            "UPDATE shop.orders SET amount = 1 RETURNING id",
            "DELETE FROM shop.orders RETURNING id",
        ] {
            let seen = seen(&database, &token, query)?;
            let allowed = expected_ids("East");
            assert!(
                seen.iter().all(|id| allowed.contains(id)),
                "{corruption}, {query}: {seen:?}"
            );
        }
    }
    Ok(())
}

/// What a superuser does to the row of a mask.
const MASK_CORRUPTIONS: &[&str] = &[
    "UPDATE vpd_private.mask SET is_enabled = NULL",
    "UPDATE vpd_private.mask SET column_name = NULL",
    "UPDATE vpd_private.mask SET column_name = 'nothing'",
    "UPDATE vpd_private.mask SET column_number = NULL",
    "UPDATE vpd_private.mask SET column_number = 99",
    "UPDATE vpd_private.mask SET visible_when = NULL",
    "UPDATE vpd_private.mask SET visible_when = ''",
];

#[test]
fn a_mask_that_cannot_be_read_hides_values() -> Result<()> {
    for corruption in MASK_CORRUPTIONS {
        let database = protected_orders()?;
        database
            .connect(role::SECURITY)?
            .batch_execute("SELECT vpd.add_mask('shop.orders', 'amount', '0')")?;
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        let mut admin = database.admin()?;
        unconstrain(&mut admin)?;
        admin.batch_execute(corruption)?;
        let amounts = seen(&database, &token, "SELECT amount FROM shop.orders")?;
        assert!(
            amounts.iter().all(|amount| *amount == 0),
            "{corruption}: {amounts:?}"
        );
    }
    Ok(())
}

#[test]
fn administrators_are_told_what_cannot_be_read() -> Result<()> {
    let database = protected_orders()?;
    let mut admin = database.admin()?;
    unconstrain(&mut admin)?;
    admin.batch_execute("UPDATE vpd_private.policy SET statement_types = '{selekt}'")?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    vpd_tests::attach(&mut transaction, &token)?;
    let refused = transaction.query("SELECT id FROM shop.orders", &[]);
    vpd_tests::assert_refused(refused, "XX001", "catalogue_unreadable");
    drop(transaction);
    // A superuser can mend it.
    admin.batch_execute("UPDATE vpd_private.policy SET statement_types = '{select}'")?;
    assert_eq!(
        seen(&database, &token, "SELECT id FROM shop.orders")?,
        expected_ids("East")
    );
    Ok(())
}
