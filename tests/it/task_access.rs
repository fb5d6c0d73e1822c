//! Who may do what with a task, and see what of it, by the part he plays in it.

use postgres::{Client, GenericClient};
use serde_json::{Value, json};
use vpd_tests::{Database, Result, Subject, assert_all_refused, assert_denied_to_all_but, attach, role};

/// bob reports to carol; erin buys; frank owns and gina reviews the process Purchase.
const PEOPLE: &str = "
SELECT vpd.define_user(name) FROM unnest('{alice,carol,dave,erin,frank,gina,henry,mallory}'::text[]) name;
SELECT vpd.define_user('bob', manager => 'carol');
SELECT vpd.define_group('buyers'), vpd.define_group('west buyers');
SELECT vpd.grant_authority('group:buyers', 'group:west buyers'), vpd.grant_authority('group:west buyers', 'user:erin');
SELECT vpd.define_role('Purchase.Owner', 'application'), vpd.define_role('Purchase.Reviewer', 'application'), vpd.define_role('Desk', 'application');
SELECT vpd.grant_authority('role:Purchase.Owner', 'user:frank'), vpd.grant_authority('role:Purchase.Reviewer', 'user:gina'),
       vpd.grant_authority('role:Desk', 'user:henry');
";

const DEFINITIONS: &str = "
SELECT vpd.define_task_type('approval', 'Somebody has to say yes');
SELECT vpd.define_task_action('approval', 'view', '{owner,reviewer,assignee,manager,process_owner,process_reviewer}'),
       vpd.define_task_action('approval', 'approve', '{assignee,manager}'),
       vpd.define_task_action('approval', 'reassign', '{manager,process_owner}'),
       vpd.define_task_action('approval', 'withdraw', '{owner}');
SELECT vpd.define_task_content('approval', 'amount', '{owner,assignee,process_owner}'),
       vpd.define_task_content('approval', 'note', '{reviewer,process_reviewer,owner}');
";

/// The policy and masks of the guide, on a table of tasks.
const TABLE: &str = "
CREATE SCHEMA shop;
CREATE TABLE shop.tasks (id integer PRIMARY KEY, task_type text, owner text, assignee text, reviewer text, process text, amount integer, note text);
INSERT INTO shop.tasks VALUES
    (1, 'approval', 'alice', 'bob', 'dave', 'Purchase', 100, 'first'),
    (2, 'approval', 'alice', 'group:buyers', 'role:Desk', NULL, 200, 'second'),
    (3, 'errand', 'alice', 'bob', 'dave', 'Purchase', 300, 'third'),
    (4, NULL, 'alice', NULL, NULL, NULL, 400, 'fourth');
GRANT USAGE ON SCHEMA shop TO PUBLIC;
GRANT SELECT, UPDATE ON shop.tasks TO app_user;
SELECT vpd.add_policy('shop.tasks', 'viewers', $$vpd.can_act(task_type, 'view', owner, assignee, reviewer, process)$$, statement_types => '{select}');
SELECT vpd.add_policy('shop.tasks', 'reassign', $$vpd.can_act(task_type, 'reassign', owner, assignee, reviewer, process)$$,
                      statement_types => '{update}', update_check => false);
SELECT vpd.add_mask('shop.tasks', 'amount', visible_when => $$vpd.can_see(task_type, 'amount', owner, assignee, reviewer, process)$$);
SELECT vpd.add_mask('shop.tasks', 'note', visible_when => $$vpd.can_see(task_type, 'note', owner, assignee, reviewer, process)$$);
";

fn scene() -> Result<Database<'static>> {
    let database = Database::create()?;
    database
        .connect(role::SECURITY)?
        .batch_execute(&format!("{PEOPLE}{DEFINITIONS}"))?;
    Ok(database)
}

fn task() -> Value {
    json!({"type": "approval", "owner": "alice", "assignee": "bob", "reviewer": "dave", "process": "Purchase", "amount": 100, "note": "first", "secret": 7})
}

fn actions(client: &mut impl GenericClient, task: &Value) -> Result<String> {
    let row = client.query_one("SELECT array_to_string(vpd.task_actions($1), ',')", &[task])?;
    Ok(row.get(0))
}

/// What somebody may do with a task and sees of it.
fn access(database: &Database<'_>, user: &str, task: &Value) -> Result<(String, Value)> {
    let token = Subject::new(user).log_in(database)?;
    let mut client = database.connect(role::USER)?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, &token)?;
    let allowed = actions(&mut transaction, task)?;
    for action in ["view", "approve", "reassign", "withdraw", "fly"] {
        let row = transaction.query_one(
            "SELECT vpd.can_act($1, $2),
                    vpd.can_act($1 ->> 'type', $2, $1 ->> 'owner', $1 ->> 'assignee', $1 ->> 'reviewer', $1 ->> 'process')",
            &[task, &action],
        )?;
        let expected = allowed.split(',').any(|allowed| allowed == action);
        assert_eq!(row.get::<_, bool>(0), expected, "{user} {action}");
        // A column holds one name, a document may hold a list.
        if !task["assignee"].is_array() {
            assert_eq!(row.get::<_, bool>(1), expected, "{user} {action}");
        }
    }
    let seen = transaction
        .query_one("SELECT vpd.visible_content($1)", &[task])?
        .get(0);
    Ok((allowed, seen))
}

