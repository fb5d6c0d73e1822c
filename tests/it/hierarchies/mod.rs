//! Hierarchies and data security groups: who sees which rows, and from when on.

mod block;
mod memory;
mod plans;
mod scene;
mod shared;
mod superstore;

use scene::{ALL, data_group, join, member, reader, stores};
use vpd_tests::{
    Database, Result, Subject, assert_all_refused, assert_denied, assert_refused, fresh_ids, ids, role, until,
};

use crate::authority::define;

#[test]
fn members_see_what_is_at_and_below_their_nodes() -> Result<()> {
    let database = stores()?;
    data_group(&database, "west", "geography", &["West"])?;
    data_group(&database, "california", "geography", &["West/California"])?;
    data_group(&database, "troy", "geography", &["East/New York/Troy"])?;
    for (user, groups, expected) in [
        ("anna", &["west"][..], &[1, 2, 3, 6][..]),
        ("bert", &["california"], &[1, 2, 6]),
        ("carl", &["troy"], &[5]),
        ("dora", &["california", "troy"], &[1, 2, 5, 6]),
        ("emil", &["west", "california"], &[1, 2, 3, 6]),
        ("fred", &[], &[]),
    ] {
        let token = member(&database, user, groups)?;
        assert_eq!(fresh_ids(&database, Some(&token), ALL)?, expected, "{user}");
    }
    assert!(fresh_ids(&database, None, ALL)?.is_empty());
    let nobody = Subject::new("nobody").log_in(&database)?;
    assert!(fresh_ids(&database, Some(&nobody), ALL)?.is_empty());
    Ok(())
}

#[test]
fn new_rows_must_lie_below_the_nodes_too() -> Result<()> {
    let database = stores()?;
    data_group(&database, "west", "geography", &["West"])?;
    let token = member(&database, "anna", &["west"])?;
    for (place, is_good) in [
        ("'West/Nevada'", true),
        ("'East'", false),
        ("'nowhere'", false),
        ("NULL", false),
    ] {
        let mut user = reader(&database, &token)?;
        let inserted = user.execute(&format!("INSERT INTO shop.stores VALUES (9, {place}, 'x')"), &[]);
        if is_good {
            assert_eq!(inserted?, 1);
        } else {
            assert_refused(inserted, "44000", "policy_check");
        }
    }
    Ok(())
}

#[test]
fn every_hierarchy_of_a_table_must_match() -> Result<()> {
    let database = stores()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.protect_by_hierarchy('shop.stores', 'geography', 'place', 'goods', 'item')",
    )?;
    data_group(&database, "west", "geography", &["West"])?;
    data_group(&database, "seating", "goods", &["furniture"])?;
    data_group(&database, "lamps", "goods", &["lamp"])?;
    for (user, groups, expected) in [
        ("anna", &["west"][..], &[][..]),
        ("bert", &["seating"], &[]),
        ("carl", &["west", "seating"], &[1, 2, 3]),
        ("dora", &["west", "lamps"], &[6]),
        ("emil", &["west", "lamps", "seating"], &[1, 2, 3, 6]),
    ] {
        let token = member(&database, user, groups)?;
        assert_eq!(fresh_ids(&database, Some(&token), ALL)?, expected, "{user}");
    }
    let rows = database.connect(role::AUDITOR)?.query(
        "SELECT hierarchy, column_name FROM vpd.hierarchy_protections ORDER BY 1",
        &[],
    )?;
    let pairs: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        pairs,
        [
            ("geography".into(), "place".into()),
            ("goods".into(), "item".into())
        ]
    );
    // Named again with one hierarchy, the other no longer counts.
    security.batch_execute("SELECT vpd.protect_by_hierarchy('shop.stores', 'goods', 'item')")?;
    let token = member(&database, "fred", &["lamps"])?;
    assert_eq!(fresh_ids(&database, Some(&token), ALL)?, [4, 6]);
    security.batch_execute("SELECT vpd.drop_policy('shop.stores', 'by_hierarchy')")?;
    assert_eq!(fresh_ids(&database, None, ALL)?.len(), 8);
    Ok(())
}

