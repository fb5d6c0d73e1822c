//! Max has made an order and wants to approve it himself. Nothing but the separation of duties stands in his way: the tables have no policies here, and
//! he has every privilege.

use std::io::Write;

use vpd_tests::{Database, Result, Subject, assert_refused, attach, outcome, refusal, role};

use crate::purchase_orders::{SEPARATION, as_user, make_orders, scene, with_token};

/// Each approves order 3, or an order that says the same.
const ATTEMPTS: [&str; 11] = [
    "UPDATE purchasing.orders SET status = 'approved' WHERE id = 3",
    "UPDATE purchasing.orders SET status = 'approved'",
    "UPDATE purchasing.orders SET status = 'approved', created_by = 'bea', created_login = 'bea' WHERE id = 3",
    "UPDATE purchasing.orders SET created_by = 'bea', created_login = 'bea' WHERE id = 3; UPDATE purchasing.orders SET status = 'approved' WHERE id = 3",
    "INSERT INTO purchasing.orders (id, supplier) VALUES (3, 'x') ON CONFLICT (id) DO UPDATE SET status = 'approved'",
    "MERGE INTO purchasing.orders o USING (VALUES (3)) v (id) ON o.id = v.id WHEN MATCHED THEN UPDATE SET status = 'approved'",
    "DELETE FROM purchasing.orders WHERE id = 3; INSERT INTO purchasing.orders VALUES (3, 'Acme', 'approved')",
    "WITH gone AS (DELETE FROM purchasing.orders WHERE id = 3 RETURNING *) INSERT INTO purchasing.orders SELECT id, supplier, 'approved' FROM gone",
    "UPDATE purchasing.orders SET id = 33 WHERE id = 3; UPDATE purchasing.orders SET status = 'approved' WHERE id = 33",
    "INSERT INTO purchasing.orders VALUES (34, 'Acme', 'approved')",
    "UPDATE purchasing.orders SET status = 'worksheet' WHERE id = 3; UPDATE purchasing.orders SET status = 'approved' WHERE id = 3",
];

fn attempt(database: &Database<'_>, token: &str, statements: &str) -> Result<bool> {
    let mut client = database.connect(role::USER)?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, token)?;
    let tried = outcome(transaction.batch_execute(statements));
    if let Err(refusal) = tried {
        assert_eq!(refusal.state.code(), "42501", "{statements}: {refusal:?}");
        return Ok(false);
    }
    let query = "SELECT FROM purchasing.orders WHERE status = 'approved' AND id IN (3, 33, 34)";
    Ok(!transaction.query(query, &[])?.is_empty())
}

#[test]
fn control_without_the_protection_every_attempt_succeeds() -> Result<()> {
    let database = scene("SELECT vpd.track_changes('purchasing.orders')")?;
    make_orders(&database)?;
    let token = Subject::new("max").log_in(&database)?;
    for statements in ATTEMPTS {
        assert!(attempt(&database, &token, statements)?, "{statements}");
    }
    Ok(())
}

#[test]
fn no_statement_lets_the_maker_approve() -> Result<()> {
    let database = scene(SEPARATION)?;
    make_orders(&database)?;
    let token = Subject::new("max").log_in(&database)?;
    for statements in ATTEMPTS {
        assert!(!attempt(&database, &token, statements)?, "{statements}");
    }
    // Control: somebody else does it, with each statement that leaves the maker the maker.
    let token = Subject::new("mia").log_in(&database)?;
    for statements in [
        ATTEMPTS[0],
        ATTEMPTS[2],
        ATTEMPTS[3],
        ATTEMPTS[4],
        ATTEMPTS[5],
        ATTEMPTS[8],
        ATTEMPTS[10],
    ] {
        assert!(attempt(&database, &token, statements)?, "{statements}");
    }
    Ok(())
}

