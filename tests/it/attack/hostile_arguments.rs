//! Breaking functions by what they are called with: each function of the schemas that roles use, with each value that is strange for the type of
//! each argument. Whatever it answers is an answer: no internal error, no message of megabytes, no lost connection.
//!
//! The control calls a function that has no answer to one of them.

use postgres::{Client, SimpleQueryMessage};
use vpd_tests::{Database, Result, Subject, attach, protected_orders, role};

/// Strange values for a type, and an ordinary one for an argument beside.
const VALUES: [(&str, &str, &[&str]); 30] = [
    (
        "regclass",
        "'shop.orders'::regclass",
        &[
            "0::regclass",
            "4294967295::oid::regclass",
            "'pg_class'::regclass",
            "'pg_class_oid_index'::regclass",
            "'pg_toast.pg_toast_1255'::regclass",
            "'information_schema.tables'::regclass",
            "NULL::regclass",
        ],
    ),
    ("oid", "1::oid", &["0::oid", "4294967295::oid", "NULL::oid"]),
    (
        "regrole",
        "'app_user'::regrole",
        &[
            "0::oid::regrole",
            "4294967295::oid::regrole",
            "'postgres'::regrole",
        ],
    ),
    (
        "regproc",
        "'pg_catalog.now'::regproc",
        &["0::oid::regproc", "4294967295::oid::regproc"],
    ),
    (
        "regprocedure",
        "'now()'::regprocedure",
        &["0::oid::regprocedure", "4294967295::oid::regprocedure"],
    ),
    (
        "text",
        "'x'",
        &[
            "repeat('x', 1000000)",
            "''",
            "E'\\u0001\\t\\n'",
            "repeat('é', 70)",
            "'a:b:c/'",
            "'$.a[*] ? (@ > 1)'",
            "'{'",
            "repeat('[', 20000)",
            "repeat('(', 20000)",
            "'pg_class'",
            "U&'\\FEFFx'",
        ],
    ),
    (
        "text[]",
        "ARRAY['x']",
        &[
            "ARRAY[repeat('x', 1000000)]",
            "'{}'::text[]",
            "ARRAY[NULL::text]",
            "ARRAY[['a', 'b'], ['c', 'd']]",
            "array_fill('x'::text, ARRAY[100000])",
            "'[5:6]={a,b}'::text[]",
            "ARRAY['']",
        ],
    ),
    (
        "jsonb",
        "'{}'::jsonb",
        &[
            "'null'::jsonb",
            "'[]'::jsonb",
            "(repeat('[', 5000) || repeat(']', 5000))::jsonb",
            "to_jsonb(repeat('x', 1000000))",
            "'1e400'::jsonb",
            "'{\"\": \"\"}'::jsonb",
        ],
    ),
    (
        "interval",
        "'1 hour'::interval",
        &[
            "'-1 day'::interval",
            "'0'::interval",
            "'100000 years'::interval",
            "'-178000000 years'::interval",
        ],
    ),
    (
        "timestamp with time zone",
        "now()",
        &[
            "'infinity'::timestamptz",
            "'-infinity'::timestamptz",
            "'294276-12-31'::timestamptz",
            "'4713-01-01 BC'::timestamptz",
        ],
    ),
    (
        "timestamp without time zone",
        "now()::timestamp",
        &["'infinity'::timestamp", "'4713-01-01 BC'::timestamp"],
    ),
    (
        "date",
        "now()::date",
        &["'infinity'::date", "'4713-01-01 BC'::date"],
    ),
    ("integer", "1", &["0", "-1", "2147483647", "-2147483648"]),
    (
        "bigint",
        "1::bigint",
        &[
            "0::bigint",
            "9223372036854775807",
            "(-9223372036854775808)::bigint",
        ],
    ),
    ("smallint", "1::smallint", &["0::smallint", "(-32768)::smallint"]),
    (
        "numeric",
        "1::numeric",
        &["'NaN'::numeric", "1e1000::numeric", "0::numeric"],
    ),
    (
        "double precision",
        "1::float8",
        &["'NaN'::float8", "'infinity'::float8"],
    ),
    ("boolean", "true", &["NULL::boolean"]),
    (
        "uuid",
        "'00000000-0000-0000-0000-000000000000'::uuid",
        &["NULL::uuid"],
    ),
    (
        "bytea",
        "''::bytea",
        &["convert_to(repeat('x', 1000000), 'UTF8')"],
    ),
    ("name", "'x'::name", &["''::name"]),
    (
        "json",
        "'{}'::json",
        &["(repeat('[', 5000) || repeat(']', 5000))::json"],
    ),
    ("anyelement", "'x'::text", &["NULL::text"]),
    (
        "vpd.sealed_text",
        "'x'::vpd.sealed_text",
        &["NULL::vpd.sealed_text"],
    ),
    (
        "vpd.sealed_bytea",
        "'x'::vpd.sealed_bytea",
        &["NULL::vpd.sealed_bytea"],
    ),
    (
        "vpd.sealed_numeric",
        "'1'::vpd.sealed_numeric",
        &["NULL::vpd.sealed_numeric"],
    ),
    (
        "vpd.sealed_date",
        "'2026-01-01'::vpd.sealed_date",
        &["NULL::vpd.sealed_date"],
    ),
    (
        "vpd.sealed_jsonb",
        "'{}'::vpd.sealed_jsonb",
        &["NULL::vpd.sealed_jsonb"],
    ),
    ("xml", "'<a/>'::xml", &["NULL::xml"]),
    ("inet", "'::1'::inet", &["NULL::inet"]),
];