#[test]
fn a_change_holds_from_the_next_statement_on_inside_open_transactions() -> Result<()> {
    let database = stores()?;
    data_group(&database, "west", "geography", &["West"])?;
    data_group(&database, "troy", "geography", &["East/New York/Troy"])?;
    let mut security = database.connect(role::SECURITY)?;
    for isolation in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        let token = member(&database, "anna", &["west"])?;
        let mut user = database.connect(role::USER)?;
        let statement = user.prepare(ALL)?;
        user.batch_execute(&format!("BEGIN ISOLATION LEVEL {isolation}"))?;
        vpd_tests::attach(&mut user, &token)?;
        let mut seen = || -> Result<Vec<i32>> {
            let mut ids: Vec<i32> = user
                .query(&statement, &[])?
                .iter()
                .map(|row| row.get(0))
                .collect();
            ids.sort_unstable();
            Ok(ids)
        };
        assert_eq!(seen()?, [1, 2, 3, 6], "{isolation}");
        security.batch_execute("SELECT vpd.move_node('geography', 'West/California', 'East')")?;
        assert_eq!(seen()?, [3], "{isolation}: a state was moved away");
        security.batch_execute("SELECT vpd.move_node('geography', 'West/California', 'West')")?;
        assert_eq!(seen()?, [1, 2, 3, 6], "{isolation}: and back");
        security.batch_execute("SELECT vpd.grant_node('west', 'geography', 'East/New York/Troy')")?;
        assert_eq!(seen()?, [1, 2, 3, 5, 6], "{isolation}: a node was granted");
        security.batch_execute("SELECT vpd.revoke_node('west', 'geography', 'East/New York/Troy')")?;
        assert_eq!(seen()?, [1, 2, 3, 6], "{isolation}: and revoked");
        security.batch_execute("SELECT vpd.define_node('geography', 'Atlantis', 'West')")?;
        assert_eq!(seen()?, [1, 2, 3, 6, 7], "{isolation}: a node was defined");
        security.batch_execute("SELECT vpd.drop_node('geography', 'Atlantis')")?;
        assert_eq!(seen()?, [1, 2, 3, 6], "{isolation}: and dropped");
        security.batch_execute("SELECT vpd.exempt_app('portal', 'nightly load')")?;
        assert_eq!(seen()?.len(), 8, "{isolation}: the application was exempted");
        security.batch_execute("SELECT vpd.revoke_app_exemption('portal', 'done')")?;
        assert_eq!(seen()?, [1, 2, 3, 6], "{isolation}: and no longer is");
    }
    Ok(())
}

#[test]
fn an_edit_by_hand_is_followed() -> Result<()> {
    let database = stores()?;
    data_group(&database, "west", "geography", &["West"])?;
    let token = member(&database, "anna", &["west"])?;
    let mut user = reader(&database, &token)?;
    assert_eq!(ids(&mut user, ALL)?, [1, 2, 3, 6]);
    let mut admin = database.admin()?;
    for (edit, expected) in [
        (
            "UPDATE vpd_private.hierarchy_node SET parent = 'East' WHERE key = 'West/California'",
            &[3][..],
        ),
        (
            "UPDATE vpd_private.data_group_node SET node = 'East'",
            &[1, 2, 4, 5, 6],
        ),
        ("DELETE FROM vpd_private.data_group_node", &[]),
        (
            "UPDATE vpd_private.hierarchy SET mode = 'open'",
            &[1, 2, 3, 4, 5, 6, 7, 8],
        ),
    ] {
        admin.batch_execute(edit)?;
        assert_eq!(ids(&mut user, ALL)?, expected, "{edit}");
    }
    Ok(())
}

#[test]
fn ones_own_change_is_seen_and_taken_back_with_a_savepoint() -> Result<()> {
    let database = stores()?;
    data_group(&database, "west", "geography", &["West"])?;
    let token = member(&database, "anna", &["west"])?;
    let mut both = database.connect("postgres")?;
    both.batch_execute("BEGIN; SET LOCAL ROLE postgres")?;
    vpd_tests::attach(&mut both, &token)?;
    let california = "SELECT vpd.sees_node('geography', 'West/California/San Diego'::text)";
    let mut sees = |before: &str| -> Result<bool> {
        both.batch_execute(before)?;
        Ok(both.query_one(california, &[])?.get(0))
    };
    assert!(sees("")?);
    assert!(!sees(
        "SAVEPOINT s; SELECT vpd.move_node('geography', 'West/California', 'East')"
    )?);
    assert!(sees("ROLLBACK TO s")?);
    assert!(!sees(
        "SELECT vpd.move_node('geography', 'West/California', 'East'); RELEASE s"
    )?);
    assert!(sees(
        "SAVEPOINT t; SELECT vpd.move_node('geography', 'West/California', 'West')"
    )?);
    assert!(!sees("ROLLBACK TO t")?);
    both.batch_execute("ROLLBACK; BEGIN")?;
    vpd_tests::attach(&mut both, &token)?;
    assert!(both.query_one(california, &[])?.get::<_, bool>(0));
    Ok(())
}

