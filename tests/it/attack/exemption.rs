//! Exemption is a door in the wall: who opens it for himself, comes through it behind somebody else, or stays after it was closed?

use postgres::Client;
use vpd_tests::{
    Database, Result, assert_denied_to_all_but, assert_refused, fresh_ids, ids, outcome, protected_orders,
    role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";
const OPEN: &str = "GRANT SELECT ON shop.orders TO app_stranger, sec_admin";

fn exempt(database: &Database<'_>, role: &str) -> Result<()> {
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.grant_exempt($1::text::regrole, 'nightly load')",
        &[&role],
    )?;
    Ok(())
}

fn scene() -> Result<Database<'static>> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(OPEN)?;
    Ok(database)
}

/// A role of the cluster for one test.
struct Role<'a>(&'a Database<'a>, &'static str);

impl<'a> Role<'a> {
    fn create(database: &'a Database<'a>, name: &'static str, options: &str) -> Result<Self> {
        database.admin()?.batch_execute(&format!(
            "CREATE ROLE {name} {options}; GRANT USAGE ON SCHEMA shop TO {name}; GRANT SELECT ON shop.orders TO {name}"
        ))?;
        Ok(Self(database, name))
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        if let Ok(mut admin) = self.0.admin() {
            let _dropped = admin.batch_execute(&format!("DROP OWNED BY {0}; DROP ROLE {0}", self.1));
        }
    }
}

#[test]
fn nobody_exempts_himself() -> Result<()> {
    let database = scene()?;
    let group = Role::create(&database, "exemption_group", "")?;
    let friend = Role::create(&database, "exemption_friend", "")?;
    database.admin()?.batch_execute(
        "GRANT exemption_group TO exemption_friend; GRANT exemption_friend TO sec_admin;
         CREATE FUNCTION shop.exempt(who text) RETURNS void LANGUAGE sql SECURITY DEFINER
             AS $$SELECT vpd.grant_exempt(who::regrole, 'please')$$;
         GRANT EXECUTE ON FUNCTION shop.exempt TO PUBLIC",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    for (attempt, is_refused) in [
        ("SELECT vpd.grant_exempt('app_stranger', 'control')", false),
        ("SELECT vpd.grant_exempt('sec_admin', 'me')", true),
        ("SELECT vpd.grant_exempt('exemption_friend', 'mine')", true),
        (
            "SELECT vpd.grant_exempt('exemption_group', 'mine by another')",
            true,
        ),
        ("SELECT shop.exempt('sec_admin')", true),
        ("SELECT shop.exempt('exemption_group')", true),
        ("SET ROLE exemption_friend; SELECT shop.exempt('sec_admin')", true),
    ] {
        let result = security.batch_execute(attempt);
        if is_refused {
            assert_refused(result, "42501", "privilege_missing");
        } else {
            result?;
        }
        security.batch_execute("RESET ROLE")?;
    }
    assert!(ids(&mut security, ORDERS)?.is_empty());
    database
        .admin()?
        .batch_execute("REVOKE exemption_friend FROM sec_admin")?;
    drop((group, friend));
    Ok(())
}

#[test]
fn plain_roles_neither_grant_nor_revoke() -> Result<()> {
    let database = scene()?;
    exempt(&database, role::STRANGER)?;
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &[
            "SELECT vpd.grant_exempt('app_user', 'x')",
            "SELECT vpd.revoke_exempt('app_stranger')",
            "INSERT INTO vpd_private.exemption (role) VALUES (1)",
        ],
    )?;
    Ok(())
}

#[test]
fn membership_is_not_enough_and_set_role_is_given_back() -> Result<()> {
    let database = scene()?;
    let batch = Role::create(&database, "exemption_batch", "")?;
    database
        .admin()?
        .batch_execute("GRANT exemption_batch TO app_stranger")?;
    exempt(&database, "exemption_batch")?;
    let mut stranger = database.connect(role::STRANGER)?;
    assert!(
        ids(&mut stranger, ORDERS)?.is_empty(),
        "membership exempts nobody"
    );
    let prepared = stranger.prepare(ORDERS)?;
    for _ in 0..3 {
        stranger.batch_execute("SET ROLE exemption_batch")?;
        for _ in 0..6 {
            assert_eq!(
                stranger.query(&prepared, &[])?.len(),
                40,
                "control: the role itself"
            );
        }
        stranger.batch_execute("RESET ROLE")?;
        for _ in 0..6 {
            assert!(stranger.query(&prepared, &[])?.is_empty());
        }
    }
    let mut user = database.connect(role::USER)?;
    assert!(user.batch_execute("SET ROLE exemption_batch").is_err());
    database
        .admin()?
        .batch_execute("REVOKE exemption_batch FROM app_stranger")?;
    drop(batch);
    Ok(())
}

