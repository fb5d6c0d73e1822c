//! Asked what somebody sees, an administrator runs predicates in that one's session, read only. What a predicate reaches was written by others, who may have it tell them
//! what it sees, or leave something on the administrator's connection. PostgreSQL allows much of that in a read-only transaction.

use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;
use vpd_tests::{Database, Notices, Result, Subject, role};

/// Calls that tell or leave something.
const FUNCTIONS: &[&str] = &[
    "pg_notify('fs_told', coalesce(vpd.user_name(), 'nobody'))",
    "pg_advisory_lock(7)",
    "pg_advisory_lock_shared(7)",
    "pg_advisory_xact_lock(7)",
    "pg_try_advisory_lock(7)",
    "pg_try_advisory_lock(7, 7)",
    "pg_try_advisory_xact_lock_shared(7)",
    "pg_advisory_unlock_all()",
    "lo_create(0)",
    "lo_from_bytea(0, 'alice')",
    "pg_logical_emit_message(false, 'fs', coalesce(vpd.user_name(), 'nobody'))",
    "pg_logical_emit_message(true, 'fs', coalesce(vpd.user_name(), 'nobody'))",
    "set_config('fs.told', coalesce(vpd.user_name(), 'nobody'), false)",
    "set_config('fs.told', coalesce(vpd.user_name(), 'nobody'), true)",
    "setseed(0.5)",
    "pg_stat_clear_snapshot()",
    "pg_cancel_backend(0)",
    "txid_current()",
    "pg_current_xact_id()",
    "nextval('kept_numbers')",
];

/// Commands that do.
const COMMANDS: &[&str] = &[
    "NOTIFY fs_told, 'alice'",
    "LISTEN fs_other",
    "UNLISTEN fs_other",
    "UNLISTEN *",
    "LOCK TABLE fs.rows IN ACCESS SHARE MODE",
    "SET fs.told = 'alice'",
    "SET LOCAL fs.told = 'alice'",
    "RESET fs.told",
    "SET ROLE NONE",
    "SET CONSTRAINTS ALL DEFERRED",
    "PREPARE fs_left AS SELECT vpd.user_name()",
    "DEALLOCATE ALL",
    "DECLARE fs_left CURSOR FOR SELECT vpd.user_name()",
    "DISCARD PLANS",
    "INSERT INTO kept VALUES (coalesce(vpd.user_name(), 'nobody'))",
    "WITH w AS (INSERT INTO kept VALUES ('alice') RETURNING 1) SELECT FROM w",
    "DELETE FROM kept",
];

/// How somebody's session is looked at.
const QUESTIONS: &[&str] = &[
    "SELECT vpd.explain_access('alice', 'fs.rows', '1'::text)",
    "SELECT vpd.explain_access('alice', 'fs.rows', '{\"id\": 1}'::jsonb, command => 'delete')",
    "SELECT vpd.explain_access_json('alice', 'fs.rows', '1'::text, command => 'update')",
    "SELECT vpd.policy_diff('fs.rows', 'alice')",
    "SELECT vpd.policy_diff('fs.rows', 'alice', command => 'update')",
    "SELECT vpd.policy_predicates((SELECT session_id FROM vpd.sessions WHERE user_name = 'alice'))",
];

/// The owner's function, which predicates, a mask and a policy function call.
fn scene() -> Result<(Database<'static>, String)> {
    let database = Database::create()?;
    let (owner, user, security) = (role::OWNER, role::USER, role::SECURITY);
    database.admin()?.batch_execute(&format!(
        "CREATE SCHEMA fs AUTHORIZATION {owner};
         GRANT USAGE ON SCHEMA fs TO PUBLIC;
         SET ROLE {owner};
         CREATE TABLE fs.rows (id integer PRIMARY KEY, region text);
         INSERT INTO fs.rows VALUES (1, 'East');
         GRANT SELECT ON fs.rows TO {user}, {security};
         CREATE FUNCTION fs.act() RETURNS void LANGUAGE plpgsql AS $$ BEGIN END $$;
         CREATE FUNCTION fs.asks(integer) RETURNS boolean LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM fs.act();
             RAISE NOTICE 'done for %', coalesce(vpd.user_name(), 'nobody');
             RETURN true;
         EXCEPTION WHEN OTHERS THEN
             RAISE NOTICE 'refused for %: %', coalesce(vpd.user_name(), 'nobody'), SQLSTATE;
             RETURN true;
         END $$;
         CREATE FUNCTION fs.policy(text, text) RETURNS text LANGUAGE plpgsql AS $$
         BEGIN PERFORM fs.asks(0); RETURN 'true'; END $$;
         RESET ROLE;
         SELECT vpd.add_policy('fs.rows', 'p', predicate => 'fs.asks(id)');
         SELECT vpd.add_policy('fs.rows', 'f', policy_function => 'fs.policy');
         SELECT vpd.shadow_policy('fs.rows', 'p', 'fs.asks(id) AND id > 1')"
    ))?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    Ok((database, token))
}

