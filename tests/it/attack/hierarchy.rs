//! Ways to see rows of others in spite of hierarchies.

use vpd_tests::{
    Database, Result, Subject, VERIFIER, assert_denied, assert_refused, attach, challenge, fresh_ids, ids,
    role,
};

const STORES: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.stores (id integer PRIMARY KEY, place text);
INSERT INTO shop.stores SELECT n, (ARRAY['north', 'south', 'secret', NULL])[1 + n % 4] FROM generate_series(1, 400) n;
CREATE INDEX ON shop.stores (place);
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.stores TO app_user;
RESET ROLE;
ANALYZE shop.stores;
";

const ALL: &str = "SELECT id FROM shop.stores";

/// The stores, not protected yet; anna has the north.
fn scene() -> Result<(Database<'static>, String)> {
    let database = Database::create()?;
    database.admin()?.batch_execute(STORES)?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.define_hierarchy('places', '{area,place}');
         SELECT vpd.define_node('places', 'world'); SELECT vpd.define_node('places', 'moon');
         SELECT vpd.define_node('places', 'north', 'world'); SELECT vpd.define_node('places', 'south', 'world');
         SELECT vpd.define_node('places', 'secret', 'moon');
         SELECT vpd.define_data_group('north'); SELECT vpd.grant_node('north', 'places', 'north');
         SELECT vpd.define_user('anna'); SELECT vpd.grant_authority('data_group:north', 'user:anna')",
    )?;
    let token = Subject::new("anna").log_in(&database)?;
    Ok((database, token))
}

