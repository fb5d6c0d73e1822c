//! Rules of segregation of duties: what grants, definitions, logins and actions they refuse, and the exceptions from them.

use postgres::{Client, GenericClient};
use vpd_tests::{Database, Result, Subject, assert_all_refused, assert_refused, attach, outcome, role};

/// A role that submits, one that approves, one that pays, each by a duty; users with nothing.
const GRAPH: &str = "
SELECT vpd.define_resource('order', 'task_flow');
SELECT vpd.define_privilege('order:' || action) FROM unnest('{submit,approve,pay}'::text[]) action;
SELECT vpd.define_duty(name) FROM unnest('{Submission,Approval,Payment}'::text[]) name;
SELECT vpd.grant_authority('privilege:order:submit', 'duty:Submission');
SELECT vpd.grant_authority('privilege:order:approve', 'duty:Approval');
SELECT vpd.grant_authority('privilege:order:pay', 'duty:Payment');
SELECT vpd.define_role(name) FROM unnest('{Submitter,Approver,Payer,Head}'::text[]) name;
SELECT vpd.grant_authority('duty:Submission', 'role:Submitter');
SELECT vpd.grant_authority('duty:Approval', 'role:Approver');
SELECT vpd.grant_authority('duty:Payment', 'role:Payer');
SELECT vpd.define_group('Desk');
SELECT vpd.define_user(name) FROM unnest('{alice,bob,carol,dora}'::text[]) name;
SELECT vpd.define_resource('segregation');
SELECT vpd.define_privilege('segregation:approve');
SELECT vpd.define_role('Officer');
SELECT vpd.grant_authority('privilege:segregation:approve', 'role:Officer');
SELECT vpd.grant_authority('role:Officer', 'user:' || name) FROM unnest('{alice,bob,carol}'::text[]) name;
";

const PAIR: &str = "SELECT vpd.define_sod_rule('pair', '{privilege:order:submit,duty:Approval}')";

fn scene() -> Result<(Database<'static>, Client)> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(GRAPH)?;
    Ok((database, security))
}

#[track_caller]
fn refused(client: &mut impl GenericClient, statement: &str) -> String {
    assert_refused(client.batch_execute(statement), "42501", "sod_conflict").text
}

/// rule, user, items of the conflicts there are.
fn conflicts(client: &mut Client) -> Result<Vec<(String, String, Vec<String>)>> {
    Ok(client
        .query("SELECT rule, user_name, items FROM vpd.sod_conflicts", &[])?
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect())
}

#[test]
fn a_grant_that_breaks_a_rule_is_refused_and_names_user_rule_and_items() -> Result<()> {
    let (_database, mut security) = scene()?;
    security.batch_execute("SELECT vpd.grant_authority('role:Submitter', 'user:alice')")?;
    // Control: without a rule the same person gets both.
    security.batch_execute("BEGIN; SELECT vpd.grant_authority('role:Approver', 'user:alice'); ROLLBACK")?;
    security.batch_execute(PAIR)?;
    let text = refused(
        &mut security,
        "SELECT vpd.grant_authority('role:Approver', 'user:alice')",
    );
    for part in ["alice", "pair", "privilege:order:submit", "duty:Approval"] {
        assert!(text.contains(part), "{text}");
    }
    security.batch_execute(
        "SELECT vpd.grant_authority('role:Approver', 'user:bob');
         SELECT vpd.grant_authority('role:Payer', 'user:alice')",
    )?;
    assert!(conflicts(&mut security)?.is_empty());
    Ok(())
}

#[test]
fn it_is_refused_whatever_the_way_is() -> Result<()> {
    let (_database, mut security) = scene()?;
    security.batch_execute(PAIR)?;
    for (prepare, breaks) in [
        // Through a group, and a group in a group.
        (
            "SELECT vpd.grant_authority('role:Submitter', 'user:alice'); SELECT vpd.grant_authority('role:Approver', 'group:Desk')",
            "SELECT vpd.grant_authority('group:Desk', 'user:alice')",
        ),
        (
            "SELECT vpd.grant_authority('role:Submitter', 'user:alice'); SELECT vpd.grant_authority('group:Desk', 'user:alice')",
            "SELECT vpd.grant_authority('role:Approver', 'group:Desk')",
        ),
        // Through a role that contains roles.
        (
            "SELECT vpd.grant_authority('role:Submitter', 'role:Head'); SELECT vpd.grant_authority('role:Head', 'user:alice')",
            "SELECT vpd.grant_authority('role:Approver', 'role:Head')",
        ),
        // The definition of a duty, of a role, of an entitlement, changes under those who have it.
        (
            "SELECT vpd.grant_authority('role:Approver', 'user:alice')",
            "SELECT vpd.grant_authority('privilege:order:submit', 'duty:Approval')",
        ),
        (
            "SELECT vpd.grant_authority('role:Payer', 'user:alice'); SELECT vpd.grant_authority('role:Submitter', 'user:alice')",
            "SELECT vpd.grant_authority('duty:Approval', 'role:Payer')",
        ),
        (
            "SELECT vpd.define_entitlement('Set'); SELECT vpd.grant_authority('entitlement:Set', 'role:Approver'); SELECT vpd.grant_authority('role:Approver', 'user:alice')",
            "SELECT vpd.grant_authority('privilege:order:submit', 'entitlement:Set')",
        ),
        // What is switched off comes back.
        (
            "SELECT vpd.enable_authority('role:Approver', false); SELECT vpd.grant_authority('role:Submitter', 'user:alice'); SELECT vpd.grant_authority('role:Approver', 'user:alice')",
            "SELECT vpd.enable_authority('role:Approver', true)",
        ),
        (
            "SELECT vpd.disable_user('alice'); SELECT vpd.grant_authority('role:Submitter', 'user:alice'); SELECT vpd.grant_authority('role:Approver', 'user:alice')",
            "SELECT vpd.enable_user('alice')",
        ),
        // Membership by attributes.
        (
            "SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade >= 5'); SELECT vpd.grant_authority('duty:Approval', 'role:Senior'); SELECT vpd.grant_authority('role:Submitter', 'user:alice')",
            "SELECT vpd.define_user('alice', attributes => '{\"grade\": 6}')",
        ),
        (
            "SELECT vpd.define_user('alice', attributes => '{\"grade\": 6}'); SELECT vpd.grant_authority('role:Submitter', 'user:alice');
             SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade >= 7'); SELECT vpd.grant_authority('duty:Approval', 'role:Senior')",
            "SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade >= 6')",
        ),
        (
            "SELECT vpd.define_user('alice', attributes => '{\"grade\": 6}'); SELECT vpd.grant_authority('role:Submitter', 'user:alice');
             SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade >= 6')",
            "SELECT vpd.grant_authority('duty:Approval', 'role:Senior')",
        ),
    ] {
        let mut transaction = security.transaction()?;
        transaction
            .batch_execute(prepare)
            .map_err(|error| format!("{prepare}: {error:?}"))?;
        refused(&mut transaction, breaks);
        transaction.rollback()?;
    }
    Ok(())
}

