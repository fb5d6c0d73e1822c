//! Users, roles, duties and privileges: what is granted where, and what a session comes to have.

use std::thread::sleep;
use std::time::{Duration, SystemTime};

use postgres::Client;
use vpd_tests::{
    Cluster, Database, Extension, Library, Result, Subject, assert_all_refused, assert_denied_to_all_but,
    assert_refused, attach, role,
};

/// Runs definitions as the security administrator.
pub fn define(database: &Database<'_>, script: &str) -> Result<()> {
    Ok(database.connect(role::SECURITY)?.batch_execute(script)?)
}

/// What a query gives one row of, with a session attached.
fn asks(client: &mut Client, token: &str, query: &str) -> Result<Vec<String>> {
    let mut transaction = client.transaction()?;
    attach(&mut transaction, token)?;
    let rows = transaction.query(query, &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

const ROLES: &str = "SELECT unnest(roles) FROM vpd.current_session() ORDER BY 1";
const PRIVILEGES: &str = "SELECT unnest(privileges) FROM vpd.current_session() ORDER BY 1";

const ORDERS: &str = "
SELECT vpd.define_resource('purchase_order', 'task_flow');
SELECT vpd.define_privilege('purchase_order:' || action) FROM unnest('{search,view,maintain,submit,approve}'::text[]) action;
SELECT vpd.define_duty('Purchase Order Inquiry'), vpd.define_duty('Purchase Order Management'), vpd.define_duty('Purchase Order Approval');
SELECT vpd.grant_authority('privilege:purchase_order:search', 'duty:Purchase Order Inquiry'),
       vpd.grant_authority('privilege:purchase_order:view', 'duty:Purchase Order Inquiry'),
       vpd.grant_authority('privilege:purchase_order:maintain', 'duty:Purchase Order Management'),
       vpd.grant_authority('privilege:purchase_order:submit', 'duty:Purchase Order Management'),
       vpd.grant_authority('privilege:purchase_order:approve', 'duty:Purchase Order Approval'),
       vpd.grant_authority('duty:Purchase Order Inquiry', 'duty:Purchase Order Management'),
       vpd.grant_authority('duty:Purchase Order Management', 'duty:Purchase Order Approval');
SELECT vpd.define_role('Buyer', 'job'), vpd.define_role('Chief Buyer', 'job'), vpd.define_role('Clerk', 'job');
SELECT vpd.grant_authority('duty:Purchase Order Inquiry', 'role:Clerk'),
       vpd.grant_authority('duty:Purchase Order Management', 'role:Buyer'),
       vpd.grant_authority('duty:Purchase Order Approval', 'role:Chief Buyer');
SELECT vpd.define_user('alice'), vpd.define_user('bob'), vpd.define_user('carol'), vpd.define_user('dave');
SELECT vpd.grant_authority('role:Clerk', 'user:alice'), vpd.grant_authority('role:Buyer', 'user:bob'),
       vpd.grant_authority('role:Chief Buyer', 'user:carol');
";

#[test]
fn duties_build_on_one_another_and_a_session_has_what_they_come_to() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    let mut user = database.connect(role::USER)?;
    for (name, count) in [("alice", 2), ("bob", 4), ("carol", 5), ("dave", 0), ("nobody", 0)] {
        let token = Subject::new(name).log_in(&database)?;
        assert_eq!(asks(&mut user, &token, PRIVILEGES)?.len(), count, "{name}");
    }
    let token = Subject::new("bob").log_in(&database)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let row = transaction.query_one(
        "SELECT vpd.has_privilege('purchase_order:submit'), vpd.has_privilege('purchase_order:approve'),
                vpd.has_resource('purchase_order', 'view'), vpd.user_in_role('Buyer'), vpd.user_in_role('Clerk', 'Buyer'),
                vpd.user_in_all_roles('Clerk', 'Buyer')",
        &[],
    )?;
    let answers: Vec<bool> = (0..6).map(|column| row.get(column)).collect();
    assert_eq!(answers, [true, false, true, true, true, false]);
    Ok(())
}

#[test]
fn a_front_end_learns_resources_and_modes_in_one_call() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    define(
        &database,
        "SELECT vpd.define_resource('audit report', 'report'); SELECT vpd.define_privilege('audit report:print')",
    )?;
    let query = "SELECT resource || ' ' || kind || ' ' || mode || ' ' || array_to_string(actions, ',') FROM vpd.session_privileges()";
    let mut user = database.connect(role::USER)?;
    let token = Subject::new("alice").log_in(&database)?;
    assert_eq!(
        asks(&mut user, &token, query)?,
        [
            "audit report report hidden ",
            "purchase_order task_flow view search,view"
        ]
    );
    let token = Subject::new("bob").log_in(&database)?;
    assert_eq!(
        asks(&mut user, &token, &query.replace("()", "(true)"))?,
        ["purchase_order task_flow edit maintain,search,submit,view"]
    );
    assert!(user.query(query, &[])?.is_empty(), "without a session");
    Ok(())
}