#[test]
fn grants_hold_in_their_time_only() -> Result<()> {
    let database = stores()?;
    data_group(&database, "west", "geography", &[])?;
    let token = member(&database, "anna", &["west"])?;
    let mut security = database.connect(role::SECURITY)?;
    let mut user = reader(&database, &token)?;
    security.batch_execute(
        "SELECT vpd.grant_node('west', 'geography', 'West/Nevada', valid_from => clock_timestamp() + interval '1 s',
                               valid_until => clock_timestamp() + interval '2 s')",
    )?;
    let mut seen = vec![];
    until("the grant has begun and ended", || {
        seen.push(ids(&mut user, ALL)?);
        seen.dedup();
        Ok(seen.len() == 3)
    })?;
    assert_eq!(seen, [vec![], vec![3], vec![]]);
    Ok(())
}

#[test]
fn open_mode_shows_everything_to_who_is_in_no_group_with_nodes() -> Result<()> {
    let database = stores()?;
    data_group(&database, "west", "geography", &["West"])?;
    data_group(&database, "lamps", "goods", &["lamp"])?;
    let mut security = database.connect(role::SECURITY)?;
    let (member_of_west, member_of_lamps, other) = (
        member(&database, "anna", &["west"])?,
        member(&database, "bert", &["lamps"])?,
        member(&database, "carl", &[])?,
    );
    let all = [1, 2, 3, 4, 5, 6, 7, 8];
    let mut user = reader(&database, &other)?;
    assert!(ids(&mut user, ALL)?.is_empty());
    security
        .batch_execute("SELECT vpd.set_hierarchy_mode('geography', 'open', 'until groups are loaded')")?;
    assert_eq!(ids(&mut user, ALL)?, all);
    assert_eq!(fresh_ids(&database, Some(&member_of_lamps), ALL)?, all);
    assert_eq!(
        fresh_ids(&database, Some(&member_of_west), ALL)?,
        [1, 2, 3, 6],
        "a member stays filtered"
    );
    assert!(
        fresh_ids(&database, None, ALL)?.is_empty(),
        "nothing without a session"
    );
    let mut anonymous = database.connect(role::USER)?;
    anonymous.batch_execute("BEGIN; SELECT vpd.attach_anonymous()")?;
    assert!(
        ids(&mut anonymous, ALL)?.is_empty(),
        "nothing for the anonymous subject"
    );
    security.batch_execute("SELECT vpd.set_hierarchy_mode('geography', 'closed', 'groups are loaded')")?;
    assert!(ids(&mut user, ALL)?.is_empty());
    let modes = database.admin()?.query(
        "SELECT detail->>'reason', changed_by FROM vpd_private.authority_change WHERE action = 'mode' ORDER BY id",
        &[],
    )?;
    let modes: Vec<(String, String)> = modes.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        modes,
        [
            ("until groups are loaded".into(), "sec_admin".into()),
            ("groups are loaded".into(), "sec_admin".into())
        ]
    );
    Ok(())
}

#[test]
fn an_exempt_application_is_not_filtered_by_the_hierarchies_named() -> Result<()> {
    let database = stores()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.protect_by_hierarchy('shop.stores', 'geography', 'place', 'goods', 'item')",
    )?;
    data_group(&database, "lamps", "goods", &["lamp"])?;
    join(&database, "anna", &["lamps"])?;
    let portal = Subject::new("anna").log_in(&database)?;
    let floor = Subject::new("anna").app("floor").log_in(&database)?;
    assert!(fresh_ids(&database, Some(&portal), ALL)?.is_empty());
    security.batch_execute("SELECT vpd.exempt_app('portal', 'reports of all regions', 'geography')")?;
    assert_eq!(fresh_ids(&database, Some(&portal), ALL)?, [4, 6]);
    assert!(
        fresh_ids(&database, Some(&floor), ALL)?.is_empty(),
        "another application"
    );
    security.batch_execute("SELECT vpd.exempt_app('portal', 'reports of everything')")?;
    assert_eq!(fresh_ids(&database, Some(&portal), ALL)?.len(), 8);
    assert_refused(
        security.batch_execute("SELECT vpd.exempt_app('portal', 'again')"),
        "42710",
        "exemption_exists",
    );
    security.batch_execute("SELECT vpd.revoke_app_exemption('portal', 'over')")?;
    assert_eq!(fresh_ids(&database, Some(&portal), ALL)?, [4, 6]);
    security.batch_execute("SELECT vpd.revoke_app_exemption('portal', 'over', 'geography')")?;
    assert!(fresh_ids(&database, Some(&portal), ALL)?.is_empty());
    let kept = "SELECT app, reason, granted_by, revoked_by, is_active FROM vpd.hierarchy_exemptions ORDER BY granted_at";
    let rows = database.connect(role::AUDITOR)?.query(kept, &[])?;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].get::<_, &str>(1), "reports of all regions");
    assert_eq!(
        (rows[0].get::<_, &str>(2), rows[0].get::<_, &str>(3)),
        ("sec_admin", "sec_admin")
    );
    assert!(!rows[0].get::<_, bool>(4));
    Ok(())
}

