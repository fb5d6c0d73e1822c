//! Why somebody sees a row, or does not: the explanation says what the server does, and gives nothing else away.

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::{
    Database, Result, Subject, add_policy, assert_denied_to_all_but, assert_refused, attach, expected_ids,
    fresh_ids, ids, protected_orders, role,
};

const EXPLAIN: &str = "SELECT vpd.explain_access_json($1, $2::text::regclass, $3::text, command => $4)";

/// Protected orders that the auditor may read as far as privileges go.
fn scene() -> Result<Database<'static>> {
    let database = protected_orders()?;
    database
        .admin()?
        .batch_execute("GRANT SELECT ON shop.orders TO app_auditor, sec_admin")?;
    Ok(database)
}

fn explain(auditor: &mut Client, user: &str, key: &str, command: &str) -> Result<Value> {
    Ok(auditor
        .query_one(EXPLAIN, &[&user, &"shop.orders", &key, &command])?
        .get(0))
}

fn policy<'a>(explanation: &'a Value, name: &str) -> &'a Value {
    explanation["policies"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|policy| policy["name"] == name)
        .unwrap_or(&Value::Null)
}

#[test]
fn the_verdict_is_what_the_user_sees() -> Result<()> {
    let database = scene()?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "small",
        "amount <= 200",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let seen = fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?;
    assert!(!seen.is_empty() && seen.len() < expected_ids("East").len());
    let mut auditor = database.connect(role::AUDITOR)?;
    for id in 1..=41 {
        let explanation = explain(&mut auditor, "alice", &id.to_string(), "select")?;
        assert_eq!(
            explanation["is_allowed"],
            json!(seen.contains(&id)),
            "{explanation}"
        );
        assert_eq!(explanation["row_exists"], json!(id <= 40));
    }
    let both = explain(&mut auditor, "alice", "1", "select")?;
    assert_eq!(policy(&both, "by_region")["truth"], json!(true), "{both}");
    assert_eq!(policy(&both, "small")["truth"], json!(true));
    let one = explain(&mut auditor, "alice", "25", "select")?;
    assert_eq!(policy(&one, "by_region")["truth"], json!(true));
    assert_eq!(policy(&one, "small")["truth"], json!(false));
    assert!(
        one["why"]
            .as_str()
            .is_some_and(|why| why.contains("\"small\" is false"))
    );
    Ok(())
}

#[test]
fn what_does_not_apply_says_why() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.add_policy('shop.orders', 'off', 'false', enabled => false);
         SELECT vpd.add_policy('shop.orders', 'deletes', 'amount < 0', statement_types => '{delete}');
         SELECT vpd.add_policy('shop.orders', 'null', 'amount > vpd.attribute(''app'', ''none'')::integer', statement_types => '{update}')",
    )?;
    Subject::in_region("alice", "East").log_in(&database)?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let select = explain(&mut auditor, "alice", "1", "select")?;
    assert_eq!(select["is_allowed"], json!(true), "{select}");
    assert_eq!(policy(&select, "off")["why"], json!("it is disabled"));
    assert_eq!(
        policy(&select, "deletes")["why"],
        json!("it is for other commands")
    );
    let delete = explain(&mut auditor, "alice", "1", "DELETE")?;
    assert_eq!(delete["is_allowed"], json!(false));
    assert_eq!(policy(&delete, "deletes")["truth"], json!(false));
    assert_eq!(
        policy(&delete, "by_region")["truth"],
        json!(true),
        "a row is read first"
    );
    let update = explain(&mut auditor, "alice", "1", "update")?;
    assert_eq!(policy(&update, "null")["truth"], json!("null"));
    assert!(
        update["why"]
            .as_str()
            .is_some_and(|why| why.contains("\"null\" is NULL"))
    );
    Ok(())
}

