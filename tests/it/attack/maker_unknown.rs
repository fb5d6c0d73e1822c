//! Max wants to approve an order of his own: he leaves no name when he makes it, hides the change in the approval, or looks for a column in which his name is
//! not his. Nothing but the separation of duties stands in his way.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, assert_refused, attach, outcome, role};

use crate::purchase_orders::{SEPARATION, as_user, make_orders, scene};

const APPROVE: &str = "UPDATE purchasing.orders SET status = 'approved' WHERE id = 3";

/// Each makes order 3 what it is without leaving a name.
const NAMELESS: [&str; 4] = [
    "DELETE FROM purchasing.orders WHERE id = 3; INSERT INTO purchasing.orders VALUES (3, 'Acme')",
    "DELETE FROM purchasing.orders WHERE id = 3; SELECT vpd.attach_anonymous(); INSERT INTO purchasing.orders VALUES (3, 'Acme')",
    "SELECT vpd.attach_anonymous(); UPDATE purchasing.orders SET id = 30 WHERE id = 3; INSERT INTO purchasing.orders VALUES (3, 'Acme'); SELECT vpd.detach_session()",
    "UPDATE purchasing.orders SET id = 30 WHERE id = 3; INSERT INTO purchasing.orders VALUES (3, 'Acme')",
];

/// What approving order 3 came to for a user, in a transaction that does something else before it attaches the session.
fn approve(database: &Database<'_>, user: &str, before: &str) -> Result<Option<String>> {
    let token = Subject::new(user).log_in(database)?;
    let mut client = database.connect(role::USER)?;
    let mut transaction = client.transaction()?;
    transaction.batch_execute(before)?;
    attach(&mut transaction, &token)?;
    let approved = outcome(transaction.execute(APPROVE, &[]));
    Ok(approved.err().and_then(|refusal| refusal.token))
}

#[test]
fn what_was_made_without_a_session_is_approved_by_nobody() -> Result<()> {
    let open = scene("SELECT vpd.track_changes('purchasing.orders')")?;
    make_orders(&open)?;
    let database = scene(SEPARATION)?;
    make_orders(&database)?;
    for before in NAMELESS {
        // Control: without the protection it is his.
        assert_eq!(approve(&open, "max", before)?, None, "{before}");
        for user in ["max", "mia"] {
            let token = approve(&database, user, before)?;
            assert_eq!(token.as_deref(), Some("maker_unknown"), "{user}: {before}");
        }
    }
    assert_eq!(approve(&database, "mia", "SELECT")?, None);
    Ok(())
}

#[test]
fn what_was_made_after_detaching_is_approved_by_nobody() -> Result<()> {
    let database = scene(SEPARATION)?;
    make_orders(&database)?;
    let token = Subject::new("max").log_in(&database)?;
    let mut client = database.connect(role::USER)?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute(
        "DELETE FROM purchasing.orders WHERE id = 3; SELECT vpd.detach_session(); INSERT INTO purchasing.orders VALUES (3, 'Acme')",
    )?;
    attach(&mut transaction, &token)?;
    assert_refused(transaction.execute(APPROVE, &[]), "42501", "maker_unknown");
    Ok(())
}

#[test]
fn the_audit_columns_tell_the_role_and_no_login_where_there_was_no_session() -> Result<()> {
    let database = scene(SEPARATION)?;
    let mut client = database.connect(role::USER)?;
    for (attach, by) in [
        ("SELECT", role::USER),
        ("SELECT vpd.attach_anonymous()", "anonymous"),
    ] {
        let mut transaction = client.transaction()?;
        transaction.batch_execute(attach)?;
        let row = transaction.query_one(
            "INSERT INTO purchasing.orders VALUES (9, 'Acme') RETURNING created_by, created_login, updated_by, updated_login",
            &[],
        )?;
        let told: [Option<String>; 4] = std::array::from_fn(|column| row.get(column));
        assert_eq!(told, [Some(by.to_owned()), None, Some(by.to_owned()), None]);
    }
    Ok(())
}

/// The maker is who changed the order last.
fn by_last_change() -> Result<Database<'static>> {
    let database = scene(
        "SELECT vpd.track_changes('purchasing.orders');
         SELECT vpd.protect_action('purchasing.orders', 'updated_by', 'purchase_order:approve', 'status', 'approved')",
    )?;
    make_orders(&database)?;
    Ok(database)
}

