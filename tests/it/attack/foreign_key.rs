//! The actions of a foreign key change and remove rows that the policies hide from whoever starts them.

use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, ids, protected_orders, role,
};

const PROBE: &str = "CREATE TABLE shop.probe (region text PRIMARY KEY)";
const KEY: &str = "ALTER TABLE shop.orders ADD FOREIGN KEY (region) REFERENCES shop.probe ON DELETE CASCADE";

#[test]
fn control_an_owner_removes_hidden_rows_through_a_foreign_key() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY none ON shop.orders USING (false)",
    )?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(PROBE)?;
    owner.batch_execute("INSERT INTO shop.probe VALUES ('North'), ('East'), ('South'), ('West')")?;
    owner.batch_execute(KEY)?;
    owner.batch_execute("DELETE FROM shop.probe WHERE region = 'West'")?;
    assert_eq!(
        ids(&mut database.admin()?, "SELECT id FROM shop.orders")?.len(),
        30
    );
    Ok(())
}

#[test]
fn a_foreign_key_of_a_protected_table_is_refused_to_roles_under_policy() -> Result<()> {
    let database = protected_orders()?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(PROBE)?;
    for key in [
        KEY,
        &format!("{KEY} NOT VALID"),
        "ALTER TABLE shop.orders ADD COLUMN probe text DEFAULT 'x' REFERENCES shop.probe ON DELETE CASCADE",
        "ALTER TABLE shop.orders ADD COLUMN note text, ADD CONSTRAINT k FOREIGN KEY (region) REFERENCES shop.probe",
    ] {
        assert_refused(owner.batch_execute(key), "42501", "privilege_missing");
    }
    assert_eq!(
        ids(&mut database.admin()?, "SELECT id FROM shop.orders")?.len(),
        40
    );
    Ok(())
}

#[test]
fn messages_of_violations_show_no_value_of_a_hidden_row() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.lines (order_id integer REFERENCES shop.orders, secret text); INSERT INTO shop.lines VALUES (1, 'hush');
         ALTER TABLE shop.lines OWNER TO app_owner; GRANT ALL ON shop.lines TO app_user;
         CREATE EXTENSION IF NOT EXISTS btree_gist;
         ALTER TABLE shop.orders ADD EXCLUDE USING gist (amount WITH =)",
    )?;
    vpd_tests::add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.lines",
        "p",
        "order_id > 1000",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for (statement, state) in [
        ("INSERT INTO shop.orders VALUES (3, 'East', -3)", "23505"),
        ("INSERT INTO shop.orders VALUES (103, 'East', 30)", "23P01"),
        ("DELETE FROM shop.orders WHERE id = 1", "23503"),
        ("INSERT INTO shop.lines VALUES (7777, 'x')", "23503"),
    ] {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        let refusal = vpd_tests::refusal(session.execute(statement, &[]));
        assert_eq!(refusal.state.code(), state, "{statement}: {refusal:?}");
        for value in ["(3)", "(30)", "West", "hush", "(1)"] {
            assert!(!refusal.text.contains(value), "{statement}: {refusal:?}");
        }
    }
    let mut owner = database.connect(role::OWNER)?;
    for statement in [
        "CREATE UNIQUE INDEX ON shop.orders (region)",
        "ALTER TABLE shop.orders ADD UNIQUE (region)",
    ] {
        let refusal = vpd_tests::refusal(owner.batch_execute(statement));
        assert_eq!(refusal.state.code(), "23505", "{statement}");
        for region in ["North", "East", "South", "West"] {
            assert!(!refusal.text.contains(region), "{statement}: {refusal:?}");
        }
    }
    Ok(())
}