#[test]
fn copying_an_approved_order_in_is_approving_it() -> Result<()> {
    for is_protected in [false, true] {
        let database = scene(if is_protected { SEPARATION } else { "" })?;
        let token = Subject::new("max").log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        let mut transaction = client.transaction()?;
        attach(&mut transaction, &token)?;
        let mut copy = transaction.copy_in("COPY purchasing.orders (id, supplier, status) FROM STDIN")?;
        copy.write_all(b"7\tAcme\tapproved\n")?;
        let copied = copy.finish();
        if is_protected {
            assert_refused(copied, "42501", "maker_checker");
        } else {
            assert_eq!(outcome(copied), Ok(1));
        }
    }
    Ok(())
}

#[test]
fn a_trigger_of_the_application_approves_nothing_behind_our_back() -> Result<()> {
    let database = scene(SEPARATION)?;
    make_orders(&database)?;
    database.connect(role::OWNER)?.batch_execute(
        "CREATE FUNCTION purchasing.push() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.status := 'approved'; RETURN NEW; END $$;
         CREATE TRIGGER zzzz_push BEFORE UPDATE OF supplier ON purchasing.orders FOR EACH ROW EXECUTE FUNCTION purchasing.push()",
    )?;
    let token = Subject::new("max").log_in(&database)?;
    let push = "UPDATE purchasing.orders SET supplier = 'x' WHERE id = 3";
    assert!(!attempt(&database, &token, push)?);
    assert!(attempt(&database, &Subject::new("mia").log_in(&database)?, push)?);
    Ok(())
}

#[test]
fn renamed_columns_are_followed() -> Result<()> {
    let database = scene(SEPARATION)?;
    make_orders(&database)?;
    let mut owner = database.connect(role::OWNER)?;
    let token = Subject::new("max").log_in(&database)?;
    for (rename, column) in [
        (
            "ALTER TABLE purchasing.orders RENAME COLUMN created_by TO author",
            "status",
        ),
        (
            "ALTER TABLE purchasing.orders RENAME COLUMN status TO state",
            "state",
        ),
        (
            "ALTER TABLE purchasing.orders RENAME COLUMN id TO number",
            "state",
        ),
    ] {
        owner.batch_execute(rename)?;
        with_token(&database, &token, |max| {
            let approve = format!("UPDATE purchasing.orders SET {column} = 'approved'");
            assert_eq!(
                refusal(max.execute(&approve, &[])).state.code(),
                "42501",
                "{rename}"
            );
            Ok(())
        })?;
    }
    Ok(())
}

/// A session of one user on behalf of another.
fn on_behalf(database: &Database<'_>, actor: &str, user: &str) -> Result<String> {
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.grant_delegation('user:' || $1::text, 'user:' || $2::text)",
        &[&actor, &user],
    )?;
    let token = Subject::new(actor).log_in(database)?;
    let row = database
        .connect(role::BRIDGE)?
        .query_one("SELECT vpd.create_session_on_behalf($1, $2)", &[&token, &user])?;
    Ok(row.get(0))
}

#[test]
fn nobody_approves_on_behalf_of_the_maker_nor_the_maker_on_behalf_of_others() -> Result<()> {
    let approve = "UPDATE purchasing.orders SET status = 'approved' WHERE id = 3";
    let open = scene("SELECT vpd.track_changes('purchasing.orders')")?;
    make_orders(&open)?;
    let database = scene(SEPARATION)?;
    make_orders(&database)?;
    for (actor, user) in [("max", "mia"), ("mia", "max")] {
        // Control: without the protection such a session approves.
        assert!(attempt(&open, &on_behalf(&open, actor, user)?, approve)?);
        let token = on_behalf(&database, actor, user)?;
        let mut client = database.connect(role::USER)?;
        let mut transaction = client.transaction()?;
        attach(&mut transaction, &token)?;
        assert_refused(transaction.execute(approve, &[]), "42501", "maker_checker");
    }
    Ok(())
}

