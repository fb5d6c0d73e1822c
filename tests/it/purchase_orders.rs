//! The example of three duties that build on one another: whoever inquires searches and views, whoever manages maintains and submits as well, whoever
//! approves approves as well. Each is allowed exactly where it should be, and the maker never approves.

use postgres::Transaction;
use vpd_tests::{Database, Result, Subject, assert_refused, attach, outcome, role};

/// Resource, privileges, duties, roles, users; the administrator's part.
pub const DUTIES: &str = "
SELECT vpd.define_resource('purchase_order', 'task_flow', 'Purchase orders');
SELECT vpd.define_privilege('purchase_order:' || action) FROM unnest('{search,view,maintain,submit,approve}'::text[]) action;
SELECT vpd.define_duty('Purchase Order ' || level) FROM unnest('{Inquiry,Management,Approval}'::text[]) level;
SELECT vpd.grant_authority('privilege:purchase_order:search', 'duty:Purchase Order Inquiry');
SELECT vpd.grant_authority('privilege:purchase_order:view', 'duty:Purchase Order Inquiry');
SELECT vpd.grant_authority('duty:Purchase Order Inquiry', 'duty:Purchase Order Management');
SELECT vpd.grant_authority('privilege:purchase_order:maintain', 'duty:Purchase Order Management');
SELECT vpd.grant_authority('privilege:purchase_order:submit', 'duty:Purchase Order Management');
SELECT vpd.grant_authority('duty:Purchase Order Management', 'duty:Purchase Order Approval');
SELECT vpd.grant_authority('privilege:purchase_order:approve', 'duty:Purchase Order Approval');
SELECT vpd.define_role(name, 'job') FROM unnest('{Receptionist,Inventory Analyst,Buyer,Purchasing Manager,Allocator}'::text[]) name;
SELECT vpd.grant_authority('privilege:purchase_order:search', 'role:Receptionist');
SELECT vpd.grant_authority('duty:Purchase Order Inquiry', 'role:Inventory Analyst');
SELECT vpd.grant_authority('duty:Purchase Order Management', 'role:Buyer');
SELECT vpd.grant_authority('duty:Purchase Order Approval', 'role:Purchasing Manager');
SELECT vpd.define_user(name) FROM unnest('{rita,ina,bea,bob,max,mia,alan}'::text[]) name;
SELECT vpd.grant_authority('role:' || granted, 'user:' || holder)
  FROM (VALUES ('Receptionist', 'rita'), ('Inventory Analyst', 'ina'), ('Buyer', 'bea'), ('Buyer', 'bob'),
               ('Purchasing Manager', 'max'), ('Purchasing Manager', 'mia'), ('Allocator', 'alan')) g (granted, holder);
";

/// The application's tables.
pub const TABLES: &str = "
CREATE SCHEMA purchasing AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA purchasing TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE purchasing.orders (
    id integer PRIMARY KEY,
    supplier text NOT NULL,
    status text NOT NULL DEFAULT 'worksheet' CHECK (status IN ('worksheet', 'submitted', 'approved'))
);
CREATE TABLE purchasing.lines (
    order_id integer NOT NULL REFERENCES purchasing.orders,
    line integer NOT NULL,
    item text NOT NULL,
    quantity integer NOT NULL,
    PRIMARY KEY (order_id, line)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON purchasing.orders, purchasing.lines TO app_user;
RESET ROLE;
";

/// Audit columns, the action that the maker cannot take, and that nobody submits and approves one order.
pub const SEPARATION: &str = "
SELECT vpd.track_changes('purchasing.orders');
SELECT vpd.track_changes('purchasing.lines');
SELECT vpd.protect_action('purchasing.orders', NULL, 'purchase_order:submit', 'status', 'submitted');
SELECT vpd.protect_action('purchasing.orders', 'created_by', 'purchase_order:approve', 'status', 'approved');
SELECT vpd.define_sod_rule('order_submit_approve', '{privilege:purchase_order:submit,privilege:purchase_order:approve}', scope => 'object');
";

/// Who sees and changes which rows, by privileges and never by names of roles.
const POLICIES: &str = "
SELECT vpd.add_policy('purchasing.orders', 'search', $$vpd.has_privilege('purchase_order:search')$$, statement_types => '{select}');
SELECT vpd.add_policy('purchasing.orders', 'make', $$vpd.has_privilege('purchase_order:maintain') AND status = 'worksheet'$$, statement_types => '{insert,delete}');
SELECT vpd.add_policy('purchasing.orders', 'change',
    $$status = 'worksheet' AND vpd.has_privilege('purchase_order:maintain') OR status = 'submitted' AND vpd.has_privilege('purchase_order:approve')$$,
    statement_types => '{update}', update_check => false);
SELECT vpd.add_policy('purchasing.lines', 'view', $$vpd.has_privilege('purchase_order:view')$$, statement_types => '{select}');
SELECT vpd.add_policy('purchasing.lines', 'maintain',
    $$vpd.has_privilege('purchase_order:maintain') AND EXISTS (SELECT FROM purchasing.orders o WHERE o.id = order_id AND o.status = 'worksheet')$$,
    statement_types => '{insert,update,delete}');
";

/// A database with the tables and duties; `more` is what the administrator does besides.
pub fn scene(more: &str) -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(TABLES)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(DUTIES)?;
    security.batch_execute(more)?;
    Ok(database)
}