/// Functions with their kind and the types of their arguments.
const FUNCTIONS: &str = "
SELECT p.pronamespace::regnamespace || '.' || quote_ident(p.proname), p.prokind = 'p',
       ARRAY(SELECT format_type(t, -1) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, place) ORDER BY place)
  FROM pg_proc p
 WHERE p.pronamespace::regnamespace::text IN ('vpd', 'dbms_rls', 'dbms_session')
   AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
 ORDER BY 1, 3";

/// Longer than any message or hint may be.
const LONG: usize = 5000;

fn calls(database: &Database<'_>) -> Result<Vec<String>> {
    let mut calls = vec![];
    for row in database.admin()?.query(FUNCTIONS, &[])? {
        let (name, is_procedure, types): (String, bool, Vec<String>) = (row.get(0), row.get(1), row.get(2));
        let known = |wanted: &String| VALUES.iter().find(|(known, ..)| known == wanted);
        for (place, wanted) in types.iter().enumerate() {
            let (_, _, strange) = known(wanted).ok_or(format!("{name}: no values for {wanted}"))?;
            for value in *strange {
                let given: Vec<&str> = (0..types.len())
                    .map(|other| {
                        if other == place {
                            value
                        } else {
                            known(&types[other]).map_or("NULL", |known| known.1)
                        }
                    })
                    .collect();
                let verb = if is_procedure { "CALL" } else { "SELECT" };
                calls.push(format!("{verb} {name}({})", given.join(", ")));
            }
        }
    }
    Ok(calls)
}

/// What is wrong with the answer to a call.
fn fault(client: &mut Client, call: &str) -> Result<Option<String>> {
    client.batch_execute("BEGIN")?;
    let answer = client
        .simple_query(call)
        .map(|lines: Vec<SimpleQueryMessage>| lines.len());
    let fault = match answer {
        Ok(_) => None,
        Err(error) => {
            let Some(refusal) = error.as_db_error() else {
                return Err(format!("{call}: {error}").into());
            };
            let state = refusal.code().code();
            let length = refusal.message().len() + refusal.hint().map_or(0, str::len);
            let is_bad = state.starts_with("XX") || state == "57014" || length > LONG;
            is_bad.then(|| format!("{call}: {state}, {length} bytes"))
        }
    };
    client.batch_execute("ROLLBACK")?;
    Ok(fault)
}

#[test]
fn no_argument_breaks_a_function() -> Result<()> {
    let database = protected_orders()?;
    let calls = calls(&database)?;
    assert!(calls.len() > 4000, "{}", calls.len());
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut faults = vec![];
    for who in [role::SECURITY, role::AUDITOR, role::BRIDGE, role::USER] {
        let mut client = database.connect(who)?;
        client.batch_execute("SET statement_timeout = '60s'")?;
        if who == role::USER {
            client.batch_execute("BEGIN")?;
            attach(&mut client, &token)?;
            client.batch_execute("COMMIT")?;
        }
        for call in &calls {
            faults.extend(fault(&mut client, call)?.map(|fault| format!("{who}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

#[test]
fn control_a_function_without_an_answer_is_found() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION vpd.unguarded(word text) RETURNS void LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION '%', word; END$$",
    )?;
    let mut client = database.admin()?;
    let mut found = 0;
    for call in calls(&database)?
        .iter()
        .filter(|call| call.contains("vpd.unguarded("))
    {
        found += usize::from(fault(&mut client, call)?.is_some());
    }
    assert_eq!(found, 3);
    Ok(())
}