#[test]
fn one_after_the_other_is_no_conflict_and_what_begins_later_counts() -> Result<()> {
    let (_database, mut security) = scene()?;
    security.batch_execute(PAIR)?;
    // A handover: the one ends when the other begins.
    security.batch_execute(
        "SELECT vpd.grant_authority('role:Submitter', 'user:alice', valid_until => '2200-01-01');
         SELECT vpd.grant_authority('role:Approver', 'user:alice', valid_from => '2200-01-01')",
    )?;
    assert!(conflicts(&mut security)?.is_empty());
    refused(
        &mut security,
        "SELECT vpd.grant_authority('role:Submitter', 'user:alice', valid_until => '2200-01-02')",
    );
    // What holds a path together is the shortest of its grants.
    security.batch_execute(
        "SELECT vpd.grant_authority('role:Submitter', 'user:bob', valid_until => '2150-01-01');
         SELECT vpd.grant_authority('group:Desk', 'user:bob', valid_from => '2100-01-01');
         SELECT vpd.grant_authority('role:Approver', 'group:Desk', valid_from => '2200-01-01')",
    )?;
    assert!(conflicts(&mut security)?.is_empty());
    refused(
        &mut security,
        "SELECT vpd.grant_authority('role:Approver', 'user:bob', valid_from => '2149-12-31')",
    );
    Ok(())
}

#[test]
fn a_rule_may_allow_some_of_a_set() -> Result<()> {
    let (_database, mut security) = scene()?;
    security.batch_execute(
        "SELECT vpd.define_sod_rule('two', '{role:Submitter,role:Approver,duty:Payment}', at_most => 2);
         SELECT vpd.grant_authority('role:Submitter', 'user:alice');
         SELECT vpd.grant_authority('role:Approver', 'user:alice')",
    )?;
    refused(
        &mut security,
        "SELECT vpd.grant_authority('role:Payer', 'user:alice')",
    );
    security.batch_execute("SELECT vpd.revoke_authority('role:Approver', 'user:alice'); SELECT vpd.grant_authority('role:Payer', 'user:alice')")?;
    Ok(())
}

#[test]
fn a_rule_of_a_unit_holds_for_its_users_and_those_below() -> Result<()> {
    let (_database, mut security) = scene()?;
    security.batch_execute(
        "SELECT vpd.define_unit('Group'); SELECT vpd.define_unit('Finance', 'Group'); SELECT vpd.define_unit('Treasury', 'Finance'); SELECT vpd.define_unit('Stores', 'Group');
         SELECT vpd.define_user('alice', unit => 'Treasury'); SELECT vpd.define_user('bob', unit => 'Stores'); SELECT vpd.define_user('carol', unit => 'Finance');
         SELECT vpd.define_sod_rule('pair', '{role:Submitter,role:Approver}', scope => 'unit', unit => 'Finance');
         SELECT vpd.grant_authority('role:Submitter', 'user:' || name) FROM unnest('{alice,bob,carol,dora}'::text[]) name",
    )?;
    let grant = |user: &str| format!("SELECT vpd.grant_authority('role:Approver', 'user:{user}')");
    for user in ["alice", "carol"] {
        refused(&mut security, &grant(user));
    }
    for user in ["bob", "dora"] {
        security.batch_execute(&grant(user))?;
    }
    // Moving the user, or the unit, brings the rule along.
    refused(&mut security, "SELECT vpd.define_user('bob', unit => 'Treasury')");
    refused(&mut security, "SELECT vpd.define_unit('Stores', 'Treasury')");
    Ok(())
}

#[test]
fn a_rule_that_is_broken_already_is_refused_or_its_conflicts_are_accepted() -> Result<()> {
    let (_database, mut security) = scene()?;
    security.batch_execute(
        "SELECT vpd.grant_authority('role:Submitter', 'user:alice'); SELECT vpd.grant_authority('role:Approver', 'user:alice')",
    )?;
    refused(&mut security, PAIR);
    security.batch_execute(
        "SELECT vpd.define_sod_rule('pair', '{privilege:order:submit,duty:Approval,duty:Payment}', enforce_existing => false)",
    )?;
    let accepted: Vec<(String, bool)> = security
        .query("SELECT user_name, is_accepted FROM vpd.sod_conflicts", &[])?
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    assert_eq!(accepted, [("alice".to_owned(), true)]);
    // Others are bound by it, and so is she with one more.
    security.batch_execute("SELECT vpd.grant_authority('role:Submitter', 'user:bob')")?;
    refused(
        &mut security,
        "SELECT vpd.grant_authority('role:Approver', 'user:bob')",
    );
    refused(
        &mut security,
        "SELECT vpd.grant_authority('role:Payer', 'user:alice')",
    );
    // A conflict that went away does not come back.
    security.batch_execute("SELECT vpd.revoke_authority('role:Approver', 'user:alice'); SELECT vpd.grant_authority('group:Desk', 'user:alice')")?;
    refused(
        &mut security,
        "SELECT vpd.grant_authority('role:Approver', 'user:alice')",
    );
    Ok(())
}

