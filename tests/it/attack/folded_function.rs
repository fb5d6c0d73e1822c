//! Constants are folded when a predicate is understood, and folding runs functions. Whoever owns a function that a predicate names waits for an administrator to
//! define something. Functions × places × commands × administrators.

use postgres::Client;
use vpd_tests::{Database, Notices, Result, role};

const SCENE: &str = "
CREATE SCHEMA trap AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE trap.t (id integer PRIMARY KEY, note text, plain integer);
CREATE FUNCTION trap.told() RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'sprung as %', current_user; RETURN 'x'; END$$;
CREATE FUNCTION trap.norm(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE FUNCTION trap.same(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE OPERATOR trap.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.same);
RESET ROLE;
";

/// What the owner makes of them later.
const TRAP: &str = "
CREATE OR REPLACE FUNCTION trap.norm(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM trap.told(); RETURN $1; END$$;
CREATE OR REPLACE FUNCTION trap.same(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM trap.told(); RETURN true; END$$;
";

const PREDICATES: [&str; 8] = [
    "note = trap.norm('A')",
    "trap.norm('A') IS NULL OR id = 1",
    "'a' OPERATOR(trap.===) 'b' AND id = 1",
    "NOT ('a' OPERATOR(trap.===) ANY ('{a,b}'))",
    "note = vpd.attribute(trap.norm('app'), 'x')",
    "note = vpd.attribute('app', trap.norm('x'))",
    "CASE WHEN trap.norm('A') = 'a' THEN id = 1 ELSE vpd.user_in_role(trap.norm('r')) END",
    "(SELECT trap.norm('A')) = note AND coalesce(trap.norm('B'), 'c') = 'c'",
];

/// `%P` is a predicate.
const COMMANDS: [&str; 11] = [
    "SELECT vpd.add_policy('trap.t', 'other', $p$%P$p$)",
    "SELECT vpd.alter_policy('trap.t', 'p', predicate => $p$%P$p$)",
    "SELECT vpd.rollback_policy('trap.t', 'p')",
    "SELECT vpd.shadow_policy('trap.t', 'p', $p$%P$p$); SELECT vpd.promote_policy('trap.t', 'p')",
    "SELECT vpd.enable_policy('trap.t', 'p', false); SELECT vpd.enable_policy('trap.t', 'p')",
    "SELECT vpd.refresh_policy('trap.t', 'p')",
    "SELECT vpd.add_mask('trap.t', 'plain', 'NULL', $p$%P$p$)",
    "SELECT vpd.add_mask('trap.t', 'plain', $p$CASE WHEN %P THEN 1 END$p$)",
    "SELECT vpd.add_mask('trap.t', 'plain', 'NULL', $p$%P$p$); SELECT vpd.is_masked('trap.t', 'plain'); SELECT * FROM vpd.posture()",
    "SELECT vpd.effective_predicate('trap.t', 'select')",
    "SELECT * FROM vpd.policies; SELECT vpd.export_definitions()",
];

fn sprung(notices: &Notices) -> Vec<String> {
    let taken = notices.take();
    let told = taken
        .iter()
        .filter(|notice| notice.message().starts_with("sprung"));
    told.map(|notice| notice.message().to_owned()).collect()
}

fn scene(predicate: &str) -> Result<Database<'static>> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(SCENE)?;
    admin.execute("SELECT vpd.add_policy('trap.t', 'p', $1)", &[&predicate])?;
    admin.batch_execute("SELECT vpd.alter_policy('trap.t', 'p', predicate => 'id = 2')")?;
    database.connect(role::OWNER)?.batch_execute(TRAP)?;
    Ok(database)
}

fn run(client: &mut Client, command: &str) -> Result<()> {
    client.batch_execute("BEGIN")?;
    let outcome = client.batch_execute(command);
    client.batch_execute("ROLLBACK")?;
    outcome.map_err(|error| format!("{command}: {error:?}").into())
}

#[test]
fn no_function_of_others_runs_when_a_predicate_is_understood() -> Result<()> {
    for predicate in PREDICATES {
        let database = scene(predicate)?;
        for administrator in ["postgres", role::SECURITY] {
            let (mut client, notices) = database.connect_noticing(administrator)?;
            for command in COMMANDS {
                let command = command.replace("%P", predicate);
                if administrator == role::SECURITY && command.contains("posture()") {
                    continue;
                }
                run(&mut client, &command)?;
                assert_eq!(
                    sprung(&notices),
                    Vec::<String>::new(),
                    "{administrator}: {command}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn control_the_server_folds_them_when_it_plans() -> Result<()> {
    let database = scene(PREDICATES[0])?;
    let (mut admin, notices) = database.connect_noticing("postgres")?;
    for folded in ["trap.norm('A')", "'a' OPERATOR(trap.===) 'b'"] {
        admin.batch_execute(&format!("EXPLAIN SELECT {folded}"))?;
        assert_eq!(sprung(&notices), ["sprung as postgres"], "{folded}");
    }
    Ok(())
}
