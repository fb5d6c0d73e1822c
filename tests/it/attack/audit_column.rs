//! Somebody wants his name out of the audit columns, or another's in.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, assert_denied, attach, outcome, role};

const ORDERS: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.orders (id integer PRIMARY KEY, amount integer, created_by text, created_at timestamptz, created_login text,
    updated_by text, updated_at timestamptz, updated_login text);
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.orders TO app_user;
RESET ROLE;
";

/// What an application, or whoever speaks SQL with its role, can try.
const FORGERIES: [&str; 6] = [
    "INSERT INTO shop.orders (id, created_by, created_login) VALUES (2, 'bob', 'bob')",
    "UPDATE shop.orders SET created_by = 'bob', created_login = 'bob' WHERE id = 1",
    "UPDATE shop.orders SET (created_by, updated_by) = ('bob', 'bob')",
    "INSERT INTO shop.orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET created_by = 'bob', updated_login = 'bob'",
    "MERGE INTO shop.orders o USING (VALUES (1)) v (id) ON o.id = v.id WHEN MATCHED THEN UPDATE SET created_by = 'bob'",
    "SET vpd.user_name = 'bob'; INSERT INTO shop.orders (id) VALUES (3)",
];

fn attack(database: &Database<'_>, forgery: &str) -> Result<bool> {
    let token = Subject::new("alice").log_in(database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute("INSERT INTO shop.orders (id) VALUES (1)")?;
    let tried = outcome(transaction.batch_execute(forgery));
    if tried.is_err() {
        return Ok(false);
    }
    let query =
        "SELECT FROM shop.orders WHERE 'bob' IN (created_by, created_login, updated_by, updated_login)";
    Ok(!transaction.query(query, &[])?.is_empty())
}

#[test]
fn control_columns_that_the_application_keeps_say_what_a_statement_says() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(ORDERS)?;
    for forgery in &FORGERIES[..5] {
        assert!(attack(&database, forgery)?, "{forgery}");
    }
    Ok(())
}

#[test]
fn no_statement_puts_another_name_there() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(ORDERS)?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.track_changes('shop.orders')")?;
    for forgery in FORGERIES {
        assert!(!attack(&database, forgery)?, "{forgery}");
    }
    Ok(())
}

fn made_by(client: &mut Client, id: i32) -> Result<String> {
    let row = client.query_one("SELECT created_by FROM shop.orders WHERE id = $1", &[&id])?;
    Ok(row.get(0))
}

#[test]
fn a_trigger_of_the_application_comes_before_ours() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(ORDERS)?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "CREATE FUNCTION shop.forge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.created_by := 'bob'; RETURN NEW; END $$;
         CREATE TRIGGER zz_forge BEFORE INSERT OR UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.forge()",
    )?;
    owner.batch_execute("INSERT INTO shop.orders (id) VALUES (1)")?;
    assert_eq!(made_by(&mut admin, 1)?, "bob");
    admin.batch_execute("SELECT vpd.track_changes('shop.orders')")?;
    owner.batch_execute("INSERT INTO shop.orders (id) VALUES (2)")?;
    assert_eq!(made_by(&mut admin, 2)?, "app_owner");
    Ok(())
}

#[test]
fn nobody_makes_our_trigger_on_a_table_of_his_own() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(ORDERS)?;
    let mut owner = database.connect(role::OWNER)?;
    for function in ["track_changes", "protect_action"] {
        assert_denied(owner.batch_execute(&format!(
            "CREATE TRIGGER own BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION vpd_private.{function}()"
        )));
    }
    // Where a superuser makes it by hand, wrongly, it refuses and breaks nothing.
    let mut admin = database.admin()?;
    for trigger in [
        "CREATE TRIGGER own AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION vpd_private.track_changes()",
        "CREATE TRIGGER own BEFORE INSERT ON shop.orders FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.track_changes()",
        "CREATE TRIGGER own BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION vpd_private.track_changes()",
        "CREATE TRIGGER own BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION vpd_private.protect_action()",
        "CREATE TRIGGER own AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION vpd_private.protect_action()",
        "CREATE TRIGGER own BEFORE TRUNCATE ON shop.orders FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.protect_action()",
    ] {
        let mut transaction = admin.transaction()?;
        transaction.batch_execute(trigger)?;
        let refused = vpd_tests::refusal(
            transaction.batch_execute("INSERT INTO shop.orders (id) VALUES (9); TRUNCATE shop.orders"),
        );
        assert_eq!(refused.state.code(), "55000", "{trigger}");
    }
    assert_eq!(
        vpd_tests::refusal(admin.execute("SELECT vpd_private.track_changes()", &[]))
            .state
            .code(),
        "55000"
    );
    Ok(())
}