/// Does something in a session of a user and commits.
pub fn as_user<R>(
    database: &Database<'_>,
    user: &str,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<R>,
) -> Result<R> {
    let token = Subject::new(user).log_in(database)?;
    with_token(database, &token, work)
}

/// Does something in a session and commits.
pub fn with_token<R>(
    database: &Database<'_>,
    token: &str,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<R>,
) -> Result<R> {
    let mut client = database.connect(role::USER)?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, token)?;
    let result = work(&mut transaction)?;
    transaction.commit()?;
    Ok(result)
}

/// Order 1 is bea's worksheet, order 2 was made and submitted by bea, order 3 was made by max and submitted by bea.
pub fn make_orders(database: &Database<'_>) -> Result<()> {
    as_user(database, "bea", |bea| {
        bea.batch_execute(
            "INSERT INTO purchasing.orders (id, supplier) VALUES (1, 'Acme'), (2, 'Acme');
             INSERT INTO purchasing.lines VALUES (1, 1, 'bolt', 10), (2, 1, 'nut', 10)",
        )?;
        Ok(())
    })?;
    as_user(database, "max", |max| {
        max.batch_execute("INSERT INTO purchasing.orders (id, supplier) VALUES (3, 'Acme')")?;
        Ok(())
    })?;
    as_user(database, "bea", |bea| {
        bea.batch_execute("UPDATE purchasing.orders SET status = 'submitted' WHERE id IN (2, 3)")?;
        Ok(())
    })
}

/// What can be done, and the statement that does it; it is done when it touches a row.
const DEEDS: [(&str, &str); 8] = [
    ("search", "SELECT FROM purchasing.orders WHERE id = 1"),
    ("view", "SELECT FROM purchasing.lines WHERE order_id = 1"),
    (
        "make",
        "INSERT INTO purchasing.orders (id, supplier) VALUES (9, 'Bolt & Co')",
    ),
    (
        "change",
        "UPDATE purchasing.orders SET supplier = 'Bolt & Co' WHERE id = 1",
    ),
    (
        "add a line",
        "INSERT INTO purchasing.lines VALUES (1, 2, 'screw', 5)",
    ),
    (
        "change a line",
        "UPDATE purchasing.lines SET quantity = 11 WHERE order_id = 1",
    ),
    (
        "submit",
        "UPDATE purchasing.orders SET status = 'submitted' WHERE id = 1",
    ),
    (
        "approve",
        "UPDATE purchasing.orders SET status = 'approved' WHERE id = 2",
    ),
];

/// A user and how many of the deeds are his: they are ordered, and each duty adds to the one before.
const ALLOWED: [(&str, usize); 6] = [
    ("alan", 0),
    ("rita", 1),
    ("ina", 2),
    ("bob", 7),
    ("bea", 7),
    ("mia", 8),
];

fn can_do(database: &Database<'_>, user: &str, deed: &str) -> Result<bool> {
    let token = Subject::new(user).log_in(database)?;
    let mut client = database.connect(role::USER)?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, &token)?;
    Ok(outcome(transaction.execute(deed, &[])).is_ok_and(|touched| touched > 0))
}

#[test]
fn control_without_policies_everybody_does_everything() -> Result<()> {
    let database = scene("")?;
    make_orders(&database)?;
    for (user, _) in ALLOWED {
        for (name, deed) in DEEDS {
            assert!(can_do(&database, user, deed)?, "{user}: {name}");
        }
    }
    Ok(())
}

