//! What somebody had on a day, and by which way somebody has what a policy asks for.

use serde_json::Value;
use vpd_tests::{Database, Result, Subject, add_policy, create_orders, role};

use crate::authority::define;

const SCENE: &str = "
SELECT vpd.define_resource('order', 'page'); SELECT vpd.define_privilege('order:view'), vpd.define_privilege('order:approve');
SELECT vpd.define_duty('Inquiry'), vpd.define_duty('Approval'), vpd.define_role('Buyer', 'job'), vpd.define_group('north'), vpd.define_user('alice');
SELECT vpd.grant_authority('privilege:order:view', 'duty:Inquiry'), vpd.grant_authority('duty:Inquiry', 'duty:Approval'),
       vpd.grant_authority('privilege:order:approve', 'duty:Approval'), vpd.grant_authority('duty:Approval', 'role:Buyer'),
       vpd.grant_authority('role:Buyer', 'group:north'), vpd.grant_authority('group:north', 'user:alice');
";

#[test]
fn what_somebody_has_is_told_with_the_way_to_it() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    let row = database.connect(role::AUDITOR)?.query_one(
        "SELECT array_to_string(path, ' > '), paths FROM vpd.entitlements_at('alice') WHERE kind = 'privilege' AND name = 'order:view'",
        &[],
    )?;
    assert_eq!(
        row.get::<_, String>(0),
        "user:alice > group:north > role:Buyer > duty:Approval > duty:Inquiry > privilege:order:view"
    );
    assert_eq!(row.get::<_, i64>(1), 1);
    define(
        &database,
        "SELECT vpd.grant_authority('duty:Inquiry', 'role:Buyer')",
    )?;
    let row = database.connect(role::AUDITOR)?.query_one(
        "SELECT cardinality(path), paths FROM vpd.entitlements_at('alice') WHERE kind = 'privilege' AND name = 'order:view'",
        &[],
    )?;
    assert_eq!((row.get::<_, i32>(0), row.get::<_, i64>(1)), (5, 2));
    Ok(())
}

#[test]
fn a_day_is_told_as_it_was_whatever_was_changed_since() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    let mut security = database.connect(role::SECURITY)?;
    let mut moments: Vec<String> = vec![];
    let now = |client: &mut postgres::Client| -> Result<String> {
        Ok(client.query_one("SELECT clock_timestamp()::text", &[])?.get(0))
    };
    moments.push(now(&mut security)?);
    let steps = [
        ("SELECT vpd.enable_authority('role:Buyer', false)", 0),
        ("SELECT vpd.enable_authority('role:Buyer', true)", 2),
        (
            "SELECT vpd.revoke_authority('privilege:order:approve', 'duty:Approval')",
            1,
        ),
        (
            "SELECT vpd.grant_authority('privilege:order:approve', 'duty:Approval')",
            2,
        ),
        ("SELECT vpd.drop_authority('duty:Inquiry')", 1),
        ("SELECT vpd.disable_user('alice')", 0),
        ("SELECT vpd.drop_authority('user:alice')", 0),
    ];
    for (step, _) in &steps {
        security.batch_execute(step)?;
        moments.push(now(&mut security)?);
    }
    let mut auditor = database.connect(role::AUDITOR)?;
    let mut privileges_at = |moment: &str| -> Result<i64> {
        Ok(auditor
            .query_one(
                "SELECT count(*) FROM vpd.entitlements_at('alice', $1::text::timestamptz) WHERE kind = 'privilege'",
                &[&moment],
            )?
            .get(0))
    };
    assert_eq!(privileges_at(&moments[0])?, 2);
    for (moment, (step, expected)) in moments[1..].iter().zip(&steps) {
        assert_eq!(privileges_at(moment)?, *expected, "after {step}");
    }
    assert_eq!(privileges_at("2001-01-01")?, 0, "before anything was granted");
    Ok(())
}