#[test]
fn a_view_of_an_exempt_owner_shows_its_caller_no_more() -> Result<()> {
    let database = scene()?;
    exempt(&database, role::OWNER)?;
    let mut owner = database.connect(role::OWNER)?;
    assert_eq!(ids(&mut owner, ORDERS)?.len(), 40, "control");
    owner.batch_execute(
        "CREATE VIEW shop.all_orders AS SELECT * FROM shop.orders;
         GRANT SELECT ON shop.all_orders TO app_user;
         CREATE FUNCTION shop.count_orders() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM shop.orders';
         CREATE FUNCTION shop.count_as_owner() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
             AS 'SELECT count(*) FROM shop.orders'",
    )?;
    assert!(fresh_ids(&database, None, "SELECT id FROM shop.all_orders")?.is_empty());
    assert_eq!(
        fresh_ids(&database, None, "SELECT shop.count_orders()::integer")?,
        [0]
    );
    assert_eq!(
        fresh_ids(&database, None, "SELECT shop.count_as_owner()::integer")?,
        [40],
        "a definer function runs as its owner, as the posture report says"
    );
    Ok(())
}

/// A transaction in which the exempt role has read the table and prepared what it will try after the revocation.
fn begin(stranger: &mut Client, isolation: &str) -> Result<()> {
    stranger.batch_execute(&format!(
        "BEGIN ISOLATION LEVEL {isolation};
         PREPARE again AS SELECT id FROM shop.orders;
         DECLARE slow CURSOR FOR SELECT id FROM shop.orders; FETCH 1 FROM slow"
    ))?;
    for _ in 0..7 {
        assert_eq!(ids(stranger, "EXECUTE again")?.len(), 40);
    }
    Ok(())
}

#[test]
fn a_revocation_bites_in_an_open_transaction() -> Result<()> {
    for isolation in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        for (attempt, is_shown) in [
            (ORDERS, false),
            ("EXECUTE again", true),
            ("FETCH ALL FROM slow", true),
        ] {
            let database = scene()?;
            exempt(&database, role::STRANGER)?;
            let mut stranger = database.connect(role::STRANGER)?;
            begin(&mut stranger, isolation)?;
            assert!(
                !ids(&mut stranger, "FETCH 3 FROM slow")?.is_empty(),
                "control: nothing revoked"
            );
            database
                .connect(role::SECURITY)?
                .batch_execute("SELECT vpd.revoke_exempt('app_stranger')")?;
            if is_shown {
                let refused = stranger.query(attempt, &[]);
                assert_refused(refused, "40001", "exemption_changed");
                stranger.batch_execute("ROLLBACK")?;
            } else {
                assert!(ids(&mut stranger, attempt)?.is_empty(), "{isolation}: {attempt}");
                let cursor = outcome(ids(&mut stranger, "FETCH ALL FROM slow"));
                assert!(cursor.is_err(), "{isolation}: a cursor goes on");
                stranger.batch_execute("ROLLBACK")?;
            }
            assert!(ids(&mut stranger, "EXECUTE again")?.is_empty());
        }
    }
    Ok(())
}

#[test]
fn a_new_role_does_not_inherit_the_exemption_of_a_dropped_one() -> Result<()> {
    let database = scene()?;
    let heir = Role::create(&database, "exemption_heir", "LOGIN")?;
    exempt(&database, "exemption_heir")?;
    let mut client = database.connect("exemption_heir")?;
    assert_eq!(ids(&mut client, ORDERS)?.len(), 40, "control");
    drop(client);
    drop(heir);
    let heir = Role::create(&database, "exemption_heir", "LOGIN")?;
    assert!(ids(&mut database.connect("exemption_heir")?, ORDERS)?.is_empty());
    // The same number and another name, as after 2^32 objects: the row is given the new role's number.
    database.admin()?.batch_execute(
        "UPDATE vpd_private.exemption SET role = 'exemption_heir'::regrole, role_name = 'somebody'",
    )?;
    assert!(ids(&mut database.connect("exemption_heir")?, ORDERS)?.is_empty());
    database.admin()?.batch_execute(
        "UPDATE vpd_private.exemption SET role = 4294967294, role_name = 'exemption_heir'; SELECT vpd.purge()",
    )?;
    assert!(ids(&mut database.connect("exemption_heir")?, ORDERS)?.is_empty());
    let row = database
        .admin()?
        .query_one("SELECT revoked_by, is_active FROM vpd.exemptions", &[])?;
    assert_eq!(row.get::<_, &str>(0), "(role dropped)");
    assert!(!row.get::<_, bool>(1));
    drop(heir);
    Ok(())
}