/// A connection that has something to lose.
fn asking(database: &Database<'_>, role: &str) -> Result<(Client, Notices)> {
    let (mut client, notices) = database.connect_noticing(role)?;
    client.batch_execute(
        "CREATE TEMP TABLE kept (who text); CREATE TEMP SEQUENCE kept_numbers;
         GRANT ALL ON kept, kept_numbers TO PUBLIC",
    )?;
    Ok((client, notices))
}

/// What the owner's function said.
fn said(notices: &Notices) -> Vec<String> {
    let taken = notices.take();
    let words = taken.iter().map(|notice| notice.message());
    words
        .filter(|word| word.starts_with("done for ") || word.starts_with("refused for "))
        .map(str::to_owned)
        .collect()
}

/// The ways in which a function is written that does something.
fn bodies() -> Vec<String> {
    let plpgsql = |body: &str| format!("RETURNS void LANGUAGE plpgsql AS $act$ {body} $act$");
    let mut bodies = Vec::new();
    for call in FUNCTIONS {
        bodies.push(plpgsql(&format!("BEGIN PERFORM {call}; END")));
        bodies.push(plpgsql(&format!("DECLARE x text; BEGIN x := {call}; END")));
        bodies.push(format!(
            "RETURNS void LANGUAGE sql AS $act$ SELECT {call}; SELECT $act$"
        ));
    }
    for command in COMMANDS {
        bodies.push(plpgsql(&format!("BEGIN EXECUTE $do${command}$do$; END")));
    }
    for command in [
        "NOTIFY fs_told, 'alice'",
        "LOCK TABLE fs.rows IN ACCESS SHARE MODE",
    ] {
        bodies.push(plpgsql(&format!(
            "BEGIN EXECUTE $do$DO $in$ BEGIN {command}; END $in$$do$; END"
        )));
    }
    bodies
}