fn protect(database: &Database<'_>) -> Result<()> {
    Ok(database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.protect_by_hierarchy('shop.stores', 'places', 'place')")?)
}

fn north() -> Vec<i32> {
    (1..=400).filter(|n| n % 4 == 0).collect()
}

#[test]
fn what_the_application_claims_about_itself_changes_nothing() -> Result<()> {
    let (database, token) = scene()?;
    assert_eq!(
        fresh_ids(&database, Some(&token), ALL)?.len(),
        400,
        "control: without protection"
    );
    protect(&database)?;
    let mut user = database.connect(role::USER)?;
    for claim in [
        "SET search_path = pg_temp, public",
        "SET SESSION \"app.data_groups\" = '{1,2,3}'",
        "CREATE FUNCTION pg_temp.sees_node(text, anyelement) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "SET enable_seqscan = off",
        "SET plan_cache_mode = force_generic_plan",
        "SET row_security = on",
        "SET force_parallel_mode = on",
    ] {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        transaction.batch_execute(claim)?;
        assert_eq!(ids(&mut transaction, ALL)?, north(), "{claim}");
        transaction.commit()?;
        user.batch_execute("DISCARD TEMP")?;
        assert!(ids(&mut user, ALL)?.is_empty(), "{claim}: without a session");
    }
    Ok(())
}

#[test]
fn a_node_that_was_granted_and_taken_back_is_not_seen() -> Result<()> {
    let (database, token) = scene()?;
    protect(&database)?;
    let mut admin = database.admin()?;
    let mut session = admin.transaction()?;
    attach(&mut session, &token)?;
    // Assignments are evaluated without a statement of their own.
    session.batch_execute(
        "DO $$
         DECLARE
             seen boolean[];
             sees boolean;
         BEGIN
             sees := vpd.sees_node('places', 'secret'::text);
             seen := seen || sees;
             BEGIN
                 PERFORM vpd.grant_node('north', 'places', 'secret');
                 sees := vpd.sees_node('places', 'secret'::text);
                 seen := seen || sees;
                 RAISE EXCEPTION SQLSTATE 'AAAAA';
             EXCEPTION WHEN SQLSTATE 'AAAAA' THEN
                 sees := vpd.sees_node('places', 'secret'::text);
             END;
             seen := seen || sees;
             sees := vpd.sees_node('places', 'secret'::text);
             seen := seen || sees;
             PERFORM set_config('test.seen', seen::text, true);
         END $$",
    )?;
    let seen: String = session
        .query_one("SELECT current_setting('test.seen')", &[])?
        .get(0);
    assert_eq!(seen, "{f,t,f,f}");
    Ok(())
}

#[test]
fn the_tables_and_the_inner_functions_are_out_of_reach() -> Result<()> {
    let (database, token) = scene()?;
    protect(&database)?;
    for name in [role::USER, role::BRIDGE, role::STRANGER] {
        let mut client = database.connect(name)?;
        for statement in [
            "SELECT * FROM vpd_private.hierarchy_node",
            "INSERT INTO vpd_private.data_group_node (data_group_id, hierarchy, node, granted_by) VALUES (1, 'places', 'moon', 'me')",
            "SELECT vpd_private.visible_keys('places', NULL::text)",
            "SELECT vpd.define_node('places', 'secret', 'world')",
            "SELECT vpd.move_node('places', 'secret', 'world')",
            "SELECT vpd.grant_node('north', 'places', 'moon')",
            "SELECT vpd.set_hierarchy_mode('places', 'open', 'please')",
            "SELECT vpd.exempt_app('portal', 'please')",
            "SELECT * FROM vpd.load_nodes('places', 'shop.stores', 'place')",
            "SELECT * FROM vpd.who_can_see('places', 'secret')",
            "SELECT * FROM vpd.hierarchy_nodes",
        ] {
            assert_denied(client.batch_execute(statement));
        }
    }
    // The security administrator reads tables of the application with his own rights and not with the extension's.
    let mut security = database.connect(role::SECURITY)?;
    assert_denied(security.batch_execute("SELECT * FROM vpd.load_nodes('places', 'shop.stores', 'place')"));
    assert_denied(
        security
            .batch_execute("SELECT * FROM vpd.load_nodes('places', 'vpd_private.session'::regclass, 'id')"),
    );
    assert_eq!(fresh_ids(&database, Some(&token), ALL)?, north());
    Ok(())
}

#[test]
fn the_callers_function_meets_visible_rows_only_whatever_the_plan() -> Result<()> {
    let (database, token) = scene()?;
    database
        .admin()?
        .batch_execute("CREATE SCHEMA play AUTHORIZATION app_user")?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    user.batch_execute(
        "CREATE FUNCTION play.leak(place text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
             $$ BEGIN RAISE NOTICE 'leaked %', place; RETURN true; END $$",
    )?;
    let probe = "SELECT id FROM shop.stores WHERE play.leak(place)";
    user.query(probe, &[])?;
    assert!(
        notices
            .take()
            .iter()
            .any(|notice| notice.message().contains("secret")),
        "control: without protection"
    );
    protect(&database)?;
    for setting in [
        "",
        "SET LOCAL enable_seqscan = off",
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off",
        "SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off",
    ] {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        transaction.batch_execute(setting)?;
        transaction.query(probe, &[])?;
        transaction.rollback()?;
        let leaked = notices.take();
        assert!(!leaked.is_empty(), "{setting}: the function did not run at all");
        assert!(
            leaked.iter().all(|notice| notice.message().ends_with("north")),
            "{setting}: {leaked:?}"
        );
    }
    Ok(())
}

#[test]
fn names_and_keys_are_taken_literally() -> Result<()> {
    let (database, _) = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let nasty = [
        "' OR true --",
        "x'); DROP TABLE shop.stores; --",
        "$$",
        "a\"b",
        "a\\b",
        "%I%s",
        "line\nbreak",
        "ünïcødé ☃",
    ];
    for (number, key) in nasty.iter().enumerate() {
        security.execute("SELECT vpd.define_node('places', $1, 'world')", &[key])?;
        let column = format!("c {number} {key}").replace('\n', " ");
        let table = format!("shop.odd_{number}");
        let quoted = column.replace('"', "\"\"");
        database.admin()?.batch_execute(&format!(
            "CREATE TABLE {table} (id integer, \"{quoted}\" text); GRANT SELECT, INSERT ON {table} TO app_user, sec_admin"
        ))?;
        database.admin()?.execute(
            &format!("INSERT INTO {table} VALUES (1, $1), (2, 'secret')"),
            &[key],
        )?;
        security.execute(
            "SELECT vpd.protect_by_hierarchy($1::text::regclass, 'places', $2)",
            &[&table, &column],
        )?;
        // Read with the caller's rights: the administrator has no session, so nothing comes.
        let loaded = security.query_one(
            "SELECT added FROM vpd.load_nodes('places', $1::text::regclass, $2)",
            &[&table, &column],
        )?;
        assert_eq!(loaded.get::<_, i64>(0), 0);
        let group = format!("group {number} {key}").replace('\n', " ");
        security.execute("SELECT vpd.define_data_group($1)", &[&group])?;
        security.execute("SELECT vpd.grant_node($1, 'places', $2)", &[&group, key])?;
        let name = format!("user {number}");
        security.execute("SELECT vpd.define_user($1)", &[&name])?;
        security.execute(
            "SELECT vpd.grant_authority('data_group:' || $1, 'user:' || $2)",
            &[&group, &name],
        )?;
        let token = Subject::new(&name).log_in(&database)?;
        let seen = fresh_ids(&database, Some(&token), &format!("SELECT id FROM {table}"))?;
        assert_eq!(seen, [1], "{key}");
    }
    for name in ["places'; DROP TABLE x; --", "Places", "pla ces", ""] {
        let defined = security.execute("SELECT vpd.define_hierarchy($1, '{a}')", &[&name]);
        assert_refused(defined, "22023", "argument_invalid");
        let protected = security.execute(
            "SELECT vpd.protect_by_hierarchy('shop.stores', $1, 'place')",
            &[&name],
        );
        assert_refused(protected, "42704", "hierarchy_not_found");
    }
    let column = "place) OR (true";
    let protected = security.execute(
        "SELECT vpd.protect_by_hierarchy('shop.stores', 'places', $1)",
        &[&column],
    );
    assert_refused(protected, "42703", "column_not_found");
    Ok(())
}

#[test]
fn a_circle_made_by_hand_shows_nothing() -> Result<()> {
    let (database, token) = scene()?;
    protect(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ALL)?, north(), "control");
    database
        .admin()?
        .batch_execute("UPDATE vpd_private.hierarchy_node SET parent = 'north' WHERE key = 'world'")?;
    assert!(fresh_ids(&database, Some(&token), ALL)?.is_empty());
    Ok(())
}