#[test]
fn each_duty_allows_exactly_what_it_should() -> Result<()> {
    let database = scene(&format!("{SEPARATION}{POLICIES}"))?;
    make_orders(&database)?;
    for (user, allowed) in ALLOWED {
        for (place, (name, deed)) in DEEDS.iter().enumerate() {
            assert_eq!(can_do(&database, user, deed)?, place < allowed, "{user}: {name}");
        }
    }
    // Without a session nobody does anything.
    let mut nobody = database.connect(role::USER)?;
    for (name, deed) in DEEDS {
        let done = outcome(nobody.execute(deed, &[]));
        assert!(!done.is_ok_and(|touched| touched > 0), "{name}");
    }
    Ok(())
}

#[test]
fn an_order_goes_its_way_and_says_who_did_what() -> Result<()> {
    let database = scene(&format!("{SEPARATION}{POLICIES}"))?;
    make_orders(&database)?;
    as_user(&database, "mia", |mia| {
        assert_eq!(
            mia.execute(
                "UPDATE purchasing.orders SET status = 'approved' WHERE id IN (2, 3)",
                &[]
            )?,
            2
        );
        Ok(())
    })?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let records: Vec<[String; 3]> = auditor
        .query(
            "SELECT object, action, user_name FROM vpd.action_records WHERE object LIKE '%/3' ORDER BY id",
            &[],
        )?
        .iter()
        .map(|row| std::array::from_fn(|column| row.get(column)))
        .collect();
    assert_eq!(
        records,
        [
            ["purchase_order/3", "purchase_order:submit", "bea"],
            ["purchase_order/3", "purchase_order:approve", "mia"]
        ]
        .map(|record| record.map(str::to_owned))
    );
    let row = database.admin()?.query_one(
        "SELECT created_by, updated_by FROM purchasing.orders WHERE id = 3",
        &[],
    )?;
    assert_eq!((row.get(0), row.get(1)), ("max", "mia"));
    // What was approved is changed by nobody.
    for user in ["bea", "max", "mia"] {
        assert!(!can_do(
            &database,
            user,
            "UPDATE purchasing.orders SET supplier = 'x' WHERE id = 3"
        )?);
    }
    Ok(())
}

#[test]
fn the_maker_cannot_approve_nor_who_submitted() -> Result<()> {
    let approve = "UPDATE purchasing.orders SET status = 'approved' WHERE id = 3";
    // Control: with policies alone the maker approves his own order.
    let open = scene(POLICIES)?;
    make_orders(&open)?;
    assert!(can_do(&open, "max", approve)?);

    let database = scene(&format!("{SEPARATION}{POLICIES}"))?;
    make_orders(&database)?;
    as_user(&database, "max", |max| {
        assert_refused(max.execute(approve, &[]), "42501", "maker_checker");
        Ok(())
    })?;
    // A manager who submits what somebody else made does not approve it either.
    as_user(&database, "mia", |mia| {
        mia.batch_execute("UPDATE purchasing.orders SET status = 'submitted' WHERE id = 1")?;
        Ok(())
    })?;
    let token = Subject::new("mia").log_in(&database)?;
    let mut client = database.connect(role::USER)?;
    let mut mia = client.transaction()?;
    attach(&mut mia, &token)?;
    let own = mia.execute(
        "UPDATE purchasing.orders SET status = 'approved' WHERE id = 1",
        &[],
    );
    assert_refused(own, "42501", "sod_conflict");
    Ok(())
}

#[test]
fn a_buyer_is_not_made_an_approver_while_a_rule_keeps_them_apart() -> Result<()> {
    let database = scene("")?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_sod_rule('buyer_or_manager', '{role:Buyer,role:Purchasing Manager}')",
    )?;
    let grant = "SELECT vpd.grant_authority('role:Purchasing Manager', 'user:bea')";
    assert_refused(security.batch_execute(grant), "42501", "sod_conflict");
    security.batch_execute("SELECT vpd.drop_sod_rule('buyer_or_manager')")?;
    security.batch_execute(grant)?;
    let late = "SELECT vpd.define_sod_rule('late', '{role:Buyer,role:Purchasing Manager}')";
    assert_refused(security.batch_execute(late), "42501", "sod_conflict");
    Ok(())
}