/// Names of what alice has of a kind at a moment.
fn names_at(database: &Database<'_>, kind: &str, moment: &str) -> Result<Vec<String>> {
    let rows = database.connect(role::AUDITOR)?.query(
        "SELECT name FROM vpd.entitlements_at('alice', $2::text::timestamptz) WHERE kind = $1 ORDER BY name",
        &[&kind, &moment],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// A moment of the server's clock.
fn moment(database: &Database<'_>) -> Result<String> {
    Ok(database
        .admin()?
        .query_one("SELECT clock_timestamp()::text", &[])?
        .get(0))
}

#[test]
fn a_name_defined_again_has_no_part_in_the_past_of_the_one_dropped() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    let first = moment(&database)?;
    define(&database, "SELECT vpd.enable_authority('role:Buyer', false)")?;
    let disabled = moment(&database)?;
    define(&database, "SELECT vpd.drop_authority('role:Buyer')")?;
    define(
        &database,
        "SELECT vpd.define_role('Buyer'); SELECT vpd.grant_authority('role:Buyer', 'user:alice')",
    )?;
    let again = moment(&database)?;
    assert_eq!(
        names_at(&database, "role", &again)?,
        ["Buyer"],
        "nobody disabled this one"
    );
    define(&database, "SELECT vpd.enable_authority('role:Buyer', false)")?;
    for (at, expected) in [(&first, 1), (&disabled, 0), (&again, 1), (&"now".to_owned(), 0)] {
        assert_eq!(names_at(&database, "role", at)?.len(), expected, "{at}");
    }
    Ok(())
}

#[test]
fn a_file_that_switches_a_user_off_is_told_as_any_other_switch() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    let mut moments = vec![moment(&database)?];
    for is_enabled in ["false", "false", "true"] {
        define(
            &database,
            &format!("SELECT vpd.load_csv('users', E'user_name,is_enabled\\nalice,{is_enabled}')"),
        )?;
        moments.push(moment(&database)?);
    }
    for (at, expected) in moments.iter().zip([1, 0, 0, 1]) {
        assert_eq!(names_at(&database, "role", at)?.len(), expected, "{at}");
    }
    let changes: Vec<String> = database
        .connect(role::AUDITOR)?
        .query(
            "SELECT concat_ws(' ', action, subject, changed_by) FROM vpd.authority_changes
              WHERE action IN ('enable', 'disable') ORDER BY change_id",
            &[],
        )?
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(
        changes,
        ["disable user:alice sec_admin", "enable user:alice sec_admin"],
        "who switches, and only what was switched"
    );
    Ok(())
}