#[test]
fn every_part_has_its_actions_and_its_content() -> Result<()> {
    let database = scene()?;
    for (user, allowed, seen) in [
        ("alice", "view,withdraw", json!({"amount": 100, "note": "first"})),
        ("bob", "approve,view", json!({"amount": 100})),
        ("carol", "approve,reassign,view", json!({})),
        ("dave", "view", json!({"note": "first"})),
        ("frank", "reassign,view", json!({"amount": 100})),
        ("gina", "view", json!({"note": "first"})),
        ("erin", "", json!({})),
        ("mallory", "", json!({})),
    ] {
        assert_eq!(
            access(&database, user, &task())?,
            (allowed.to_owned(), seen),
            "{user}"
        );
    }
    Ok(())
}

#[test]
fn groups_roles_and_lists_stand_for_their_members() -> Result<()> {
    let database = scene()?;
    let to = |assignee: Value| json!({"type": "approval", "assignee": assignee});
    for (assignee, users) in [
        (json!("group:buyers"), vec!["erin"]),
        (json!("role:Desk"), vec!["henry"]),
        (json!("user:dave"), vec!["dave"]),
        (
            json!(["mallory", "role:Desk", "group:buyers"]),
            vec!["erin", "henry", "mallory"],
        ),
        (json!("group:sellers"), vec![]),
        (json!({"name": "alice"}), vec![]),
        (json!(null), vec![]),
    ] {
        for user in ["alice", "dave", "erin", "henry", "mallory"] {
            let (allowed, _) = access(&database, user, &to(assignee.clone()))?;
            let expected = if users.contains(&user) { "approve,view" } else { "" };
            assert_eq!(allowed, expected, "{user} {assignee}");
        }
    }
    Ok(())
}

#[test]
fn a_name_that_looks_like_a_group_is_none() -> Result<()> {
    let database = scene()?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.define_user('group:buyers'), vpd.define_user('role:Desk')")?;
    for user in ["group:buyers", "role:Desk"] {
        let (allowed, _) = access(&database, user, &json!({"type": "approval", "assignee": user}))?;
        assert_eq!(allowed, "", "{user} is a user and not the group or role");
        let (allowed, _) = access(
            &database,
            user,
            &json!({"type": "approval", "assignee": format!("user:{user}")}),
        )?;
        assert_eq!(allowed, "approve,view");
    }
    Ok(())
}

#[test]
fn nobody_without_a_session_and_nothing_of_an_unknown_kind() -> Result<()> {
    let database = scene()?;
    let mut user = database.connect(role::USER)?;
    let query = "SELECT vpd.can_act($1, 'view'), vpd.visible_content($1), vpd.task_actions($1),
                        vpd.can_act('approval', 'view', 'anonymous'), vpd.can_see('approval', 'amount', 'anonymous')";
    let nothing = |client: &mut postgres::Transaction<'_>| -> Result<()> {
        let row = client.query_one(query, &[&task()])?;
        assert!(!row.get::<_, bool>(0) && !row.get::<_, bool>(3) && !row.get::<_, bool>(4));
        assert_eq!(row.get::<_, Value>(1), json!({}));
        assert_eq!(row.get::<_, Vec<String>>(2), Vec::<String>::new());
        Ok(())
    };
    let mut transaction = user.transaction()?;
    nothing(&mut transaction)?;
    transaction.execute("SELECT vpd.attach_anonymous()", &[])?;
    nothing(&mut transaction)?;
    drop(transaction);
    for unknown in [
        json!({"type": "errand", "owner": "alice"}),
        json!({"owner": "alice"}),
        json!([]),
        json!("approval"),
    ] {
        assert_eq!(access(&database, "alice", &unknown)?, (String::new(), json!({})));
    }
    Ok(())
}

/// A task as somebody sees it: id, amount, note.
type Seen = (i32, Option<i32>, Option<String>);

