//! Other states in which the server runs code of users: commands that act as the owner of a table, settings that a function
//! brings along. None lifts a policy.

use super::cell::{probe, widest};
use super::{begin, printed, protected};
use vpd_tests::{Database, Result, Subject, expected_ids, outcome, role};

const TABLE: &str = "CREATE TABLE mine.t (id integer, g integer); INSERT INTO mine.t VALUES (1, 1), (2, 2);";

/// Commands that run functions of the role's own: what makes them, and what starts them.
const COMMANDS: &[(&str, &str)] = &[
    ("", "CREATE INDEX ON mine.t (pg_temp.given(id))"),
    (
        "CREATE INDEX i ON mine.t (pg_temp.given(id))",
        "REINDEX INDEX mine.i",
    ),
    (
        "CREATE INDEX i ON mine.t (pg_temp.given(id))",
        "REINDEX TABLE mine.t",
    ),
    ("CREATE INDEX i ON mine.t (pg_temp.given(id))", "ANALYZE mine.t"),
    (
        "CREATE INDEX i ON mine.t (pg_temp.given(id))",
        "CLUSTER mine.t USING i",
    ),
    (
        "CREATE INDEX i ON mine.t USING brin (pg_temp.given(id)) WITH (pages_per_range = 1);
         INSERT INTO mine.t SELECT generate_series(1, 1000)",
        "SELECT brin_summarize_new_values('mine.i')",
    ),
    (
        "CREATE STATISTICS mine.s ON pg_temp.given(id), g FROM mine.t",
        "ANALYZE mine.t",
    ),
    (
        "CREATE MATERIALIZED VIEW mine.m AS SELECT pg_temp.given(id) FROM mine.t WITH NO DATA",
        "REFRESH MATERIALIZED VIEW mine.m",
    ),
    (
        "CREATE MATERIALIZED VIEW mine.m AS SELECT pg_temp.given(id) AS id FROM mine.t; CREATE UNIQUE INDEX ON mine.m (id)",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY mine.m",
    ),
    (
        "",
        "CREATE MATERIALIZED VIEW mine.m AS SELECT pg_temp.given(id) FROM mine.t",
    ),
    (
        "",
        "ALTER TABLE mine.t ALTER g TYPE bigint USING pg_temp.given(g)",
    ),
    ("", "ALTER TABLE mine.t ADD h integer DEFAULT pg_temp.given(1)"),
    ("", "ALTER TABLE mine.t ADD CHECK (pg_temp.given(id) > 0)"),
    (
        "ALTER TABLE mine.t ADD CONSTRAINT k CHECK (pg_temp.given(id) > 0) NOT VALID",
        "ALTER TABLE mine.t VALIDATE CONSTRAINT k",
    ),
    (
        "CREATE DOMAIN mine.d AS integer; ALTER TABLE mine.t ADD h mine.d DEFAULT 1",
        "ALTER DOMAIN mine.d ADD CHECK (pg_temp.probe())",
    ),
    (
        "ALTER TABLE mine.t ADD UNIQUE (id);
         CREATE TABLE mine.words (id mine.word); INSERT INTO mine.words VALUES ('1')",
        "ALTER TABLE mine.words ADD FOREIGN KEY (id) REFERENCES mine.t (id)",
    ),
    (
        "CREATE TABLE mine.parts (id integer) PARTITION BY LIST (pg_temp.given(id))",
        "ALTER TABLE mine.parts ATTACH PARTITION mine.t FOR VALUES IN (1, 2)",
    ),
    (
        "CREATE FUNCTION pg_temp.off() RETURNS boolean LANGUAGE plpgsql SET row_security = on
             AS 'BEGIN RETURN pg_temp.probe(); END'",
        "SELECT pg_temp.off()",
    ),
    (
        "CREATE FUNCTION pg_temp.replica() RETURNS boolean LANGUAGE plpgsql SET search_path = pg_temp
             AS 'BEGIN RETURN pg_temp.probe(); END'",
        "SELECT pg_temp.replica()",
    ),
];