#[test]
fn a_user_without_a_live_session_sees_nothing_and_it_says_so() -> Result<()> {
    let database = scene()?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let explanation = explain(&mut auditor, "alice", "1", "select")?;
    assert_eq!(explanation["is_allowed"], json!(false));
    assert_eq!(explanation["session"], Value::Null);
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert_eq!(
        explain(&mut auditor, "alice", "1", "select")?["is_allowed"],
        json!(true)
    );
    let newest = Subject::in_region("alice", "West").log_in(&database)?;
    assert_eq!(
        explain(&mut auditor, "alice", "1", "select")?["is_allowed"],
        json!(false),
        "the newest session counts"
    );
    let first = {
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        transaction
            .query_one("SELECT vpd.session_id()::text", &[])?
            .get::<_, String>(0)
    };
    let by_id =
        "SELECT vpd.explain_access_json('alice', 'shop.orders', '1'::text, $1::text::uuid)->'is_allowed'";
    assert_eq!(
        auditor.query_one(by_id, &[&first])?.get::<_, Value>(0),
        json!(true)
    );
    let mut bridge = database.connect(role::BRIDGE)?;
    for token in [&token, &newest] {
        bridge.execute("SELECT vpd.end_session($1)", &[token])?;
    }
    assert_refused(auditor.query_one(by_id, &[&first]), "42704", "session_not_found");
    Ok(())
}

#[test]
fn policy_functions_are_asked_as_the_user_and_their_failures_told() -> Result<()> {
    let database = scene()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.own(text, text) RETURNS text LANGUAGE sql STABLE AS
             $$SELECT 'region = ' || quote_literal(vpd.attribute('app', 'region')) || ' -- it ends here'$$;
         CREATE FUNCTION shop.broken(text, text) RETURNS text LANGUAGE sql STABLE AS 'SELECT (1 / 0)::text'",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.add_policy('shop.orders', 'own', policy_function => 'shop.own')")?;
    Subject::in_region("alice", "East").log_in(&database)?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let explanation = explain(&mut auditor, "alice", "1", "select")?;
    assert_eq!(explanation["is_allowed"], json!(true), "{explanation}");
    assert_eq!(
        policy(&explanation, "own")["predicate"],
        json!("region = 'East' -- it ends here")
    );
    security
        .batch_execute("SELECT vpd.add_policy('shop.orders', 'broken', policy_function => 'shop.broken')")?;
    let explanation = explain(&mut auditor, "alice", "1", "select")?;
    assert_eq!(
        policy(&explanation, "broken")["error"],
        json!("policy_function_failed"),
        "{explanation}"
    );
    assert_eq!(explanation["is_allowed"], json!(false));
    assert_eq!(
        policy(&explanation, "own")["truth"],
        json!(true),
        "the others are told all the same"
    );
    Ok(())
}

