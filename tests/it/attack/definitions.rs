//! Definitions that would carry more authority into a database, or filter less there, than where they were written.

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::{
    Cluster, Database, Extension, Library, Result, assert_refused, create_orders, refusal, role,
};

use crate::definition_order::{document, import};

fn export(client: &mut Client) -> Result<Value> {
    Ok(client
        .query_one("SELECT vpd.export_definitions(true, true)", &[])?
        .get(0))
}

fn skipped(lines: &[[String; 3]]) -> Vec<&str> {
    lines
        .iter()
        .filter(|line| line[0] == "skip")
        .map(|line| line[2].as_str())
        .collect()
}

/// A tester who may act for everybody, and somebody who may act for the tester.
fn delegations_of_a_tester() -> Value {
    json!({
        "users": [{"name": "real"}, {"name": "tester", "is_test": true}],
        "delegations": [
            {"actor": "user:tester", "with_full_authority": true},
            {"actor": "user:real", "subject": "user:tester"},
            {"actor": "user:real", "reason": "holidays"},
        ],
    })
}

fn delegations(database: &Database<'_>) -> Result<Vec<String>> {
    let rows = database.admin()?.query(
        "SELECT concat_ws(' ', actor, subject) FROM vpd_private.delegation ORDER BY 1",
        &[],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[test]
fn a_test_user_acts_for_nobody_in_production() -> Result<()> {
    let test = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "vpd.environment = 'test'",
    )?;
    let elsewhere = Database::create_in(&test)?;
    import(
        &mut elsewhere.connect(role::SECURITY)?,
        &delegations_of_a_tester(),
    )?;
    assert_eq!(
        delegations(&elsewhere)?,
        ["user:real", "user:real user:tester", "user:tester"],
        "control: elsewhere they are carried"
    );

    let production = Database::create()?;
    let lines = import(
        &mut production.connect(role::SECURITY)?,
        &delegations_of_a_tester(),
    )?;
    assert_eq!(delegations(&production)?, ["user:real"]);
    let skipped = skipped(&lines);
    assert_eq!(skipped.len(), 3, "{lines:?}");
    assert!(skipped.iter().all(|name| name.contains("tester")), "{lines:?}");
    Ok(())
}

#[test]
fn a_cancelled_dry_run_leaves_the_connection_as_any_cancelled_statement_does() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut holder = database.admin()?;
    holder.batch_execute("BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE")?;

    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SET statement_timeout = '200ms'")?;
    let policies = document(&json!({
        "policies": [{"relation": "shop.orders", "name": "p", "predicate": "true"}],
    }));
    for dry_run in [
        "SELECT FROM vpd.policy_store_difference($1)",
        "SELECT FROM vpd.import_definitions($1, dry_run => true)",
        "SELECT FROM vpd.import_definitions($1)",
    ] {
        let cancelled = refusal(security.query(dry_run, &[&policies]));
        assert_eq!(cancelled.state.code(), "57014", "{dry_run}: {cancelled:?}");
        security.batch_execute("SELECT 1")?;

        security.batch_execute("BEGIN; SAVEPOINT s")?;
        let cancelled = refusal(security.query(dry_run, &[&policies]));
        assert_eq!(cancelled.state.code(), "57014", "{dry_run}: {cancelled:?}");
        security.batch_execute("ROLLBACK TO s; SELECT 1; COMMIT")?;
    }
    Ok(())
}

/// A table of which somebody in the data group sees the rows of the west, as far as they are not secret.
fn filtered() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE FUNCTION shop.nothing(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $f$ SELECT 'false' $f$",
    )?;
    admin.batch_execute(
        "SELECT vpd.define_hierarchy('places', '{region}'), vpd.define_hierarchy('goods', '{group}');
         SELECT vpd.define_node('places', 'West'), vpd.define_node('goods', 'West');
         SELECT vpd.define_data_group('west'), vpd.grant_node('west', 'places', 'West'), vpd.grant_node('west', 'goods', 'West');
         SELECT vpd.define_user('wendy'), vpd.grant_authority('data_group:west', 'user:wendy')",
    )?;
    Ok(database)
}

const PROTECT: &str = "SELECT vpd.protect_by_hierarchy('shop.orders', 'places', 'region', 'goods', 'region')";

/// Every policy with all that it says.
fn in_force(database: &Database<'_>) -> Result<Vec<String>> {
    let rows = database.admin()?.query(
        "SELECT to_jsonb(p) - '{relation,version,created_by,created_at,altered_at,statement_types}'::text[]
                || jsonb_build_object('commands', (SELECT array_agg(t ORDER BY t) FROM unnest(p.statement_types) t))
           FROM vpd_private.policy p
          ORDER BY p.policy_name",
        &[],
    )?;
    Ok(rows
        .iter()
        .map(|row| row.get::<_, Value>(0).to_string())
        .collect())
}