#[test]
fn who_acts_for_a_user_sees_what_both_see_and_a_membership_ends_at_once() -> Result<()> {
    let (database, token) = scene()?;
    protect(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_data_group('world'); SELECT vpd.grant_node('world', 'places', 'world');
         SELECT vpd.define_data_group('moon'); SELECT vpd.grant_node('moon', 'places', 'moon');
         SELECT vpd.define_resource('session'); SELECT vpd.define_privilege('session:on_behalf');
         SELECT vpd.define_role('Help Desk'); SELECT vpd.grant_authority('privilege:session:on_behalf', 'role:Help Desk');
         SELECT vpd.define_user('henry'), vpd.define_user('luna');
         SELECT vpd.grant_authority('role:Help Desk', 'user:' || name), vpd.grant_authority('data_group:' || body, 'user:' || name)
           FROM (VALUES ('henry', 'world'), ('luna', 'moon')) v (name, body)",
    )?;
    for (name, alone, together) in [("henry", 200, north()), ("luna", 100, vec![])] {
        let own = Subject::new(name).log_in(&database)?;
        assert_eq!(fresh_ids(&database, Some(&own), ALL)?.len(), alone, "{name}");
        let on_behalf = "SELECT vpd.create_session_on_behalf($1, 'anna')";
        let acting: String = database
            .connect(role::BRIDGE)?
            .query_one(on_behalf, &[&own])?
            .get(0);
        assert_eq!(
            fresh_ids(&database, Some(&acting), ALL)?,
            together,
            "{name} for anna"
        );
    }
    assert_eq!(fresh_ids(&database, Some(&token), ALL)?, north());
    // A membership that ends takes the rows along, in the transaction that is open.
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    assert_eq!(ids(&mut transaction, ALL)?, north());
    security.batch_execute("SELECT vpd.revoke_authority('data_group:north', 'user:anna')")?;
    assert!(ids(&mut transaction, ALL)?.is_empty());
    Ok(())
}

#[test]
fn who_acts_for_a_user_does_not_choose_an_application_that_is_exempt() -> Result<()> {
    let (database, _) = scene()?;
    protect(&database)?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.exempt_app('floor', 'counts everything');
         SELECT vpd.define_data_group('world'); SELECT vpd.grant_node('world', 'places', 'world');
         SELECT vpd.define_user('henry'); SELECT vpd.grant_authority('data_group:world', 'user:henry');
         SELECT vpd.grant_delegation('user:henry', 'user:anna')",
    )?;
    let exempt = Subject::new("henry").app("floor").log_in(&database)?;
    assert_eq!(
        fresh_ids(&database, Some(&exempt), ALL)?.len(),
        400,
        "control: the application is exempt"
    );
    let own = Subject::new("henry").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    for (actor, app) in [(&own, "floor"), (&exempt, "floor"), (&own, "portal")] {
        let acting: String = bridge
            .query_one(
                "SELECT vpd.create_session_on_behalf($1, 'anna', $2)",
                &[actor, &app],
            )?
            .get(0);
        assert_eq!(fresh_ids(&database, Some(&acting), ALL)?, north(), "in {app}");
        // Nor is it reached by a ticket.
        let ticket: String = bridge
            .query_one(
                "SELECT vpd.issue_ticket($1, 'floor', $2)",
                &[&acting, &challenge(VERIFIER)],
            )?
            .get(0);
        let handed: String = bridge
            .query_one("SELECT vpd.redeem_ticket($1, 'floor', $2)", &[&ticket, &VERIFIER])?
            .get(0);
        assert_eq!(
            fresh_ids(&database, Some(&handed), ALL)?,
            north(),
            "handed over from {app}"
        );
    }
    Ok(())
}