#[test]
fn lookup_lists_show_the_nodes_of_the_session() -> Result<()> {
    let database = stores()?;
    data_group(
        &database,
        "mixed",
        "geography",
        &["West/Nevada", "East/New York/Troy"],
    )?;
    let token = member(&database, "anna", &["mixed"])?;
    let mut user = reader(&database, &token)?;
    let mut list = |arguments: &str| -> Result<Vec<String>> {
        let query = format!("SELECT node_key FROM vpd.visible_nodes({arguments})");
        Ok(user.query(&query, &[])?.iter().map(|row| row.get(0)).collect())
    };
    assert_eq!(
        list("'geography'")?,
        ["West/Nevada", "East/New York/Troy", "West/Nevada/Reno"]
    );
    assert_eq!(
        list("'geography', 'city'")?,
        ["East/New York/Troy", "West/Nevada/Reno"]
    );
    assert!(list("'geography', 'region'")?.is_empty());
    assert!(list("'goods'")?.is_empty());
    assert_refused(
        user.query("SELECT vpd.visible_nodes('geography', 'planet')", &[]),
        "42704",
        "level_not_found",
    );
    let mut user = database.connect(role::USER)?;
    assert!(
        user.query("SELECT * FROM vpd.visible_nodes('geography')", &[])?
            .is_empty(),
        "nothing without a session"
    );
    assert_denied(
        database
            .connect(role::STRANGER)?
            .query("SELECT * FROM vpd.visible_nodes('geography')", &[]),
    );
    Ok(())
}

#[test]
fn administrators_and_auditors_are_told_who_sees_a_node() -> Result<()> {
    let database = stores()?;
    data_group(&database, "west", "geography", &["West"])?;
    data_group(&database, "reno", "geography", &["West/Nevada/Reno"])?;
    join(&database, "anna", &["west"])?;
    join(&database, "bert", &["reno"])?;
    join(&database, "carl", &[])?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.define_group('staff'); SELECT vpd.grant_authority('group:staff', 'user:carl');
         SELECT vpd.grant_authority('data_group:reno', 'group:staff')",
    )?;
    let query = "SELECT user_name, data_group, granted_node, path FROM vpd.who_can_see('geography', $1)";
    for role in [role::SECURITY, role::AUDITOR] {
        let mut client = database.connect(role)?;
        let rows = client.query(query, &[&"West/Nevada/Reno"])?;
        let rows: Vec<[String; 4]> = rows
            .iter()
            .map(|row| std::array::from_fn(|column| row.get(column)))
            .collect();
        assert_eq!(
            rows,
            [
                ["anna", "west", "West", "user:anna > data_group:west"],
                ["bert", "reno", "West/Nevada/Reno", "user:bert > data_group:reno"],
                [
                    "carl",
                    "reno",
                    "West/Nevada/Reno",
                    "user:carl > group:staff > data_group:reno"
                ],
            ]
        );
        let rows = client.query(query, &[&"West/Nevada"])?;
        assert_eq!(rows.len(), 1);
        assert_refused(client.query(query, &[&"Mars"]), "42704", "node_not_found");
    }
    assert_denied(database.connect(role::USER)?.query(query, &[&"West"]));
    Ok(())
}

#[test]
fn who_sees_a_node_by_a_rule_or_by_a_role_of_his_login_is_told_too() -> Result<()> {
    let database = stores()?;
    data_group(&database, "west", "geography", &["West"])?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.define_role('WEST_JOB', 'enterprise'), vpd.define_role('Westerner', 'parametric', rule => '$.home == \"west\"'),
                vpd.define_role('Try_PREPROD');
         SELECT vpd.grant_authority('data_group:west', 'role:' || name) FROM unnest('{WEST_JOB,Westerner,Try_PREPROD}'::text[]) name;
         SELECT vpd.define_user('rita', attributes => '{\"home\": \"west\"}'), vpd.define_user('otto', attributes => '{\"home\": \"east\"}'),
                vpd.define_user('theo');
         SELECT vpd.grant_authority('role:Try_PREPROD', 'user:theo')",
    )?;
    let told = || -> Result<Vec<(Option<String>, String)>> {
        let rows = database.connect(role::AUDITOR)?.query(
            "SELECT user_name, path FROM vpd.who_can_see('geography', 'West/Nevada')",
            &[],
        )?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    };
    let rita = (
        Some("rita".to_owned()),
        "user:rita > role:Westerner > data_group:west".to_owned(),
    );
    let anybody = (None, "role:WEST_JOB > data_group:west".to_owned());
    assert_eq!(told()?, [rita.clone(), anybody.clone()]);
    let token = Subject::new("zack").role("WEST_JOB").log_in(&database)?;
    let other = Subject::new("yves").role("WEST_JOB_PREPROD").log_in(&database)?;
    let seen = |token: &str| fresh_ids(&database, Some(token), ALL);
    assert_eq!((seen(&token)?.len(), seen(&other)?.len()), (4, 0), "control");
    assert_eq!(
        seen(&Subject::new("rita").log_in(&database)?)?.len(),
        4,
        "control"
    );
    assert!(
        seen(&Subject::new("theo").log_in(&database)?)?.is_empty(),
        "control"
    );
    let zack = (
        Some("zack".to_owned()),
        "session:zack > role:WEST_JOB > data_group:west".to_owned(),
    );
    assert_eq!(told()?, [rita.clone(), zack, anybody.clone()]);
    database
        .connect(role::BRIDGE)?
        .execute("SELECT vpd.end_session($1)", &[&token])?;
    assert_eq!(told()?, [rita, anybody]);
    Ok(())
}