#[test]
fn what_a_predicate_reaches_tells_nobody_and_leaves_nothing() -> Result<()> {
    let (database, _) = scene()?;
    let mut owner = database.connect(role::OWNER)?;
    let mut wrong = Vec::new();
    for asker in [role::SECURITY, "postgres"] {
        let (mut client, notices) = asking(&database, asker)?;
        for body in bodies() {
            owner.batch_execute(&format!(
                "SET check_function_bodies = off; CREATE OR REPLACE FUNCTION fs.act() {body}"
            ))?;
            // The control: in a read-only transaction PostgreSQL itself refuses none of it.
            let control = "BEGIN; DECLARE open_before CURSOR FOR SELECT; SET TRANSACTION READ ONLY; SELECT fs.asks(1); ROLLBACK; SELECT pg_advisory_unlock_all(); UNLISTEN *";
            client.batch_execute(control)?;
            let natively = said(&notices);
            if natively != ["done for nobody"] {
                wrong.push(format!("{asker}: {body}: natively {natively:?}"));
            }
            for question in QUESTIONS {
                client.batch_execute(question)?;
                let said = said(&notices);
                if said.is_empty() || said.iter().any(|word| word != "refused for alice: 25006") {
                    wrong.push(format!("{asker}: {body}: {question}: {said:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// What alice sees reached the owner's connection.
#[test]
fn the_owner_hears_no_row_of_whoever_is_asked_about() -> Result<()> {
    let (database, _) = scene()?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "CREATE OR REPLACE FUNCTION fs.act() RETURNS void LANGUAGE sql AS $$ SELECT pg_notify('fs_told', coalesce(vpd.user_name(), 'nobody')) $$;
         LISTEN fs_told",
    )?;
    let mut heard = |during: &mut dyn FnMut() -> Result<()>| -> Result<Vec<String>> {
        during()?;
        owner.batch_execute("SELECT")?;
        let found = owner.notifications().iter().collect::<Vec<_>>()?;
        Ok(found.into_iter().map(|one| one.payload().to_owned()).collect())
    };
    for asker in [role::SECURITY, "postgres"] {
        let mut client = database.connect(asker)?;
        let control = heard(&mut || Ok(client.batch_execute("SELECT fs.asks(1)")?))?;
        assert_eq!(control, ["nobody"]);
        for question in QUESTIONS {
            let told = heard(&mut || Ok(client.batch_execute(question)?))?;
            assert!(told.is_empty(), "{asker}: {question}: {told:?}");
        }
    }
    Ok(())
}

/// Expressions of PL/pgSQL are made ready once in a transaction, and a cursor when it is opened.
#[test]
fn nothing_that_was_made_ready_before_runs_in_a_foreign_session() -> Result<()> {
    let (database, _) = scene()?;
    let mut owner = database.connect(role::OWNER)?;
    for (make, before) in [
        (
            "CREATE OR REPLACE FUNCTION fs.act() RETURNS void LANGUAGE plpgsql AS $$
             DECLARE x text; BEGIN x := pg_notify('fs_told', coalesce(vpd.user_name(), 'nobody')); END $$",
            "SELECT fs.asks(1)",
        ),
        (
            "CREATE OR REPLACE FUNCTION fs.act() RETURNS void LANGUAGE plpgsql AS $$
             DECLARE c refcursor := 'fs_cursor';
             BEGIN
                 IF vpd.user_name() IS NULL AND NOT EXISTS (SELECT FROM pg_cursors WHERE name = 'fs_cursor') THEN
                     OPEN c FOR SELECT pg_notify('fs_told', coalesce(vpd.user_name(), 'nobody')) FROM generate_series(1, 100);
                 END IF;
                 MOVE NEXT FROM c;
             END $$",
            "DO $$ BEGIN PERFORM fs.act(); END $$",
        ),
    ] {
        owner.batch_execute(make)?;
        for asker in [role::SECURITY, "postgres"] {
            let (mut client, notices) = database.connect_noticing(asker)?;
            for question in QUESTIONS {
                let mut transaction = client.transaction()?;
                // The control: made ready, it goes on for whoever has the session himself.
                transaction.batch_execute(before)?;
                transaction.batch_execute("SELECT fs.asks(1)")?;
                assert!(said(&notices).contains(&"done for nobody".to_owned()), "{make}");
                transaction.batch_execute(question)?;
                let said = said(&notices);
                let refused = said.iter().all(|word| word.starts_with("refused for alice: "));
                assert!(refused && !said.is_empty(), "{asker}: {make}: {question}: {said:?}");
                transaction.rollback()?;
            }
        }
    }
    Ok(())
}

/// What only computes may run, and afterwards everything may.
#[test]
fn predicates_may_read_and_compute_in_a_foreign_session() -> Result<()> {
    let (database, _) = scene()?;
    database.connect(role::OWNER)?.batch_execute(
        "CREATE OR REPLACE FUNCTION fs.act() RETURNS void LANGUAGE plpgsql AS $act$
         DECLARE x text;
         BEGIN
             x := clock_timestamp()::text || random() || timeofday() || gen_random_uuid() || now() || vpd.attribute('app', 'region');
             EXECUTE 'SHOW work_mem' INTO x;
             EXECUTE 'EXPLAIN SELECT' INTO x;
             EXECUTE 'DO $do$ BEGIN PERFORM 1; END $do$';
             FOR x IN SELECT relname FROM pg_class LIMIT 3 LOOP CONTINUE; END LOOP;
         END $act$",
    )?;
    for asker in [role::SECURITY, "postgres"] {
        let (mut client, notices) = asking(&database, asker)?;
        for question in QUESTIONS {
            client.batch_execute(question)?;
            let said = said(&notices);
            assert!(
                !said.is_empty() && said.iter().all(|word| word == "done for alice"),
                "{question}: {said:?}"
            );
        }
        client.batch_execute(
            "SELECT pg_notify('fs_told', 'me'), lo_create(0); NOTIFY fs_told; INSERT INTO kept VALUES ('me')",
        )?;
    }
    Ok(())
}
