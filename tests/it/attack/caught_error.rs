//! An error that the library catches must leave nothing behind: no row that was written, no open portal, no reference to a cache; and what means
//! "stop" or "try again" to PostgreSQL is not caught at all.

use postgres::Client;
use vpd_tests::{Database, Notices, Result, Subject, attach, create_orders, outcome, refusal, role};

/// Definitions that fail when somebody looks at them; the name of the policy is `p`.
const FAILING: &[(&str, &str)] = &[
    (
        "a function that writes and fails",
        "CREATE FUNCTION shop.f(text, text) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN INSERT INTO shop.written VALUES (1); PERFORM 1 / 0; RETURN 'true'; END$$;
         SELECT vpd.add_policy('shop.orders', 'p', policy_function => 'shop.f')",
    ),
    (
        "a function that fails in a loop over a query",
        "CREATE FUNCTION shop.f(text, text) RETURNS text LANGUAGE plpgsql AS
             $$DECLARE r record; BEGIN
                 INSERT INTO shop.written VALUES (1);
                 FOR r IN SELECT relname FROM pg_class LOOP PERFORM 1 / 0; END LOOP; RETURN 'true';
             END$$;
         SELECT vpd.add_policy('shop.orders', 'p', policy_function => 'shop.f')",
    ),
    (
        "a function that returns what is no predicate",
        "CREATE FUNCTION shop.f(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'nothing = '$$;
         SELECT vpd.add_policy('shop.orders', 'p', policy_function => 'shop.f')",
    ),
    (
        "a function that names a column that is not there",
        "CREATE FUNCTION shop.f(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'nothing = 1 AND id = 2'$$;
         SELECT vpd.add_policy('shop.orders', 'p', policy_function => 'shop.f')",
    ),
    (
        "a predicate whose column was renamed",
        "SELECT vpd.add_policy('shop.orders', 'p', 'amount > 0');
         ALTER TABLE shop.orders RENAME COLUMN amount TO total",
    ),
    (
        "a predicate whose helper is gone",
        "CREATE TABLE shop.helper (id integer);
         SELECT vpd.add_policy('shop.orders', 'p', 'id IN (SELECT h.id FROM shop.helper h)');
         DROP TABLE shop.helper",
    ),
    (
        "a predicate that is no longer boolean",
        "ALTER TABLE shop.orders ADD COLUMN flag boolean;
         SELECT vpd.add_policy('shop.orders', 'p', 'flag');
         ALTER TABLE shop.orders ALTER flag TYPE text USING 'x'",
    ),
    (
        "a predicate that fails for a row",
        "SELECT vpd.add_policy('shop.orders', 'p', '1 / (id - 2) > 5')",
    ),
    (
        "a function that is gone",
        "CREATE FUNCTION shop.f(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'true'$$;
         SELECT vpd.add_policy('shop.orders', 'p', policy_function => 'shop.f');
         DROP FUNCTION shop.f",
    ),
    (
        "a function that reads the table it protects",
        "CREATE FUNCTION shop.f(text, text) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN INSERT INTO shop.written VALUES (1); PERFORM FROM shop.orders; RETURN 'true'; END$$;
         SELECT vpd.add_policy('shop.orders', 'p', policy_function => 'shop.f')",
    ),
    (
        "a mask whose condition does not fit any more",
        "SELECT vpd.add_policy('shop.orders', 'p', 'true');
         SELECT vpd.add_mask('shop.orders', 'region', '''none''', visible_when => 'amount > 0');
         ALTER TABLE shop.orders RENAME COLUMN amount TO total",
    ),
];

/// Who looks. A reader may refuse; it may not leave anything behind.
const READERS: &[&str] = &[
    "SELECT * FROM vpd.policy_predicates((SELECT session_id FROM vpd.sessions WHERE user_name = 'alice'))",
    "SELECT * FROM vpd.policy_predicates()",
    "SELECT * FROM vpd.v$vpd_policy",
    "SELECT vpd.explain_access('alice', 'shop.orders', '2'::text)",
    "SELECT vpd.policy_diff('shop.orders', 'alice')",
    "SELECT vpd.effective_predicate('shop.orders')",
    "SELECT * FROM vpd.posture()",
    "SELECT vpd.add_policy('shop.orders', 'q', 'nothing = 1')",
    "SELECT vpd.add_mask('shop.orders', 'id', 'nothing + 1')",
    "SELECT vpd.promote_policy('shop.orders', 'p')",
    "SELECT vpd.rollback_policy('shop.orders', 'p', 1)",
    "SELECT * FROM vpd.policy_store_difference('{\"format\": \"pg_vpd definitions\", \"version\": 1, \"policies\": [{\"relation\": \"shop.orders\", \"name\": \"p\", \"predicate\": \"nothing = 1\"}]}')",
    "SELECT count(*) FROM shop.orders",
];