#[test]
fn what_is_accepted_now_hides_nothing_that_begins_later() -> Result<()> {
    let rule = "SELECT vpd.define_sod_rule('one_of_three', '{role:Submitter,role:Approver,role:Payer}', enforce_existing => false)";
    let (_database, mut security) = scene()?;
    security.batch_execute(
        "SELECT vpd.grant_authority('role:Submitter', 'user:alice'); SELECT vpd.grant_authority('role:Approver', 'user:alice')",
    )?;
    security.batch_execute(rule)?;
    let later =
        "SELECT vpd.grant_authority('role:Payer', 'user:alice', valid_from => now() + interval '1 day')";
    refused(&mut security, later);
    // What is there when the rule is defined is accepted, whenever it begins; and each moment is told.
    security.batch_execute("SELECT vpd.drop_sod_rule('one_of_three')")?;
    security.batch_execute(later)?;
    security.batch_execute(rule)?;
    let told: Vec<(usize, bool, bool)> = security
        .query(
            "SELECT items, is_accepted, since > clock_timestamp() + interval '1 hour' FROM vpd.sod_conflicts ORDER BY since",
            &[],
        )?
        .iter()
        .map(|row| (row.get::<_, Vec<String>>(0).len(), row.get(1), row.get(2)))
        .collect();
    assert_eq!(told, [(2, true, false), (3, true, true)]);
    // What ends is not accepted again: neither the larger conflict while the smaller one stands, nor that one.
    for role in ["Payer", "Approver"] {
        security.batch_execute(&format!(
            "SELECT vpd.revoke_authority('role:{role}', 'user:alice')"
        ))?;
        refused(
            &mut security,
            &format!("SELECT vpd.grant_authority('role:{role}', 'user:alice')"),
        );
    }
    Ok(())
}

#[test]
fn what_is_accepted_stays_so_for_what_is_left_and_not_for_what_comes_back() -> Result<()> {
    let (database, mut security) = scene()?;
    for role in ["Submitter", "Approver", "Payer"] {
        security.batch_execute(&format!(
            "SELECT vpd.grant_authority('role:{role}', 'user:alice')"
        ))?;
    }
    security.batch_execute(
        "SELECT vpd.define_sod_rule('one_of_three', '{role:Submitter,role:Approver,role:Payer}', enforce_existing => false)",
    )?;
    let asks = "SELECT 1";
    in_session(&database, &Subject::new("alice"), asks)??;
    // Less than what was accepted locks nobody out, whichever change looks at it next.
    security.batch_execute("SELECT vpd.revoke_authority('role:Payer', 'user:alice')")?;
    in_session(&database, &Subject::new("alice"), asks)??;
    refused(
        &mut security,
        "SELECT vpd.grant_authority('role:Payer', 'user:alice')",
    );
    security.batch_execute("SELECT vpd.grant_authority('role:Submitter', 'user:bob')")?;
    in_session(&database, &Subject::new("alice"), asks)??;
    let told: Vec<(usize, bool)> = security
        .query("SELECT items, is_accepted FROM vpd.sod_conflicts", &[])?
        .iter()
        .map(|row| (row.get::<_, Vec<String>>(0).len(), row.get(1)))
        .collect();
    assert_eq!(told, [(2, true)]);
    refused(
        &mut security,
        "SELECT vpd.grant_authority('role:Payer', 'user:alice')",
    );
    // The item itself is dropped after the rule has let go of it: otherwise the rule would say three and keep two apart.
    for item in ["Submitter", "Approver", "Payer"] {
        assert_refused(
            security.query(&format!("SELECT vpd.drop_authority('role:{item}')"), &[]),
            "2BP01",
            "definition_in_use",
        );
    }
    security.batch_execute(
        "SELECT vpd.define_sod_rule('one_of_three', '{role:Submitter,role:Payer}', enforce_existing => false);
         SELECT vpd.drop_authority('role:Approver')",
    )?;
    in_session(&database, &Subject::new("alice"), asks)??;
    refused(
        &mut security,
        "SELECT vpd.grant_authority('role:Payer', 'user:alice')",
    );
    Ok(())
}

#[test]
fn what_is_accepted_allows_nothing_at_another_time() -> Result<()> {
    let rule = "SELECT vpd.define_sod_rule('pair_of_roles', '{role:Submitter,role:Approver}', enforce_existing => false)";
    for (held, later) in [
        // Held for a moment, and again after it.
        (
            "SELECT vpd.grant_authority('role:Submitter', 'user:alice', valid_until => clock_timestamp() + interval '1 second')",
            "SELECT vpd.grant_authority('role:Submitter', 'user:alice', valid_from => clock_timestamp() + interval '1 hour')",
        ),
        // To be held, and now already.
        (
            "SELECT vpd.grant_authority('role:Submitter', 'user:alice', valid_from => clock_timestamp() + interval '1 hour')",
            "SELECT vpd.grant_authority('role:Submitter', 'user:alice', valid_until => clock_timestamp() + interval '30 minutes')",
        ),
        // To be held from a moment, and from an earlier one.
        (
            "SELECT vpd.grant_authority('role:Submitter', 'user:alice', valid_from => clock_timestamp() + interval '2 hours')",
            "SELECT vpd.grant_authority('role:Submitter', 'user:alice', clock_timestamp() + interval '1 hour', clock_timestamp() + interval '90 minutes')",
        ),
    ] {
        let (_database, mut security) = scene()?;
        security.batch_execute("SELECT vpd.grant_authority('role:Approver', 'user:alice')")?;
        security.batch_execute(held)?;
        security.batch_execute(rule)?;
        refused(&mut security, later);
        let accepted: Vec<bool> = security
            .query("SELECT is_accepted FROM vpd.sod_conflicts", &[])?
            .iter()
            .map(|row| row.get(0))
            .collect();
        assert_eq!(accepted, [true], "{held}");
    }
    Ok(())
}

#[test]
fn an_exception_that_ends_before_it_excuses_nothing_that_begins_later() -> Result<()> {
    let (database, mut security) = scene()?;
    security.batch_execute(PAIR)?;
    security.batch_execute("SELECT vpd.grant_authority('role:Submitter', 'user:alice')")?;
    excuse_alice(&database, "1 hour")?;
    security.batch_execute("SELECT vpd.grant_authority('role:Approver', 'user:alice', valid_until => now() + interval '30 minutes')")?;
    security.batch_execute("SELECT vpd.grant_authority('duty:Approval', 'role:Head')")?;
    refused(
        &mut security,
        "SELECT vpd.grant_authority('role:Head', 'user:alice', valid_from => now() + interval '1 day')",
    );
    Ok(())
}