#[test]
fn a_front_end_learns_of_claimed_privileges_what_checks_say() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    let token = Subject::new("eve")
        .privilege("purchase_order:archive")
        .privilege("stock:Count")
        .privilege("stock:view")
        .privilege("purchase_order:view")
        .privilege("loose")
        .log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let query = "SELECT resource || ' ' || kind || ' ' || mode || ' ' || array_to_string(actions, ',') FROM vpd.session_privileges()";
    assert_eq!(
        asks(&mut user, &token, query)?,
        [
            "purchase_order task_flow edit archive",
            "stock abstract edit Count,view"
        ]
    );
    // The same by the check, action by action; what is administered here is not claimed.
    let check = "SELECT r || ':' || a FROM unnest('{purchase_order,stock}'::text[]) r, unnest('{archive,Count,view,submit}'::text[]) a
                  WHERE vpd.has_resource(r, a) ORDER BY 1";
    assert_eq!(
        asks(&mut user, &token, check)?,
        asks(
            &mut user,
            &token,
            "SELECT resource || ':' || a FROM vpd.session_privileges(), unnest(actions) a ORDER BY 1"
        )?
    );
    Ok(())
}

#[test]
fn another_precedence_of_sources_makes_no_circle_of_managers() -> Result<()> {
    let database = Database::create()?;
    // hr: bob is above alice; directory, believed less: alice is above bob, and hr says that carol is.
    define(
        &database,
        "SELECT vpd.define_source('hr', 10), vpd.define_source('directory', 20), vpd.define_user('alice'), vpd.define_user('carol');
         SELECT vpd.define_user('bob', source => 'hr', manager => 'carol');
         SELECT vpd.define_user('alice', source => 'hr', manager => 'bob');
         SELECT vpd.define_user('bob', source => 'directory', manager => 'alice')",
    )?;
    let chain = "SELECT string_agg(manager, ' ' ORDER BY level) FROM vpd.manager_chain('alice')";
    let mut security = database.connect(role::SECURITY)?;
    let before: String = security.query_one(chain, &[])?.get(0);
    assert_eq!(before, "bob carol");
    // control: said by one source it is refused
    assert_all_refused(
        &mut security,
        "SELECT vpd.{}",
        "
         22023 argument_invalid define_user('bob', source => 'hr', manager => 'alice')
         22023 argument_invalid define_source('directory', 5)",
    );
    assert_eq!(security.query_one(chain, &[])?.get::<_, String>(0), before);
    security.batch_execute("SELECT vpd.define_source('directory', 15)")?;
    Ok(())
}

#[test]
fn groups_are_nested_and_roles_hold_users_groups_and_roles() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    define(
        &database,
        "SELECT vpd.define_group('north'), vpd.define_group('everybody'), vpd.define_role('Warehouse.Viewer', 'application');
         SELECT vpd.grant_authority('group:north', 'user:dave'), vpd.grant_authority('group:everybody', 'group:north'),
                vpd.grant_authority('role:Warehouse.Viewer', 'group:everybody'), vpd.grant_authority('role:Clerk', 'role:Warehouse.Viewer')",
    )?;
    let token = Subject::new("dave").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    assert_eq!(asks(&mut user, &token, ROLES)?, ["Clerk", "Warehouse.Viewer"]);
    assert_eq!(
        asks(&mut user, &token, PRIVILEGES)?,
        ["purchase_order:search", "purchase_order:view"]
    );
    Ok(())
}

#[test]
fn a_circle_is_refused_whatever_its_length() -> Result<()> {
    let database = Database::create()?;
    define(
        &database,
        "SELECT vpd.define_role('a'), vpd.define_role('b'), vpd.define_role('c'), vpd.define_group('g'), vpd.define_group('h');
         SELECT vpd.grant_authority('role:b', 'role:a'), vpd.grant_authority('role:c', 'role:b'), vpd.grant_authority('group:h', 'group:g')",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    for (granted, holder) in [
        ("role:a", "role:a"),
        ("role:a", "role:b"),
        ("role:a", "role:c"),
        ("group:g", "group:h"),
    ] {
        let grant = security.execute("SELECT vpd.grant_authority($1, $2)", &[&granted, &holder]);
        assert_refused(grant, "42P17", "authority_cycle");
    }
    Ok(())
}

