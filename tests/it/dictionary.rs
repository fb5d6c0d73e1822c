//! The dictionary in Oracle's columns: what a script written for Oracle selects is there and true.

use postgres::Client;
use serde_json::json;
use vpd_tests::{Database, Result, Subject, assert_denied, attach, create_orders, role};

/// A view of Oracle and its columns; those of ours stand behind a bar.
const VIEWS: &[(&str, &str)] = &[
    (
        "all_policies",
        "object_owner object_name policy_group policy_name pf_owner package function sel ins upd del idx chk_option enable \
         static_policy policy_type long_predicate common inherited | predicate",
    ),
    ("all_policy_groups", "object_owner object_name policy_group"),
    (
        "all_policy_contexts",
        "object_owner object_name namespace attribute",
    ),
    (
        "all_policy_attributes",
        "object_owner object_name policy_group policy_name namespace attribute",
    ),
    (
        "all_sec_relevant_cols",
        "object_owner object_name policy_group policy_name sec_rel_column column_option",
    ),
    ("dba_context", "namespace schema package type"),
    ("session_context", "namespace attribute value"),
    ("global_context", "namespace attribute value username clientid"),
    (
        "v$vpd_policy",
        "object_owner object_name policy_group policy policy_function_owner predicate | command",
    ),
];

const SCENE: &str = "
CREATE FUNCTION shop.pf(text, text) RETURNS text LANGUAGE sql STABLE AS
    $$SELECT 'region = ' || quote_literal(coalesce(vpd.attribute('app', 'region'), ''))$$;
SELECT dbms_rls.create_policy_group('shop', 'orders', 'apps');
SELECT dbms_rls.add_grouped_policy('shop', 'orders', 'apps', 'By Function', 'shop', 'pf', 'select,index', true,
    policy_type => dbms_rls.context_sensitive(), namespace => 'app', attribute => 'region');
SELECT dbms_rls.add_policy('shop', 'orders', 'by_column', 'shop', 'pf', 'SELECT', enable => false, policy_type => dbms_rls.static(),
    sec_relevant_cols => 'amount,region');
SELECT vpd.add_policy('shop.orders', 'template', 'id > 0');
SELECT dbms_rls.add_policy_context('shop', 'orders', 'app', 'suite')";

fn scene() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(SCENE)?;
    Ok(database)
}