#[test]
fn a_load_that_breaks_a_rule_changes_nothing_and_tells_the_lines() -> Result<()> {
    let (_database, mut security) = scene()?;
    let members = "SELECT line, column_name, value, reason FROM vpd.load_csv('role_members',
                       E'role_name,user_name\\nPayer,bob\\nSubmitter,alice\\nPayer,alice\\nApprover,alice\\n')";
    // Control: without the rule it loads.
    let mut transaction = security.transaction()?;
    assert!(transaction.query(members, &[])?.is_empty());
    transaction.rollback()?;
    security.batch_execute(PAIR)?;
    let told = faults(&mut security, members)?;
    let lines: Vec<i64> = told.iter().map(|fault| fault.0).collect();
    assert_eq!(lines, [3, 5], "{told:?}");
    assert!(
        told.iter()
            .all(|fault| fault.1 == "user_name" && fault.2 == "alice" && fault.3.contains("\"pair\"")),
        "{told:?}"
    );
    let loaded = "SELECT FROM vpd.grants WHERE granted = ANY ('{role:Submitter,role:Approver,role:Payer}')";
    assert!(security.query(loaded, &[])?.is_empty());
    // Half of it is there already: the line that brings the other half.
    security.batch_execute("SELECT vpd.grant_authority('role:Submitter', 'user:alice')")?;
    let half = "SELECT line, column_name, value, reason FROM vpd.load_csv('role_members', E'role_name,user_name\\nPayer,bob\\nApprover,alice\\n')";
    let told = faults(&mut security, half)?;
    assert_eq!(
        told.iter().map(|fault| fault.0).collect::<Vec<_>>(),
        [3],
        "{told:?}"
    );
    // Through a group, and where no line names the user.
    security.batch_execute(
        "SELECT vpd.define_group('staff'), vpd.define_group('approvers'); SELECT vpd.grant_authority('group:staff', 'user:alice');
         SELECT vpd.grant_authority('role:Approver', 'group:approvers')",
    )?;
    for (load, line, value) in [
        (
            "'role_members', E'role_name,user_name,group_name\\nPayer,bob,\\nApprover,,staff\\n'",
            3,
            "staff",
        ),
        (
            "'group_members', E'group_name,user_name\\napprovers,alice\\n'",
            2,
            "alice",
        ),
        ("'groups', E'group_name,member_of\\nstaff,approvers\\n'", 1, ""),
    ] {
        let query = format!("SELECT line, column_name, value, reason FROM vpd.load_csv({load})");
        let told = faults(&mut security, &query)?;
        assert_eq!(told.len(), 1, "{load}: {told:?}");
        assert_eq!((told[0].0, told[0].2.as_str()), (line, value), "{load}: {told:?}");
    }
    Ok(())
}

/// Line, column, value and reason of each.
fn faults(client: &mut Client, query: &str) -> Result<Vec<(i64, String, String, String)>> {
    let text = |row: &postgres::Row, place| row.get::<_, Option<String>>(place).unwrap_or_default();
    let rows = client.query(query, &[])?;
    Ok(rows
        .iter()
        .map(|row| (row.get(0), text(row, 1), text(row, 2), text(row, 3)))
        .collect())
}

#[test]
fn a_conflict_that_is_there_stands_in_the_way_of_nothing_else() -> Result<()> {
    let (database, mut security) = scene()?;
    security.batch_execute(PAIR)?;
    security.batch_execute("SELECT vpd.grant_authority('role:Submitter', 'user:alice')")?;
    excuse_alice(&database, "1 hour")?;
    security.batch_execute(
        "SELECT vpd.grant_authority('role:Approver', 'user:alice'); SELECT vpd.revoke_sod_exception(1);
         SELECT vpd.grant_authority('role:Payer', 'user:alice'); SELECT vpd.define_user('alice', display_name => 'Alice');
         SELECT vpd.define_unit('Stores'); SELECT vpd.define_source('hr', 1)",
    )?;
    assert_eq!(conflicts(&mut security)?.len(), 1);
    // Once it is gone it does not come back.
    security.batch_execute("SELECT vpd.revoke_authority('role:Approver', 'user:alice')")?;
    refused(
        &mut security,
        "SELECT vpd.grant_authority('role:Approver', 'user:alice')",
    );
    Ok(())
}

#[test]
fn what_if_tells_and_changes_nothing() -> Result<()> {
    let (database, mut security) = scene()?;
    security.batch_execute(PAIR)?;
    security.batch_execute("SELECT vpd.grant_authority('role:Submitter', 'user:alice'); SELECT vpd.grant_authority('role:Approver', 'group:Desk')")?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let query = "SELECT rule, items FROM vpd.sod_what_if($1, $2)";
    for granted in ["Approver", "role:Approver", "group:Desk"] {
        let rows = auditor.query(query, &[&"alice", &granted])?;
        assert_eq!(rows.len(), 1, "{granted}");
        let items: Vec<String> = rows[0].get(1);
        assert_eq!(items, ["duty:Approval", "privilege:order:submit"]);
    }
    for (user, granted) in [("alice", "Payer"), ("alice", "Submitter"), ("bob", "Approver")] {
        assert!(
            auditor.query(query, &[&user, &granted])?.is_empty(),
            "{user} {granted}"
        );
    }
    assert!(conflicts(&mut security)?.is_empty());
    assert_refused(
        auditor.query(query, &[&"nobody", &"Payer"]),
        "42704",
        "user_not_found",
    );
    assert_refused(
        auditor.query(query, &[&"alice", &"None"]),
        "42704",
        "role_not_found",
    );
    Ok(())
}

#[test]
fn rules_that_make_no_sense_are_refused() -> Result<()> {
    let (_database, mut security) = scene()?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.define_sod_rule({})",
        "
         22023 argument_invalid 'r', '{role:Submitter}'
         22023 argument_invalid 'r', '{role:Submitter,role:Submitter}'
         22023 argument_invalid 'r', '{role:Submitter,role:Approver}', at_most => 0
         22023 argument_invalid 'r', '{role:Submitter,role:Approver}', at_most => 2
         22023 argument_invalid 'r', '{role:Submitter,user:alice}'
         22023 argument_invalid 'r', '{role:Submitter,Approver}'
         22023 argument_invalid 'r', '{role:Submitter,NULL}'
         22023 argument_invalid 'r', NULL
         22023 argument_invalid ' r', '{role:Submitter,role:Approver}'
         22023 argument_invalid 'r', '{role:Submitter,role:Approver}', scope => 'world'
         22023 argument_invalid 'r', '{role:Submitter,role:Approver}', scope => 'unit'
         22023 argument_invalid 'r', '{role:Submitter,role:Approver}', unit => 'None'
         22023 argument_invalid 'r', '{role:Submitter,role:Approver}', scope => 'object'
         42704 role_not_found   'r', '{role:Submitter,role:None}'
         42704 unit_not_found   'r', '{role:Submitter,role:Approver}', scope => 'unit', unit => 'None'",
    );
    assert_refused(
        security.batch_execute("SELECT vpd.drop_sod_rule('r')"),
        "42704",
        "sod_rule_not_found",
    );
    security.batch_execute(PAIR)?;
    security.batch_execute("SELECT vpd.drop_sod_rule('pair')")?;
    assert!(security.query("SELECT FROM vpd.sod_rules", &[])?.is_empty());
    security.batch_execute("SELECT vpd.grant_authority('role:Submitter', 'user:alice'); SELECT vpd.grant_authority('role:Approver', 'user:alice')")?;
    Ok(())
}