#[test]
fn users_and_groups_get_roles_and_nothing_below_them() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    define(
        &database,
        "SELECT vpd.define_entitlement('orders'), vpd.define_group('g'); SELECT vpd.grant_authority('privilege:purchase_order:view', 'entitlement:orders')",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    for granted in [
        "privilege:purchase_order:view",
        "duty:Purchase Order Inquiry",
        "entitlement:orders",
    ] {
        for holder in ["user:alice", "group:g"] {
            let grant = security.execute("SELECT vpd.grant_authority($1, $2)", &[&granted, &holder]);
            assert_refused(grant, "22023", "argument_invalid");
        }
    }
    for (granted, code) in [("role:none", "role_not_found"), ("duty:none", "duty_not_found")] {
        let grant = security.execute("SELECT vpd.grant_authority($1, 'role:Buyer')", &[&granted]);
        assert_refused(grant, "42704", code);
    }
    assert_refused(
        security.execute("SELECT vpd.define_privilege('no such thing:view')", &[]),
        "42704",
        "resource_not_found",
    );
    security.execute(
        "SELECT vpd.grant_authority('entitlement:orders', 'role:Buyer')",
        &[],
    )?;
    Ok(())
}

#[test]
fn definitions_and_grants_said_twice_change_nothing() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    let mut admin = database.admin()?;
    let count = "SELECT (SELECT count(*) FROM vpd.authority_changes) + (SELECT count(*) FROM vpd.grants)";
    let before: i64 = admin.query_one(count, &[])?.get(0);
    define(&database, ORDERS)?;
    assert_eq!(admin.query_one(count, &[])?.get::<_, i64>(0), before);
    Ok(())
}

#[test]
fn a_grant_holds_from_its_beginning_to_its_end() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    let token = Subject::new("dave").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    define(
        &database,
        "SELECT vpd.grant_authority('role:Buyer', 'user:dave', valid_from => clock_timestamp() + interval '2 seconds',
                                    valid_until => clock_timestamp() + interval '5 seconds', reason => 'holiday')",
    )?;
    let times = "SELECT valid_from, valid_until FROM vpd_private.authority_grant WHERE reason = 'holiday'";
    let row = database.admin()?.query_one(times, &[])?;
    let (from, until): (SystemTime, SystemTime) = (row.get(0), row.get(1));
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    // The transaction stays open: the wall clock counts. Each answer is held against the server's clock before and after it.
    let (mut before, mut between, mut after) = (0, 0, 0);
    while after == 0 {
        let started: SystemTime = transaction.query_one("SELECT clock_timestamp()", &[])?.get(0);
        let has: bool = transaction
            .query_one("SELECT vpd.user_in_role('Buyer')", &[])?
            .get(0);
        let ended: SystemTime = transaction.query_one("SELECT clock_timestamp()", &[])?.get(0);
        if ended < from {
            assert!(!has, "before it begins");
            before += 1;
        } else if started > from && ended < until {
            assert!(has, "while it is valid");
            between += 1;
        } else if started > until {
            assert!(!has, "after its end");
            after += 1;
        }
        sleep(Duration::from_millis(20));
    }
    assert!(before > 0 && between > 0, "{before} {between}");
    Ok(())
}

#[test]
fn enterprise_roles_are_claimed_and_mapped_and_others_cannot_be_claimed() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    define(
        &database,
        "SELECT vpd.define_role('BUYER_JOB', 'enterprise'); SELECT vpd.grant_authority('role:Buyer', 'role:BUYER_JOB')",
    )?;
    let mut user = database.connect(role::USER)?;
    let token = Subject::new("erin")
        .role("BUYER_JOB")
        .role("Unmapped")
        .log_in(&database)?;
    assert_eq!(
        asks(&mut user, &token, ROLES)?,
        ["BUYER_JOB", "Buyer", "Unmapped"]
    );
    assert_eq!(asks(&mut user, &token, PRIVILEGES)?.len(), 4);
    // The provider, or whoever speaks for it, names a role and a privilege that are administered here.
    let token = Subject::new("mallory")
        .role("Chief Buyer")
        .privilege("purchase_order:approve")
        .log_in(&database)?;
    assert!(asks(&mut user, &token, ROLES)?.is_empty());
    assert!(asks(&mut user, &token, PRIVILEGES)?.is_empty());
    Ok(())
}