#[test]
fn a_policy_and_masks_protect_a_table_of_tasks() -> Result<()> {
    let database = scene()?;
    database.admin()?.batch_execute(TABLE)?;
    let rows = |user: &str| -> Result<Vec<Seen>> {
        let token = Subject::new(user).log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        let mut transaction = client.transaction()?;
        attach(&mut transaction, &token)?;
        let rows = transaction.query("SELECT id, amount, note FROM shop.tasks ORDER BY id", &[])?;
        Ok(rows
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2)))
            .collect())
    };
    let note = |note: &str| Some(note.to_owned());
    assert_eq!(
        rows("alice")?,
        [(1, Some(100), note("first")), (2, Some(200), note("second"))]
    );
    assert_eq!(rows("bob")?, [(1, Some(100), None)]);
    assert_eq!(rows("carol")?, [(1, None, None)]);
    assert_eq!(rows("dave")?, [(1, None, note("first"))]);
    assert_eq!(rows("erin")?, [(2, Some(200), None)]);
    assert_eq!(rows("henry")?, [(2, None, note("second"))]);
    assert_eq!(rows("mallory")?, []);

    let reassign = |user: &str| -> Result<u64> {
        let token = Subject::new(user).log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        let mut transaction = client.transaction()?;
        attach(&mut transaction, &token)?;
        Ok(transaction.execute("UPDATE shop.tasks SET assignee = 'erin'", &[])?)
    };
    assert_eq!(
        (
            reassign("carol")?,
            reassign("frank")?,
            reassign("bob")?,
            reassign("alice")?
        ),
        (1, 1, 0, 0)
    );
    Ok(())
}

#[test]
fn changes_are_followed_by_the_next_statement_of_an_open_transaction() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let token = Subject::new("erin").log_in(&database)?;
    let mut client = database.connect(role::USER)?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, &token)?;
    let task = json!({"type": "approval", "assignee": "group:buyers"});
    assert_eq!(actions(&mut transaction, &task)?, "approve,view");
    for (change, expected) in [
        ("define_task_action('approval', 'approve', '{manager}')", "view"),
        ("define_task_action('approval', 'view', '{}')", ""),
        ("define_task_action('approval', 'view', '{assignee}')", "view"),
        ("revoke_authority('group:west buyers', 'user:erin')", ""),
        ("grant_authority('group:buyers', 'user:erin')", "view"),
        ("drop_task_type('approval')", ""),
    ] {
        security.execute(&format!("SELECT vpd.{change}"), &[])?;
        assert_eq!(actions(&mut transaction, &task)?, expected, "{change}");
    }
    Ok(())
}

#[test]
fn what_a_transaction_takes_back_is_kept_by_nobody() -> Result<()> {
    let database = scene()?;
    let token = Subject::new("bob").log_in(&database)?;
    database
        .admin()?
        .batch_execute("SELECT vpd.grant_profile('security_admin', 'app_user')")?;
    let mut client = database.connect(role::USER)?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, &token)?;
    let mut inner = transaction.savepoint("change")?;
    inner.execute(
        "SELECT vpd.define_task_action('approval', 'withdraw', '{assignee}')",
        &[],
    )?;
    assert_eq!(actions(&mut inner, &task())?, "approve,view,withdraw");
    inner.rollback()?;
    assert_eq!(actions(&mut transaction, &task())?, "approve,view");
    transaction.rollback()?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, &token)?;
    assert_eq!(actions(&mut transaction, &task())?, "approve,view");
    Ok(())
}

#[test]
fn definitions_are_listed_repeatable_and_written_down() -> Result<()> {
    let database = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let changes = |client: &mut Client| -> Result<i64> {
        let query = "SELECT count(*) FROM vpd.authority_changes WHERE subject = 'task_type:approval'";
        Ok(client.query_one(query, &[])?.get(0))
    };
    assert_eq!(changes(&mut security)?, 7);
    security.batch_execute(DEFINITIONS)?;
    assert_eq!(changes(&mut security)?, 7, "said again, nothing changes");
    let row = database
        .connect(role::AUDITOR)?
        .query_one("SELECT task_type, actions, content FROM vpd.task_types", &[])?;
    assert_eq!(row.get::<_, String>(0), "approval");
    assert_eq!(row.get::<_, Value>(1)["withdraw"], json!(["owner"]));
    assert_eq!(
        row.get::<_, Value>(2)["amount"],
        json!(["owner", "assignee", "process_owner"])
    );
    assert_all_refused(
        &mut security,
        "SELECT vpd.{}",
        "
         22023 argument_invalid    define_task_type('')
         22023 argument_invalid    define_task_type(NULL)
         22023 argument_invalid    define_task_action('approval', 'view', '{everybody}')
         22023 argument_invalid    define_task_action('approval', 'view', ARRAY[NULL::text])
         22023 argument_invalid    define_task_content('approval', NULL, '{owner}')
         42704 task_type_not_found define_task_action('none', 'view', '{owner}')
         42704 task_type_not_found drop_task_type('none')",
    );
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &["SELECT vpd.define_task_type('x')"],
    )?;
    Ok(())
}