#[test]
fn keys_name_one_row_or_are_refused() -> Result<()> {
    let database = scene()?;
    database.admin()?.batch_execute(
        r#"CREATE TABLE shop."Odd ""name""" ("a b" text, n integer, PRIMARY KEY ("a b", n));
           INSERT INTO shop."Odd ""name""" VALUES ('x''y', 1), ('x''y', 2);
           CREATE TABLE shop.keyless (id integer); CREATE TABLE shop.open (id integer UNIQUE); CREATE VIEW shop.v AS SELECT 1 AS id;
           GRANT SELECT ON ALL TABLES IN SCHEMA shop TO app_auditor"#,
    )?;
    add_policy(&mut database.admin()?, r#"shop."Odd ""name""""#, "first", "n = 1")?;
    Subject::new("alice").log_in(&database)?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let odd = r#"shop."Odd ""name""""#;
    let key = r#"{"a b": "x'y", "n": 1}"#;
    let row = auditor.query_one(EXPLAIN, &[&"alice", &odd, &key, &"select"])?;
    assert_eq!(
        row.get::<_, Value>(0)["is_allowed"],
        json!(true),
        "{:?}",
        row.get::<_, Value>(0)
    );
    let typed: Value = auditor
        .query_one(
            "SELECT vpd.explain_access_json('alice', $1::text::regclass, jsonb_build_object('n', 2, 'a b', 'x''y'))",
            &[&odd],
        )?
        .get(0);
    assert_eq!(typed["is_allowed"], json!(false));
    for (table, key) in [
        (odd, r#"{"a b": "x'y"}"#),
        (odd, "1"),
        (odd, "{}"),
        (odd, r#"{"n": null, "a b": "x"}"#),
        (odd, r#"{"a b) = ''; --": "x"}"#),
        (odd, "{broken"),
        ("shop.orders", "one"),
        ("shop.orders", "1' OR true --"),
        ("shop.orders", r#"{"region": "East"}"#),
        ("shop.keyless", "1"),
        ("shop.keyless", r#"{"id": 7}"#),
    ] {
        let refused = auditor.query_one(EXPLAIN, &[&"alice", &table, &key, &"select"]);
        assert_refused(refused, "22023", "argument_invalid");
    }
    let view = auditor.query_one(EXPLAIN, &[&"alice", &"shop.v", &"1", &"select"]);
    assert_refused(view, "42809", "relation_unsupported");
    let command = auditor.query_one(EXPLAIN, &[&"alice", &"shop.orders", &"1", &"truncate"]);
    assert_refused(command, "22023", "argument_invalid");
    let open: Value = auditor
        .query_one(EXPLAIN, &[&"alice", &"shop.open", &r#"{"id": 7}"#, &"select"])?
        .get(0);
    assert_eq!(open["is_protected"], json!(false));
    Ok(())
}

#[test]
fn it_can_be_read_as_lines() -> Result<()> {
    let database = scene()?;
    Subject::in_region("alice", "West").log_in(&database)?;
    let rows = database.connect(role::SECURITY)?.query(
        "SELECT line FROM vpd.explain_access('alice', 'shop.orders', '1') AS line",
        &[],
    )?;
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(lines[0], r#"alice MAY NOT select on shop.orders {"id":"1"}"#);
    assert!(lines.contains(&"  row: exists".to_owned()), "{lines:?}");
    assert!(lines.contains(&"  policy by_region (SYS_DEFAULT, shared_static): FALSE".to_owned()));
    assert!(lines.contains(&format!("    {}", vpd_tests::BY_REGION)));
    let understood = "    understood as (orders.region = vpd.attribute('app'::text, 'region'::text))";
    assert!(lines.contains(&understood.to_owned()), "{lines:?}");
    Ok(())
}

#[test]
fn it_tells_what_is_recorded_and_whose_word_the_session_is() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.add_audit_policy('shop.orders', 'big', condition => 'amount > 100 AND vpd.user_name() = ''alice''', mode => 'strict');
         SELECT vpd.add_audit_policy('shop.orders', 'amounts', columns => '{amount}');
         SELECT vpd.add_audit_policy('shop.orders', 'written', commands => '{update}');
         SELECT vpd.add_audit_policy('shop.orders', 'off', enabled => false)",
    )?;
    Subject::in_region("alice", "North").log_in(&database)?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let audits = |auditor: &mut Client, key: &str, command: &str| -> Result<Vec<(String, Value)>> {
        let explanation = explain(auditor, "alice", key, command)?;
        assert_eq!(explanation["session"]["issuer"], Value::Null);
        let audits = explanation["audits"].as_array().into_iter().flatten();
        let pair = |audit: &Value| {
            (
                audit["name"].as_str().unwrap_or_default().to_owned(),
                audit["is_met"].clone(),
            )
        };
        Ok(audits.map(pair).collect())
    };
    let expected = |big: Value| vec![("amounts".to_owned(), Value::Null), ("big".to_owned(), big)];
    assert_eq!(audits(&mut auditor, "4", "select")?, expected(json!(false)));
    assert_eq!(audits(&mut auditor, "20", "select")?, expected(json!(true)));
    assert_eq!(audits(&mut auditor, "20", "update")?.len(), 3);
    let rows = auditor.query(
        "SELECT line FROM vpd.explain_access('alice', 'shop.orders', '20') AS line",
        &[],
    )?;
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    for expected in [
        "  audit policy amounts (async): recorded",
        "    statements that name amount",
        "  audit policy big (strict): recorded, because amount > 100 AND vpd.user_name() = 'alice'",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected} {lines:?}");
    }
    assert!(lines[2].ends_with("without a token"), "{lines:?}");
    Ok(())
}

#[test]
fn applications_and_strangers_may_not_ask() -> Result<()> {
    let database = scene()?;
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY, role::AUDITOR],
        &[
            "SELECT vpd.explain_access('alice', 'shop.orders', '1'::text)",
            "SELECT * FROM vpd.policy_predicates()",
        ],
    )?;
    Ok(())
}

#[test]
fn the_predicates_in_force_are_listed_for_a_session() -> Result<()> {
    let database = scene()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.own(text, text) RETURNS text LANGUAGE sql STABLE AS
             $$SELECT 'region = ' || quote_literal(vpd.attribute('app', 'region'))$$;
         SELECT vpd.add_policy('shop.orders', 'own', policy_function => 'shop.own', statement_types => '{select,delete}')",
    )?;
    Subject::in_region("alice", "East").log_in(&database)?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let list = "SELECT command, policy_name, predicate, user_name FROM vpd.policy_predicates(
                    (SELECT session_id FROM vpd.sessions WHERE user_name = 'alice')) ORDER BY 2, 1";
    let rows: Vec<[String; 4]> = auditor
        .query(list, &[])?
        .iter()
        .map(|row| std::array::from_fn(|column| row.get(column)))
        .collect();
    let commands: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (row[0].as_str(), row[1].as_str()))
        .collect();
    let expected = [
        ("delete", "by_region"),
        ("insert", "by_region"),
        ("select", "by_region"),
        ("update", "by_region"),
        ("delete", "own"),
        ("select", "own"),
    ];
    assert_eq!(commands, expected);
    assert_eq!(rows[5][2], "region = 'East'");
    assert_eq!(rows[5][3], "alice");
    let unknown = auditor.query("SELECT * FROM vpd.policy_predicates(gen_random_uuid())", &[]);
    assert_refused(unknown, "42704", "session_not_found");
    assert!(
        ids(
            &mut auditor,
            "SELECT count(*)::integer FROM vpd.policy_predicates() WHERE user_name IS NOT NULL"
        )? == [0]
    );
    Ok(())
}

#[test]
fn masks_of_the_row_are_told_and_do_not_disturb_the_rest() -> Result<()> {
    let database = scene()?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.add_mask('shop.orders', 'amount', 'NULL', visible_when => 'id > 10');
         SELECT vpd.add_mask('shop.orders', 'region', '''hidden''', visible_when => 'vpd.has_privilege(''regions'')')",
    )?;
    Subject::in_region("alice", "East").log_in(&database)?;
    let mut auditor = database.connect(role::AUDITOR)?;
    for (id, is_visible) in [(1, false), (21, true)] {
        let explanation = explain(&mut auditor, "alice", &id.to_string(), "select")?;
        assert_eq!(explanation["is_allowed"], json!(true), "{explanation}");
        assert_eq!(explanation["masks"][0]["column"], json!("region"));
        assert_eq!(explanation["masks"][0]["is_visible"], json!(false));
        assert_eq!(explanation["masks"][1]["is_visible"], json!(is_visible));
    }
    let key = r#"{"region": "East", "amount": 10}"#;
    let by_masked = auditor.query_one(EXPLAIN, &[&"alice", &"shop.orders", &key, &"select"]);
    assert_refused(by_masked, "22023", "argument_invalid");
    Ok(())
}
