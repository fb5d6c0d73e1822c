//! Oracle's package: names, parameters, defaults and error numbers. How policies behave is shown by the scripts of `tests/pg`.

use vpd_tests::{
    Database, Result, Subject, assert_denied_to_all_but, assert_refused, create_orders, expected_ids,
    fresh_ids, role,
};

const FUNCTION: &str = "
CREATE FUNCTION shop.by_region(object_schema text, object_name text) RETURNS text LANGUAGE sql
AS $$ SELECT 'region = vpd.attribute(''app'', ''region'')' $$;
CREATE SCHEMA emp_pkg;
GRANT USAGE ON SCHEMA emp_pkg TO PUBLIC;
CREATE FUNCTION emp_pkg.by_region(object_schema text, object_name text) RETURNS text LANGUAGE sql
AS $$ SELECT 'region = vpd.attribute(''app'', ''region'')' $$";

fn orders() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(FUNCTION)?;
    Ok(database)
}

#[test]
fn names_are_folded_and_positions_are_oracles() -> Result<()> {
    let database = orders()?;
    let mut security = database.connect(role::SECURITY)?;
    security.query(
        "SELECT dbms_rls.add_policy('SHOP', 'ORDERS', 'By_Region', 'SHOP', 'BY_REGION', 'SELECT, Update')",
        &[],
    )?;
    let row = security.query_one(
        "SELECT relation::text, policy_name, kind, statement_types, is_update_checked, is_enabled, policy_group
           FROM vpd.policy_definitions",
        &[],
    )?;
    assert_eq!(row.get::<_, String>(0), "shop.orders");
    assert_eq!(row.get::<_, String>(1), "by_region");
    assert_eq!(row.get::<_, String>(2), "dynamic");
    assert_eq!(row.get::<_, Vec<String>>(3), ["select", "update"]);
    assert!(!row.get::<_, bool>(4), "update_check is off by default");
    assert!(row.get::<_, bool>(5));
    assert_eq!(row.get::<_, String>(6), "SYS_DEFAULT");
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        expected_ids("West")
    );
    Ok(())
}

#[test]
fn the_current_schema_and_packages_are_found() -> Result<()> {
    let database = orders()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SET search_path = shop")?;
    security.query(
        "SELECT dbms_rls.add_policy(object_name => 'orders', policy_name => 'p', policy_function => 'emp_pkg.by_region')",
        &[],
    )?;
    let function: String = security
        .query_one(
            "SELECT function_schema || '.' || function_name FROM vpd.policy_definitions",
            &[],
        )?
        .get(0);
    assert_eq!(function, "emp_pkg.by_region");
    Ok(())
}

#[test]
fn every_procedure_works_through_a_life() -> Result<()> {
    let database = orders()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT dbms_rls.create_policy_group('shop', 'orders', 'sales');
         SELECT dbms_rls.add_grouped_policy('shop', 'orders', 'sales', 'p', 'shop', 'by_region',
                update_check => true, policy_type => dbms_rls.context_sensitive(), namespace => 'app', attribute => 'region');
         SELECT dbms_rls.add_policy_context('shop', 'orders', 'app', 'mode');
         SELECT dbms_rls.alter_grouped_policy('shop', 'orders', 'sales', 'p', dbms_rls.add_attribute_association(), 'app', 'level');
         SELECT dbms_rls.disable_grouped_policy('shop', 'orders', 'sales', 'p');
         SELECT dbms_rls.enable_grouped_policy('shop', 'orders', 'sales', 'p');
         SELECT dbms_rls.refresh_grouped_policy('shop', 'orders', 'sales', 'p');
         SELECT dbms_rls.refresh_policy();
         SELECT dbms_rls.add_policy('shop', 'orders', 'q', 'shop', 'by_region', static_policy => true,
                sec_relevant_cols => 'AMOUNT, region');
         SELECT dbms_rls.alter_policy('shop', 'orders', 'q', dbms_rls.add_attribute_association(), 'app', 'x');
         SELECT dbms_rls.alter_policy('shop', 'orders', 'q', dbms_rls.remove_attribute_association(), 'app', 'x');
         SELECT dbms_rls.enable_policy('shop', 'orders', 'q', false);
         SELECT dbms_rls.refresh_policy('shop', 'orders', 'q')",
    )?;
    let rows = security.query(
        "SELECT policy_name, policy_group, kind, is_enabled, relevant_columns, associations
           FROM vpd.policy_definitions ORDER BY 1",
        &[],
    )?;
    let seen: Vec<(String, String, String, bool)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect();
    assert_eq!(
        seen,
        [
            ("p".into(), "SALES".into(), "context_sensitive".into(), true),
            ("q".into(), "SYS_DEFAULT".into(), "static".into(), false),
        ]
    );
    assert_eq!(rows[0].get::<_, Vec<String>>(5), ["app.region", "app.level"]);
    assert_eq!(rows[1].get::<_, Vec<String>>(4), ["amount", "region"]);
    assert_eq!(rows[1].get::<_, Option<Vec<String>>>(5), None);
    security.batch_execute(
        "SELECT dbms_rls.drop_policy_context('shop', 'orders', 'app', 'mode');
         SELECT dbms_rls.drop_grouped_policy('shop', 'orders', 'sales', 'p');
         SELECT dbms_rls.drop_policy('shop', 'orders', 'q');
         SELECT dbms_rls.delete_policy_group('shop', 'orders', 'sales')",
    )?;
    assert!(
        security
            .query("SELECT FROM vpd.protected_tables", &[])?
            .is_empty()
    );
    Ok(())
}

