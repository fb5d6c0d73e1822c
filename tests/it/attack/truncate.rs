//! TRUNCATE and foreign keys do not ask row security. A role under policy must not use them on a protected table.

use vpd_tests::{
    Database, Result, Subject, assert_denied, attach, create_orders, ids, protected_orders, role,
};

const GRANTS: &str =
    "GRANT TRUNCATE, REFERENCES ON shop.orders TO app_user; GRANT CREATE ON SCHEMA shop TO app_user";

#[test]
fn control_truncate_removes_rows_that_row_security_hides() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(GRANTS)?;
    admin.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON shop.orders USING (false)",
    )?;
    let mut user = database.connect(role::USER)?;
    assert!(ids(&mut user, "SELECT id FROM shop.orders")?.is_empty());
    user.batch_execute("TRUNCATE shop.orders")?;
    assert!(ids(&mut admin, "SELECT id FROM shop.orders")?.is_empty());
    Ok(())
}

#[test]
fn control_a_foreign_key_tells_which_hidden_rows_exist() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(GRANTS)?;
    admin.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON shop.orders USING (false)",
    )?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("CREATE TABLE shop.probe (id integer REFERENCES shop.orders)")?;
    assert!(user.execute("INSERT INTO shop.probe VALUES (7)", &[]).is_ok());
    assert!(user.execute("INSERT INTO shop.probe VALUES (777)", &[]).is_err());
    Ok(())
}

#[test]
fn truncate_is_refused_with_a_session_and_without() -> Result<()> {
    let database = protected_orders()?;
    let mut admin = database.admin()?;
    admin.batch_execute(GRANTS)?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for statement in [
        "TRUNCATE shop.orders",
        "TRUNCATE shop.orders CASCADE",
        "TRUNCATE ONLY shop.orders RESTART IDENTITY",
    ] {
        let denied = user.batch_execute(statement);
        assert_denied(denied);
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        assert_denied(session.batch_execute(statement));
    }
    assert_eq!(ids(&mut admin, "SELECT id FROM shop.orders")?.len(), 40);
    admin.batch_execute("TRUNCATE shop.orders")?;
    Ok(())
}

#[test]
fn a_foreign_key_to_a_protected_table_is_refused() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(GRANTS)?;
    let mut user = database.connect(role::USER)?;
    for statement in [
        "CREATE TABLE shop.probe (id integer REFERENCES shop.orders)",
        "CREATE TEMPORARY TABLE probe (id integer); ALTER TABLE probe ADD FOREIGN KEY (id) REFERENCES shop.orders",
        "CREATE TABLE shop.probe (id integer); ALTER TABLE shop.probe ADD FOREIGN KEY (id) REFERENCES shop.orders",
    ] {
        assert!(user.batch_execute(statement).is_err(), "{statement}");
    }
    Ok(())
}