#[test]
fn whoever_makes_an_order_in_anothers_name_is_its_maker_too() -> Result<()> {
    let database = scene(SEPARATION)?;
    // Max makes an order for bea; the columns name both. Then each of them wants to approve it, bea as a manager.
    with_token(&database, &on_behalf(&database, "max", "bea")?, |max| {
        max.batch_execute("INSERT INTO purchasing.orders VALUES (40, 'Acme')")?;
        Ok(())
    })?;
    // Under another audit identity he is known by his login.
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.define_resource('session'); SELECT vpd.define_privilege('session:set_audit_identity'); SELECT vpd.grant_authority('privilege:session:set_audit_identity', 'role:Purchasing Manager'); SELECT vpd.grant_authority('role:Purchasing Manager', 'user:bea')")?;
    as_user(&database, "max", |max| {
        max.batch_execute(
            "SELECT vpd.set_audit_identity('ghost'); INSERT INTO purchasing.orders VALUES (41, 'Acme')",
        )?;
        Ok(())
    })?;
    // Under another audit identity and on behalf of bea: the columns name ghost and max, and bea is noted.
    with_token(&database, &on_behalf(&database, "max", "bea")?, |max| {
        max.batch_execute(
            "SELECT vpd.set_audit_identity('ghost'); INSERT INTO purchasing.orders VALUES (42, 'Acme')",
        )?;
        Ok(())
    })?;
    for (user, id, is_maker) in [
        ("max", 40, true),
        ("bea", 40, true),
        ("max", 41, true),
        ("bea", 41, false),
        ("max", 42, true),
        ("bea", 42, true),
        ("mia", 42, false),
    ] {
        let token = Subject::new(user).log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        let mut transaction = client.transaction()?;
        attach(&mut transaction, &token)?;
        let approve = format!("UPDATE purchasing.orders SET status = 'approved' WHERE id = {id}");
        let approved = outcome(transaction.execute(&approve, &[]));
        let token = approved.err().and_then(|refusal| refusal.token);
        assert_eq!(
            token.as_deref(),
            is_maker.then_some("maker_checker"),
            "{user} {id}"
        );
    }
    // Whoever acts in the name of the maker is not somebody else.
    as_user(&database, "mia", |mia| {
        mia.batch_execute("SELECT vpd.set_audit_identity('bea')")?;
        let approve = "UPDATE purchasing.orders SET status = 'approved' WHERE id = 40";
        assert_refused(mia.execute(approve, &[]), "42501", "maker_checker");
        Ok(())
    })?;
    Ok(())
}

#[test]
fn makers_behind_pseudonyms_are_known_until_they_are_erased_and_then_nobody_approves() -> Result<()> {
    let database = scene(SEPARATION)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.track_changes('purchasing.orders', identity => 'pseudonym')")?;
    make_orders(&database)?;
    let approve = |user: &str, id: i32| -> Result<Option<String>> {
        let token = Subject::new(user).log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        let mut transaction = client.transaction()?;
        attach(&mut transaction, &token)?;
        let statement = format!("UPDATE purchasing.orders SET status = 'approved' WHERE id = {id}");
        Ok(outcome(transaction.execute(&statement, &[]))
            .err()
            .and_then(|refusal| refusal.token))
    };
    assert_eq!(approve("max", 3)?.as_deref(), Some("maker_checker"));
    assert_eq!(approve("mia", 3)?, None);
    security.batch_execute("SELECT vpd.erase_pseudonym('max')")?;
    assert_eq!(approve("max", 3)?.as_deref(), Some("maker_unknown"));
    assert_eq!(approve("mia", 3)?.as_deref(), Some("maker_unknown"));
    assert_eq!(approve("mia", 2)?, None);
    Ok(())
}

#[test]
fn a_row_older_than_its_audit_columns_is_approved_by_nobody() -> Result<()> {
    let database = scene("")?;
    make_orders(&database)?;
    database.connect(role::SECURITY)?.batch_execute(SEPARATION)?;
    as_user(&database, "mia", |mia| {
        let approve = "UPDATE purchasing.orders SET status = 'approved' WHERE id = 3";
        assert_refused(mia.execute(approve, &[]), "42501", "maker_unknown");
        Ok(())
    })?;
    Ok(())
}

