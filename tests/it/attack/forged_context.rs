//! A context is worth what it takes to set it. The trusted function of a context may run code of others: triggers, operators, casts,
//! views. None of it may set a value, and nobody may from outside.

use postgres::{Client, GenericClient};
use vpd_tests::{
    Database, Result, Subject, assert_denied, assert_denied_to_all_but, assert_refused, attach, outcome,
    refusal, role,
};

const SET: &str = "CALL dbms_session.set_context('work', 'who', 'boss')";

/// What an attacker makes of a schema of his own: everything that a statement of somebody else can run unawares.
const PLAY: &str = "
CREATE FUNCTION play.evil() RETURNS text LANGUAGE plpgsql AS
    $$BEGIN CALL dbms_session.set_context('work', 'who', 'boss'); RETURN 'x'; END$$;
CREATE FUNCTION play.evil_true() RETURNS boolean LANGUAGE plpgsql AS
    $$BEGIN CALL dbms_session.set_context('work', 'who', 'boss'); RETURN true; END$$;
CREATE FUNCTION play.evil_of(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN play.evil(); END$$;
CREATE FUNCTION play.evil_two(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RETURN play.evil_true(); END$$;
CREATE FUNCTION play.evil_sql() RETURNS text LANGUAGE sql AS
    $$CALL dbms_session.set_context('work', 'who', 'boss'); SELECT 'x'::text$$;
CREATE FUNCTION play.evil_sql_block() RETURNS text LANGUAGE sql AS
    $$DO $x$BEGIN EXECUTE 'CA' || 'LL dbms_session.set_context(''work'', ''who'', ''boss'')'; END$x$; SELECT 'x'::text$$;
CREATE FUNCTION play.evil_definer() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET work_mem = '64kB' AS
    $$BEGIN CALL dbms_session.set_context('work', 'who', 'boss'); RETURN 'x'; END$$;
CREATE FUNCTION play.evil_rows() RETURNS SETOF text LANGUAGE plpgsql AS
    $$BEGIN RETURN NEXT 'x'; CALL dbms_session.set_context('work', 'who', 'boss'); END$$;
CREATE FUNCTION play.evil_dynamic() RETURNS text LANGUAGE plpgsql AS
    $$BEGIN EXECUTE 'DO $x$BEGIN CALL dbms_session.set_context(''work'', ''who'', ''boss''); END$x$'; RETURN 'x'; END$$;
CREATE FUNCTION play.quiet(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN play.evil(); END$$;
CREATE FUNCTION play.inlined() RETURNS text LANGUAGE sql AS $$SELECT play.evil()$$;
CREATE FUNCTION play.step(text, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN play.evil(); END$$;
CREATE AGGREGATE play.gather(text) (SFUNC = play.step, STYPE = text, INITCOND = '');
CREATE PROCEDURE play.evil_procedure() LANGUAGE plpgsql AS
    $$BEGIN CALL dbms_session.set_context('work', 'who', 'boss'); END$$;
CREATE FUNCTION play.evil_trigger() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN CALL dbms_session.set_context('work', 'who', 'boss'); RETURN NEW; END$$;
CREATE OPERATOR play.=== (FUNCTION = play.evil_two, LEFTARG = text, RIGHTARG = text);
CREATE TYPE play.kind AS (t text);
CREATE FUNCTION play.to_kind(text) RETURNS play.kind LANGUAGE plpgsql AS $$BEGIN RETURN ROW(play.evil())::play.kind; END$$;
CREATE CAST (text AS play.kind) WITH FUNCTION play.to_kind(text) AS ASSIGNMENT;
CREATE DOMAIN play.checked AS text CHECK (play.evil_of(VALUE) IS NOT NULL);
CREATE TABLE play.before (t text); CREATE TRIGGER t BEFORE INSERT ON play.before
    FOR EACH ROW EXECUTE FUNCTION play.evil_trigger();
CREATE TABLE play.after (t text); CREATE TRIGGER t AFTER INSERT ON play.after
    FOR EACH STATEMENT EXECUTE FUNCTION play.evil_trigger();
CREATE TABLE play.later (t text); CREATE CONSTRAINT TRIGGER t AFTER INSERT ON play.later INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION play.evil_trigger();
CREATE TABLE play.by_default (i integer, t text DEFAULT play.evil());
CREATE TABLE play.by_check (t text CHECK (play.evil_of(t) IS NOT NULL));
CREATE TABLE play.by_index (t text); CREATE INDEX ON play.by_index (play.quiet(t));
CREATE TABLE play.by_policy (t text); ALTER TABLE play.by_policy ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON play.by_policy USING (play.evil_true());
CREATE TABLE play.by_rule (t text); CREATE RULE r AS ON INSERT TO play.by_rule DO ALSO SELECT play.evil();
CREATE VIEW play.by_view AS SELECT play.evil() AS t;
CREATE VIEW play.by_view_inlined AS SELECT play.inlined() AS t;
";

/// Statements the trusted function runs, each of which runs the attacker's code.
const UNAWARES: &[&str] = &[
    "SELECT play.evil()",
    "SELECT play.evil_sql()",
    "SELECT play.evil_sql_block()",
    "SELECT play.evil_definer()",
    "SELECT play.evil_dynamic()",
    "SELECT * FROM play.evil_rows()",
    "SELECT play.evil_rows()",
    "SELECT play.quiet('a')",
    "SELECT play.inlined()",
    "SELECT play.gather(t) FROM (VALUES ('a')) v (t)",
    "SELECT play.gather(t) OVER () FROM (VALUES ('a')) v (t)",
    "SELECT 'a'::text OPERATOR(play.===) 'b'::text",
    "SELECT 'a'::text::play.kind",
    "SELECT 'a'::text::play.checked",
    "DO $$DECLARE k play.kind; BEGIN k := 'a'::text; END$$",
    "DO $$DECLARE k play.checked; BEGIN k := 'a'::text; END$$",
    "CALL play.evil_procedure()",
    "INSERT INTO play.before VALUES ('a')",
    "INSERT INTO play.after VALUES ('a')",
    "SET CONSTRAINTS ALL IMMEDIATE",
    "INSERT INTO play.by_default (i) VALUES (1)",
    "INSERT INTO play.by_check VALUES ('a')",
    "INSERT INTO play.by_rule VALUES ('a')",
    "INSERT INTO play.by_index VALUES ('a')",
    "SELECT * FROM play.by_policy",
    "SELECT * FROM play.by_view",
    "SELECT * FROM play.by_view_inlined",
    "EXPLAIN ANALYZE SELECT * FROM play.by_view",
    "CREATE TABLE play.made AS SELECT play.evil() AS t",
    "FETCH ALL FROM opened",
    "MOVE ALL FROM moved",
];

/// A trusted procedure that runs what it is given, as no good one would; an attacker with a schema, and a session of his.
fn stage() -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA shop; CREATE SCHEMA play AUTHORIZATION app_user; GRANT USAGE ON SCHEMA shop TO PUBLIC;
         CREATE PROCEDURE shop.work(statement text) LANGUAGE plpgsql AS $$BEGIN EXECUTE statement; END$$;
         CREATE FUNCTION shop.fail() RETURNS void LANGUAGE plpgsql AS
             $$BEGIN CALL dbms_session.set_context('failing', 'who', 'boss'); RAISE EXCEPTION 'no'; END$$;
         CREATE FUNCTION shop.survive() RETURNS void LANGUAGE plpgsql AS
             $$BEGIN
                 BEGIN PERFORM play.evil(); EXCEPTION WHEN insufficient_privilege THEN NULL; END;
                 BEGIN PERFORM count(play.evil()) FROM generate_series(1, 3);
                     EXCEPTION WHEN insufficient_privilege THEN NULL; END;
                 BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END;
                 CALL dbms_session.set_context('surviving', 'who', 'clerk');
             END$$",
    )?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.create_context('work', 'shop.work'), vpd.create_context('failing', 'shop.fail'),
                vpd.create_context('surviving', 'shop.survive')",
    )?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute(PLAY)?;
    user.batch_execute(
        "ALTER TABLE play.by_policy DISABLE ROW LEVEL SECURITY; INSERT INTO play.by_policy VALUES ('a');
                        ALTER TABLE play.by_policy ENABLE ROW LEVEL SECURITY",
    )?;
    Ok(database)
}

fn attacker(database: &Database<'_>) -> Result<Client> {
    let token = Subject::new("mallory").log_in(database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    Ok(user)
}

fn who(client: &mut impl GenericClient, context: &str) -> Result<Option<String>> {
    Ok(client
        .query_one("SELECT vpd.sys_context($1, 'who')", &[&context])?
        .get(0))
}

/// Runs a statement in a savepoint and asserts that it was refused as a forgery and left nothing.
#[track_caller]
fn assert_forgery_fails(user: &mut Client, statement: &str) {
    user.batch_execute("SAVEPOINT s").unwrap();
    let refused = refusal(user.batch_execute(statement));
    assert_eq!(
        (refused.state.code(), refused.token.as_deref()),
        ("42501", Some("context_denied")),
        "{statement}: {refused:?}"
    );
    user.batch_execute("ROLLBACK TO s").unwrap();
    assert_eq!(who(user, "work").unwrap(), None, "{statement}");
}

/// The usual home-made context: a setting that a function writes after it has raised a flag, which is a setting as well.
#[test]
fn control_a_flag_in_a_setting_is_raised_for_everything_that_runs_inside() -> Result<()> {
    let database = Database::create_bare()?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA shop; CREATE SCHEMA play AUTHORIZATION app_user; GRANT USAGE ON SCHEMA shop TO PUBLIC;
         CREATE FUNCTION shop.set_context(value text) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN
                 IF current_setting('app.inside', true) IS DISTINCT FROM 'yes' THEN RAISE insufficient_privilege; END IF;
                 RETURN set_config('app.who', value, false);
             END$$;
         CREATE FUNCTION shop.enter() RETURNS void LANGUAGE plpgsql AS
             $$BEGIN
                 PERFORM set_config('app.inside', 'yes', true);
                 PERFORM shop.set_context('clerk');
                 INSERT INTO play.log VALUES ('entered');
                 PERFORM set_config('app.inside', 'no', true);
             END$$",
    )?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute(
        "CREATE TABLE play.log (t text);
         CREATE FUNCTION play.evil() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN PERFORM shop.set_context('boss'); RETURN NEW; END$$;
         CREATE TRIGGER t BEFORE INSERT ON play.log FOR EACH ROW EXECUTE FUNCTION play.evil()",
    )?;
    assert_denied(user.batch_execute("SELECT shop.set_context('boss')"));
    user.batch_execute("SELECT shop.enter()")?;
    let seen: String = user.query_one("SELECT current_setting('app.who')", &[])?.get(0);
    assert_eq!(seen, "boss");
    // And whoever may run SET needs no trigger.
    user.batch_execute("SET app.inside = 'yes'; SELECT shop.set_context('chief')")?;
    let seen: String = user.query_one("SELECT current_setting('app.who')", &[])?.get(0);
    assert_eq!(seen, "chief");
    Ok(())
}

#[test]
fn nobody_sets_a_value_from_outside() -> Result<()> {
    let database = stage()?;
    let mut user = attacker(&database)?;
    for statement in [
        SET,
        "CALL dbms_session.clear_context('work')",
        "CALL dbms_session.clear_all_context('work')",
        "CALL dbms_session.set_context('no_such_context', 'who', 'boss')",
        "DO $$BEGIN CALL dbms_session.set_context('work', 'who', 'boss'); END$$",
        "DO $$BEGIN EXECUTE $x$CALL dbms_session.set_context('work', 'who', 'boss')$x$; END$$",
        "SELECT play.evil()",
        "SELECT play.evil_sql()",
        "CALL play.evil_procedure()",
        "INSERT INTO play.before VALUES ('a')",
    ] {
        assert_forgery_fails(&mut user, statement);
    }
    assert_denied(user.batch_execute("CALL dbms_session.set_identifier('boss')"));
    // Rights do not help: a superuser stands outside as well.
    let mut admin = database.admin()?;
    assert_refused(admin.batch_execute(SET), "42501", "context_denied");
    assert_refused(
        admin.batch_execute("CALL dbms_session.set_identifier('boss')"),
        "42501",
        "context_denied",
    );
    Ok(())
}

#[test]
fn code_of_others_that_runs_inside_the_trusted_function_sets_nothing() -> Result<()> {
    let database = stage()?;
    let mut user = attacker(&database)?;
    // Everything that can be kept from before is there: a deferred trigger, an open cursor, casts that PL/pgSQL remembers.
    user.batch_execute(
        "INSERT INTO play.later VALUES ('a'); DECLARE opened CURSOR FOR SELECT play.evil();
         DECLARE moved CURSOR FOR SELECT play.evil()",
    )?;
    for statement in &UNAWARES[14..16] {
        assert_forgery_fails(&mut user, statement);
    }
    for statement in UNAWARES {
        assert_forgery_fails(&mut user, &format!("CALL shop.work($w${statement}$w$)"));
    }
    Ok(())
}

#[test]
fn control_the_trusted_function_itself_may() -> Result<()> {
    let database = stage()?;
    let mut user = attacker(&database)?;
    user.execute("CALL shop.work($1)", &[&SET])?;
    assert_eq!(who(&mut user, "work")?.as_deref(), Some("boss"));
    Ok(())
}

#[test]
fn no_expression_can_hold_what_sets_a_value() -> Result<()> {
    let database = stage()?;
    let mut user = database.connect(role::USER)?;
    for statement in [
        "SELECT dbms_session.set_context('work', 'who', 'boss')",
        "CREATE VIEW play.v AS SELECT dbms_session.set_context('work', 'who', 'boss')",
        "CREATE TABLE play.t (t text DEFAULT dbms_session.set_context('work', 'who', 'boss'))",
        "CREATE RULE r2 AS ON INSERT TO play.by_rule DO ALSO CALL dbms_session.set_context('work', 'who', 'boss')",
        "CREATE DOMAIN play.d AS text CHECK (dbms_session.set_context('work', 'who', VALUE) IS NULL)",
        "CREATE OPERATOR play.!!! (FUNCTION = dbms_session.clear_all_context, RIGHTARG = text)",
        "CREATE AGGREGATE play.a(text, text) (SFUNC = dbms_session.set_context, STYPE = text)",
    ] {
        assert!(outcome(user.batch_execute(statement)).is_err(), "{statement}");
    }
    Ok(())
}

/// A function that is prepared while it can set nothing, and changed before the trusted function comes upon it.
#[test]
fn a_function_changed_behind_an_open_cursor_sets_nothing() -> Result<()> {
    let database = stage()?;
    let mut user = attacker(&database)?;
    for language in ["sql", "plpgsql"] {
        let harmless = if language == "sql" {
            // Two statements, so that it is not inlined.
            "SELECT 1; SELECT 'x'::text"
        } else {
            "BEGIN RETURN 'x'; END"
        };
        let evil = if language == "sql" {
            "CALL dbms_session.set_context('work', 'who', 'boss'); SELECT 'x'::text"
        } else {
            "BEGIN CALL dbms_session.set_context('work', 'who', 'boss'); RETURN 'x'; END"
        };
        let create = |volatility: &str, body: &str| {
            format!(
                "CREATE OR REPLACE FUNCTION play.sleeper(n integer) RETURNS text LANGUAGE {language} {volatility} AS $b${body}$b$"
            )
        };
        for statement in ["FETCH ALL FROM sleeping", "MOVE FORWARD 3 FROM sleeping"] {
            user.batch_execute("SAVEPOINT s")?;
            user.batch_execute(&create("STABLE", harmless))?;
            user.batch_execute(
                "DECLARE sleeping CURSOR FOR SELECT play.sleeper(n) FROM generate_series(1, 9) n",
            )?;
            user.batch_execute(&create("VOLATILE", evil))?;
            // A body that was read before stays harmless; one that is read now is refused.
            let call = format!("CALL shop.work('{statement}')");
            match outcome(user.batch_execute(&call)) {
                Ok(()) => assert_eq!(who(&mut user, "work")?, None, "{language}: {statement}"),
                Err(refusal) => assert_eq!(refusal.token.as_deref(), Some("context_denied"), "{refusal:?}"),
            }
            user.batch_execute("ROLLBACK TO s")?;
            assert_eq!(who(&mut user, "work")?, None, "{language}: {statement}");
        }
    }
    Ok(())
}

/// PL/pgSQL keeps the casts it has met for the rest of the transaction, whichever function met them first.
#[test]
fn a_cast_remembered_from_before_sets_nothing() -> Result<()> {
    let database = stage()?;
    let mut user = attacker(&database)?;
    user.batch_execute(
        "CREATE FUNCTION play.is_good(t text) RETURNS boolean LANGUAGE plpgsql AS
             $$BEGIN
                 IF t = 'armed' THEN CALL dbms_session.set_context('cast', 'who', 'boss'); END IF;
                 RETURN true;
             END$$;
         CREATE DOMAIN play.kept AS text CHECK (play.is_good(VALUE));
         CREATE FUNCTION play.meet() RETURNS void LANGUAGE plpgsql AS
             $$DECLARE k play.kept; BEGIN SELECT 'harmless'::text INTO k; END$$; COMMIT",
    )?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.convert(t text) RETURNS void LANGUAGE plpgsql AS
             $$DECLARE k play.kept; BEGIN SELECT t INTO k; END$$",
    )?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.create_context('cast', 'shop.convert')")?;
    let mut user = attacker(&database)?;
    user.batch_execute("SELECT play.meet(); SELECT shop.convert('harmless')")?;
    assert_forgery_fails(&mut user, "SELECT shop.convert('armed')");
    assert_eq!(who(&mut user, "cast")?, None);
    Ok(())
}