#[test]
fn an_application_registered_anew_is_not_exempt() -> Result<()> {
    let (database, _) = scene()?;
    protect(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.exempt_app('floor', 'counts everything'), vpd.exempt_app('floor', 'counts places', 'places')",
    )?;
    let token = Subject::new("anna").app("floor").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ALL)?.len(), 400, "control");
    security.batch_execute("SELECT vpd.drop_app('floor'); SELECT vpd.register_app('floor', 'retail')")?;
    let token = Subject::new("anna").app("floor").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&token), ALL)?, north());
    let closed = security.query(
        "SELECT revoked_by, is_active FROM vpd.hierarchy_exemptions WHERE app = 'floor'",
        &[],
    )?;
    let closed: Vec<(Option<String>, bool)> = closed.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(closed, vec![(Some("sec_admin".to_owned()), false); 2]);
    Ok(())
}

#[test]
fn a_key_whose_text_the_callers_settings_shape_is_refused() -> Result<()> {
    let (database, _) = scene()?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.zones (id integer, zone float8, day date, thing regclass, price numeric);
         INSERT INTO shop.zones VALUES (1, 1, '2026-03-02', 'pg_class', 1), (2, 1.4, '2026-02-03', 'pg_proc', 1.4);
         GRANT SELECT ON shop.zones TO app_user",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_hierarchy('zones', '{zone}');
         SELECT vpd.define_node('zones', key) FROM unnest('{1,2026-03-02,pg_class}'::text[]) key;
         SELECT vpd.grant_node('north', 'zones', key) FROM unnest('{1,2026-03-02,pg_class}'::text[]) key;
         SELECT vpd.add_policy('shop.zones', 'by_zone', $$vpd.sees_node('zones', zone)$$)",
    )?;
    let token = Subject::new("anna").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for setting in [
        "SET LOCAL extra_float_digits = -15",
        "SET LOCAL extra_float_digits = 0",
    ] {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        transaction.batch_execute(setting)?;
        let seen = transaction.query("SELECT id FROM shop.zones", &[]);
        assert_refused(seen, "42804", "column_type");
    }
    for key in ["day", "thing", "price", "ARRAY[zone]"] {
        let predicate = format!("vpd.sees_node('zones', {key})");
        security.execute(
            "SELECT vpd.alter_policy('shop.zones', 'by_zone', predicate => $1)",
            &[&predicate],
        )?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        assert_refused(
            transaction.query("SELECT id FROM shop.zones", &[]),
            "42804",
            "column_type",
        );
    }
    for (key, expected) in [
        ("zone::integer", vec![1, 2]),
        ("to_char(day, 'YYYY-MM-DD')", vec![1]),
    ] {
        let predicate = format!("vpd.sees_node('zones', {key})");
        security.execute(
            "SELECT vpd.alter_policy('shop.zones', 'by_zone', predicate => $1)",
            &[&predicate],
        )?;
        assert_eq!(
            fresh_ids(&database, Some(&token), "SELECT id FROM shop.zones")?,
            expected,
            "{key}"
        );
    }
    Ok(())
}

#[test]
fn one_role_only_does_not_widen_what_an_open_hierarchy_shows() -> Result<()> {
    let (database, token) = scene()?;
    protect(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.set_hierarchy_mode('places', 'open', 'test');
         SELECT vpd.define_role('Clerk'); SELECT vpd.grant_authority('role:Clerk', 'user:anna')",
    )?;
    // control: in an open hierarchy whoever is in no data group sees everything
    let nobody = Subject::new("nobody").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&nobody), ALL)?.len(), 400);
    // attack: anna runs with a role that has no data group
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    assert_eq!(ids(&mut transaction, ALL)?, north());
    transaction.batch_execute("SELECT vpd.assume_role('Clerk')")?;
    assert_eq!(ids(&mut transaction, ALL)?, north());
    drop(transaction);
    let tool: String = database
        .connect(role::BRIDGE)?
        .query_one(
            "SELECT vpd.create_session('anna', 'portal', assumed_role => 'Clerk')",
            &[],
        )?
        .get(0);
    assert_eq!(fresh_ids(&database, Some(&tool), ALL)?, north());
    // and loses the role
    security.batch_execute("SELECT vpd.revoke_authority('role:Clerk', 'user:anna')")?;
    assert_eq!(fresh_ids(&database, Some(&tool), ALL)?, north());
    Ok(())
}
