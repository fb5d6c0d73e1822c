//! The script that `session-bridge oracle-import` writes, run against a server: it protects what the dumps say.

use vpd_tests::{Database, Result, Subject, attach, ids, refusal, role};
use vpd_text::oracle::{Source, View, import};

const DUMPS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../pg_extension/text/tests/oracle/dumps"
);

/// The application of the sample dumps, moved to PostgreSQL; the bodies of the functions are written by hand.
const MOVED: &str = r#"
CREATE SCHEMA hr AUTHORIZATION app_owner;
CREATE SCHEMA oe AUTHORIZATION app_owner;
CREATE SCHEMA sec_mgr; CREATE SCHEMA hr_security;
GRANT USAGE ON SCHEMA hr, oe, sec_mgr, hr_security TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE hr.employees (id integer PRIMARY KEY, department text, salary integer, commission_pct numeric);
CREATE TABLE hr.salaries (id integer);
CREATE TABLE oe.orders (id integer, customer text);
CREATE TABLE oe."Price List" (id integer);
INSERT INTO hr.employees SELECT n, CASE n % 2 WHEN 0 THEN 'sales' ELSE 'finance' END, n * 100, 0.1 FROM generate_series(1, 10) n;
INSERT INTO oe.orders VALUES (1, 'alice'), (2, 'bob');
INSERT INTO oe."Price List" VALUES (1);
GRANT SELECT ON ALL TABLES IN SCHEMA hr, oe TO app_user;
RESET ROLE;
"#;

const FUNCTIONS: &str = r#"
CREATE FUNCTION hr_security.by_department(object_schema text, object_name text) RETURNS text LANGUAGE plpgsql STABLE AS
    $$ BEGIN RETURN 'department = vpd.attribute(''app'', ''department'')'; END $$;
CREATE FUNCTION hr_security.own_salary(object_schema text, object_name text) RETURNS text LANGUAGE plpgsql STABLE AS
    $$ BEGIN RETURN 'id = 2'; END $$;
CREATE FUNCTION oe.customer_orders(object_schema text, object_name text) RETURNS text LANGUAGE plpgsql STABLE AS
    $$ BEGIN RETURN 'customer = vpd.user_name()'; END $$;
CREATE FUNCTION oe.prices(object_schema text, object_name text) RETURNS text LANGUAGE plpgsql STABLE AS
    $$ BEGIN RETURN 'true'; END $$;
CREATE PROCEDURE sec_mgr.hr_ctx_pkg() LANGUAGE plpgsql AS
    $$ BEGIN CALL dbms_session.set_context('HR_CTX', 'DEPARTMENT_ID', '7'); END $$;
CREATE PROCEDURE oe.shop_ctx_pkg() LANGUAGE plpgsql AS
    $$ BEGIN CALL dbms_session.set_context('SHOP_CTX', 'POLICY_GROUP', 'WEB_SHOP'); END $$;
"#;

fn sample() -> Result<String> {
    let mut sources = Vec::new();
    for (view, file) in [
        (View::Policies, "dba_policies.csv"),
        (View::PolicyGroups, "dba_policy_groups.csv"),
        (View::PolicyContexts, "dba_policy_contexts.json"),
        (View::PolicyAttributes, "dba_policy_attributes.csv"),
        (View::RelevantColumns, "dba_sec_relevant_cols.csv"),
        (View::Contexts, "dba_context.json"),
        (View::Objects, "dba_objects.csv"),
    ] {
        sources.push(Source {
            view,
            file: file.to_owned(),
            content: std::fs::read(format!("{DUMPS}/{file}"))?,
        });
    }
    let import = import(&sources, false);
    assert!(!import.report.has_errors(), "{}", import.report);
    Ok(import.script)
}