#[test]
fn a_login_that_brings_together_what_nobody_administered_gets_no_session() -> Result<()> {
    let (database, mut security) = scene()?;
    security.batch_execute(
        "SELECT vpd.define_role(name, 'enterprise') FROM unnest('{emea_submit,emea_approve}'::text[]) name;
         SELECT vpd.grant_authority('role:Submitter', 'role:emea_submit'); SELECT vpd.grant_authority('role:Approver', 'role:emea_approve')",
    )?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let both = Subject::new("alice").role("emea_submit").role("emea_approve");
    both.log_in_with(&mut bridge)?;
    security.batch_execute(PAIR)?;
    assert_refused(both.log_in_with(&mut bridge), "42501", "sod_conflict");
    // Somebody the graph does not know is bound as well.
    assert_refused(
        Subject::new("guest")
            .role("emea_submit")
            .role("emea_approve")
            .log_in_with(&mut bridge),
        "42501",
        "sod_conflict",
    );
    for one in ["emea_submit", "emea_approve"] {
        Subject::new("alice").role(one).log_in_with(&mut bridge)?;
    }
    Ok(())
}

#[test]
fn a_session_that_lives_when_the_rule_comes_ends_with_its_next_statement() -> Result<()> {
    let (database, mut security) = scene()?;
    security.batch_execute(
        "SELECT vpd.define_role(name, 'enterprise') FROM unnest('{emea_submit,emea_approve}'::text[]) name;
         SELECT vpd.grant_authority('role:Submitter', 'role:emea_submit'); SELECT vpd.grant_authority('role:Approver', 'role:emea_approve')",
    )?;
    let token = Subject::new("alice")
        .role("emea_submit")
        .role("emea_approve")
        .log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let held: bool = transaction
        .query_one("SELECT vpd.has_privilege('order:approve')", &[])?
        .get(0);
    assert!(held);
    security.batch_execute(PAIR)?;
    let next = transaction.query_one("SELECT vpd.has_privilege('order:approve')", &[]);
    assert_refused(next, "42501", "sod_conflict");
    Ok(())
}