#[test]
fn a_role_by_a_rule_counts_from_the_day_it_is_defined() -> Result<()> {
    let database = Database::create()?;
    define(
        &database,
        r#"SELECT vpd.define_user('alice', attributes => '{"grade": 7}')"#,
    )?;
    let before = moment(&database)?;
    define(
        &database,
        "SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade >= 5')",
    )?;
    assert_eq!(names_at(&database, "role", "now")?, ["Senior"], "control");
    for at in [before.as_str(), "2001-01-01"] {
        assert!(names_at(&database, "role", at)?.is_empty(), "{at}");
    }
    // Nor does somebody meet a rule before he is known.
    let unknown = moment(&database)?;
    define(
        &database,
        r#"SELECT vpd.define_user('bob', attributes => '{"grade": 7}')"#,
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    for (at, expected) in [("now", 1), (unknown.as_str(), 0)] {
        let count: i64 = auditor
            .query_one(
                "SELECT count(*) FROM vpd.entitlements_at('bob', $1::text::timestamptz) WHERE kind = 'role'",
                &[&at],
            )?
            .get(0);
        assert_eq!(count, expected, "bob, {at}");
    }
    Ok(())
}

#[test]
fn a_day_is_told_with_the_rules_and_attributes_of_that_day() -> Result<()> {
    let database = Database::create()?;
    define(
        &database,
        "SELECT vpd.define_source('hr', 200), vpd.define_unit('Stores'), vpd.define_unit('Sales');
         SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade >= 5 && $.unit == \"Stores\"');
         SELECT vpd.define_user('alice', attributes => '{\"grade\": 7}', unit => 'Stores'), vpd.define_user('alice', 'hr', attributes => '{\"grade\": 1}')",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let now = |client: &mut postgres::Client| -> Result<String> {
        Ok(client.query_one("SELECT clock_timestamp()::text", &[])?.get(0))
    };
    let before: String = database
        .admin()?
        .query_one(
            "SELECT (created_at - interval '1 microsecond')::text FROM vpd_private.authority WHERE name = 'Senior'",
            &[],
        )?
        .get(0);
    let csv = "user_name,grade:json\nalice,8\n";
    let csv_again = "user_name,unit\nalice,Stores\n";
    let without_unit = "WITH d AS (SELECT vpd.export_definitions(true, true) AS document)
        SELECT vpd.import_definitions(jsonb_set(document, '{users}', (
            SELECT jsonb_agg(u - 'unit') FROM jsonb_array_elements(document -> 'users') u
        ))) FROM d";
    let steps = [
        ("SELECT 1".to_owned(), true),
        (
            "SELECT vpd.define_user('alice', attributes => '{\"grade\": 3}')".to_owned(),
            false,
        ),
        (format!("SELECT vpd.load_csv('users', '{csv}')"), true),
        (
            "SELECT vpd.define_user('alice', display_name => 'Alice')".to_owned(),
            true,
        ),
        (
            "SELECT vpd.define_user('alice', unit => 'Sales')".to_owned(),
            false,
        ),
        (format!("SELECT vpd.load_csv('users', '{csv_again}')"), true),
        ("SELECT vpd.define_source('hr', 50)".to_owned(), false),
        ("SELECT vpd.define_source('hr', 200)".to_owned(), true),
        (
            "SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade >= 9')".to_owned(),
            false,
        ),
        (
            "SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade >= 5 && $.unit == \"Stores\"')"
                .to_owned(),
            true,
        ),
        ("SELECT vpd.define_role('Senior', 'job')".to_owned(), false),
        (
            "SELECT vpd.define_role('Senior', 'parametric', rule => '$.unit == \"Stores\"')".to_owned(),
            true,
        ),
        (without_unit.to_owned(), false),
        (
            "SELECT vpd.define_user('alice', unit => 'Stores')".to_owned(),
            true,
        ),
        ("SELECT vpd.drop_authority('user:alice')".to_owned(), false),
        (
            "SELECT vpd.define_user('alice', attributes => '{\"grade\": 9}', unit => 'Stores')".to_owned(),
            true,
        ),
        ("SELECT vpd.drop_authority('role:Senior')".to_owned(), false),
    ];
    let mut moments = vec![];
    let mut auditor = database.connect(role::AUDITOR)?;
    let mut is_senior = |moment: &str| -> Result<bool> {
        let rows = auditor.query(
            "SELECT FROM vpd.entitlements_at('alice', $1::text::timestamptz) WHERE kind = 'role' AND name = 'Senior'",
            &[&moment],
        )?;
        Ok(!rows.is_empty())
    };
    for (step, expected) in &steps {
        security.batch_execute(step)?;
        let moment = now(&mut security)?;
        assert_eq!(is_senior(&moment)?, *expected, "right after {step}");
        moments.push(moment);
    }
    for (moment, (step, expected)) in moments.iter().zip(&steps) {
        assert_eq!(is_senior(moment)?, *expected, "later, after {step}");
    }
    assert!(!is_senior(&before)?, "before there was such a role");
    Ok(())
}

#[test]
fn a_grant_of_the_future_is_told_for_the_future() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    define(
        &database,
        "SELECT vpd.define_user('bob'); SELECT vpd.grant_authority('role:Buyer', 'user:bob', '2030-01-01', '2031-01-01')",
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    for (moment, expected) in [("2029-12-31", 0), ("2030-06-01", 2), ("2031-01-01", 0)] {
        let count: i64 = auditor
            .query_one(
                "SELECT count(*) FROM vpd.entitlements_at('bob', $1::text::timestamptz) WHERE kind = 'privilege'",
                &[&moment],
            )?
            .get(0);
        assert_eq!(count, expected, "{moment}");
    }
    Ok(())
}

#[test]
fn roles_a_login_would_bring_can_be_asked_for() -> Result<()> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    define(
        &database,
        "SELECT vpd.define_role('BUYER_JOB', 'enterprise'); SELECT vpd.grant_authority('role:Buyer', 'role:BUYER_JOB')",
    )?;
    let count: i64 = database
        .connect(role::AUDITOR)?
        .query_one(
            "SELECT count(*) FROM vpd.entitlements_at('carol', claimed_roles => '{BUYER_JOB}') WHERE kind = 'privilege'",
            &[],
        )?
        .get(0);
    assert_eq!(count, 2);
    Ok(())
}

#[test]
fn an_explanation_shows_the_way_from_the_user_to_what_the_policy_asks_for() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    define(&database, SCENE)?;
    database
        .admin()?
        .batch_execute("GRANT SELECT ON shop.orders TO app_auditor")?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_privilege",
        "vpd.has_privilege('order:view') AND NOT vpd.user_in_role('Stranger')",
    )?;
    Subject::new("alice").log_in(&database)?;
    Subject::new("dave").log_in(&database)?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let mut lines = |user: &str| -> Result<String> {
        let rows = auditor.query(
            "SELECT vpd.explain_access($1, 'shop.orders', '1'::text)",
            &[&user],
        )?;
        Ok(rows
            .iter()
            .map(|row| row.get::<_, String>(0))
            .collect::<Vec<_>>()
            .join("\n"))
    };
    let alice = lines("alice")?;
    assert!(
        alice.contains(
            "privilege:order:view: user:alice → group:north → role:Buyer → duty:Approval → duty:Inquiry → privilege:order:view"
        ),
        "{alice}"
    );
    assert!(alice.contains("role:Stranger: NOT HELD"), "{alice}");
    assert!(lines("dave")?.contains("privilege:order:view: NOT HELD"));
    let json: Value = auditor
        .query_one(
            "SELECT vpd.explain_access_json('alice', 'shop.orders', '1'::text)",
            &[],
        )?
        .get(0);
    assert_eq!(
        json["policies"][0]["authority"][0]["path"][1], "group:north",
        "{json}"
    );
    Ok(())
}