#[test]
fn errors_inside_the_trusted_function_leave_no_door_open() -> Result<()> {
    let database = stage()?;
    let mut user = attacker(&database)?;
    user.batch_execute("SAVEPOINT s")?;
    assert!(outcome(user.batch_execute("SELECT shop.fail()")).is_err());
    user.batch_execute("ROLLBACK TO s")?;
    let forge = "CALL dbms_session.set_context('failing', 'who', 'boss')";
    assert_forgery_fails(&mut user, forge);
    // Caught by the attacker, in his own function, who goes on.
    user.batch_execute(
        "CREATE FUNCTION play.catch() RETURNS void LANGUAGE plpgsql AS
             $$BEGIN
                 BEGIN PERFORM shop.fail(); EXCEPTION WHEN raise_exception THEN NULL; END;
                 CALL dbms_session.set_context('failing', 'who', 'boss');
             END$$;
         CREATE FUNCTION play.swallow() RETURNS text LANGUAGE plpgsql AS
             $$BEGIN
                 CALL dbms_session.set_context('work', 'who', 'boss'); RETURN 'x';
             EXCEPTION WHEN insufficient_privilege THEN RETURN 'refused';
             END$$",
    )?;
    assert_forgery_fails(&mut user, "SELECT play.catch()");
    assert_eq!(who(&mut user, "failing")?, None, "what failed was rolled back");
    user.batch_execute("CALL shop.work('SELECT play.swallow()')")?;
    assert_eq!(who(&mut user, "work")?, None);
    // The trusted function that survived an error of somebody else's code is still trusted.
    user.batch_execute("SELECT shop.survive()")?;
    assert_eq!(who(&mut user, "surviving")?.as_deref(), Some("clerk"));
    Ok(())
}