#[test]
fn who_changed_it_last_without_a_session_is_unknown() -> Result<()> {
    let database = by_last_change()?;
    // Control: bea changed it last.
    assert_eq!(approve(&database, "max", "SELECT")?, None);
    let change = "UPDATE purchasing.orders SET supplier = 'Max & Co' WHERE id = 3";
    for before in [
        change.to_owned(),
        format!("SELECT vpd.attach_anonymous(); {change}"),
    ] {
        let token = approve(&database, "max", &before)?;
        assert_eq!(token.as_deref(), Some("maker_unknown"), "{before}");
    }
    Ok(())
}

#[test]
fn who_approves_changes_nothing_else_where_the_last_change_counts() -> Result<()> {
    let database = by_last_change()?;
    for (assignments, token) in [
        (
            "status = 'approved', supplier = 'Max & Co'",
            Some("maker_checker"),
        ),
        ("status = 'approved', id = 4", Some("maker_checker")),
        ("status = 'approved', supplier = supplier", None),
        (
            "status = 'approved', updated_by = 'somebody', updated_at = NULL",
            None,
        ),
    ] {
        let session = Subject::new("max").log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        let mut max = client.transaction()?;
        attach(&mut max, &session)?;
        let update = format!("UPDATE purchasing.orders SET {assignments} WHERE id = 3");
        let refused = outcome(max.execute(&update, &[])).err();
        assert_eq!(
            refused.and_then(|refusal| refusal.token).as_deref(),
            token,
            "{assignments}"
        );
    }
    // Where the creator counts, an order is corrected and approved at once.
    let database = scene(SEPARATION)?;
    make_orders(&database)?;
    as_user(&database, "mia", |mia| {
        mia.batch_execute("UPDATE purchasing.orders SET status = 'approved', supplier = 'x' WHERE id = 3")?;
        Ok(())
    })
}

#[test]
fn rows_of_a_migration_are_approved_when_somebody_answers_for_them() -> Result<()> {
    let database = scene(SEPARATION)?;
    make_orders(&database)?;
    let mut admin = database.admin()?;
    let approves = |id: i32| -> Result<Option<String>> {
        let token = Subject::new("mia").log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        let mut mia = client.transaction()?;
        attach(&mut mia, &token)?;
        let update = "UPDATE purchasing.orders SET status = 'approved' WHERE id = $1";
        let refused = outcome(mia.execute(update, &[&id])).err();
        Ok(refused.and_then(|refusal| refusal.token))
    };
    admin.batch_execute("INSERT INTO purchasing.orders VALUES (60, 'Acme')")?;
    assert_eq!(approves(60)?.as_deref(), Some("maker_unknown"));
    // A superuser says afterwards who answers for what was loaded.
    admin.batch_execute(
        "BEGIN; SET LOCAL session_replication_role = replica;
         UPDATE purchasing.orders SET created_by = 'migration', created_login = 'migration' WHERE created_login IS NULL; COMMIT",
    )?;
    assert_eq!(approves(60)?, None);
    // Or loads in the session of a technical user.
    let token = Subject::new("migration").log_in(&database)?;
    let mut load = admin.transaction()?;
    attach(&mut load, &token)?;
    load.batch_execute("INSERT INTO purchasing.orders VALUES (61, 'Acme')")?;
    load.commit()?;
    assert_eq!(approves(61)?, None);
    Ok(())
}