#[test]
fn an_altered_filter_by_hierarchies_filters_as_much_where_it_is_imported() -> Result<()> {
    for alteration in [
        "SELECT 1",
        "SELECT vpd.alter_policy('shop.orders', 'by_hierarchy', predicate => 'vpd.sees_node(''places'', region) AND amount < 100')",
        "SELECT vpd.alter_policy('shop.orders', 'by_hierarchy', policy_function => 'shop.nothing')",
        "SELECT vpd.alter_policy('shop.orders', 'by_hierarchy', policy_function => 'shop.nothing', kind => 'context_sensitive');
         SELECT vpd.associate_policy('shop.orders', 'by_hierarchy', 'app', 'region')",
        "SELECT vpd.alter_policy('shop.orders', 'by_hierarchy', statement_types => '{select}')",
        "SELECT vpd.alter_policy('shop.orders', 'by_hierarchy', update_check => false)",
        "SELECT vpd.alter_policy('shop.orders', 'by_hierarchy', relevant_columns => '{amount}', mask_columns => true)",
        "SELECT vpd.enable_policy('shop.orders', 'by_hierarchy', false)",
        "SELECT vpd.alter_policy('shop.orders', 'by_hierarchy', predicate => 'false');
         SELECT vpd.protect_by_hierarchy('shop.orders', 'goods', 'region');
         SELECT vpd.rollback_policy('shop.orders', 'by_hierarchy', 2)",
    ] {
        let source = filtered()?;
        source.admin()?.batch_execute(&format!("{PROTECT}; {alteration}"))?;
        let exported = export(&mut source.admin()?)?;
        let wanted = in_force(&source)?;

        let empty = filtered()?;
        import(&mut empty.admin()?, &exported)?;
        assert_eq!(in_force(&empty)?, wanted, "{alteration}: into an empty database");
        assert_eq!(export(&mut empty.admin()?)?, exported, "{alteration}");

        let other = filtered()?;
        other.admin()?.batch_execute(&format!(
            "{PROTECT}; SELECT vpd.alter_policy('shop.orders', 'by_hierarchy', predicate => 'true', statement_types => '{{insert}}')"
        ))?;
        import(&mut other.admin()?, &exported)?;
        assert_eq!(in_force(&other)?, wanted, "{alteration}: over another alteration");
        let again = import(&mut other.admin()?, &exported)?;
        assert!(again.is_empty(), "{alteration}: {again:?}");
    }
    Ok(())
}

#[test]
fn filtering_a_table_again_ends_every_alteration() -> Result<()> {
    let database = filtered()?;
    let mut admin = database.admin()?;
    admin.batch_execute(PROTECT)?;
    let wanted = in_force(&database)?;
    for alteration in [
        "vpd.enable_policy('shop.orders', 'by_hierarchy', false)",
        "vpd.alter_policy('shop.orders', 'by_hierarchy', statement_types => '{select}', update_check => false)",
        "vpd.alter_policy('shop.orders', 'by_hierarchy', policy_function => 'shop.nothing', kind => 'static')",
        "vpd.alter_policy('shop.orders', 'by_hierarchy', relevant_columns => '{amount}', mask_columns => true)",
        "vpd.associate_policy('shop.orders', 'by_hierarchy', 'app', 'region')",
    ] {
        admin.batch_execute(&format!("SELECT {alteration}"))?;
        assert_ne!(in_force(&database)?, wanted, "control: {alteration}");
        admin.batch_execute(PROTECT)?;
        assert_eq!(in_force(&database)?, wanted, "{alteration}");
    }
    Ok(())
}

#[test]
fn the_order_of_filters_means_nothing_and_an_unknown_key_is_refused() -> Result<()> {
    let database = filtered()?;
    let mut admin = database.admin()?;
    let filters =
        |filters: Value| json!({"hierarchy_bindings": [{"relation": "shop.orders", "filters": filters}]});
    let (places, goods) = (
        json!({"hierarchy": "places", "column": "region"}),
        json!({"hierarchy": "goods", "column": "region"}),
    );
    assert_eq!(import(&mut admin, &filters(json!([places, goods])))?.len(), 1);
    for same in [
        json!([places, goods]),
        json!([goods, places]),
        json!([goods, places, goods]),
    ] {
        let lines = import(&mut admin, &filters(same))?;
        assert!(lines.is_empty(), "{lines:?}");
    }
    let with_more = json!({"hierarchy": "goods", "column": "region", "levels": 2});
    assert_refused(
        admin.query(
            "SELECT vpd.import_definitions($1)",
            &[&document(&filters(json!([places, with_more])))],
        ),
        "22023",
        "definitions_invalid",
    );
    Ok(())
}