#[test]
fn a_load_from_a_table_reports_what_it_changed() -> Result<()> {
    let database = stores()?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.place (key text, above text, level text, label text);
         GRANT SELECT ON shop.place TO sec_admin;
         INSERT INTO shop.place VALUES ('North', NULL, 'region', 'The North'), ('West', NULL, 'region', NULL),
             ('West/Nevada', 'North', 'state', NULL), ('North/Oslo', 'North', 'city', 'Oslo'),
             ('West/Nevada/Reno', 'West/Nevada', 'city', NULL)",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let mut load = |arguments: &str| -> std::result::Result<[i64; 4], postgres::Error> {
        let query = format!("SELECT * FROM vpd.load_nodes('geography', 'shop.place', 'key', {arguments})");
        let row = security.query_one(&query, &[])?;
        Ok(std::array::from_fn(|column| row.get(column)))
    };
    assert_eq!(load("'above', 'level', 'label'")?, [2, 1, 0, 0]);
    assert_eq!(load("'above', 'level', 'label'")?, [0, 0, 0, 0], "idempotent");
    assert_eq!(
        load("'above', 'level', 'label', remove => true")?,
        [0, 0, 0, 7],
        "the others go"
    );
    database
        .admin()?
        .batch_execute("UPDATE shop.place SET label = 'Oslo City' WHERE key = 'North/Oslo'")?;
    assert_eq!(load("'above', 'level', 'label'")?, [0, 0, 1, 0]);
    assert_refused(load("'above', 'level', 'no_such'"), "42703", "column_not_found");
    for (fault, state, token) in [
        ("('A', 'nowhere', 'city', NULL)", "42704", "node_not_found"),
        ("('North', NULL, 'state', NULL)", "22023", "node_ambiguous"),
        ("('B', 'North/Oslo', 'state', NULL)", "22023", "node_level"),
        ("('C', NULL, 'planet', NULL)", "42704", "level_not_found"),
        ("('D', NULL, NULL, NULL)", "22023", "node_level"),
        ("('', NULL, 'city', NULL)", "22023", "argument_invalid"),
    ] {
        let mut admin = database.admin()?;
        admin.batch_execute(&format!("INSERT INTO shop.place VALUES {fault}"))?;
        assert_refused(load("'above', 'level', 'label'"), state, token);
        admin.batch_execute(
            "DELETE FROM shop.place WHERE key IN ('A', 'B', 'C', 'D', '') OR (key = 'North' AND level = 'state')",
        )?;
    }
    assert_eq!(
        load("'above', 'level', 'label'")?,
        [0, 0, 0, 0],
        "nothing of the refused loads stayed"
    );
    Ok(())
}

#[test]
fn levels_follow_from_parents_where_none_are_given() -> Result<()> {
    let database = stores()?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.place (key text, above text);
         GRANT SELECT ON shop.place TO sec_admin;
         INSERT INTO shop.place VALUES ('North', NULL), ('Norway', 'North'), ('Oslo', 'Norway'), ('Utah', 'West')",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let load = "SELECT added FROM vpd.load_nodes('geography', 'shop.place', 'key', 'above')";
    assert_eq!(security.query_one(load, &[])?.get::<_, i64>(0), 4);
    let levels = security.query(
        "SELECT node_key, level_name FROM vpd.hierarchy_nodes WHERE node_key IN ('Oslo', 'Utah') ORDER BY 1",
        &[],
    )?;
    let levels: Vec<(String, String)> = levels.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        levels,
        [("Oslo".into(), "city".into()), ("Utah".into(), "state".into())]
    );
    for (fault, token) in [
        ("('a', 'b'), ('b', 'a')", "node_cycle"),
        ("('c', 'd'), ('d', 'nowhere')", "node_not_found"),
        ("('deep', 'Oslo')", "node_level"),
    ] {
        database
            .admin()?
            .batch_execute(&format!("INSERT INTO shop.place VALUES {fault}"))?;
        let refusal = vpd_tests::refusal(security.query_one(load, &[]));
        assert_eq!(refusal.token.as_deref(), Some(token), "{refusal:?}");
        database
            .admin()?
            .batch_execute("DELETE FROM shop.place WHERE key IN ('a', 'b', 'c', 'd', 'deep')")?;
    }
    Ok(())
}