#[test]
fn names_are_written_where_they_are_neither_padded_nor_cut() -> Result<()> {
    let database = scene("")?;
    database.admin()?.batch_execute(
        "ALTER TABLE purchasing.orders ADD COLUMN padded char(20), ADD COLUMN cut name, ADD COLUMN short varchar(2), ADD COLUMN whole varchar",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    for (column, is_good) in [("padded", false), ("cut", false), ("whole", true)] {
        let track = format!("SELECT vpd.track_changes('purchasing.orders', created_by => '{column}')");
        let tracked = security.batch_execute(&track);
        if is_good {
            assert_eq!(outcome(tracked), Ok(()));
        } else {
            assert_refused(tracked, "42804", "column_type");
        }
    }
    // What does not fit is not written.
    security.batch_execute("SELECT vpd.track_changes('purchasing.orders', created_by => 'short')")?;
    let token = Subject::new("max").log_in(&database)?;
    let mut client = database.connect(role::USER)?;
    let mut max = client.transaction()?;
    attach(&mut max, &token)?;
    let made = outcome(max.execute("INSERT INTO purchasing.orders VALUES (9, 'Acme')", &[]));
    assert_eq!(
        made.err()
            .map(|refusal| refusal.state.code().to_owned())
            .as_deref(),
        Some("22001")
    );
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
SELECT vpd.define_sod_rule('one_hand', '{privilege:purchase_order:submit,privilege:purchase_order:approve}', scope => 'object');
";

/// Submits a request, moves it to another partition, where its key is another, and approves it there.
fn submit_and_approve(database: &Database<'_>) -> Result<Option<String>> {
    let token = Subject::new("mia").log_in(database)?;
    let mut client = database.connect(role::USER)?;
    let mut mia = client.transaction()?;
    attach(&mut mia, &token)?;
    let done = outcome(mia.batch_execute(
        "INSERT INTO shop.requests VALUES (1, 'East', 'worksheet');
         UPDATE shop.requests SET status = 'submitted' WHERE id = 1;
         UPDATE shop.requests SET region = 'West', status = 'worksheet' WHERE id = 1;
         UPDATE shop.requests SET status = 'approved' WHERE id = 1",
    ));
    Ok(done.err().and_then(|refusal| refusal.token))
}

#[test]
fn actions_on_partitions_are_protected_where_moves_are_followed() -> Result<()> {
    let protect = |security: &mut Client, action: &str, value: &str| {
        outcome(security.batch_execute(&format!(
            "SELECT vpd.protect_action('shop.requests', NULL, 'purchase_order:{action}', 'status', '{value}')"
        )))
        .err()
        .and_then(|refusal| refusal.token)
    };
    let database = scene("")?;
    database.admin()?.batch_execute(PARTS)?;
    let mut security = database.connect(role::SECURITY)?;
    let refused = [
        protect(&mut security, "submit", "submitted"),
        protect(&mut security, "approve", "approved"),
    ];
    // Had it been protected, this is how the rule were lost.
    assert_eq!(submit_and_approve(&database)?, None);
    assert_eq!(
        refused,
        [const { Some("not_tracked") }; 2].map(|token| token.map(str::to_owned))
    );
    security.batch_execute("SELECT vpd.track_changes('shop.requests')")?;
    assert_eq!(protect(&mut security, "submit", "submitted"), None);
    assert_eq!(protect(&mut security, "approve", "approved"), None);
    assert_refused(
        security.batch_execute("SELECT vpd.untrack_changes('shop.requests')"),
        "55000",
        "not_ready",
    );
    let token = submit_and_approve(&database)?;
    assert_eq!(token.as_deref(), Some("sod_conflict"));
    Ok(())
}

/// The type of the owner's column runs a function of the owner whenever a text becomes a value of it.
const TRAP: &str = "
SET ROLE app_owner;
CREATE FUNCTION purchasing.plant(value text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM vpd.define_role('Planted'); RETURN true; EXCEPTION WHEN insufficient_privilege THEN RETURN true; END $$;
CREATE DOMAIN purchasing.state AS text CHECK (purchasing.plant(VALUE));
CREATE TABLE purchasing.traps (id integer PRIMARY KEY, code purchasing.state, status text, trap purchasing.state);
RESET ROLE;
";

#[test]
fn the_owners_domain_runs_nothing_with_the_rights_of_the_administrator() -> Result<()> {
    let database = scene("")?;
    database.admin()?.batch_execute(TRAP)?;
    let mut security = database.connect(role::SECURITY)?;
    // Control: the trap springs for an administrator who makes a value, and what he rolls back is gone.
    let planted = "SELECT count(*) FROM vpd.roles WHERE name = 'Planted'";
    let mut control = security.transaction()?;
    control.batch_execute("SELECT 'approved'::text::purchasing.state")?;
    assert_eq!(control.query_one(planted, &[])?.get::<_, i64>(0), 1);
    control.rollback()?;
    let protected = [
        security.batch_execute(
            "SELECT vpd.protect_action('purchasing.traps', NULL, 'purchase_order:approve', 'trap', 'approved')",
        ),
        security.batch_execute(
            "SELECT vpd.protect_action('purchasing.traps', NULL, 'purchase_order:approve', 'status', 'approved', '{code}')",
        ),
    ];
    assert_eq!(security.query_one(planted, &[])?.get::<_, i64>(0), 0);
    for refused in protected {
        assert_refused(refused, "42804", "column_type");
    }
    Ok(())
}
