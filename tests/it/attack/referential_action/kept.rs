//! Plans that were made inside stay on the connection: what was prepared there must not be worth more outside.

use super::cell::{probe, widest};
use super::{bare, begin, everything, printed, protected};
use vpd_tests::{Database, Result, Subject, expected_ids, role};

const READ: &str =
    "SELECT coalesce(json_agg(json_build_array(id, amount) ORDER BY id), '[]')::text FROM shop.all_orders";

/// What is kept, made by the first call: a name, its definition, the call inside, and a query outside that gives one text.
const KEEPERS: &[(&str, &str, &str, &str)] = &[
    ("PREPARE", "", "EXECUTE 'PREPARE kept AS {read}'", "EXECUTE kept"),
    (
        "PREPARE, executed inside",
        "",
        "EXECUTE 'PREPARE kept AS {read}'; EXECUTE 'EXECUTE kept'",
        "EXECUTE kept",
    ),
    (
        "static statement",
        "CREATE FUNCTION pg_temp.kept() RETURNS text LANGUAGE plpgsql AS $$
         DECLARE found text; BEGIN {read} INTO found; RETURN found; END $$",
        "PERFORM pg_temp.kept()",
        "SELECT pg_temp.kept()",
    ),
    (
        "simple expression",
        "CREATE FUNCTION pg_temp.kept() RETURNS text LANGUAGE plpgsql AS $$
         BEGIN RETURN ({read}); END $$",
        "PERFORM pg_temp.kept()",
        "SELECT pg_temp.kept()",
    ),
    (
        "cursor",
        "CREATE FUNCTION pg_temp.kept() RETURNS text LANGUAGE plpgsql AS $$
         DECLARE c CURSOR FOR {read}; found text; BEGIN OPEN c; FETCH c INTO found; CLOSE c; RETURN found; END $$",
        "PERFORM pg_temp.kept()",
        "SELECT pg_temp.kept()",
    ),
    (
        "SQL function",
        "CREATE FUNCTION pg_temp.kept() RETURNS text LANGUAGE sql VOLATILE AS $$ {read} $$",
        "PERFORM pg_temp.kept()",
        "SELECT pg_temp.kept()",
    ),
    (
        "immutable function, folded",
        "CREATE FUNCTION pg_temp.kept() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
         DECLARE found text; BEGIN {read} INTO found; RETURN found; END $$",
        "EXECUTE 'PREPARE kept AS SELECT pg_temp.kept()'; EXECUTE 'EXECUTE kept'",
        "EXECUTE kept",
    ),
    (
        "cursor that stays open",
        "",
        "EXECUTE 'DECLARE kept CURSOR FOR {read}'",
        "FETCH kept",
    ),
];

/// What each keeper gives outside, after it was made inside.
fn outside(database: &Database<'_>, token: Option<&str>) -> Result<Vec<(&'static str, String)>> {
    let mut given = Vec::new();
    for (name, definition, inside, query) in KEEPERS {
        let (mut user, notices) = database.connect_noticing(role::USER)?;
        begin(&mut user, token)?;
        let inside = inside.replace("{read}", &READ.replace('\'', "''"));
        let definition = definition.replace("{read}", READ);
        user.batch_execute(&format!(
            "{probe}{definition};
             CREATE FUNCTION pg_temp.inside() RETURNS trigger LANGUAGE plpgsql AS $f$
             BEGIN PERFORM pg_temp.probe(); {inside}; RETURN OLD; END $f$;
             CREATE TEMP TABLE p (id integer PRIMARY KEY) ON COMMIT DROP;
             CREATE TEMP TABLE c (id integer REFERENCES p ON DELETE CASCADE) ON COMMIT DROP;
             CREATE TRIGGER t BEFORE DELETE ON c FOR EACH ROW EXECUTE FUNCTION pg_temp.inside();
             INSERT INTO p VALUES (1); INSERT INTO c VALUES (1); DELETE FROM p",
            probe = probe("shop.all_orders"),
        ))
        .map_err(|error| format!("{name}: {error:?}"))?;
        assert!(widest(&notices).is_some(), "nothing ran inside: {name}");
        for message in user.simple_query(query)? {
            if let postgres::SimpleQueryMessage::Row(row) = message {
                given.push((*name, row.get(0).unwrap_or_default().to_owned()));
            }
        }
    }
    assert_eq!(given.len(), KEEPERS.len());
    Ok(given)
}

#[test]
fn control_a_plan_that_was_made_inside_serves_outside() -> Result<()> {
    let (database, _) = bare()?;
    let given = outside(&database, None)?;
    for (name, rows) in &given {
        // A SQL function keeps nothing from one query to the next.
        let expected = if *name == "SQL function" {
            "[]".to_owned()
        } else {
            everything()
        };
        assert_eq!(*rows, expected, "{name}");
    }
    Ok(())
}

#[test]
fn a_plan_that_was_made_inside_is_worth_no_more_outside() -> Result<()> {
    let (database, _) = protected()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let east = printed(&expected_ids("East"), |_| 0);
    for (name, rows) in outside(&database, None)? {
        assert_eq!(rows, "[]", "without a session: {name}");
    }
    for (name, rows) in outside(&database, Some(&token))? {
        assert_eq!(rows, east, "{name}");
    }
    Ok(())
}