/// Runs one statement in a session of a user with some privileges.
fn in_session(
    database: &Database<'_>,
    subject: &Subject,
    statement: &str,
) -> Result<std::result::Result<(), postgres::Error>> {
    let token = subject.log_in(database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let done = transaction.batch_execute(statement);
    if done.is_ok() {
        transaction.commit()?;
    }
    Ok(done)
}

/// An exception for alice from the rule of the pair: asked for by one, approved by another.
fn excuse_alice(database: &Database<'_>, lasting: &str) -> Result<()> {
    let request = format!(
        "SELECT vpd.request_sod_exception('pair', 'alice', 'x', clock_timestamp() + interval '{lasting}')"
    );
    in_session(database, &Subject::new("bob"), &request)??;
    in_session(
        database,
        &Subject::new("carol"),
        "SELECT vpd.approve_sod_exception(1)",
    )??;
    Ok(())
}

#[test]
fn an_exception_wants_three_persons_at_least_two_and_an_end() -> Result<()> {
    let (database, mut security) = scene()?;
    security.batch_execute(PAIR)?;
    security.batch_execute("SELECT vpd.grant_authority('role:Submitter', 'user:alice')")?;
    let approver = Subject::new;
    let request =
        "SELECT vpd.request_sod_exception('pair', 'alice', 'holiday', clock_timestamp() + interval '1 hour')";
    // Nobody asks without a session, without a reason, without an end.
    assert_refused(security.batch_execute(request), "28000", "session_invalid");
    for (arguments, state, token) in [
        (
            "'pair', 'alice', ' ', clock_timestamp() + interval '1 hour'",
            "22023",
            "argument_invalid",
        ),
        ("'pair', 'alice', 'x', NULL", "22023", "argument_invalid"),
        ("'pair', 'alice', 'x', 'infinity'", "22023", "argument_invalid"),
        ("'pair', 'alice', 'x', '2000-01-01'", "22023", "argument_invalid"),
    ] {
        let asked = in_session(
            &database,
            &Subject::new("bob"),
            &format!("SELECT vpd.request_sod_exception({arguments})"),
        )?;
        assert_refused(asked, state, token);
    }
    in_session(&database, &Subject::new("bob"), request)??;
    let grant = "SELECT vpd.grant_authority('role:Approver', 'user:alice')";
    refused(&mut security, grant);
    let approve = "SELECT vpd.approve_sod_exception(id) FROM (VALUES (1::bigint)) v (id)";
    for (subject, token) in [
        // Nobody claims this privilege; it is granted here.
        (
            Subject::new("dora").privilege("segregation:approve"),
            "privilege_missing",
        ),
        (approver("bob"), "maker_checker"),
        (approver("alice"), "maker_checker"),
    ] {
        assert_refused(in_session(&database, &subject, approve)?, "42501", token);
    }
    assert_refused(security.batch_execute(approve), "28000", "session_invalid");
    in_session(&database, &approver("carol"), approve)??;
    assert_refused(
        in_session(&database, &approver("carol"), approve)?,
        "42704",
        "sod_exception_not_found",
    );
    security.batch_execute(grant)?;
    let row = security.query_one(
        "SELECT user_name, exception_id, exception_expires_at > now() FROM vpd.sod_conflicts",
        &[],
    )?;
    assert_eq!(
        (
            row.get::<_, String>(0),
            row.get::<_, Option<i64>>(1),
            row.get::<_, Option<bool>>(2)
        ),
        ("alice".to_owned(), Some(1), Some(true))
    );
    let row = security.query_one(
        "SELECT state, requested_by, approved_by FROM vpd.sod_exceptions",
        &[],
    )?;
    let shown: [String; 3] = std::array::from_fn(|column| row.get(column));
    assert_eq!(shown, ["approved", "bob", "carol"]);
    // While it lasts she works; when it is revoked the next statement refuses.
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.query_one("SELECT vpd.has_privilege('order:approve')", &[])?;
    security.batch_execute("SELECT vpd.revoke_sod_exception(1)")?;
    let next = transaction.query_one("SELECT vpd.has_privilege('order:approve')", &[]);
    assert_refused(next, "42501", "sod_conflict");
    let again = Subject::new("alice").log_in_with(&mut database.connect(role::BRIDGE)?);
    assert_refused(again, "42501", "sod_conflict");
    assert_eq!(conflicts(&mut security)?.len(), 1);
    assert_refused(
        security.batch_execute("SELECT vpd.revoke_sod_exception(1)"),
        "42704",
        "sod_exception_not_found",
    );
    Ok(())
}

#[test]
fn an_exception_is_from_what_the_rule_said_and_from_nothing_else() -> Result<()> {
    let (database, mut security) = scene()?;
    security.batch_execute(PAIR)?;
    security.batch_execute("SELECT vpd.grant_authority('role:Submitter', 'user:alice')")?;
    excuse_alice(&database, "1 hour")?;
    // control: it allows what it was asked for
    security.batch_execute("SELECT vpd.grant_authority('role:Approver', 'user:alice')")?;
    // attack: the rule says something else now
    let payer = "SELECT vpd.grant_authority('role:Payer', 'user:alice')";
    security.batch_execute(
        "SELECT vpd.define_sod_rule('pair', '{privilege:order:submit,duty:Approval,duty:Payment}')",
    )?;
    refused(&mut security, payer);
    let pay = "SELECT vpd.define_sod_rule('pair', '{privilege:order:submit,duty:Payment}')";
    security.batch_execute(pay)?;
    refused(&mut security, payer);
    // The same by a login, and by what is done to one object.
    security.batch_execute("SELECT vpd.revoke_authority('role:Submitter', 'user:alice')")?;
    security.batch_execute(
        "SELECT vpd.define_sod_rule('pair', '{privilege:order:submit,privilege:order:approve}', scope => 'object');
         SELECT vpd.grant_authority('role:Submitter', 'user:alice')",
    )?;
    in_session(
        &database,
        &Subject::new("alice"),
        "SELECT vpd.record_action('order/1', 'submit')",
    )??;
    assert_refused(
        in_session(
            &database,
            &Subject::new("alice"),
            "SELECT vpd.record_action('order/1', 'submit'), vpd.record_action('order/1', 'approve')",
        )?,
        "42501",
        "sod_conflict",
    );
    let state: String = security
        .query_one("SELECT state FROM vpd.sod_exceptions", &[])?
        .get(0);
    assert_eq!(state, "rule changed");
    // As it was, it counts again.
    security.batch_execute(PAIR)?;
    let row = security.query_one("SELECT exception_id, items FROM vpd.sod_conflicts", &[])?;
    assert_eq!(row.get::<_, Option<i64>>(0), Some(1));
    Ok(())
}

#[test]
fn an_exception_goes_with_its_user_and_is_not_inherited() -> Result<()> {
    let (database, mut security) = scene()?;
    security.batch_execute(PAIR)?;
    excuse_alice(&database, "1 hour")?;
    let both = "SELECT vpd.grant_authority('role:Submitter', 'user:alice'), vpd.grant_authority('role:Approver', 'user:alice')";
    // control: the exception allows it
    security.batch_execute(&format!("BEGIN; {both}; ROLLBACK"))?;
    security.batch_execute("SELECT vpd.drop_authority('user:alice'); SELECT vpd.define_user('alice')")?;
    refused(&mut security, both);
    // control: were it open still, it would allow the new alice what it allowed the old one
    database
        .admin()?
        .batch_execute("UPDATE vpd_private.sod_exception SET revoked_at = NULL, revoked_by = NULL")?;
    security.batch_execute(both)?;
    Ok(())
}

#[test]
fn an_exception_that_runs_out_ends_the_session_at_that_moment() -> Result<()> {
    let (database, mut security) = scene()?;
    security.batch_execute(PAIR)?;
    security.batch_execute("SELECT vpd.grant_authority('role:Submitter', 'user:alice')")?;
    excuse_alice(&database, "4 seconds")?;
    security.batch_execute("SELECT vpd.grant_authority('role:Approver', 'user:alice')")?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.query_one("SELECT vpd.has_privilege('order:approve')", &[])?;
    security.batch_execute("SELECT pg_sleep_until(max(expires_at)) FROM vpd.sod_exceptions")?;
    let next = transaction.query_one("SELECT vpd.has_privilege('order:approve')", &[]);
    assert_refused(next, "42501", "sod_conflict");
    let state: String = security
        .query_one("SELECT state FROM vpd.sod_exceptions", &[])?
        .get(0);
    assert_eq!(state, "expired");
    let row = security.query_one("SELECT exception_id FROM vpd.sod_conflicts", &[])?;
    assert_eq!(row.get::<_, Option<i64>>(0), None);
    Ok(())
}

const OBJECT_RULE: &str = "SELECT vpd.define_sod_rule('one_hand', '{privilege:order:submit,privilege:order:approve}', scope => 'object')";

#[test]
fn doing_both_to_one_object_is_refused_and_to_two_is_not() -> Result<()> {
    let (database, mut security) = scene()?;
    let alice = Subject::new("alice");
    security.batch_execute("SELECT vpd.grant_authority('role:' || name, 'user:alice') FROM unnest('{Submitter,Approver}'::text[]) name")?;
    let both =
        "SELECT vpd.record_action('order/1', 'submit'); SELECT vpd.record_action('order/1', 'approve')";
    // Control: without the rule she does both.
    in_session(&database, &alice, both)??;
    security.batch_execute(OBJECT_RULE)?;
    for object in ["order/2", "order:2", "order/two words"] {
        let other = object.replacen(':', "/", 1);
        in_session(
            &database,
            &alice,
            &format!("SELECT vpd.record_action('{object}', 'submit')"),
        )??;
        for approve in ["approve", "order:approve"] {
            let done = in_session(
                &database,
                &alice,
                &format!("SELECT vpd.record_action('{other}', '{approve}')"),
            )?;
            assert_refused(done, "42501", "sod_conflict");
        }
    }
    in_session(
        &database,
        &alice,
        "SELECT vpd.record_action('order/3', 'approve')",
    )??;
    // Twice the same is nothing new.
    in_session(
        &database,
        &alice,
        "SELECT vpd.record_action('order/3', 'approve')",
    )??;
    assert_refused(
        in_session(&database, &alice, "SELECT vpd.record_action('order/4', 'pay')")?,
        "42501",
        "privilege_missing",
    );
    let records: i64 = database
        .connect(role::AUDITOR)?
        .query_one(
            "SELECT count(*) FROM vpd.action_records WHERE user_name = 'alice' AND persons = '{alice}'",
            &[],
        )?
        .get(0);
    assert_eq!(records, 7);
    Ok(())
}

#[test]
fn what_was_rolled_back_was_not_done() -> Result<()> {
    let (database, mut security) = scene()?;
    security.batch_execute("SELECT vpd.grant_authority('role:' || name, 'user:alice') FROM unnest('{Submitter,Approver}'::text[]) name")?;
    security.batch_execute(OBJECT_RULE)?;
    let undone = "SAVEPOINT s; SELECT vpd.record_action('order/1', 'submit'); ROLLBACK TO s; SELECT vpd.record_action('order/1', 'approve')";
    in_session(&database, &Subject::new("alice"), undone)??;
    Ok(())
}

#[test]
fn objects_and_actions_that_are_none_are_refused() -> Result<()> {
    let (database, _security) = scene()?;
    let mut user = database.connect(role::USER)?;
    let none = user.batch_execute("SELECT vpd.record_action('order/1', 'submit')");
    assert_refused(none, "28000", "session_invalid");
    for arguments in [
        "'order', 'submit'",
        "'/1', 'submit'",
        "'order/', 'submit'",
        "'order/ 1', 'submit'",
        "E'order/1\\n', 'submit'",
        "'order/' || repeat('1', 2000), 'submit'",
        "'order/1', ''",
        "'order/1', ' submit'",
        "'order/1', 'invoice:submit'",
        "NULL, 'submit'",
        "'order/1', NULL",
    ] {
        let done = in_session(
            &database,
            &Subject::new("alice"),
            &format!("SELECT vpd.record_action({arguments})"),
        )?;
        assert_refused(done, "22023", "argument_invalid");
    }
    assert_eq!(outcome(user.batch_execute("SELECT 1")), Ok(()));
    Ok(())
}

#[test]
fn what_cannot_be_protected_is_refused() -> Result<()> {
    let (database, mut security) = scene()?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id integer PRIMARY KEY, status text, placed date, made text);
         CREATE TABLE shop.keyless (id integer, status text);
         CREATE VIEW shop.seen AS SELECT * FROM shop.orders; GRANT USAGE ON SCHEMA shop TO PUBLIC",
    )?;
    let untracked =
        "SELECT vpd.protect_action('shop.orders', 'created_by', 'order:approve', 'status', 'approved')";
    assert_refused(security.batch_execute(untracked), "55000", "not_tracked");
    security
        .batch_execute("SELECT vpd.track_changes('shop.orders'); SELECT vpd.track_changes('shop.keyless')")?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.protect_action({})",
        "
         55000 not_tracked          'shop.orders', 'made', 'order:approve', 'status', 'approved'
         55000 not_tracked          'shop.orders', 'created_at', 'order:approve', 'status', 'approved'
         22023 argument_invalid     'shop.orders', 'created_by', 'approve', 'status', 'approved'
         22023 argument_invalid     'shop.orders', 'created_by', 'order:approve', 'status', NULL
         42704 privilege_not_found  'shop.orders', 'created_by', 'order:none', 'status', 'approved'
         42704 column_not_found     'shop.orders', 'created_by', 'order:approve', 'none', 'approved'
         42804 column_type          'shop.orders', 'created_by', 'order:approve', 'placed', '2026-01-01'
         42704 key_not_found        'shop.keyless', 'created_by', 'order:approve', 'status', 'approved'
         42809 relation_unsupported 'shop.seen', 'created_by', 'order:approve', 'status', 'approved'",
    );
    security.batch_execute(untracked)?;
    assert_refused(
        security.batch_execute("SELECT vpd.untrack_changes('shop.orders')"),
        "55000",
        "not_ready",
    );
    security.batch_execute("SELECT vpd.unprotect_action('shop.orders', 'order:approve'); SELECT vpd.untrack_changes('shop.orders')")?;
    assert_refused(
        security.batch_execute("SELECT vpd.unprotect_action('shop.orders', 'order:approve')"),
        "42704",
        "action_not_found",
    );
    Ok(())
}

