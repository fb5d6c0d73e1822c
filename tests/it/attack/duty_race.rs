//! Two administrators grant one person two duties at the same moment; or one person does two things to one object at the same moment, in two sessions. Each alone is
//! allowed, both together are not.

use postgres::Client;
use vpd_tests::{Database, Outcome, Result, Subject, attach, outcome, overlapped, role};

const LEVELS: [&str; 3] = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];

const GRAPH: &str = "
SELECT vpd.define_resource('order');
SELECT vpd.define_privilege('order:submit'); SELECT vpd.define_privilege('order:approve');
SELECT vpd.define_role('Maker'); SELECT vpd.define_role('Checker');
SELECT vpd.grant_authority('privilege:order:submit', 'role:Maker');
SELECT vpd.grant_authority('privilege:order:approve', 'role:Checker');
SELECT vpd.define_user('eve');
";

const RULE: &str = "SELECT vpd.define_sod_rule('pair', '{role:Maker,role:Checker}')";

/// Runs two statements in two transactions that overlap: both have begun and read before either writes, and the first commits while the second waits.
fn race(
    database: &Database<'_>,
    first: &mut Client,
    second: &mut Client,
    level: &str,
    token: Option<&str>,
    statements: [&str; 2],
) -> Result<[Outcome<()>; 2]> {
    for client in [&mut *first, &mut *second] {
        client.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}"))?;
        if let Some(token) = token {
            attach(client, token)?;
        }
        client.query("SELECT count(*) FROM pg_class", &[])?;
    }
    let one = outcome(first.batch_execute(statements[0]));
    let whole = |client: &mut Client| {
        let done = outcome(client.batch_execute(statements[1]));
        let committed = outcome(client.batch_execute("COMMIT"));
        done.and(committed)
    };
    let (two, one) = overlapped(second, &mut database.admin()?, whole, || {
        one.and(outcome(first.batch_execute("COMMIT")))
    })?;
    second.batch_execute("ROLLBACK")?;
    Ok([one, two])
}

fn conflicts(database: &Database<'_>) -> Result<usize> {
    Ok(database
        .connect(role::SECURITY)?
        .query("SELECT FROM vpd.sod_conflicts", &[])?
        .len())
}

#[track_caller]
fn one_won(outcomes: &[Outcome<()>; 2], level: &str) {
    assert_eq!(outcomes[0], Ok(()), "{level}");
    let lost = outcomes[1].as_ref().err();
    assert!(
        lost.is_some_and(|refusal| {
            refusal.token.as_deref() == Some("sod_conflict") || refusal.state.code() == "40001"
        }),
        "{level}: {outcomes:?}"
    );
    if level == "READ COMMITTED" {
        assert_eq!(
            lost.and_then(|refusal| refusal.token.as_deref()),
            Some("sod_conflict")
        );
    }
}

#[test]
fn control_checks_that_do_not_wait_for_one_another_let_both_through() -> Result<()> {
    for level in LEVELS[..2].iter() {
        let database = Database::create()?;
        database
            .connect(role::SECURITY)?
            .batch_execute(&format!("{GRAPH}{RULE}"))?;
        // The same check and the same row, by hand, without the lock of the version.
        let grant = |granted: &str, other: &str| {
            format!(
                "SET LOCAL session_replication_role = replica;
                 INSERT INTO vpd_private.authority_grant (holder_id, granted_id, granted_by)
                 SELECT u.id, g.id, 'test'
                   FROM vpd_private.authority u, vpd_private.authority g
                  WHERE u.name = 'eve' AND g.name = '{granted}'
                    AND NOT EXISTS (SELECT FROM vpd_private.authority_grant x JOIN vpd_private.authority o ON o.id = x.granted_id
                                     WHERE x.holder_id = u.id AND o.name = '{other}')"
            )
        };
        let outcomes = race(
            &database,
            &mut database.admin()?,
            &mut database.admin()?,
            level,
            None,
            [&grant("Maker", "Checker"), &grant("Checker", "Maker")],
        )?;
        assert_eq!(outcomes, [Ok(()), Ok(())], "{level}");
        assert_eq!(conflicts(&database)?, 1, "{level}");
    }
    Ok(())
}

#[test]
fn two_racing_grants_never_both_succeed() -> Result<()> {
    for level in LEVELS {
        let database = Database::create()?;
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute(&format!("{GRAPH}{RULE}"))?;
        let outcomes = race(
            &database,
            &mut security,
            &mut database.connect(role::SECURITY)?,
            level,
            None,
            [
                "SELECT vpd.grant_authority('role:Maker', 'user:eve')",
                "SELECT vpd.grant_authority('role:Checker', 'user:eve')",
            ],
        )?;
        one_won(&outcomes, level);
        assert_eq!(conflicts(&database)?, 0, "{level}");
    }
    Ok(())
}

#[test]
fn a_grant_and_a_rule_that_race_never_both_succeed() -> Result<()> {
    for level in LEVELS {
        let database = Database::create()?;
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute(GRAPH)?;
        security.batch_execute("SELECT vpd.grant_authority('role:Maker', 'user:eve')")?;
        let outcomes = race(
            &database,
            &mut security,
            &mut database.connect(role::SECURITY)?,
            level,
            None,
            ["SELECT vpd.grant_authority('role:Checker', 'user:eve')", RULE],
        )?;
        one_won(&outcomes, level);
        assert_eq!(conflicts(&database)?, 0, "{level}");
    }
    Ok(())
}

#[test]
fn two_sessions_of_one_person_never_both_act_on_one_object() -> Result<()> {
    let actions = [
        "SELECT vpd.record_action('order/1', 'submit')",
        "SELECT vpd.record_action('order/1', 'approve')",
    ];
    for level in LEVELS {
        let database = Database::create()?;
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute(GRAPH)?;
        security.batch_execute(
            "SELECT vpd.grant_authority('role:Maker', 'user:eve'); SELECT vpd.grant_authority('role:Checker', 'user:eve');
             SELECT vpd.define_sod_rule('one_hand', '{privilege:order:submit,privilege:order:approve}', scope => 'object')",
        )?;
        let token = Subject::new("eve").log_in(&database)?;
        let mut first = database.connect(role::USER)?;
        let mut second = database.connect(role::USER)?;
        let outcomes = race(&database, &mut first, &mut second, level, Some(&token), actions)?;
        one_won(&outcomes, level);
        // Control: on two objects both succeed, and without the rule both do on one. SERIALIZABLE may cancel one of them all the same.
        if level == "SERIALIZABLE" {
            continue;
        }
        let apart = [
            actions[0].replace("order/1", "order/2"),
            actions[1].replace("order/1", "order/3"),
        ];
        let outcomes = race(
            &database,
            &mut first,
            &mut second,
            level,
            Some(&token),
            [&apart[0], &apart[1]],
        )?;
        assert_eq!(outcomes, [Ok(()), Ok(())], "{level}");
        security.batch_execute("SELECT vpd.drop_sod_rule('one_hand')")?;
        let same = actions.map(|action| action.replace("order/1", "order/4"));
        let outcomes = race(
            &database,
            &mut first,
            &mut second,
            level,
            Some(&token),
            [&same[0], &same[1]],
        )?;
        assert_eq!(outcomes, [Ok(()), Ok(())], "{level}");
    }
    Ok(())
}
