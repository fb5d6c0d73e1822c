//! Policies that make no sense are refused when they are added, with a code, a token and a hint, and change nothing.

use postgres::Client;
use vpd_tests::{
    Database, Refusal, Result, add_policy, assert_all_refused, assert_denied_to_all_but, create_orders,
    fresh_ids, refusal, role,
};

/// A database with unprotected orders, things that are not tables, and functions that are no policy functions.
fn scene() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE VIEW shop.a_view AS SELECT * FROM shop.orders;
         CREATE MATERIALIZED VIEW shop.a_matview AS SELECT * FROM shop.orders;
         CREATE SEQUENCE shop.a_sequence;
         CREATE INDEX an_index ON shop.orders (region);
         CREATE TYPE shop.a_type AS (id integer);
         CREATE FOREIGN DATA WRAPPER nowhere;
         CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
         CREATE FOREIGN TABLE shop.a_foreign_table (id integer) SERVER nowhere;
         CREATE FUNCTION shop.no_arguments() RETURNS text LANGUAGE sql AS $$SELECT 'true'$$;
         CREATE FUNCTION shop.wrong_arguments(integer, text) RETURNS text LANGUAGE sql AS $$SELECT 'true'$$;
         CREATE FUNCTION shop.wrong_result(text, text) RETURNS boolean LANGUAGE sql AS $$SELECT true$$;
         CREATE FUNCTION shop.a_set(text, text) RETURNS SETOF text LANGUAGE sql AS $$SELECT 'true'$$;
         CREATE FUNCTION shop.numbers() RETURNS SETOF integer LANGUAGE sql AS $$SELECT 1$$;
         CREATE FUNCTION shop.is_fine(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$SELECT true$$;
         CREATE FUNCTION shop.good(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'true'$$",
    )?;
    Ok(database)
}

/// Nothing changed: no policy, no protected table, no flag, every row readable.
fn assert_untouched(database: &Database<'_>) -> Result<()> {
    let row = database.admin()?.query_one(
        "SELECT (SELECT count(*) FROM vpd.policies), (SELECT count(*) FROM vpd.protected_tables),
                (SELECT count(*) FROM pg_policy),
                (SELECT count(*) FROM pg_class WHERE relrowsecurity AND relnamespace <> 'vpd_private'::regnamespace)",
        &[],
    )?;
    assert_eq!([0, 1, 2, 3].map(|column| row.get::<_, i64>(column)), [0; 4]);
    assert_eq!(fresh_ids(database, None, "SELECT id FROM shop.orders")?.len(), 40);
    Ok(())
}

fn assert_predicate_invalid(security: &mut Client, predicate: &str) -> Refusal {
    let refusal = refusal(add_policy(security, "shop.orders", "bad", predicate));
    assert_eq!(
        refusal.token.as_deref(),
        Some("predicate_invalid"),
        "{predicate:.60}: {refusal:?}"
    );
    assert!(
        matches!(refusal.state.code(), "42601" | "22023"),
        "{predicate:.60}: {refusal:?}"
    );
    assert!(refusal.has_hint, "{predicate:.60}: {refusal:?}");
    refusal
}

#[test]
fn only_tables_can_be_protected() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.add_policy('shop.{}', 'p', 'true')",
        "
         42809 relation_unsupported a_view
         42809 relation_unsupported a_matview
         42809 relation_unsupported a_sequence
         42809 relation_unsupported a_foreign_table
         42809 relation_unsupported an_index
         42809 relation_unsupported a_type",
    );
    assert_untouched(&database)
}

#[test]
fn an_unknown_table_is_not_found() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    for (relation, state) in [
        ("shop.no_such_table", "42P01"),
        ("no_such_schema.orders", "3F000"),
    ] {
        let refusal = refusal(add_policy(&mut security, relation, "p", "true"));
        assert!(
            refusal.state.code() == state || refusal.state.code() == "42P01",
            "{refusal:?}"
        );
    }
    // A number that is the name of no relation.
    let refusal = refusal(security.execute(
        "SELECT vpd.add_policy(4294967295::oid::regclass, 'p', 'true')",
        &[],
    ));
    assert!(matches!(refusal.state.code(), "42P01" | "42704"), "{refusal:?}");
    assert_untouched(&database)
}