/// Two duties kept apart, each of a role that a rule over attributes gives.
const BY_ATTRIBUTES: &str = "
SELECT vpd.define_role('Here', 'duty'), vpd.define_role('There', 'duty');
SELECT vpd.define_role('Ungraded', 'parametric', rule => '!exists($.grade)'),
       vpd.define_role('Named', 'parametric', rule => '$.user_name starts with \"x\"'),
       vpd.define_role('OfSales', 'parametric', rule => '$.unit == \"Sales\"');
SELECT vpd.grant_authority('role:Here', 'role:Ungraded'), vpd.grant_authority('role:There', 'role:Named');
SELECT vpd.define_sod_rule('apart', '{role:Here,role:There}');";

#[test]
fn a_new_user_is_not_born_with_what_is_kept_apart() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(BY_ATTRIBUTES)?;
    // control: one of the two alone is no conflict
    security.batch_execute("SELECT vpd.define_user('anna')")?;
    assert_refused(
        security.batch_execute("SELECT vpd.define_user('xaver')"),
        "42501",
        "sod_conflict",
    );
    security.batch_execute("SELECT vpd.define_user('xaver', attributes => '{\"grade\": 1}')")?;
    assert!(conflicts(&mut security)?.is_empty());
    Ok(())
}

#[test]
fn an_import_that_takes_something_away_is_checked_and_written_down() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(BY_ATTRIBUTES)?;
    security.batch_execute(
        "SELECT vpd.define_source('hr', 10), vpd.define_unit('Sales'), vpd.define_unit('Finance');
         SELECT vpd.define_role('OfHere', 'job');
         SELECT vpd.grant_authority('role:Here', 'role:OfHere'), vpd.grant_authority('role:There', 'role:OfSales');
         SELECT vpd.define_user('mo', attributes => '{\"grade\": 1}', unit => 'Sales'), vpd.define_user('mo', 'hr', unit => 'Finance');
         SELECT vpd.grant_authority('role:OfHere', 'user:mo');
         SELECT vpd.define_user('k1', 'hr'), vpd.define_user('k2', 'hr');
         SELECT vpd.define_user('k1', 'hr', manager => 'mo'), vpd.define_user('k1', manager => 'k2'), vpd.define_user('k2', 'hr', manager => 'k1')",
    )?;
    let ask = |client: &mut Client, function: &str, users: &str| -> Result<Vec<String>> {
        let document = format!(r#"{{"format": "pg_vpd definitions", "version": 1, "users": [{users}]}}"#);
        let rows = client.query(
            &format!("SELECT change, detail::text FROM vpd.{function}($1::text::jsonb)"),
            &[&document],
        )?;
        Ok(rows
            .iter()
            .map(|row| {
                format!(
                    "{} {}",
                    row.get::<_, String>(0),
                    row.get::<_, Option<String>>(1).unwrap_or_default()
                )
            })
            .collect())
    };
    for (what, users) in [
        (
            "the unit that kept them apart",
            r#"{"name": "mo", "source": "hr"}"#,
        ),
        (
            "the manager without whom there is a circle",
            r#"{"name": "k1", "source": "hr"}"#,
        ),
    ] {
        let told = ask(&mut security, "policy_store_difference", users)?;
        assert!(
            told.iter().any(|line| line.starts_with("fault")),
            "{what}: {told:?}"
        );
    }
    assert!(conflicts(&mut security)?.is_empty());
    let count = "SELECT count(*) FROM vpd.authority_changes WHERE subject = 'user:k2'";
    let before: i64 = security.query_one(count, &[])?.get(0);
    let told = ask(
        &mut security,
        "import_definitions",
        r#"{"name": "k2", "source": "hr"}"#,
    )?;
    assert!(told.iter().all(|line| !line.starts_with("fault")), "{told:?}");
    let after: i64 = security.query_one(count, &[])?.get(0);
    assert_eq!(after, before + 1, "what is taken away is written down");
    Ok(())
}

