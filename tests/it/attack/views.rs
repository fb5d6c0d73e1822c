//! A view reads with the rights of its owner. The rows it shows are those of the session all the same.

use vpd_tests::{
    Database, Result, Subject, attach, create_orders, expected_ids, ids, protected_orders, role,
};

const VIEWS: &str = "
SET ROLE app_owner;
CREATE VIEW shop.plain AS SELECT id FROM shop.orders;
CREATE VIEW shop.barrier WITH (security_barrier) AS SELECT id FROM shop.orders;
CREATE VIEW shop.invoker WITH (security_invoker) AS SELECT id FROM shop.orders;
CREATE VIEW shop.nested AS SELECT id FROM shop.plain UNION SELECT id FROM shop.invoker;
CREATE VIEW shop.counted AS SELECT count(*)::integer AS id FROM shop.orders;
GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA shop TO app_user;
";

const READS: [&str; 6] = [
    "SELECT id FROM shop.plain",
    "SELECT id FROM shop.barrier",
    "SELECT id FROM shop.invoker",
    "SELECT id FROM shop.nested",
    "SELECT id FROM shop.plain JOIN shop.invoker USING (id)",
    "WITH w AS MATERIALIZED (SELECT id FROM shop.plain) SELECT id FROM w",
];

#[test]
fn control_a_view_of_the_owner_walks_around_row_security_that_is_not_forced() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(VIEWS)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON shop.orders USING (false)",
    )?;
    let mut user = database.connect(role::USER)?;
    assert_eq!(ids(&mut user, "SELECT id FROM shop.plain")?.len(), 40);
    Ok(())
}

#[test]
fn views_of_the_owner_show_the_rows_of_the_session() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(VIEWS)?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for read in READS {
        assert!(ids(&mut user, read)?.is_empty(), "{read}");
    }
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    for read in READS {
        assert_eq!(ids(&mut session, read)?, expected_ids("East"), "{read}");
    }
    assert_eq!(ids(&mut session, "SELECT id FROM shop.counted")?, [10]);
    assert_eq!(session.execute("UPDATE shop.plain SET id = id + 1000", &[])?, 10);
    Ok(())
}