#[test]
fn nodes_stay_on_the_level_of_their_name_when_levels_change() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let levels = |client: &mut postgres::Client| -> Result<Vec<String>> {
        let rows = client.query(
            "SELECT node_key || ' ' || level_name FROM vpd.hierarchy_nodes WHERE hierarchy = 'places' ORDER BY 1",
            &[],
        )?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    security.batch_execute(
        "SELECT vpd.define_hierarchy('places', '{region,city}');
         SELECT vpd.define_node('places', 'South'), vpd.define_node('places', 'Ulm', 'South')",
    )?;
    assert_eq!(levels(&mut security)?, ["South region", "Ulm city"]);
    security.batch_execute("SELECT vpd.define_hierarchy('places', '{region,state,city}')")?;
    assert_eq!(
        levels(&mut security)?,
        ["South region", "Ulm city"],
        "a level was put in"
    );
    security.batch_execute("SELECT vpd.define_hierarchy('places', '{region,county,town}')")?;
    assert_eq!(
        levels(&mut security)?,
        ["South region", "Ulm town"],
        "as many levels as before: renamed"
    );
    for (names, state, token) in [
        ("{region,county}", "55006", "level_in_use"),
        ("{region,borough}", "55006", "level_in_use"),
        ("{county,town,city,village}", "55006", "level_in_use"),
        ("{town,county,region}", "22023", "node_level"),
    ] {
        let refused = security.execute(
            "SELECT vpd.define_hierarchy('places', $1::text::text[])",
            &[&names],
        );
        assert_refused(refused, state, token);
        assert_eq!(levels(&mut security)?, ["South region", "Ulm town"], "{names}");
    }
    security.batch_execute("SELECT vpd.define_hierarchy('places', '{continent,region,town}')")?;
    assert_eq!(levels(&mut security)?, ["South region", "Ulm town"]);
    security.batch_execute("SELECT vpd.define_hierarchy('places', '{region,town}')")?;
    assert_eq!(levels(&mut security)?, ["South region", "Ulm town"]);

    // An import says levels by name, and so they stay.
    security.batch_execute(
        r#"SELECT vpd.import_definitions('{"format": "pg_vpd definitions", "version": 1,
           "hierarchies": [{"name": "places", "levels": ["region", "state", "town"]}]}')"#,
    )?;
    assert_eq!(levels(&mut security)?, ["South region", "Ulm town"]);
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused() -> Result<()> {
    let database = stores()?;
    let mut security = database.connect(role::SECURITY)?;
    database.admin()?.batch_execute(
        "CREATE VIEW shop.seen AS SELECT * FROM shop.stores;
         CREATE TABLE shop.odd (id integer, place text, spot point); GRANT SELECT ON shop.odd TO app_user",
    )?;
    data_group(&database, "west", "geography", &["West"])?;
    let refusals = assert_all_refused(
        &mut security,
        "SELECT vpd.{}",
        "
         22023 argument_invalid     define_hierarchy('Geography', '{a}')
         22023 argument_invalid     define_hierarchy('g', '{}')
         22023 argument_invalid     define_hierarchy('g', '{a,a}')
         22023 argument_invalid     define_hierarchy('g', '{a,NULL}')
         22023 argument_invalid     set_hierarchy_mode('geography', 'ajar', 'x')
         22023 argument_invalid     set_hierarchy_mode('geography', 'open', '')
         22023 argument_invalid     set_hierarchy_mode('geography', 'open', NULL)
         22023 argument_invalid     define_node('geography', '')
         22023 argument_invalid     grant_node('west', 'geography', 'East', '2030-01-02', '2030-01-01')
         22023 argument_invalid     protect_by_hierarchy('shop.odd', 'geography', 'place', 'goods')
         55006 level_in_use         define_hierarchy('geography', '{region,state}')
         2BP01 hierarchy_in_use     drop_hierarchy('geography')
         42704 hierarchy_not_found  drop_hierarchy('nothing')
         42704 hierarchy_not_found  exempt_app('portal', 'x', 'nothing')
         42704 hierarchy_not_found  protect_by_hierarchy('shop.odd', 'nothing', 'place')
         42704 app_not_found        exempt_app('nobody', 'x')
         42704 exemption_not_found  revoke_app_exemption('portal', 'x')
         42704 node_not_found       define_node('geography', 'x', 'nowhere')
         42704 node_not_found       move_node('geography', 'Mars', 'West')
         42704 node_not_found       drop_node('geography', 'Mars')
         42704 node_not_found       grant_node('west', 'geography', 'Mars')
         42704 node_not_found       who_can_see('geography', 'Mars')
         42704 level_not_found      define_node('geography', 'x', 'West', 'planet')
         22023 node_level           define_node('geography', 'x', 'West', 'region')
         22023 node_level           define_node('geography', 'x', 'West/Nevada/Reno')
         22023 node_level           define_node('geography', 'West/Nevada', 'West', 'city')
         22023 node_level           move_node('geography', 'West/Nevada', 'East/New York')
         42P17 node_cycle           define_node('geography', 'West', 'West/Nevada')
         42P17 node_cycle           move_node('geography', 'West', 'West')
         42P17 node_cycle           move_node('geography', 'West', 'West/Nevada/Reno')
         2BP01 node_in_use          drop_node('geography', 'West')
         42704 data_group_not_found grant_node('nobody', 'geography', 'West')
         42704 grant_not_found      revoke_node('west', 'geography', 'East')
         42703 column_not_found     protect_by_hierarchy('shop.odd', 'geography', 'nothing')
         42804 column_type          protect_by_hierarchy('shop.odd', 'geography', 'spot')
         42809 relation_unsupported protect_by_hierarchy('shop.seen', 'geography', 'place')",
    );
    assert!(
        refusals
            .iter()
            .all(|refusal| !refusal.text.contains("vpd_private"))
    );
    Ok(())
}