#[test]
fn a_parametric_role_follows_the_attributes() -> Result<()> {
    let database = Database::create()?;
    define(
        &database,
        r#"SELECT vpd.define_unit('Stores'), vpd.define_role('Forklift', 'parametric', rule => '$.grade >= 5 && $.skills[*] == "forklift" && $.unit == "Stores"');
           SELECT vpd.define_user('alice', attributes => '{"grade": 6, "skills": ["forklift"]}', unit => 'Stores'),
                  vpd.define_user('bob', attributes => '{"grade": 4, "skills": ["forklift"]}', unit => 'Stores')"#,
    )?;
    let (alice, bob) = (
        Subject::new("alice").log_in(&database)?,
        Subject::new("bob").log_in(&database)?,
    );
    let mut user = database.connect(role::USER)?;
    assert_eq!(asks(&mut user, &alice, ROLES)?, ["Forklift"]);
    assert!(asks(&mut user, &bob, ROLES)?.is_empty());
    define(
        &database,
        r#"SELECT vpd.define_user('bob', attributes => '{"grade": 5, "skills": ["forklift"]}')"#,
    )?;
    assert_eq!(asks(&mut user, &bob, ROLES)?, ["Forklift"]);
    let mut security = database.connect(role::SECURITY)?;
    assert_refused(
        security.execute(
            "SELECT vpd.define_role('Bad', 'parametric', rule => '$.grade >=')",
            &[],
        ),
        "22023",
        "argument_invalid",
    );
    Ok(())
}

/// Whether a grant was revoked or ran out is told apart by who revoked it, however the clock ticks meanwhile.
#[test]
fn each_revoked_grant_says_who_revoked_it() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_user('alice');
         SELECT vpd.define_role('R' || n) FROM generate_series(1, 200) n;
         SELECT vpd.grant_authority('role:R' || n, 'user:alice') FROM generate_series(1, 200) n",
    )?;
    for number in 1..=200 {
        security.execute(
            "SELECT vpd.revoke_authority('role:R' || $1::integer, 'user:alice')",
            &[&number],
        )?;
    }
    let (revoked, told): (i64, i64) = {
        let row = database.admin()?.query_one(
            "SELECT count(*), count(revoked_by) FROM vpd_private.authority_grant WHERE valid_until < 'infinity'",
            &[],
        )?;
        (row.get(0), row.get(1))
    };
    assert_eq!((revoked, told), (200, 200));
    Ok(())
}

/// A rule that the server cannot evaluate would fail every login: a variable without a value is refused, and what a user's attributes do not answer is false.
#[test]
fn no_rule_of_a_role_fails_a_login() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    for rule in ["$.grade >= $min", "$.name == \"$\" && $.grade >= $min"] {
        assert_refused(
            security.execute(
                "SELECT vpd.define_role('Open', 'parametric', rule => $1)",
                &[&rule],
            ),
            "22023",
            "argument_invalid",
        );
    }
    define(
        &database,
        r#"SELECT vpd.define_role('Veteran', 'parametric', rule => '$.hired.datetime() < "2020-01-01 00:00:00 +00:00".datetime()'),
                  vpd.define_role('Dollar', 'parametric', rule => '$.sign == "$"'),
                  vpd.define_role('Number', 'parametric', rule => '$.grade.double() > 3'),
                  vpd.define_user('old', attributes => '{"hired": "2019-12-31", "sign": "$"}'),
                  vpd.define_user('new', attributes => '{"hired": "2020-01-02", "grade": "high"}'),
                  vpd.define_user('odd', attributes => '{"hired": [1, null], "grade": {}}');
           SELECT vpd.define_sod_rule('apart', '{role:Veteran,role:Number}', enforce_existing => false)"#,
    )?;
    let mut user = database.connect(role::USER)?;
    for (name, roles) in [
        ("old", vec!["Dollar", "Veteran"]),
        ("new", vec![]),
        ("odd", vec![]),
    ] {
        let token = Subject::new(name).log_in(&database)?;
        assert_eq!(asks(&mut user, &token, ROLES)?, roles, "{name}");
        // The time zone of the client changes nothing.
        user.batch_execute("SET timezone = 'Pacific/Kiritimati'")?;
        assert_eq!(asks(&mut user, &token, ROLES)?, roles, "{name}");
        user.batch_execute("RESET timezone")?;
    }
    // What a rule cannot be asked of stays so when its role is switched off, dropped and defined again.
    define(
        &database,
        "SELECT vpd.enable_authority('role:Veteran', false); SELECT vpd.drop_sod_rule('apart'); SELECT vpd.drop_authority('role:Number')",
    )?;
    let token = Subject::new("old").log_in(&database)?;
    assert_eq!(asks(&mut user, &token, ROLES)?, ["Dollar"]);
    Ok(())
}

#[test]
fn several_sources_are_put_together_and_the_lower_precedence_is_believed() -> Result<()> {
    let database = Database::create()?;
    define(
        &database,
        r#"SELECT vpd.define_source('ldap', 10), vpd.define_source('hr', 20), vpd.define_unit('Sales'), vpd.define_unit('Stores'), vpd.define_user('boss');
           SELECT vpd.define_user('alice', 'hr', 'Alice of HR', '{"grade": 5, "language": "de"}', 'Sales', 'boss'),
                  vpd.define_user('alice', 'ldap', NULL, '{"grade": 7}', 'Stores')"#,
    )?;
    let row = database.connect(role::AUDITOR)?.query_one(
        "SELECT display_name, unit, manager, attributes->>'grade', attributes->>'language', sources::text FROM vpd.users WHERE name = 'alice'",
        &[],
    )?;
    let told: Vec<String> = (0..6).map(|column| row.get(column)).collect();
    assert_eq!(told, ["Alice of HR", "Stores", "boss", "7", "de", "{ldap,hr}"]);
    let mut security = database.connect(role::SECURITY)?;
    assert_refused(
        security.execute("SELECT vpd.define_source('other', 10)", &[]),
        "22023",
        "argument_invalid",
    );
    Ok(())
}