#[test]
fn the_script_of_the_sample_protects_the_tables() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(MOVED)?;
    database.admin()?.batch_execute(FUNCTIONS)?;
    let mut user = database.connect(role::USER)?;
    assert_eq!(
        ids(&mut user, "SELECT id FROM hr.employees")?.len(),
        10,
        "control"
    );
    database.connect(role::SECURITY)?.batch_execute(&sample()?)?;

    let token = Subject::new("alice")
        .attributes(serde_json::json!({ "app": { "department": "sales" } }))
        .log_in(&database)?;
    let employees = "SELECT id FROM hr.employees";
    let orders = "SELECT id FROM oe.orders";
    assert!(ids(&mut user, employees)?.is_empty(), "without a session");
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_eq!(ids(&mut session, employees)?, [2, 4, 6, 8, 10]);
    assert_eq!(ids(&mut session, orders)?, [1]);
    assert_eq!(ids(&mut session, "SELECT id FROM oe.\"Price List\"")?, [1]);
    // The policy of the relevant columns shows the salary of one employee; the others are masked, and their rows stay.
    let seen = session.query("SELECT id, salary FROM hr.employees ORDER BY id", &[])?;
    let salaries: Vec<(i32, Option<i32>)> = seen.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        salaries,
        [(2, Some(200)), (4, None), (6, None), (8, None), (10, None)]
    );
    session.rollback()?;
    let kinds = "SELECT string_agg(policy_name || ' ' || kind || ' ' || is_enabled, ', ' ORDER BY policy_name) FROM vpd.policy_definitions";
    let kinds: String = database.admin()?.query_one(kinds, &[])?.get(0);
    assert_eq!(
        kinds,
        "Price \"Policy\" dynamic true, emp_by_department context_sensitive true, emp_salary dynamic true, \
         orders_of_customer shared_static true, orders_of_shop static false"
    );
    Ok(())
}

#[test]
fn a_script_names_all_that_is_missing_and_changes_nothing() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let script = sample()?;
    let without_tables = refusal(security.batch_execute(&script));
    for table in ["hr.employees", "oe.orders", "oe.\"Price List\""] {
        assert!(without_tables.text.contains(table), "{without_tables:?}");
    }
    security.batch_execute("ROLLBACK")?;
    database.admin()?.batch_execute(MOVED)?;
    let without_functions = refusal(security.batch_execute(&script));
    for function in ["hr_security.by_department", "oe.customer_orders", "oe.prices"] {
        assert!(without_functions.text.contains(function), "{without_functions:?}");
    }
    security.batch_execute("ROLLBACK")?;
    assert!(
        database
            .admin()?
            .query("SELECT FROM vpd.policies", &[])?
            .is_empty()
    );
    Ok(())
}

#[test]
fn hostile_names_protect_the_tables_that_bear_them_and_do_nothing_else() -> Result<()> {
    let names = [
        "'; DROP TABLE victim; --",
        "\"; DROP TABLE victim; --",
        "a\n; DROP TABLE victim; --",
        "a\r; DROP TABLE victim; --",
        "$check$; DROP TABLE victim; $check$",
        "$$; DROP TABLE victim; $$",
        "back\\'; DROP TABLE victim; --",
        "/* ünïcode */ \u{2028}",
    ];
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute("CREATE TABLE victim (id integer); INSERT INTO victim VALUES (1); ALTER TABLE victim OWNER TO sec_admin")?;
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut dump = String::from(
        "OBJECT_OWNER,OBJECT_NAME,POLICY_GROUP,POLICY_NAME,PF_OWNER,PACKAGE,FUNCTION,SEL,INS,UPD,DEL,CHK_OPTION,ENABLE\n",
    );
    for (number, name) in names.iter().enumerate() {
        // With a lower-case letter a name keeps its case.
        let name = format!("{name}z");
        admin.batch_execute(&format!(
            "CREATE TABLE {0} (id integer); CREATE SCHEMA {0};
             CREATE FUNCTION {0}.{0}(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $f$SELECT 'id = {number}'$f$",
            quoted(&name)
        ))?;
        let field = quoted(&name);
        dump.push_str(&format!(
            "public,{field},SYS_DEFAULT,p{number},{field},,{field},YES,NO,NO,NO,NO,YES\n"
        ));
    }
    let source = Source {
        view: View::Policies,
        file: "a'; DROP TABLE victim;\n--.csv".to_owned(),
        content: dump.into_bytes(),
    };
    let import = import(&[source], false);
    assert!(!import.report.has_errors(), "{}", import.report);
    assert_eq!(import.report.counts.policies, names.len(), "{}", import.report);
    for setting in ["on", "off"] {
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute(&format!("SET standard_conforming_strings = {setting}"))?;
        security.batch_execute(&import.script)?;
        assert_eq!(ids(&mut admin, "SELECT id FROM victim")?, [1]);
        let protected = "SELECT count(*) FROM vpd.policies p JOIN pg_class c ON c.oid = p.relation AND c.relname LIKE '%z'";
        assert_eq!(
            admin.query_one(protected, &[])?.get::<_, i64>(0),
            names.len() as i64,
            "{setting}"
        );
        admin.batch_execute("SELECT vpd.drop_policy(relation, policy_name) FROM vpd.policies")?;
    }
    Ok(())
}