#[test]
fn namesakes_of_the_trusted_function_are_not_trusted() -> Result<()> {
    let database = stage()?;
    database
        .admin()?
        .batch_execute("GRANT CREATE ON SCHEMA shop TO app_user")?;
    let mut user = attacker(&database)?;
    user.batch_execute(
        "CREATE PROCEDURE play.work(statement text) LANGUAGE plpgsql AS $$BEGIN EXECUTE statement; END$$;
         CREATE PROCEDURE shop.work(statement text, again text) LANGUAGE plpgsql AS $$BEGIN EXECUTE statement; END$$;
         SET LOCAL search_path = play, shop",
    )?;
    assert_forgery_fails(&mut user, &format!("CALL work($w${SET}$w$)"));
    assert_forgery_fails(&mut user, &format!("CALL shop.work($w${SET}$w$, 'x')"));
    Ok(())
}

#[test]
fn a_trusted_function_dropped_and_made_again_by_somebody_else_is_not_trusted() -> Result<()> {
    let database = stage()?;
    let mut admin = database.admin()?;
    admin.batch_execute("GRANT CREATE ON SCHEMA shop TO app_user; DROP PROCEDURE shop.work")?;
    let create =
        "CREATE PROCEDURE shop.work(statement text) LANGUAGE plpgsql AS $$BEGIN EXECUTE statement; END$$";
    let mut user = attacker(&database)?;
    user.batch_execute(create)?;
    let call = format!("CALL shop.work($w${SET}$w$)");
    assert_forgery_fails(&mut user, &call);
    user.batch_execute("ROLLBACK")?;
    admin.batch_execute(create)?;
    let mut user = attacker(&database)?;
    user.batch_execute(&call)?;
    assert_eq!(
        who(&mut user, "work")?.as_deref(),
        Some("boss"),
        "control: its owner may"
    );
    user.batch_execute("COMMIT")?;
    admin.batch_execute("ALTER PROCEDURE shop.work OWNER TO app_owner")?;
    let mut user = attacker(&database)?;
    assert_forgery_fails(&mut user, &call);
    user.batch_execute("ROLLBACK")?;
    admin.batch_execute(
        "ALTER PROCEDURE shop.work OWNER TO postgres; ALTER PROCEDURE shop.work RENAME TO other",
    )?;
    let mut user = attacker(&database)?;
    assert_forgery_fails(&mut user, &call.replace("work(", "other("));
    Ok(())
}