#[test]
fn units_sources_and_resources_are_dropped_when_nothing_needs_them() -> Result<()> {
    let database = Database::create()?;
    define(
        &database,
        "SELECT vpd.define_source('hr', 20), vpd.define_unit('Sales'), vpd.define_unit('West', 'Sales'), vpd.define_unit('Stores');
         SELECT vpd.define_user('alice', 'hr', unit => 'West');
         SELECT vpd.define_resource('order'), vpd.define_resource('invoice'); SELECT vpd.define_privilege('order:read'), vpd.define_privilege('order:pay');
         SELECT vpd.define_sod_rule('in the stores', '{privilege:order:read,privilege:order:pay}', scope => 'unit', unit => 'Stores')",
    )?;
    database
        .admin()?
        .batch_execute("UPDATE vpd_private.resource SET seeded_by = 'acme' WHERE name = 'invoice'")?;
    let mut security = database.connect(role::SECURITY)?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.{}",
        "
         2BP01 definition_in_use  drop_unit('Sales')
         2BP01 definition_in_use  drop_unit('West')
         2BP01 definition_in_use  drop_unit('Stores')
         2BP01 definition_in_use  drop_source('hr')
         2BP01 definition_in_use  drop_resource('order')
         42501 definition_seeded  drop_resource('invoice')
         22023 argument_invalid   drop_source('local')
         22023 argument_invalid   drop_unit(NULL)
         42704 unit_not_found     drop_unit('None')
         42704 source_not_found   drop_source('none')
         42704 resource_not_found drop_resource('none')",
    );
    security.batch_execute(
        "SELECT vpd.drop_sod_rule('in the stores'); SELECT vpd.drop_authority('user:alice');
         SELECT vpd.drop_authority('privilege:order:read'), vpd.drop_authority('privilege:order:pay');
         SELECT vpd.drop_unit('West'), vpd.drop_unit('Sales'), vpd.drop_unit('Stores'), vpd.drop_source('hr'), vpd.drop_resource('order')",
    )?;
    let left: String = security
        .query_one(
            "SELECT concat_ws(' ', (SELECT string_agg(name, ',') FROM vpd.units), (SELECT string_agg(name, ',') FROM vpd.sources),
                    (SELECT string_agg(name, ',') FROM vpd.resources))",
            &[],
        )?
        .get(0);
    assert_eq!(left, "local invoice");
    let told: i64 = security
        .query_one(
            "SELECT count(*) FROM vpd.authority_changes WHERE action = 'drop' AND subject IN ('unit:West', 'source:hr', 'resource:order')",
            &[],
        )?
        .get(0);
    assert_eq!(told, 3);
    security
        .batch_execute("SELECT vpd.define_resource('order'); SELECT vpd.define_privilege('order:read')")?;
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &[
            "SELECT vpd.drop_unit('x')",
            "SELECT vpd.drop_source('x')",
            "SELECT vpd.drop_resource('x')",
        ],
    )?;
    Ok(())
}

#[test]
fn a_disabled_user_loses_every_session_at_once_and_gets_none() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    let token = Subject::new("bob").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    define(&database, "SELECT vpd.disable_user('bob', 'left the company')")?;
    assert_refused(
        transaction.query("SELECT vpd.user_name()", &[]),
        "28000",
        "session_invalid",
    );
    drop(transaction);
    let mut bridge = database.connect(role::BRIDGE)?;
    assert_refused(
        Subject::new("bob").log_in_with(&mut bridge),
        "28000",
        "user_disabled",
    );
    define(&database, "SELECT vpd.enable_user('bob')")?;
    Subject::new("bob").log_in(&database)?;
    Ok(())
}