#[test]
fn catalogues_and_our_own_tables_cannot_be_protected() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    for relation in ["pg_catalog.pg_class", "pg_catalog.pg_authid"] {
        assert!(
            add_policy(&mut security, relation, "p", "true").is_err(),
            "{relation}"
        );
    }
    for relation in ["vpd_private.session", "vpd_private.policy"] {
        assert!(
            add_policy(&mut security, relation, "p", "false").is_err(),
            "{relation}"
        );
    }
    assert_untouched(&database)
}

#[test]
fn a_predicate_is_one_boolean_expression() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    for predicate in [
        "",
        "   ",
        "-- nothing",
        "/* nothing */",
        "region =",
        "(region = 'East'",
        "region = 'East')",
        "true; SELECT 1",
        "true; DROP TABLE shop.orders",
        "true) OR (true",
        "true, false",
        "true AS x",
        "true ORDER BY id",
        "true LIMIT 1",
        "true UNION SELECT true",
        "true FROM shop.orders",
        "true WHERE true",
        "SELECT true",
        "region = 'unterminated",
        "region = $$unterminated",
        "region = $1",
        "*",
        "orders.*",
        "DEFAULT",
        "region",
        "id",
        "id + 1",
        "ARRAY[true]",
        "ROW(true)",
        "'yes, of course'",
    ] {
        assert_predicate_invalid(&mut security, predicate);
    }
    assert_untouched(&database)
}

#[test]
fn names_in_a_predicate_must_exist_and_be_qualified() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SET search_path = shop, public")?;
    for predicate in [
        "no_such_column = 1",
        "orders.no_such_column = 1",
        "other.id = 1",
        "is_fine(region)",
        "shop.no_such_function(region)",
        "EXISTS (SELECT FROM shop.no_such_table)",
        "EXISTS (SELECT FROM no_such_table)",
        "id IN (SELECT id FROM orders)",
        "region OPERATOR(shop.~~~) 'x'",
        "region::shop.no_such_type IS NULL",
        "region COLLATE \"no_such_collation\" = 'x'",
    ] {
        assert_predicate_invalid(&mut security, predicate);
    }
    assert_untouched(&database)?;
    add_policy(&mut security, "shop.orders", "qualified", "shop.is_fine(region)")?;
    Ok(())
}

#[test]
fn aggregates_windows_and_sets_are_no_predicates() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    for predicate in [
        "count(*) > 0",
        "max(id) > 0",
        "row_number() OVER () = 1",
        "generate_series(1, 2) = 1",
        "shop.numbers() = 1",
        "unnest(ARRAY[true, false])",
        "grouping(id) = 0",
    ] {
        assert_predicate_invalid(&mut security, predicate);
    }
    assert_untouched(&database)
}

#[test]
fn a_predicate_is_at_most_64_kib() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let padded = |length: usize| format!("id = 1{}", " ".repeat(length - "id = 1".len()));
    assert_predicate_invalid(&mut security, &padded(64 * 1024 + 1));
    assert_untouched(&database)?;
    add_policy(&mut security, "shop.orders", "long", &padded(64 * 1024))?;
    Ok(())
}

#[test]
fn a_predicate_nested_too_deeply_is_refused_and_the_server_lives() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let deep = format!("{}true{}", "NOT (".repeat(10_000), ")".repeat(10_000));
    let added = add_policy(&mut security, "shop.orders", "deep", &deep);
    if added.is_err() {
        assert_untouched(&database)?;
    }
    security.query_one("SELECT 1", &[])?;
    Ok(())
}

#[test]
fn a_policy_function_has_the_right_signature() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.add_policy('shop.orders', 'bad', policy_function => '{}')",
        "
         22023 argument_invalid shop.no_arguments
         22023 argument_invalid shop.wrong_arguments
         22023 argument_invalid shop.wrong_result
         22023 argument_invalid shop.a_set
         22023 argument_invalid pg_catalog.now",
    );
    let unknown = "SELECT vpd.add_policy('shop.orders', 'bad', policy_function => 'shop.no_such_function')";
    assert!(security.execute(unknown, &[]).is_err());
    assert_untouched(&database)
}

#[test]
fn exactly_one_of_predicate_and_function_is_given() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.add_policy('shop.orders', 'bad'{})",
        "
         22023 argument_invalid
         22023 argument_invalid , 'true', 'shop.good'
         22023 argument_invalid , NULL, NULL",
    );
    assert_untouched(&database)
}