#[test]
fn what_stands_now_covers_nothing_that_begins_when_it_is_over() -> Result<()> {
    let (database, mut security) = scene()?;
    security.batch_execute(
        "SELECT vpd.grant_authority('role:Submitter', 'user:alice', valid_until => clock_timestamp() + interval '1 hour');
         SELECT vpd.grant_authority('role:Approver', 'user:alice');
         SELECT vpd.define_sod_rule('pair', '{role:Submitter,role:Approver}', enforce_existing => false)",
    )?;
    // As if an exception had run out: what stands is allowed by nothing, and in the way of nothing else.
    database
        .admin()?
        .batch_execute("DELETE FROM vpd_private.sod_existing")?;
    security.batch_execute("SELECT vpd.grant_authority('role:Payer', 'user:alice')")?;
    for later in [
        "clock_timestamp() + interval '2 hours'",
        "clock_timestamp() + interval '1 day', clock_timestamp() + interval '2 days'",
    ] {
        refused(
            &mut security,
            &format!("SELECT vpd.grant_authority('role:Submitter', 'user:alice', {later})"),
        );
    }
    // Control: while it stands, the same by another way is nothing new.
    security.batch_execute(
        "SELECT vpd.grant_authority('role:Submitter', 'group:Desk', valid_until => clock_timestamp() + interval '30 minutes');
         SELECT vpd.grant_authority('group:Desk', 'user:alice')",
    )?;
    Ok(())
}

#[test]
fn an_import_that_changes_the_time_of_what_was_accepted_leaves_it_accepted() -> Result<()> {
    let (_database, mut security) = scene()?;
    security.batch_execute(
        "SELECT vpd.grant_authority('role:Submitter', 'user:alice'), vpd.grant_authority('role:Approver', 'user:alice');
         SELECT vpd.define_sod_rule('pair', '{role:Submitter,role:Approver}', enforce_existing => false)",
    )?;
    let import = |client: &mut Client, time: &str| -> Result<Vec<String>> {
        let document = format!(
            r#"{{"format": "pg_vpd definitions", "version": 1, "memberships": [{{"holder": "user:alice", "granted": "role:Submitter"{time}}}]}}"#
        );
        let rows = client.query(
            "SELECT change FROM vpd.import_definitions($1::text::jsonb)",
            &[&document],
        )?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    for time in [
        r#", "valid_until": "2999-01-01T00:00:00Z""#,
        r#", "valid_until": "2998-01-01T00:00:00Z", "reason": "shorter""#,
        "",
    ] {
        assert_eq!(import(&mut security, time)?, ["change"], "{time}");
        let accepted: Vec<bool> = security
            .query("SELECT is_accepted FROM vpd.sod_conflicts", &[])?
            .iter()
            .map(|row| row.get(0))
            .collect();
        assert_eq!(accepted, [true], "{time}");
    }
    // What is to begin later is another conflict.
    let later = import(&mut security, r#", "valid_from": "2998-01-01T00:00:00Z""#);
    assert!(later.is_err() || later?.contains(&"fault".to_owned()));
    Ok(())
}

#[test]
fn what_was_accepted_for_later_lets_no_login_bring_it_now() -> Result<()> {
    let (database, mut security) = scene()?;
    security.batch_execute(
        "SELECT vpd.define_role('Claimed', 'enterprise'); SELECT vpd.grant_authority('role:Approver', 'role:Claimed');
         SELECT vpd.grant_authority('role:Submitter', 'user:alice');
         SELECT vpd.grant_authority('role:Approver', 'user:alice', valid_until => clock_timestamp() + interval '6 seconds');
         SELECT vpd.grant_authority('role:Approver', 'user:alice', clock_timestamp() + interval '1 hour');
         SELECT vpd.define_sod_rule('pair', '{role:Submitter,role:Approver}', enforce_existing => false)",
    )?;
    let claims = Subject::new("alice").role("Claimed");
    // Control: while the graph gives it, the login brings nothing that was not accepted.
    in_session(&database, &claims, "SELECT 1")??;
    security.batch_execute(
        "DO $$BEGIN WHILE EXISTS (SELECT FROM vpd.grants WHERE granted = 'role:Approver' AND holder = 'user:alice' AND is_valid) LOOP
             PERFORM pg_sleep(0.05); END LOOP; END$$",
    )?;
    assert!(!matches!(in_session(&database, &claims, "SELECT 1"), Ok(Ok(()))));
    in_session(&database, &Subject::new("alice"), "SELECT 1")??;
    Ok(())
}