#[test]
fn the_line_of_managers_is_told_to_those_in_it() -> Result<()> {
    let database = Database::create()?;
    define(
        &database,
        "SELECT vpd.define_user('top'); SELECT vpd.define_user('middle', manager => 'top'); SELECT vpd.define_user('low', manager => 'middle');
         SELECT vpd.define_user('other')",
    )?;
    let chain = "SELECT manager FROM vpd.manager_chain('low')";
    let mut user = database.connect(role::USER)?;
    for name in ["low", "middle", "top"] {
        let token = Subject::new(name).log_in(&database)?;
        assert_eq!(asks(&mut user, &token, chain)?, ["middle", "top"], "{name}");
    }
    let middle = Subject::new("middle").log_in(&database)?;
    assert_eq!(
        asks(&mut user, &middle, "SELECT vpd.direct_reports('middle')")?,
        ["low"]
    );
    for (name, may) in [("middle", true), ("top", false), ("low", false), ("other", false)] {
        let token = Subject::new(name).log_in(&database)?;
        let told = asks(&mut user, &token, "SELECT vpd.may_reassign('low')::text")?;
        assert_eq!(told, [may.to_string()], "{name}");
    }
    let token = Subject::new("other").log_in(&database)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    assert_refused(transaction.query(chain, &[]), "42501", "privilege_missing");
    drop(transaction);
    assert_refused(user.query(chain, &[]), "42501", "privilege_missing");
    let mut security = database.connect(role::SECURITY)?;
    assert_eq!(security.query(chain, &[])?.len(), 2);
    assert_refused(
        security.execute("SELECT vpd.define_user('top', manager => 'low')", &[]),
        "22023",
        "argument_invalid",
    );
    Ok(())
}

#[test]
fn what_is_seeded_can_be_added_to_and_not_changed() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    database.admin()?.batch_execute(
        "SELECT vpd.mark_seeded('role:Buyer', 'pg_vpd'), vpd.mark_seeded('duty:Purchase Order Management', 'pg_vpd')",
    )?;
    let mut customizer = database.connect(role::SECURITY)?;
    // The other owner's own mark, the last, is no way in.
    assert_all_refused(
        &mut customizer,
        "SELECT vpd.{}",
        "
         42501 definition_seeded drop_authority('role:Buyer')
         42501 definition_seeded define_role('Buyer', 'application', 'mine')
         42501 definition_seeded enable_authority('role:Buyer', false)
         42501 definition_seeded revoke_authority('duty:Purchase Order Management', 'role:Buyer')
         42501 definition_seeded revoke_authority('privilege:purchase_order:submit', 'duty:Purchase Order Management')
         42501 definition_seeded mark_seeded('role:Buyer', NULL)
         22023 argument_invalid  mark_seeded('role:Clerk', 'postgres')",
    );
    customizer.batch_execute(
        "SELECT vpd.define_privilege('purchase_order:print');
         SELECT vpd.grant_authority('privilege:purchase_order:print', 'duty:Purchase Order Management'), vpd.grant_authority('role:Buyer', 'user:dave');
         SELECT vpd.revoke_authority('privilege:purchase_order:print', 'duty:Purchase Order Management')",
    )?;
    Ok(())
}

#[test]
fn dropping_ends_what_was_granted_and_keeps_the_history() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    let token = Subject::new("bob").log_in(&database)?;
    define(&database, "SELECT vpd.drop_authority('role:Buyer')")?;
    let mut user = database.connect(role::USER)?;
    assert!(asks(&mut user, &token, ROLES)?.is_empty());
    define(&database, "SELECT vpd.define_role('Buyer', 'job')")?;
    assert!(
        asks(&mut user, &token, ROLES)?.is_empty(),
        "a new role is not the old one"
    );
    let kept: i64 = database
        .connect(role::AUDITOR)?
        .query_one(
            "SELECT count(*) FROM vpd.grants WHERE granted = 'role:Buyer' AND holder = 'user:bob' AND NOT is_valid",
            &[],
        )?
        .get(0);
    assert_eq!(kept, 1);
    Ok(())
}

#[test]
fn every_change_is_written_down_with_its_author() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    define(&database, "SELECT vpd.revoke_authority('role:Buyer', 'user:bob')")?;
    let row = database.connect(role::AUDITOR)?.query_one(
        "SELECT changed_by, login_role::text, action, subject, detail->>'holder' FROM vpd.authority_changes ORDER BY change_id DESC LIMIT 1",
        &[],
    )?;
    let told: Vec<String> = (0..5).map(|column| row.get(column)).collect();
    assert_eq!(
        told,
        [role::SECURITY, role::SECURITY, "revoke", "role:Buyer", "user:bob"]
    );
    Ok(())
}