#[test]
fn the_nodes_somebody_sees_rows_below_are_told_for_a_day() -> Result<()> {
    let database = Database::create()?;
    define(
        &database,
        "SELECT vpd.define_hierarchy('stores', '{country,city}'); SELECT vpd.define_node('stores', 'Germany'); SELECT vpd.define_node('stores', 'Berlin', 'Germany');
         SELECT vpd.define_data_group('Germans'), vpd.define_user('alice');
         SELECT vpd.grant_node('Germans', 'stores', 'Germany'); SELECT vpd.grant_authority('data_group:Germans', 'user:alice')",
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let before: String = auditor.query_one("SELECT clock_timestamp()::text", &[])?.get(0);
    define(
        &database,
        "SELECT vpd.revoke_node('Germans', 'stores', 'Germany')",
    )?;
    let mut nodes_at = |moment: &str| -> Result<Vec<String>> {
        let rows = auditor.query(
            "SELECT array_to_string(path, ' > ') FROM vpd.entitlements_at('alice', $1::text::timestamptz) WHERE kind = 'node'",
            &[&moment],
        )?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    assert_eq!(
        nodes_at(&before)?,
        ["user:alice > data_group:Germans > node:stores/Germany"]
    );
    assert!(nodes_at("now")?.is_empty());
    Ok(())
}

#[test]
fn an_explanation_shows_the_data_groups_that_rows_are_filtered_by() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database
        .admin()?
        .batch_execute("GRANT SELECT ON shop.orders TO app_auditor")?;
    define(
        &database,
        "SELECT vpd.define_hierarchy('regions', '{region}'); SELECT vpd.define_node('regions', 'North'), vpd.define_node('regions', 'East');
         SELECT vpd.define_data_group('Northerners'), vpd.define_user('alice'), vpd.define_user('bob');
         SELECT vpd.grant_node('Northerners', 'regions', 'North'); SELECT vpd.grant_authority('data_group:Northerners', 'user:alice');
         SELECT vpd.protect_by_hierarchy('shop.orders', 'regions', 'region')",
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    for (user, line) in [
        (
            "alice",
            "node:regions/North: user:alice → data_group:Northerners → node:regions/North",
        ),
        ("bob", "nodes of regions: NOT HELD"),
    ] {
        Subject::new(user).log_in(&database)?;
        let rows = auditor.query(
            "SELECT vpd.explain_access($1, 'shop.orders', '4'::text)",
            &[&user],
        )?;
        let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert!(lines.iter().any(|found| found.trim() == line), "{lines:?}");
    }
    Ok(())
}

/// The lines of the explanation of a row of orders, without the spaces they begin with.
fn lines(database: &Database<'_>, user: &str, table: &str, key: &str) -> Result<Vec<String>> {
    let rows = database.connect(role::AUDITOR)?.query(
        "SELECT btrim(vpd.explain_access($1, $2::text::regclass, $3::text))",
        &[&user, &table, &key],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[test]
fn an_explanation_says_when_nothing_is_filtered_and_lists_the_nodes_of_who_acts() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database
        .admin()?
        .batch_execute("GRANT SELECT ON shop.orders TO app_auditor")?;
    define(
        &database,
        "SELECT vpd.define_hierarchy('regions', '{region}'); SELECT vpd.define_node('regions', 'North'), vpd.define_node('regions', 'East');
         SELECT vpd.define_data_group('Northerners'), vpd.define_data_group('All'), vpd.define_user('alice'), vpd.define_user('bob'), vpd.define_user('carol');
         SELECT vpd.grant_node('Northerners', 'regions', 'North'), vpd.grant_node('All', 'regions', 'North'), vpd.grant_node('All', 'regions', 'East');
         SELECT vpd.grant_authority('data_group:All', 'user:alice'), vpd.grant_authority('data_group:Northerners', 'user:bob');
         SELECT vpd.protect_by_hierarchy('shop.orders', 'regions', 'region'); SELECT vpd.grant_delegation('user:bob', 'user:alice')",
    )?;
    let bob = Subject::new("bob").log_in(&database)?;
    database
        .connect(role::BRIDGE)?
        .execute("SELECT vpd.create_session_on_behalf($1, 'alice')", &[&bob])?;
    let told = lines(&database, "alice", "shop.orders", "4")?;
    for expected in [
        "set 1, node:regions/East: user:alice → data_group:All → node:regions/East",
        "set 1, node:regions/North: user:alice → data_group:All → node:regions/North",
        "set 2, node:regions/North: user:bob → data_group:Northerners → node:regions/North",
    ] {
        assert!(told.contains(&expected.to_owned()), "{expected}: {told:?}");
    }
    assert!(
        !told
            .iter()
            .any(|line| line.starts_with("set 2") && line.contains("East")),
        "{told:?}"
    );

    Subject::new("carol").log_in(&database)?;
    let of_carol = |line: &str| -> Result<()> {
        let told = lines(&database, "carol", "shop.orders", "4")?;
        assert!(told.contains(&line.to_owned()), "{line}: {told:?}");
        Ok(())
    };
    of_carol("nodes of regions: NOT HELD")?;
    define(
        &database,
        "SELECT vpd.set_hierarchy_mode('regions', 'open', 'while it is filled')",
    )?;
    of_carol("nodes of regions: nothing is filtered: the hierarchy is in open mode")?;
    define(
        &database,
        "SELECT vpd.set_hierarchy_mode('regions', 'closed', 'filled'); SELECT vpd.exempt_app('portal', 'sums up everything', 'regions')",
    )?;
    of_carol("nodes of regions: nothing is filtered: the application portal is exempt")?;
    Ok(())
}

#[test]
fn an_explanation_names_the_parts_in_a_task_and_the_way_to_what_a_mask_asks_for() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO PUBLIC;
         CREATE TABLE shop.tasks (id integer PRIMARY KEY, kind text, owner text, amount integer, note text);
         INSERT INTO shop.tasks VALUES (1, 'approval', 'alice', 5, 'n');
         GRANT SELECT ON shop.tasks TO app_user, app_auditor",
    )?;
    define(&database, SCENE)?;
    define(
        &database,
        "SELECT vpd.define_task_type('approval'), vpd.define_task_type('errand');
         SELECT vpd.define_task_action('approval', 'view', '{owner,manager}'), vpd.define_task_action('errand', 'view', '{assignee}'),
                vpd.define_task_content('approval', 'amount', '{owner}');
         SELECT vpd.add_policy('shop.tasks', 'viewers', $$vpd.can_act(kind, 'view', owner)$$);
         SELECT vpd.add_mask('shop.tasks', 'amount', visible_when => $$vpd.can_see('approval', 'amount', owner)$$),
                vpd.add_mask('shop.tasks', 'note', visible_when => $$vpd.has_privilege('order:approve')$$)",
    )?;
    Subject::new("alice").log_in(&database)?;
    let told = lines(&database, "alice", "shop.tasks", "1")?;
    for expected in [
        "action view of task approval: for owner, manager",
        "action view of task errand: for assignee",
        "content amount of task approval: for owner",
        "privilege:order:approve: user:alice → group:north → role:Buyer → duty:Approval → privilege:order:approve",
    ] {
        assert!(told.contains(&expected.to_owned()), "{expected}: {told:?}");
    }
    Ok(())
}

/// A graph in which every way forks at every step: more ways than anybody can walk.
#[test]
fn ways_are_counted_and_not_walked() -> Result<()> {
    let database = Database::create()?;
    define(
        &database,
        "SELECT vpd.define_user('alice');
         SELECT vpd.define_role(layer || '/' || side) FROM generate_series(0, 24) layer, generate_series(1, 2) side;
         SELECT vpd.grant_authority('role:0/' || side, 'user:alice') FROM generate_series(1, 2) side;
         SELECT vpd.grant_authority('role:' || layer + 1 || '/' || below, 'role:' || layer || '/' || above)
           FROM generate_series(0, 23) layer, generate_series(1, 2) above, generate_series(1, 2) below",
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    // So that the test ends when they are walked.
    auditor.batch_execute("SET statement_timeout = '60 s'")?;
    let row = auditor.query_one(
        "SELECT paths, cardinality(path), path[1] || ' ' || path[26], count(*) OVER ()
           FROM (SELECT * FROM vpd.entitlements_at('alice') OFFSET 0) e ORDER BY cardinality(path) DESC, name DESC LIMIT 1",
        &[],
    )?;
    assert_eq!(row.get::<_, i64>(0), 1 << 24);
    assert_eq!(row.get::<_, i32>(1), 26);
    assert_eq!(row.get::<_, String>(2), "user:alice role:24/2");
    assert_eq!(row.get::<_, i64>(3), 51);
    Ok(())
}