#[test]
fn a_policy_about_an_unknown_hierarchy_fails() -> Result<()> {
    let database = stores()?;
    let mut security = database.connect(role::SECURITY)?;
    vpd_tests::add_policy(
        &mut security,
        "shop.stores",
        "broken",
        "vpd.sees_node('nothing', place)",
    )?;
    data_group(&database, "west", "geography", &["West"])?;
    let token = member(&database, "anna", &["west"])?;
    let mut user = reader(&database, &token)?;
    assert_refused(user.query(ALL, &[]), "42704", "hierarchy_not_found");
    assert!(fresh_ids(&database, None, ALL)?.is_empty());
    Ok(())
}

#[test]
fn dropped_nodes_and_hierarchies_leave_the_data_groups() -> Result<()> {
    let database = stores()?;
    data_group(
        &database,
        "west",
        "geography",
        &["West", "West/Nevada", "West/Nevada/Reno"],
    )?;
    data_group(&database, "lamps", "goods", &["lamp"])?;
    let mut security = database.connect(role::SECURITY)?;
    let dropped = security.query_one("SELECT vpd.drop_node('geography', 'West/Nevada', true)", &[])?;
    assert_eq!(dropped.get::<_, i64>(0), 2);
    let active = "SELECT node_key FROM vpd.data_group_nodes WHERE is_active ORDER BY 1";
    let nodes = |client: &mut postgres::Client| -> Result<Vec<String>> {
        Ok(client.query(active, &[])?.iter().map(|row| row.get(0)).collect())
    };
    assert_eq!(nodes(&mut security)?, ["West", "lamp"]);
    let token = member(&database, "anna", &["west"])?;
    security.batch_execute(
        "SELECT vpd.define_node('geography', 'West/Nevada', 'East');
         SELECT vpd.define_node('geography', 'West/Nevada/Reno', 'West/Nevada')",
    )?;
    assert_eq!(
        fresh_ids(&database, Some(&token), ALL)?,
        [1, 2, 6],
        "a node of the same key is another"
    );
    security.batch_execute(
        "SELECT vpd.drop_hierarchy('goods'); SELECT vpd.drop_policy('shop.stores', 'by_hierarchy');
         SELECT vpd.drop_hierarchy('geography')",
    )?;
    assert!(nodes(&mut security)?.is_empty());
    Ok(())
}