fn scene() -> Result<Database<'static>> {
    let (database, _) = protected()?;
    database
        .admin()?
        .batch_execute("CREATE SCHEMA mine AUTHORIZATION app_user")?;
    Ok(database)
}

#[test]
fn commands_that_run_functions_of_a_role_lift_no_policy() -> Result<()> {
    let database = scene()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let east = printed(&expected_ids("East"), |_| 0);
    for (make, start) in COMMANDS {
        for (token, expected) in [(None, "[]"), (Some(token.as_str()), east.as_str())] {
            let (mut user, notices) = database.connect_noticing(role::USER)?;
            begin(&mut user, token)?;
            user.batch_execute(&format!(
                "{probe}{TABLE}
                 CREATE TYPE mine.word AS ENUM ('1', '2');
                 CREATE FUNCTION mine.read(mine.word) RETURNS integer LANGUAGE plpgsql IMMUTABLE
                     AS 'BEGIN PERFORM pg_temp.probe(); RETURN $1::text::integer; END';
                 CREATE CAST (mine.word AS integer) WITH FUNCTION mine.read(mine.word) AS IMPLICIT;
                 {make}",
                probe = probe("shop.all_orders"),
            ))
            .map_err(|error| format!("{make}: {error:?}"))?;
            drop(notices.take());
            match outcome(user.batch_execute(start)) {
                Ok(()) => (),
                // It makes a temporary table of its own, which a session does not allow.
                Err(refusal) if token.is_some() && refusal.token.as_deref() == Some("outlives_session") => {
                    continue;
                }
                Err(refusal) => return Err(format!("{start}: {refusal:?}").into()),
            }
            let seen = widest(&notices);
            assert_eq!(seen.as_deref(), Some(expected), "{make}; {start}");
        }
    }
    Ok(())
}

#[test]
fn a_function_that_switches_row_security_off_gets_an_error() -> Result<()> {
    let database = scene()?;
    let mut user = database.connect(role::USER)?;
    let mut owner = database.connect(role::OWNER)?;
    for client in [&mut user, &mut owner] {
        client.batch_execute(
            "CREATE FUNCTION pg_temp.off() RETURNS bigint LANGUAGE plpgsql SET row_security = off
                 AS 'BEGIN RETURN (SELECT count(*) FROM shop.all_orders); END'",
        )?;
        let refusal = vpd_tests::refusal(client.query_one("SELECT pg_temp.off()", &[]));
        assert_eq!(refusal.state.code(), "42501", "{refusal:?}");
    }
    Ok(())
}

#[test]
fn maintenance_by_somebody_else_runs_functions_as_the_owner_of_the_table() -> Result<()> {
    let database = scene()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION mine.given(i integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
         BEGIN
             RAISE NOTICE 'seen %', (SELECT coalesce(json_agg(json_build_array(id, current_user)), '[]') FROM shop.all_orders);
             RETURN i;
         END $$;
         CREATE TABLE mine.t (id integer); INSERT INTO mine.t SELECT generate_series(1, 3);
         CREATE INDEX i ON mine.t (mine.given(id)); ALTER TABLE mine.t OWNER TO app_user;
         GRANT SELECT ON shop.all_orders TO PUBLIC",
    )?;
    // What autovacuum does too: a superuser asks, the function runs as the owner in a restricted operation.
    for command in [
        "ANALYZE mine.t",
        "VACUUM (FULL) mine.t",
        "REINDEX TABLE mine.t",
        "CLUSTER mine.t USING i",
        "CREATE INDEX CONCURRENTLY ON mine.t (mine.given(id))",
        "REINDEX TABLE CONCURRENTLY mine.t",
    ] {
        let (mut admin, notices) = database.connect_noticing("postgres")?;
        admin.batch_execute(command)?;
        assert_eq!(widest(&notices).as_deref(), Some("[]"), "{command}");
    }
    Ok(())
}
