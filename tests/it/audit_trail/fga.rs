//! Oracle's DBMS_FGA over the same audit policies, and statements without their constants.

use super::*;

#[test]
fn a_policy_of_oracles_package_is_an_audit_policy() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE FUNCTION shop.alert(object_schema text, object_name text, policy_name text) RETURNS void LANGUAGE sql AS 'SELECT';
         ALTER FUNCTION shop.alert(text, text, text) OWNER TO sec_admin",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT dbms_fga.add_policy(
            object_schema => 'SHOP', object_name => 'ORDERS', policy_name => 'Big_Orders', audit_condition => 'amount > 100',
            audit_column => 'AMOUNT, REGION', handler_schema => 'SHOP', handler_module => 'ALERT', enable => false,
            statement_types => 'SELECT, UPDATE', audit_trail => dbms_fga.db() + dbms_fga.extended(),
            audit_column_opts => dbms_fga.all_columns())",
    )?;
    let shown = |view: &str| -> Result<String> {
        let row = database
            .connect(role::AUDITOR)?
            .query_one(&format!("SELECT to_jsonb(v)::text FROM {view} v"), &[])?;
        Ok(row.get(0))
    };
    let row = shown("vpd.dba_audit_policies")?;
    for part in [
        r#""object_schema": "shop""#,
        r#""object_name": "orders""#,
        r#""policy_name": "big_orders""#,
        r#""policy_text": "amount > 100""#,
        r#""policy_column": "amount,region""#,
        r#""pf_schema": "shop""#,
        r#""pf_function": "alert""#,
        r#""enabled": "NO""#,
        r#""sel": "YES""#,
        r#""ins": "NO""#,
        r#""upd": "YES""#,
        r#""audit_trail": "DB+EXTENDED""#,
        r#""policy_column_options": "ALL_COLUMNS""#,
    ] {
        assert!(row.contains(part), "{part} {row}");
    }
    let behind = last(&database)?;
    let all = "SELECT amount, region FROM shop.orders WHERE id = 20";
    admin.batch_execute(all)?;
    assert!(told(&database, behind)?.is_empty(), "disabled");
    security.batch_execute("SELECT dbms_fga.enable_policy('shop', 'orders', 'big_orders')")?;
    let behind = last(&database)?;
    for other in [
        "SELECT amount FROM shop.orders",
        "SELECT amount, region FROM shop.orders WHERE id = 1",
    ] {
        admin.batch_execute(other)?;
        assert!(
            told(&database, behind)?.iter().all(|one| one.0 != "data"),
            "{other}"
        );
    }
    admin.batch_execute(all)?;
    last(&database)?;
    let row = shown("vpd.dba_fga_audit_trail")?;
    for part in [
        r#""object_schema": "shop""#,
        r#""object_name": "orders""#,
        r#""policy_name": "big_orders""#,
        r#""sql_text": "SELECT amount, region FROM shop.orders WHERE id = ?""#,
        r#""statement_type": "SELECT""#,
        r#""return_code": "ok""#,
    ] {
        assert!(row.contains(part), "{part} {row}");
    }
    security.batch_execute("SELECT dbms_fga.disable_policy('shop', 'orders', 'big_orders')")?;
    let behind = last(&database)?;
    admin.batch_execute(all)?;
    assert!(told(&database, behind)?.is_empty(), "disabled again");
    security.batch_execute("SELECT dbms_fga.drop_policy('shop', 'orders', 'big_orders')")?;
    let dropped = security.query("SELECT dbms_fga.drop_policy('shop', 'orders', 'big_orders')", &[]);
    assert_refused(dropped, "42704", "audit_policy_not_found");
    Ok(())
}

/// Arguments that are refused: SQLSTATE, token, arguments behind table and name.
const REFUSED: [(&str, &str, &str); 9] = [
    ("22023", "argument_invalid", "statement_types => 'MERGE'"),
    ("22023", "argument_invalid", "statement_types => ''"),
    ("22023", "argument_invalid", "audit_trail => 8"),
    ("22023", "argument_invalid", "audit_column_opts => 2"),
    ("42704", "column_not_found", "audit_column => 'colour'"),
    ("42704", "function_not_found", "handler_module => 'nothing'"),
    (
        "42601",
        "predicate_invalid",
        "audit_condition => 'true; SELECT 1'",
    ),
    (
        "22023",
        "predicate_invalid",
        "audit_condition => 'amount > (SELECT 1)'",
    ),
    ("42704", "relation_not_found", "object_name => 'nothing'"),
];

#[test]
fn what_the_package_is_given_is_checked() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    for (state, token, arguments) in REFUSED {
        let table = if arguments.starts_with("object_name") {
            ""
        } else {
            "object_name => 'orders', "
        };
        let call = format!(
            "SELECT dbms_fga.add_policy(object_schema => 'shop', {table}policy_name => 'x', {arguments})"
        );
        assert_refused(security.query(&call, &[]), state, token);
    }
    for role in role::ALL.iter().filter(|role| **role != role::SECURITY) {
        let mut other = database.connect(role)?;
        let refused = other.query("SELECT dbms_fga.add_policy('shop', 'orders', 'x')", &[]);
        assert!(refused.is_err(), "{role}");
    }
    Ok(())
}

/// Statements and what is recorded of them.
const STATEMENTS: [(&str, &str); 7] = [
    (
        "SELECT id FROM shop.orders WHERE region = 'secret' AND amount > 4711 -- secret",
        "SELECT id FROM shop.orders WHERE region = ? AND amount > ?",
    ),
    (
        "SELECT 1; SELECT E'se\\'cret', $x$secret$x$, id /* secret */ FROM shop.orders; SELECT 2",
        "SELECT ?, ?, id FROM shop.orders",
    ),
    (
        "SELECT id, 'se\\', region FROM shop.orders WHERE region <> 'secret'",
        "SELECT id, ?",
    ),
    (
        "PREPARE p (text) AS SELECT id FROM shop.orders WHERE region = $1; EXECUTE p ('secret')",
        "PREPARE p (text) AS SELECT id FROM shop.orders WHERE region = $1",
    ),
    (
        "DO $$BEGIN PERFORM id FROM shop.orders WHERE region = 'secret'; END$$",
        "SELECT id FROM shop.orders WHERE region = ?",
    ),
    (
        "DECLARE c CURSOR FOR SELECT id FROM shop.orders WHERE region = 'secret'; FETCH 1 FROM c; CLOSE c",
        "DECLARE c CURSOR FOR SELECT id FROM shop.orders WHERE region = ?; FETCH ? FROM c; CLOSE c",
    ),
    (
        "COPY (SELECT id FROM shop.orders WHERE region = 'secret') TO '/dev/null'",
        "COPY (SELECT id FROM shop.orders WHERE region = ?) TO ?",
    ),
];

#[test]
fn a_statement_is_told_without_its_constants() -> Result<()> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.add_audit_policy('shop.orders', 'reads', statement_text => true)")?;
    for (statement, expected) in STATEMENTS {
        let mut admin = database.admin()?;
        admin.batch_execute("BEGIN")?;
        let behind = last(&database)?;
        admin.batch_execute(statement)?;
        admin.batch_execute("COMMIT")?;
        last(&database)?;
        let rows = database.connect(role::AUDITOR)?.query(
            "SELECT statement FROM vpd.audit_trail WHERE sequence > $1 AND event = 'data'",
            &[&behind],
        )?;
        let told: Vec<Option<String>> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(told, [Some(expected.to_owned())], "{statement}");
    }
    Ok(())
}