#[test]
fn the_suffix_of_a_role_says_where_it_counts() -> Result<()> {
    let scene = "SELECT vpd.define_role('BUYER', 'enterprise'), vpd.define_role('Buyer', 'job'), vpd.define_role('Tester_PREPROD', 'job');
                 SELECT vpd.grant_authority('role:Buyer', 'role:BUYER');
                 SELECT vpd.define_user('alice'); SELECT vpd.grant_authority('role:Tester_PREPROD', 'user:alice')";
    let roles = |database: &Database<'_>, claim: &str| -> Result<Vec<String>> {
        let token = Subject::new("alice").role(claim).log_in(database)?;
        asks(&mut database.connect(role::USER)?, &token, ROLES)
    };
    let production = Database::create()?;
    define(&production, scene)?;
    assert_eq!(roles(&production, "BUYER")?, ["BUYER", "Buyer"]);
    assert!(roles(&production, "BUYER_PREPROD")?.is_empty());

    let cluster = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "vpd.environment = 'staging'",
    )?;
    let staging = Database::install_in(&cluster)?;
    define(&staging, scene)?;
    assert_eq!(
        roles(&staging, "BUYER_PREPROD")?,
        ["BUYER", "Buyer", "Tester_PREPROD"]
    );
    assert_eq!(roles(&staging, "BUYER")?, ["Tester_PREPROD"]);
    // Whoever is logged in cannot say where he is.
    let mut user = staging.connect(role::USER)?;
    assert!(user.batch_execute("SET vpd.environment = 'production'").is_err());
    Ok(())
}

#[test]
fn a_change_names_both_the_user_and_who_acts_for_him() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    define(
        &database,
        "SELECT vpd.define_user('peter'); SELECT vpd.grant_delegation('user:peter', 'user:alice')",
    )?;
    let peter = Subject::new("peter").log_in(&database)?;
    let token: String = database
        .connect(role::BRIDGE)?
        .query_one("SELECT vpd.create_session_on_behalf($1, 'alice')", &[&peter])?
        .get(0);
    // The administrator works with a session of his own attached.
    let mut admin = database.admin()?;
    let mut transaction = admin.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute("SELECT vpd.define_role('New')")?;
    transaction.commit()?;
    let row = admin.query_one(
        "SELECT changed_by || ' by ' || login_user || ' as ' || login_role FROM vpd.authority_changes WHERE subject = 'role:New' ORDER BY change_id LIMIT 1",
        &[],
    )?;
    assert_eq!(row.get::<_, String>(0), "alice by peter as postgres");
    Ok(())
}

#[test]
fn a_renewal_from_a_later_day_keeps_what_holds_until_then() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    let mut security = database.connect(role::SECURITY)?;
    // The days on which grants to dave begin and end, after a grant of his role.
    let mut after = |from: &str, until: &str| -> Result<(bool, String)> {
        let is_changed = security
            .query_one(
                "SELECT vpd.grant_authority('role:Clerk', 'user:dave', nullif($1::text, '')::timestamptz, nullif($2::text, '')::timestamptz)",
                &[&from, &until],
            )?
            .get(0);
        let windows = security
            .query_one(
                "SELECT string_agg(CASE WHEN valid_from > now() THEN to_char(valid_from AT TIME ZONE 'UTC', 'YYYY') ELSE 'now' END || '-' ||
                                   to_char(valid_until AT TIME ZONE 'UTC', 'YYYY'), ' ' ORDER BY valid_from)
                   FROM vpd.grants WHERE granted = 'role:Clerk' AND holder = 'user:dave' AND valid_until > now()",
                &[],
            )?
            .get(0);
        Ok((is_changed, windows))
    };
    let steps = [
        ("", "2090-06-01", true, "now-2090"),
        // Next year's window stands beside today's, and the years between stay free.
        ("2100-06-01", "2101-06-01", true, "now-2090 2100-2101"),
        ("2100-06-01", "2101-06-01", false, "now-2090 2100-2101"),
        // What overlaps ends where the new one begins.
        ("2080-06-01", "2085-06-01", true, "now-2080 2080-2085 2100-2101"),
        // The one that begins as asked for is kept for that long, and takes the place of what it reaches into.
        ("2080-06-01", "2100-09-01", true, "now-2080 2080-2100"),
        ("2100-06-01", "2101-06-01", true, "now-2080 2080-2100 2100-2101"),
        // Without a beginning it is about the one that holds.
        ("", "2070-06-01", true, "now-2070 2080-2100 2100-2101"),
        ("", "2070-06-01", false, "now-2070 2080-2100 2100-2101"),
    ];
    for (from, until, is_changed, windows) in steps {
        assert_eq!(
            after(from, until)?,
            (is_changed, windows.to_owned()),
            "{from} to {until}"
        );
    }
    let dave = Subject::new("dave").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    assert_eq!(
        asks(&mut user, &dave, ROLES)?,
        ["Clerk"],
        "today's access is kept"
    );
    let mut auditor = database.connect(role::AUDITOR)?;
    let mut holds = |at: &str| -> Result<i64> {
        Ok(auditor
            .query_one(
                "SELECT count(*) FROM vpd.entitlements_at('dave', $1::text::timestamptz) WHERE kind = 'role'",
                &[&at],
            )?
            .get(0))
    };
    for (at, expected) in [
        ("2069-01-01", 1),
        ("2075-01-01", 0),
        ("2090-01-01", 1),
        ("2101-01-01", 1),
        ("2102-01-01", 0),
    ] {
        assert_eq!(holds(at)?, expected, "{at}");
    }
    // Taking back takes back all of them.
    security.execute("SELECT vpd.revoke_authority('role:Clerk', 'user:dave')", &[])?;
    assert!(asks(&mut user, &dave, ROLES)?.is_empty());
    assert_eq!(holds("2090-01-01")?, 0);
    Ok(())
}