fn rows(client: &mut Client, query: &str) -> Result<Vec<String>> {
    let rows = client.query(
        &format!("SELECT concat_ws(' ', VARIADIC ARRAY(SELECT value FROM jsonb_each_text(to_jsonb(r)) e (key, value))) FROM ({query}) r"),
        &[],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[test]
fn the_columns_are_oracles() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    for (view, columns) in VIEWS {
        let found: String = admin
            .query_one(
                "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
                  WHERE attrelid = ('vpd.' || quote_ident($1))::regclass AND attnum > 0",
                &[view],
            )?
            .get(0);
        assert_eq!(found, columns.replace("| ", ""), "{view}");
    }
    Ok(())
}

#[test]
fn policies_stand_in_them_as_they_are() -> Result<()> {
    let database = scene()?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let policies: Vec<[String; 8]> = auditor
        .query(
            "SELECT policy_name, policy_group, coalesce(pf_owner || '.' || function, predicate), sel || ins || upd || del || idx,
                    chk_option, enable, static_policy, policy_type
               FROM vpd.all_policies WHERE object_owner = 'shop' AND object_name = 'orders' ORDER BY 1",
            &[],
        )?
        .iter()
        .map(|row| std::array::from_fn(|column| row.get(column)))
        .collect();
    let expected = [
        [
            "by function",
            "APPS",
            "shop.pf",
            "YESNONONOYES",
            "YES",
            "YES",
            "NO",
            "CONTEXT_SENSITIVE",
        ],
        [
            "by_column",
            "SYS_DEFAULT",
            "shop.pf",
            "YESNONONONO",
            "NO",
            "NO",
            "YES",
            "STATIC",
        ],
        [
            "template",
            "SYS_DEFAULT",
            "id > 0",
            "YESYESYESYESNO",
            "YES",
            "YES",
            "NO",
            "SHARED_STATIC",
        ],
    ];
    assert_eq!(policies, expected.map(|row| row.map(str::to_owned)));
    for (view, expected) in [
        ("SELECT policy_group FROM vpd.all_policy_groups", vec!["APPS"]),
        (
            "SELECT attribute || ' ' || namespace AS a FROM vpd.all_policy_contexts",
            vec!["suite app"],
        ),
        (
            "SELECT policy_name || ' ' || namespace || ' ' || attribute AS a FROM vpd.all_policy_attributes",
            vec!["by function app region"],
        ),
        (
            "SELECT sec_rel_column || ' ' || column_option AS a FROM vpd.all_sec_relevant_cols ORDER BY 1",
            vec!["amount NONE", "region NONE"],
        ),
    ] {
        assert_eq!(rows(&mut auditor, view)?, expected, "{view}");
    }
    Ok(())
}

#[test]
fn a_session_reads_its_own_context_and_no_other() -> Result<()> {
    let database = scene()?;
    let token = Subject::new("alice")
        .attributes(json!({ "app": { "region": "East", "level": 3, "list": ["a", "b"] } }))
        .log_in(&database)?;
    Subject::in_region("bob", "West").log_in(&database)?;
    let list = "SELECT attribute, namespace, value FROM vpd.session_context ORDER BY 1";
    let mut user = database.connect(role::USER)?;
    assert!(rows(&mut user, list)?.is_empty());
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    let seen = user.query(list, &[])?;
    let seen: Vec<[String; 3]> = seen
        .iter()
        .map(|row| std::array::from_fn(|column| row.get(column)))
        .collect();
    let expected = [["level", "app", "3"], ["region", "app", "East"]];
    assert_eq!(seen, expected.map(|row| row.map(str::to_owned)));
    Ok(())
}

#[test]
fn application_contexts_stand_in_them() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.trusted() RETURNS void LANGUAGE plpgsql AS
             $$ BEGIN CALL dbms_session.set_context('own', 'size', '7'); END $$;
         SELECT vpd.create_context('own', 'shop.trusted');
         GRANT EXECUTE ON FUNCTION shop.trusted TO app_user",
    )?;
    let mut auditor = database.connect(role::AUDITOR)?;
    assert_eq!(
        rows(
            &mut auditor,
            "SELECT namespace || ' ' || schema || '.' || package || ' ' || type AS a FROM vpd.dba_context"
        )?,
        ["OWN shop.trusted ACCESSED LOCALLY"]
    );
    let token = Subject::new("alice")
        .attributes(json!({ "own": { "size": "1" } }))
        .log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute("SELECT shop.trusted()")?;
    let value: String = transaction
        .query_one(
            "SELECT value FROM vpd.session_context WHERE attribute = 'SIZE'",
            &[],
        )?
        .get(0);
    assert_eq!(
        value, "7",
        "the trusted function's, not the attribute of that name"
    );
    let count: i64 = transaction
        .query_one("SELECT count(*) FROM vpd.session_context", &[])?
        .get(0);
    assert_eq!(count, 1);
    Ok(())
}

#[test]
fn the_predicate_of_the_attached_session_is_told() -> Result<()> {
    let database = scene()?;
    database
        .admin()?
        .execute("SELECT vpd.grant_profile('runtime', 'app_auditor')", &[])?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let mut transaction = auditor.transaction()?;
    attach(&mut transaction, &token)?;
    let row = transaction.query_one(
        "SELECT predicate, policy_function_owner FROM vpd.v$vpd_policy WHERE policy = 'by function' AND command = 'select'",
        &[],
    )?;
    assert_eq!(row.get::<_, &str>(0), "region = 'East'");
    assert_eq!(row.get::<_, &str>(1), "shop");
    Ok(())
}

#[test]
fn applications_read_none_of_it_but_their_own_context() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(role::USER)?;
    for (view, _) in VIEWS {
        let read = user.query(&format!("SELECT FROM vpd.\"{view}\""), &[]);
        if *view == "session_context" {
            read?;
        } else {
            assert_denied(read);
        }
    }
    Ok(())
}