#[test]
fn every_other_argument_is_checked() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.add_policy({})",
        "
         22023 argument_invalid NULL, 'p', 'true'
         22023 argument_invalid 'shop.orders', NULL, 'true'
         22023 argument_invalid 'shop.orders', '', 'true'
         22023 argument_invalid 'shop.orders', repeat('x', 1000), 'true'
         22023 argument_invalid 'shop.orders', 'p', 'true', kind => 'sometimes'
         22023 argument_invalid 'shop.orders', 'p', 'true', kind => ''
         22023 argument_invalid 'shop.orders', 'p', 'true', statement_types => '{}'
         22023 argument_invalid 'shop.orders', 'p', 'true', statement_types => '{truncate}'
         22023 argument_invalid 'shop.orders', 'p', 'true', statement_types => '{select,NULL}'",
    );
    assert_untouched(&database)
}

#[test]
fn a_null_argument_is_refused_or_means_the_default() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let whole = "SELECT to_jsonb(p) - 'created_at' - 'altered_at' - 'version' FROM vpd.policy_definitions p";
    security.execute("SELECT vpd.add_policy('shop.orders', 'p', 'true')", &[])?;
    let default: serde_json::Value = security.query_one(whole, &[])?.get(0);
    for argument in [
        "kind",
        "statement_types",
        "update_check",
        "enabled",
        "policy_group",
        "relevant_columns",
        "mask_columns",
        "namespace",
        "attribute",
    ] {
        security.execute("SELECT vpd.drop_policy('shop.orders', 'p')", &[])?;
        let add = format!("SELECT vpd.add_policy('shop.orders', 'p', 'true', {argument} => NULL)");
        if vpd_tests::outcome(security.execute(&add, &[])).is_ok() {
            assert_eq!(
                security.query_one(whole, &[])?.get::<_, serde_json::Value>(0),
                default,
                "{argument}"
            );
        } else {
            security.execute("SELECT vpd.add_policy('shop.orders', 'p', 'true')", &[])?;
        }
    }
    Ok(())
}

#[test]
fn a_predicate_error_shows_no_predicate() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let refusal = assert_predicate_invalid(&mut security, "region = 'kryptonite' AND no_such_column = 1");
    assert!(!refusal.text.contains("kryptonite"), "{refusal:?}");
    Ok(())
}

#[test]
fn altering_is_checked_like_adding() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    add_policy(&mut security, "shop.orders", "p", "id = 1")?;
    let before = "SELECT to_jsonb(p)::text FROM vpd.policy_definitions p";
    let definition: String = security.query_one(before, &[])?.get(0);
    assert_all_refused(
        &mut security,
        "SELECT vpd.alter_policy('shop.orders', 'p', {})",
        "
         22023 predicate_invalid predicate => 'count(*) > 0'
         22023 predicate_invalid predicate => 'no_such_column'
         42601 predicate_invalid predicate => ''
         22023 argument_invalid  predicate => 'true', policy_function => 'shop.good'
         22023 argument_invalid  policy_function => 'shop.wrong_result'
         22023 argument_invalid  kind => 'sometimes'
         22023 argument_invalid  statement_types => '{}'",
    );
    assert_eq!(security.query_one(before, &[])?.get::<_, String>(0), definition);
    Ok(())
}

#[test]
fn a_policy_that_reads_its_own_table_is_circular() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let own = "id IN (SELECT o.id FROM shop.orders o WHERE o.amount > 10)";
    let refusal = match add_policy(&mut security, "shop.orders", "own", own) {
        Err(error) => refusal(Err::<(), _>(error)),
        Ok(()) => {
            let mut user = database.connect(role::USER)?;
            let mut session = user.transaction()?;
            session.execute("SELECT vpd.attach_anonymous()", &[])?;
            refusal(session.query("SELECT id FROM shop.orders", &[]))
        }
    };
    assert_eq!(refusal.state.code(), "42P17", "{refusal:?}");
    Ok(())
}

#[test]
fn only_the_security_administrator_edits_policies() -> Result<()> {
    let database = scene()?;
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &[
            "SELECT vpd.add_policy('shop.orders', 'p', 'true')",
            "SELECT vpd.drop_policy('shop.orders', 'p')",
            "SELECT vpd.enable_policy('shop.orders', 'p', false)",
            "SELECT vpd.alter_policy('shop.orders', 'p')",
        ],
    )?;
    assert_untouched(&database)
}