#[test]
fn a_window_beside_a_seeded_grant_leaves_it_alone_and_none_is_cut_out_of_it() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    define(
        &database,
        "SELECT vpd.grant_authority('role:Clerk', 'role:Buyer', '2080-01-01', '2081-01-01')",
    )?;
    database
        .admin()?
        .batch_execute("SELECT vpd.mark_seeded('role:Buyer', 'erp_owner')")?;
    let mut security = database.connect(role::SECURITY)?;
    let mut grant = |from: &str, until: &str| {
        security.execute(
            "SELECT vpd.grant_authority('role:Clerk', 'role:Buyer', $1::text::timestamptz, $2::text::timestamptz)",
            &[&from, &until],
        )
    };
    for (from, until) in [
        ("2080-06-01", "2080-07-01"),
        ("2070-01-01", "2090-01-01"),
        ("2080-01-01", "2082-01-01"),
    ] {
        assert_refused(grant(from, until), "42501", "definition_seeded");
    }
    grant("2070-01-01", "2080-01-01")?;
    assert_refused(
        security.execute("SELECT vpd.revoke_authority('role:Clerk', 'role:Buyer')", &[]),
        "42501",
        "definition_seeded",
    );
    Ok(())
}

#[test]
fn a_change_keeps_everybody_who_stands_behind_it() -> Result<()> {
    let database = Database::create()?;
    define(&database, ORDERS)?;
    define(
        &database,
        "SELECT vpd.define_user('peter'), vpd.define_user('mary'), vpd.define_role('Service');
         SELECT vpd.define_resource('session'); SELECT vpd.define_privilege('session:set_audit_identity');
         SELECT vpd.grant_authority('privilege:session:set_audit_identity', 'role:Service'),
                vpd.grant_authority('role:Service', 'user:alice');
         SELECT vpd.grant_delegation('user:mary', 'user:peter', with_full_authority => true),
                vpd.grant_delegation('user:peter', 'user:alice', with_full_authority => true)",
    )?;
    let mary = Subject::new("mary").log_in(&database)?;
    let version = "SELECT version FROM vpd_private.authority_version";
    let mut admin = database.admin()?;
    let former: i64 = admin.query_one(version, &[])?.get(0);
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut on_behalf = |token: &str, user: &str| -> Result<String> {
        Ok(bridge
            .query_one("SELECT vpd.create_session_on_behalf($1, $2)", &[&token, &user])?
            .get(0))
    };
    let peter = on_behalf(&mary, "peter")?;
    let alice = on_behalf(&peter, "alice")?;
    assert_eq!(
        admin.query_one(version, &[])?.get::<_, i64>(0),
        former,
        "opening a session waits for no change of the graph"
    );
    let mut transaction = admin.transaction()?;
    attach(&mut transaction, &alice)?;
    transaction.batch_execute("SELECT vpd.set_audit_identity('submitter'); SELECT vpd.define_role('New')")?;
    transaction.commit()?;

    let mut auditor = database.connect(role::AUDITOR)?;
    let row = auditor.query_one(
        "SELECT changed_by, user_name, array_to_string(actors, ','), login_user FROM vpd.authority_changes WHERE subject = 'role:New' ORDER BY change_id LIMIT 1",
        &[],
    )?;
    let told: Vec<String> = (0..4).map(|column| row.get(column)).collect();
    assert_eq!(told, ["submitter", "alice", "peter,mary", "mary"]);

    // That somebody acted for somebody else is told when both sessions are long gone.
    admin.batch_execute("SELECT vpd.end_all_sessions('gone'); DELETE FROM vpd_private.session")?;
    let rows = auditor.query(
        "SELECT concat_ws(' ', changed_by, user_name, actors::text, subject, detail->>'actors', detail->>'with_full_authority'),
                detail->>'session_id' IS NOT NULL
           FROM vpd.authority_changes WHERE action = 'on_behalf' ORDER BY change_id",
        &[],
    )?;
    let told: Vec<(String, bool)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        told,
        [
            (r#"mary mary {} user:peter ["mary"] true"#.to_owned(), true),
            (
                r#"peter peter {mary} user:alice ["peter", "mary"] true"#.to_owned(),
                true
            ),
        ]
    );
    Ok(())
}