#[test]
fn errors_carry_oracles_numbers() -> Result<()> {
    let database = orders()?;
    database
        .admin()?
        .batch_execute("CREATE VIEW shop.seen AS SELECT 1 AS id")?;
    let mut security = database.connect(role::SECURITY)?;
    security.query(
        "SELECT dbms_rls.add_policy('shop', 'orders', 'p', 'shop', 'by_region')",
        &[],
    )?;
    // SQLSTATE, Oracle's number and call.
    let cases = "
         42710 28101 add_policy('shop', 'orders', 'p', 'shop', 'by_region')
         42704 28102 drop_policy('shop', 'orders', 'none')
         42809 28103 add_policy('pg_catalog', 'pg_class', 'p', 'shop', 'by_region')
         22023 28104 add_policy('shop', 'orders', 'x', 'shop', 'by_region', policy_type => 7)
         22023 28104 add_policy('shop', 'orders', 'x', 'shop', 'by_region', sec_relevant_cols_opt => 4)
         22023 28104 add_policy('shop', 'orders', 'x', 'shop', 'by_region', 'SELECT, FLY')
         42883 28110 add_policy('shop', 'orders', 'x', 'shop', 'none')
         3F000 28100 add_policy('shop', 'orders', 'x', 'none', 'by_region')
         42809 28134 add_policy('shop', 'seen', 'x', 'shop', 'by_region')
         42704 00942 add_policy('shop', 'none', 'x', 'shop', 'by_region')
         42710 28118 create_policy_group('shop', 'orders', 'SYS_DEFAULT')
         42704 28119 delete_policy_group('shop', 'orders', 'none')
         22023 28122 delete_policy_group('shop', 'orders', 'sys_default')
         42704 28121 drop_policy_context('shop', 'orders', 'app', 'x')
         42704 28102 drop_grouped_policy('shop', 'orders', 'none', 'p')";
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_default();
        let (state, number, call) = (part(), part(), part());
        let error = security
            .query(&format!("SELECT dbms_rls.{call}"), &[])
            .map(|_| ())
            .err()
            .and_then(|error| error.as_db_error().cloned());
        let error = error.ok_or_else(|| format!("{call} went through"))?;
        assert_eq!(error.code().code(), state, "{call}: {error:?}");
        let detail = error.detail().unwrap_or_default();
        assert!(detail.contains(&format!("(ORA-{number})")), "{call}: {detail}");
        assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{call}");
    }
    Ok(())
}

#[test]
fn an_index_policy_refuses_the_index_to_whom_it_restricts() -> Result<()> {
    let database = orders()?;
    let mut security = database.connect(role::SECURITY)?;
    let index = "CREATE INDEX ON shop.orders ((amount + 1))";
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(index)?;
    security.query(
        "SELECT dbms_rls.add_policy('shop', 'orders', 'p', 'shop', 'by_region', 'SELECT, INDEX')",
        &[],
    )?;
    assert_refused(owner.batch_execute(index), "42501", "privilege_missing");
    database.admin()?.batch_execute(index)?;
    Ok(())
}

#[test]
fn nobody_else_may_call_it() -> Result<()> {
    let database = orders()?;
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &["SELECT dbms_rls.add_policy('shop', 'orders', 'p', 'shop', 'by_region')"],
    )?;
    Ok(())
}