#[test]
fn calls_prepared_before_there_was_a_context_are_not_trusted() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA shop; CREATE SCHEMA play AUTHORIZATION app_user; GRANT USAGE ON SCHEMA shop TO PUBLIC;
         CREATE PROCEDURE shop.work(statement text) LANGUAGE plpgsql AS $$BEGIN EXECUTE statement; END$$",
    )?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute(PLAY)?;
    let mut user = attacker(&database)?;
    user.batch_execute("DECLARE opened CURSOR FOR SELECT play.evil()")?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.create_context('work', 'shop.work')")?;
    assert_forgery_fails(&mut user, "CALL shop.work('FETCH ALL FROM opened')");
    assert_forgery_fails(&mut user, &format!("CALL shop.work($w${SET}$w$)"));
    user.batch_execute("COMMIT")?;
    let mut user = attacker(&database)?;
    user.batch_execute(&format!("CALL shop.work($w${SET}$w$)"))?;
    assert_eq!(
        who(&mut user, "work")?.as_deref(),
        Some("boss"),
        "control: the next transaction may"
    );
    Ok(())
}

#[test]
fn the_tables_of_contexts_are_closed() -> Result<()> {
    let database = stage()?;
    assert_denied_to_all_but(
        &database,
        &[],
        &[
            "INSERT INTO vpd_private.global_context VALUES ('WORK', '', '', 'WHO', 'boss')",
            "UPDATE vpd_private.application_context SET function_name = 'evil'",
        ],
    )?;
    Ok(())
}