fn scene(definition: &str) -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE shop.written (n integer);
         GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user, sec_admin, app_auditor, app_owner;
         SELECT vpd.grant_profile('runtime', 'sec_admin')",
    )?;
    admin.batch_execute(definition)?;
    admin.batch_execute("SELECT vpd.shadow_policy('shop.orders', 'p', 'region = ''East''')")?;
    Ok(database)
}

/// What PostgreSQL says when something was left open.
fn leaks(notices: &Notices) -> Vec<String> {
    let taken = notices.take();
    let found = taken.iter().filter(|notice| {
        [
            "leak",
            "still referenced",
            "not closed",
            "snapshot",
            "transaction left",
        ]
        .iter()
        .any(|word| notice.message().contains(word))
    });
    found.map(|notice| notice.message().to_owned()).collect()
}

#[test]
fn nothing_is_left_of_what_failed() -> Result<()> {
    for (name, definition) in FAILING {
        let database = scene(definition)?;
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        for role in [role::SECURITY, "postgres"] {
            let (mut client, notices) = database.connect_noticing(role)?;
            for reader in READERS {
                client.batch_execute("BEGIN")?;
                attach(&mut client, &token)?;
                client.batch_execute("SAVEPOINT before")?;
                let answered = outcome(client.batch_execute(reader));
                if answered.is_err() {
                    client.batch_execute("ROLLBACK TO before")?;
                }
                let written = client.query_one("SELECT count(*) FROM shop.written", &[])?;
                client.batch_execute("RELEASE before; COMMIT")?;
                assert_eq!(written.get::<_, i64>(0), 0, "{name}, {role}, {reader}");
                let leaks = leaks(&notices);
                assert!(leaks.is_empty(), "{name}, {role}, {reader}: {leaks:?}");
                if reader.contains("promote") || reader.contains("rollback") {
                    break;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn the_other_policies_are_told_and_the_transaction_goes_on() -> Result<()> {
    for (name, definition) in FAILING {
        let database = scene(definition)?;
        Subject::in_region("alice", "East").log_in(&database)?;
        database
            .admin()?
            .batch_execute("SELECT vpd.add_policy('shop.orders', 'well', 'id > 0')")?;
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute(
            "BEGIN; CREATE TEMP TABLE kept (n integer) ON COMMIT DROP; INSERT INTO kept VALUES (1)",
        )?;
        for reader in [READERS[0], READERS[3]] {
            let rows = security.query(reader, &[]);
            assert!(rows.is_ok(), "{name}, {reader}: {:?}", rows.err());
        }
        let kept: i64 = security.query_one("SELECT count(*) FROM kept", &[])?.get(0);
        assert_eq!(kept, 1, "{name}");
        security.batch_execute("COMMIT")?;
    }
    Ok(())
}

#[test]
fn control_what_succeeds_is_kept() -> Result<()> {
    let database = scene(
        "CREATE FUNCTION shop.f(text, text) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN INSERT INTO shop.written VALUES (1); RETURN 'true'; END$$;
         SELECT vpd.add_policy('shop.orders', 'p', policy_function => 'shop.f')",
    )?;
    Subject::in_region("alice", "East").log_in(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    // Nobody else's session is in place here, in which nothing could be written.
    security.batch_execute("SELECT vpd.effective_predicate('shop.orders')")?;
    let written: i64 = security
        .query_one("SELECT count(*) FROM shop.written", &[])?
        .get(0);
    assert!(
        written > 0,
        "so that a row of a function that failed would be seen"
    );
    Ok(())
}

const PASSING: &[&str] = &["40001", "40P01", "53100", "53200", "53300", "57014", "57P03"];

/// Statements in which the library runs the function, or the predicate, of a policy.
const RUNNERS: &[&str] = &[
    "SELECT count(*) FROM shop.orders",
    "SELECT vpd.effective_predicate('shop.orders')",
    "SELECT * FROM vpd.policy_predicates((SELECT session_id FROM vpd.sessions WHERE user_name = 'alice'))",
    "SELECT * FROM vpd.policy_predicates()",
    "SELECT * FROM vpd.v$vpd_policy",
    "SELECT vpd.explain_access('alice', 'shop.orders', '2'::text)",
    "SELECT vpd.policy_diff('shop.orders', 'alice')",
];

fn state_of(client: &mut Client, token: &str, statement: &str) -> Result<String> {
    client.batch_execute("BEGIN")?;
    attach(client, token)?;
    let state = outcome(client.batch_execute(statement))
        .err()
        .map(|refusal| refusal.state.code().to_owned());
    client.batch_execute("ROLLBACK")?;
    Ok(state.unwrap_or_default())
}

#[test]
fn what_means_stop_or_again_keeps_its_state() -> Result<()> {
    let database = scene(
        "CREATE FUNCTION shop.f(text, text) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN RAISE 'stop' USING ERRCODE = current_setting('test.state'); END$$;
         SELECT vpd.add_policy('shop.orders', 'p', policy_function => 'shop.f')",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut client = database.connect(role::SECURITY)?;
    for state in PASSING {
        client.execute("SELECT set_config('test.state', $1, false)", &[state])?;
        for runner in RUNNERS {
            assert_eq!(state_of(&mut client, &token, runner)?, *state, "{runner}");
        }
    }
    client.execute("SELECT set_config('test.state', '22012', false)", &[])?;
    assert_eq!(
        state_of(&mut client, &token, RUNNERS[0])?,
        "38000",
        "control: others are wrapped"
    );
    Ok(())
}

#[test]
fn what_a_predicate_says_keeps_its_state_too() -> Result<()> {
    let database = scene(
        "CREATE FUNCTION shop.g(integer) RETURNS boolean LANGUAGE plpgsql STABLE AS
             $$BEGIN RAISE 'stop' USING ERRCODE = current_setting('test.state'); END$$;
         SELECT vpd.add_policy('shop.orders', 'p', 'shop.g(id)')",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut client = database.connect(role::SECURITY)?;
    for state in PASSING {
        client.execute("SELECT set_config('test.state', $1, false)", &[state])?;
        for runner in [RUNNERS[0], RUNNERS[5], RUNNERS[6]] {
            assert_eq!(state_of(&mut client, &token, runner)?, *state, "{runner}");
        }
    }
    Ok(())
}

#[test]
fn the_time_out_of_a_statement_stops_whatever_runs_a_policy_function() -> Result<()> {
    let database = scene(
        "CREATE FUNCTION shop.f(text, text) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN PERFORM count(*) FROM generate_series(1, 100000000000); RETURN 'true'; END$$;
         SELECT vpd.add_policy('shop.orders', 'p', policy_function => 'shop.f')",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut client = database.connect(role::SECURITY)?;
    for runner in RUNNERS {
        client.batch_execute("SET statement_timeout = '5s'; BEGIN")?;
        attach(&mut client, &token)?;
        client.batch_execute("SET LOCAL statement_timeout = '300ms'")?;
        let stopped = refusal(client.batch_execute(runner));
        assert_eq!(stopped.state.code(), "57014", "{runner}: {stopped:?}");
        client.batch_execute("ROLLBACK; SELECT 1")?;
    }
    Ok(())
}

#[test]
fn a_definition_that_is_cancelled_says_so() -> Result<()> {
    let database = scene("SELECT vpd.add_policy('shop.orders', 'p', 'true')")?;
    let mut holder = database.admin()?;
    holder.batch_execute("CREATE TABLE shop.held (id integer)")?;
    holder.batch_execute("BEGIN; LOCK TABLE shop.held IN ACCESS EXCLUSIVE MODE")?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SET statement_timeout = '300ms'")?;
    let predicate = "id IN (SELECT h.id FROM shop.held h)";
    for (definition, argument) in [
        ("SELECT vpd.add_policy('shop.orders', 'q', $1)", predicate),
        ("SELECT vpd.alter_policy('shop.orders', 'p', $1)", predicate),
        ("SELECT vpd.shadow_policy('shop.orders', 'p', $1)", predicate),
        (
            "SELECT vpd.add_mask('shop.orders', 'region', '''none''', visible_when => $1)",
            predicate,
        ),
        (
            "SELECT vpd.add_mask('shop.orders', 'region', $1)",
            "(SELECT max(h.id) FROM shop.held h)::text",
        ),
    ] {
        let cancelled = refusal(security.query(definition, &[&argument]));
        assert_eq!(cancelled.state.code(), "57014", "{definition}: {cancelled:?}");
    }
    Ok(())
}