#[test]
fn two_hierarchies_are_shipped_and_installing_them_again_changes_nothing() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut install = || -> Result<Vec<String>> {
        security.batch_execute("SELECT vpd.install_hierarchies()")?;
        let rows = security.query(
            "SELECT concat_ws(' ', hierarchy, levels::text, mode, nodes) FROM vpd.hierarchies ORDER BY 1",
            &[],
        )?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    assert_eq!(
        install()?,
        [
            "merchandise {company,division,group,department,class,subclass,item} closed 0",
            "organization {company,chain,area,region,district,location} closed 0",
        ]
    );
    define(
        &database,
        "SELECT vpd.define_node('organization', 'Acme'), vpd.define_node('organization', 'Shops', 'Acme');
         SELECT vpd.set_hierarchy_mode('merchandise', 'open', 'while it is filled')",
    )?;
    assert_eq!(
        install()?,
        [
            "merchandise {company,division,group,department,class,subclass,item} open 0",
            "organization {company,chain,area,region,district,location} closed 2",
        ]
    );
    Ok(())
}

/// The nodes of data groups that an export tells.
fn exported(client: &mut postgres::Client) -> Result<Vec<(String, Option<String>)>> {
    let rows = client.query(
        "SELECT n ->> 'node', left(n ->> 'valid_from', 4)
           FROM jsonb_array_elements(vpd.export_definitions(with_nodes => true) -> 'data_group_nodes') n",
        &[],
    )?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

#[test]
fn what_has_not_begun_goes_when_it_is_revoked_replaced_or_its_node_goes() -> Result<()> {
    let database = stores()?;
    data_group(&database, "west", "geography", &[])?;
    let mut security = database.connect(role::SECURITY)?;
    let later = "SELECT vpd.grant_node('west', 'geography', 'West/Nevada', '2099-01-01')";
    let drop_and_define =
        "SELECT vpd.drop_node('geography', 'West/Nevada/Reno'), vpd.drop_node('geography', 'West/Nevada');
                           SELECT vpd.define_node('geography', 'West/Nevada', 'West')";
    let load = "SELECT vpd.load_nodes('geography', 'shop.kept', 'key', 'parent', remove => true);
                SELECT vpd.define_node('geography', 'West/Nevada', 'West')";
    database.admin()?.batch_execute(
        "CREATE TABLE shop.kept AS SELECT 'West' AS key, NULL::text AS parent; GRANT SELECT ON shop.kept TO sec_admin",
    )?;
    let drop_all = "SELECT vpd.drop_policy('shop.stores', 'by_hierarchy'); SELECT vpd.drop_hierarchy('geography');
                    SELECT vpd.define_hierarchy('geography', '{region,state}');
                    SELECT vpd.define_node('geography', 'West'), vpd.define_node('geography', 'West/Nevada', 'West')";
    for end in [
        "SELECT vpd.revoke_node('west', 'geography', 'West/Nevada')",
        "",
        drop_and_define,
        load,
        drop_all,
    ] {
        security.batch_execute(later)?;
        assert_eq!(
            exported(&mut security)?,
            [("West/Nevada".to_owned(), Some("2099".to_owned()))],
            "control: {end}"
        );
        security.batch_execute(end)?;
        security.batch_execute("SELECT vpd.grant_node('west', 'geography', 'West/Nevada')")?;
        assert_eq!(
            exported(&mut security)?,
            [("West/Nevada".to_owned(), None)],
            "{end}"
        );
        let rows = security.query_one(
            "SELECT count(*) FROM vpd.data_group_nodes WHERE valid_until > now()",
            &[],
        )?;
        assert_eq!(rows.get::<_, i64>(0), 1, "{end}");
        security.batch_execute("SELECT vpd.revoke_node('west', 'geography', 'West/Nevada')")?;
        assert!(exported(&mut security)?.is_empty());
        assert_refused(
            security.batch_execute("SELECT vpd.revoke_node('west', 'geography', 'West/Nevada')"),
            "42704",
            "grant_not_found",
        );
    }
    Ok(())
}

#[test]
fn a_constant_key_is_asked_about_as_well() -> Result<()> {
    let database = stores()?;
    data_group(&database, "west", "geography", &["West"])?;
    let token = member(&database, "anna", &["west"])?;
    let mut user = reader(&database, &token)?;
    let row = user.query_one(
        "SELECT vpd.sees_node('geography', 'West/Nevada'::text), vpd.sees_node('geography', 'East'::text),
                vpd.sees_node('geography', NULL::text), vpd.sees_node(NULL, 'West'::text),
                vpd.sees_node('geo' || 'graphy', 'West'::varchar)",
        &[],
    )?;
    let seen: [bool; 5] = std::array::from_fn(|column| row.get(column));
    assert_eq!(seen, [true, false, false, false, true]);
    // A name that changes from call to call, in an expression that is kept.
    user.batch_execute(
        "DO $$ DECLARE name text; seen boolean; BEGIN
             FOREACH name IN ARRAY ARRAY['geography', 'goods', 'geography'] LOOP
                 seen := vpd.sees_node(name, 'West'::text);
                 ASSERT seen = (name = 'geography'), name;
             END LOOP; END $$",
    )?;
    Ok(())
}
