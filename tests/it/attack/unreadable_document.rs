//! A user stores a document that this library cannot read, where a policy and a mask look at documents: everybody's queries must go on.

use vpd_tests::{Database, Result, Subject, assert_refused, attach, outcome, role};

const SCENE: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.tasks (id integer PRIMARY KEY, document jsonb);
GRANT SELECT, INSERT ON shop.tasks TO app_user;
RESET ROLE;
SELECT vpd.define_task_type('approval');
SELECT vpd.define_task_action('approval', 'see', '{assignee}');
SELECT vpd.define_task_content('approval', 'amount', '{assignee}');
SELECT vpd.add_policy('shop.tasks', 'mine', $$vpd.can_act(document, 'see')$$, statement_types => '{select}');
SELECT vpd.add_policy('shop.tasks', 'all', 'true', statement_types => '{insert}');
";

/// Values of jsonb that are nested deeply, or have a name by which the reader marks numbers.
const UNREADABLE: [&str; 2] = [
    "(repeat('[', 300) || repeat(']', 300))",
    r#"'{"$serde_json::private::Number": "x"}'"#,
];

fn document(value: &str) -> String {
    format!(r#"('{{"type": "approval", "assignee": "bob", "amount": 5, "x": ' || {value} || '}}')::jsonb"#)
}

#[test]
fn a_document_that_cannot_be_read_hides_itself_and_nothing_else() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(SCENE)?;
    let token = Subject::new("bob").log_in(&database)?;
    let mut client = database.connect(role::USER)?;
    let mut bob = client.transaction()?;
    attach(&mut bob, &token)?;
    bob.batch_execute(&format!("INSERT INTO shop.tasks VALUES (1, {})", document("7")))?;
    for value in UNREADABLE {
        bob.batch_execute(&format!(
            "INSERT INTO shop.tasks VALUES ({}, {})",
            value.len(),
            document(value)
        ))?;
    }
    let seen = outcome(bob.query("SELECT id FROM shop.tasks", &[])).map(|rows| rows.len());
    assert_eq!(seen, Ok(1));
    Ok(())
}

#[test]
fn nothing_is_allowed_or_shown_of_a_document_that_cannot_be_read() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(SCENE)?;
    let token = Subject::new("bob").log_in(&database)?;
    let mut client = database.connect(role::USER)?;
    for value in ["7", "'1e400'"].into_iter().chain(UNREADABLE) {
        let mut bob = client.transaction()?;
        attach(&mut bob, &token)?;
        let document = document(value);
        let query = format!(
            "SELECT vpd.can_act({document}, 'see'), vpd.visible_content({document})::text, vpd.task_actions({document})"
        );
        let row = outcome(bob.query_one(&query, &[]));
        let told = row.map(|row| {
            (
                row.get::<_, bool>(0),
                row.get::<_, String>(1).contains("amount"),
                row.get::<_, Vec<String>>(2).len(),
            )
        });
        assert_eq!(
            told,
            Ok(if UNREADABLE.contains(&value) {
                (false, false, 0)
            } else {
                (true, true, 1)
            }),
            "{value}"
        );
    }
    Ok(())
}

#[test]
fn an_administrator_is_told_that_a_document_cannot_be_read() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    for value in UNREADABLE {
        let value = document(value);
        let attributes = format!("SELECT vpd.define_user('bob', attributes => {value})");
        assert_refused(security.batch_execute(&attributes), "22023", "argument_invalid");
        let session = format!("SELECT vpd.create_session('bob', 'portal', attributes => {value})");
        assert_refused(bridge.batch_execute(&session), "22023", "argument_invalid");
        let import = format!("SELECT vpd.import_definitions({value})");
        let refused = outcome(security.batch_execute(&import)).err();
        assert_eq!(
            refused.map(|refusal| refusal.state.code().to_owned()).as_deref(),
            Some("22023")
        );
    }
    Ok(())
}

/// What could not be read again is refused where it is written: by each who writes documents, in a form that the server itself takes.
#[test]
fn what_could_not_be_read_again_is_not_written() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let marked = r#"{"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz": 1, "$serde_json::private::Number": "abc"}"#;
    let text = |value: &str| value.replace('"', r#"\""#);
    let load = |value: &str| {
        format!(
            "SELECT count(*) FROM vpd.load_csv('users', E'user_name,x:json\\nzoe,\"{}\"\\n')",
            value.replace('"', "\"\"")
        )
    };
    let mut statements = vec![
        load(&deep(120)),
        load(marked),
        "SELECT count(*) FROM vpd.load_csv('users', E'user_name,$serde_json::private::Number\\nzoe,abc\\n')".to_owned(),
        "SELECT vpd.define_task_type('t'); SELECT vpd.define_task_action('t', '$serde_json::private::Number', '{owner}')".to_owned(),
        "SELECT vpd.define_role('$serde_json::private::Number')".to_owned(),
    ];
    for value in [deep(120), marked.to_owned()] {
        statements.push(format!(
            "SELECT vpd.define_user('zoe', attributes => '{{\"x\": {value}}}')"
        ));
        for attributes in [
            format!("{{\"x\": {value}}}"),
            format!("\"{{\\\"x\\\": {}}}\"", text(&value)),
        ] {
            statements.push(format!(
                "SELECT vpd.import_definitions('{{\"format\": \"pg_vpd definitions\", \"version\": 1, \"users\": [{{\"name\": \"zoe\", \"attributes\": {attributes}}}]}}')"
            ));
        }
    }
    for statement in statements {
        let mut trial = security.transaction()?;
        // A load tells its faults as rows.
        let is_refused = trial.batch_execute(&statement).is_err()
            || trial
                .query(&statement, &[])?
                .iter()
                .any(|row| row.try_get::<_, i64>(0).is_ok_and(|faults| faults > 0));
        assert!(is_refused, "{statement}");
        trial.rollback()?;
        security.query("SELECT vpd.export_definitions(with_users => true)", &[])?;
    }
    Ok(())
}