#[test]
fn without_a_session_even_the_owner_and_the_superuser_do_not_approve() -> Result<()> {
    let database = scene(SEPARATION)?;
    make_orders(&database)?;
    for role in [role::USER, role::OWNER, "postgres"] {
        let mut client = database.connect(role)?;
        let approved = client.execute(
            "UPDATE purchasing.orders SET status = 'approved' WHERE id = 2",
            &[],
        );
        assert_refused(approved, "42501", "privilege_missing");
    }
    Ok(())
}

const PARTS: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.requests (id integer, region text, status text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE shop.east PARTITION OF shop.requests FOR VALUES IN ('East');
CREATE TABLE shop.west PARTITION OF shop.requests FOR VALUES IN ('West');
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.requests, shop.east, shop.west TO app_user;
RESET ROLE;
SELECT vpd.track_changes('shop.requests');
SELECT vpd.protect_action('shop.requests', NULL, 'purchase_order:submit', 'status', 'submitted');
SELECT vpd.protect_action('shop.requests', 'created_by', 'purchase_order:approve', 'status', 'approved');
SELECT vpd.define_sod_rule('one_hand', '{privilege:purchase_order:submit,privilege:purchase_order:approve}', scope => 'object');
";

#[test]
fn a_row_that_moves_to_another_partition_is_still_the_makers() -> Result<()> {
    let database = scene("")?;
    database.admin()?.batch_execute(PARTS)?;
    as_user(&database, "max", |max| {
        max.batch_execute(
            "INSERT INTO shop.requests VALUES (1, 'East', 'worksheet'), (2, 'East', 'worksheet')",
        )?;
        Ok(())
    })?;
    as_user(&database, "bea", |bea| {
        bea.batch_execute("UPDATE shop.requests SET status = 'submitted' WHERE id = 1")?;
        Ok(())
    })?;
    let token = Subject::new("max").log_in(&database)?;
    let mut client = database.connect(role::USER)?;
    for statements in [
        "UPDATE shop.requests SET region = 'West', status = 'approved' WHERE id = 1",
        "UPDATE shop.requests SET region = 'West' WHERE id = 1; UPDATE shop.requests SET status = 'approved' WHERE id = 1",
        "UPDATE shop.east SET status = 'approved' WHERE id = 1",
    ] {
        let mut max = client.transaction()?;
        attach(&mut max, &token)?;
        assert_refused(max.batch_execute(statements), "42501", "maker_checker");
    }
    // What was done to it comes along: who submitted it does not approve it over there.
    as_user(&database, "mia", |mia| {
        mia.batch_execute("UPDATE shop.requests SET status = 'submitted' WHERE id = 2; UPDATE shop.requests SET region = 'West', id = 20 WHERE id = 2")?;
        Ok(())
    })?;
    let token = Subject::new("mia").log_in(&database)?;
    let mut mia = client.transaction()?;
    attach(&mut mia, &token)?;
    let own = mia.batch_execute("UPDATE shop.requests SET status = 'approved' WHERE id = 20");
    assert_refused(own, "42501", "sod_conflict");
    drop(mia);
    // Somebody else approves, in the same statement that moves it; and whoever lacks the privilege moves what is approved.
    as_user(&database, "mia", |mia| {
        mia.batch_execute("UPDATE shop.requests SET region = 'West', status = 'approved' WHERE id = 1")?;
        Ok(())
    })?;
    as_user(&database, "ina", |ina| {
        ina.batch_execute("UPDATE shop.requests SET region = 'East' WHERE id = 1")?;
        Ok(())
    })?;
    // That was a move; a new row that is approved is not.
    as_user(&database, "ina", |ina| {
        let copied = ina.batch_execute("WITH gone AS (DELETE FROM shop.requests WHERE id = 1 RETURNING *) INSERT INTO shop.requests SELECT id, 'West', status FROM gone");
        assert_refused(copied, "42501", "privilege_missing");
        Ok(())
    })?;
    Ok(())
}
