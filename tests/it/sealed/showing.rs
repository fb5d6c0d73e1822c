//! What comes out: the value with the privilege, the mask without it, the envelope without a session.

use std::io::Read;

use vpd_tests::{Database, Result, attach, refusal, role};

use super::scene::{clerk, manager, people, seen, without_session};

const COLUMNS: [&str; 9] = [
    "ssn", "email", "salary", "points", "born", "badge", "profile", "hint", "code",
];

#[test]
fn each_session_sees_what_its_privileges_allow() -> Result<()> {
    let database = people()?;
    let (manager, clerk) = (manager(&database)?, clerk(&database)?);
    for column in COLUMNS {
        let sealed = format!("SELECT {column} FROM shop.people ORDER BY id");
        let twin = format!("SELECT {column} FROM shop.twins ORDER BY id");
        assert_eq!(
            seen(&database, &manager, &sealed)?,
            seen(&database, &manager, &twin)?,
            "{column}"
        );
        let envelopes = without_session(&database, role::USER, &sealed)?;
        assert!(
            envelopes
                .as_ref()
                .is_ok_and(|text| text.lines().count() == 6
                    && text.lines().all(|line| line.starts_with("vpd:sealed:"))),
            "{column}: {envelopes:?}"
        );
        let hidden = seen(&database, &clerk, &sealed)?;
        match column {
            "salary" => assert_eq!(hidden, Ok(six("secret"))),
            "hint" => assert_eq!(hidden, Ok(six("(null)"))),
            "code" => assert_eq!(
                hidden.map_err(|refusal| refusal.token),
                Err(Some("unseal_refused".into()))
            ),
            _ => assert_eq!(hidden, Ok(six("•••")), "{column}"),
        }
    }
    Ok(())
}

fn six(shown: &str) -> String {
    vec![format!("{shown}|"); 6].join("\n")
}

#[test]
fn whoever_has_no_privilege_meets_the_mask_in_every_clause() -> Result<()> {
    let database = people()?;
    // A materialized view has no row security, and is met as a table is.
    database.admin()?.batch_execute(
        "CREATE MATERIALIZED VIEW shop.copied AS SELECT * FROM shop.people; GRANT SELECT ON shop.copied TO app_user",
    )?;
    let clerk = clerk(&database)?;
    let statements = [
        ("SELECT count(*) FROM shop.people WHERE ssn = '555-101'", "0|"),
        (
            "SELECT count(*) FROM shop.people WHERE ssn IN ('555-101', '555-102')",
            "0|",
        ),
        ("SELECT count(*) FROM shop.people WHERE ssn = '•••'", "6|"),
        ("SELECT count(DISTINCT ssn) FROM shop.people", "1|"),
        ("SELECT ssn, count(*) FROM shop.people GROUP BY ssn", "•••|6|"),
        (
            "SELECT count(*) FROM shop.people a JOIN shop.people b USING (ssn)",
            "36|",
        ),
        (
            "SELECT count(*) FROM shop.people p JOIN shop.twins t ON t.ssn = p.ssn",
            "0|",
        ),
        ("SELECT max(length(ssn::text)) FROM shop.people", "3|"),
        (
            "SELECT DISTINCT p::text ~ 'planted|sealed' FROM (SELECT ssn, email, badge, profile FROM shop.people) p",
            "f|",
        ),
        (
            "SELECT min(to_jsonb(p)::text) FROM (SELECT email FROM shop.people) p",
            "{\"email\": \"•••\"}|",
        ),
        (
            "WITH p AS MATERIALIZED (SELECT email FROM shop.people) SELECT DISTINCT email FROM p",
            "•••|",
        ),
        (
            "SELECT DISTINCT (SELECT q.email FROM shop.people q WHERE q.id = p.id) FROM shop.people p",
            "•••|",
        ),
        (
            "UPDATE shop.people SET hint = 'x' WHERE ssn = '555-101' RETURNING id",
            "",
        ),
        ("DELETE FROM shop.people WHERE ssn = '555-101' RETURNING id", ""),
        (
            "INSERT INTO shop.people (id, ssn) VALUES (7, '555-107') RETURNING ssn",
            "•••|",
        ),
    ];
    for (statement, expected) in statements {
        assert_eq!(
            seen(&database, &clerk, statement)?.as_deref(),
            Ok(expected),
            "{statement}"
        );
        if statement.starts_with("SELECT") || statement.starts_with("WITH") {
            let statement = statement.replace("shop.people", "shop.copied");
            assert_eq!(
                seen(&database, &clerk, &statement)?.as_deref(),
                Ok(expected),
                "{statement}"
            );
        }
    }
    for (column, expected) in [("hint", "6|0|"), ("salary", "0|1|")] {
        let statement = format!(
            "SELECT count(*) FILTER (WHERE {column} IS NULL), count(DISTINCT {column}) FROM shop.copied"
        );
        assert_eq!(
            seen(&database, &clerk, &statement)?.as_deref(),
            Ok(expected),
            "{statement}"
        );
    }
    for statement in [
        "UPDATE shop.people SET ssn = 'x' WHERE id = 1",
        "UPDATE shop.people SET ssn = email",
        "INSERT INTO shop.people (id, ssn) VALUES (1, '555-107') ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn",
    ] {
        let refused = seen(&database, &clerk, statement)?;
        assert_eq!(
            refused.map_err(|refusal| refusal.token),
            Err(Some("column_masked".into())),
            "{statement}"
        );
    }
    for statement in [
        "SELECT vpd.unseal(ssn) FROM shop.people",
        "SELECT vpd.seal('x', 'pii')",
        "SELECT 'x'::vpd.sealed_text('pii')",
        "SELECT count(code) FROM shop.people WHERE code IS NOT NULL",
        "SELECT count(code) FROM shop.copied WHERE code IS NOT NULL",
    ] {
        let refused = seen(&database, &clerk, statement)?;
        assert_eq!(
            refused.map_err(|refusal| refusal.token),
            Err(Some("unseal_refused".into())),
            "{statement}"
        );
    }
    Ok(())
}

#[test]
fn a_kept_plan_follows_the_session() -> Result<()> {
    let database = people()?;
    let (manager, clerk) = (manager(&database)?, clerk(&database)?);
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET plan_cache_mode = force_generic_plan")?;
    let by_text = user.prepare("SELECT id, ssn::text FROM shop.people WHERE ssn::text = $1 OR id = 1")?;
    let expected = [
        (Some(&manager), "555-101"),
        (Some(&clerk), "•••"),
        (None, "vpd:sealed:"),
    ];
    for round in 0..4 {
        for (token, shown) in expected {
            let mut session = user.transaction()?;
            if let Some(token) = token {
                attach(&mut session, token)?;
            }
            let row = session.query_one(&by_text, &[&"nobody"])?;
            assert!(
                row.get::<_, String>(1).starts_with(shown),
                "round {round}: {shown}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_superuser_sees_envelopes_and_with_a_session_what_the_session_sees() -> Result<()> {
    let database = people()?;
    let sealed = "SELECT ssn FROM shop.people WHERE id = 1";
    let answer = without_session(&database, "postgres", sealed)?;
    assert!(answer.is_ok_and(|text| text.starts_with("vpd:sealed:")));
    let mut admin = database.admin()?;
    for (token, expected) in [(manager(&database)?, "555-101"), (clerk(&database)?, "•••")] {
        let mut session = admin.transaction()?;
        attach(&mut session, &token)?;
        let shown: String = session
            .query_one("SELECT ssn::text FROM shop.people WHERE id = 1", &[])?
            .get(0);
        assert_eq!(shown, expected);
    }
    // What the session may not see, it cannot have opened by casts and functions either.
    let refused = refusal(admin.query("SELECT vpd.unseal(ssn) FROM shop.people", &[]));
    assert_eq!(refused.token.as_deref(), Some("unseal_refused"));
    Ok(())
}

#[test]
fn a_mask_is_never_written_in_the_place_of_a_value() -> Result<()> {
    let database = people()?;
    let (manager, clerk) = (manager(&database)?, clerk(&database)?);
    database.admin()?.batch_execute(
        "CREATE TABLE shop.other (id integer, born vpd.sealed_date('pii'), email vpd.sealed_text('pii'));
         CREATE MATERIALIZED VIEW shop.kept AS SELECT id, email FROM shop.people;
         ALTER TABLE shop.people OWNER TO app_user;
         ALTER TABLE shop.other OWNER TO app_user;
         ALTER MATERIALIZED VIEW shop.kept OWNER TO app_user;
         GRANT CREATE ON SCHEMA shop TO app_user",
    )?;
    let all = "SELECT * FROM shop.people ORDER BY id";
    let before = without_session(&database, "postgres", all)?;
    for statement in [
        "INSERT INTO shop.people (id, born) SELECT 7, born FROM shop.people WHERE id = 1",
        "INSERT INTO shop.people (id, email) SELECT 7, email FROM shop.people WHERE id = 1",
        "INSERT INTO shop.other (id, born) SELECT id, born FROM shop.people",
        "INSERT INTO shop.other (email) SELECT ssn FROM shop.people",
        "MERGE INTO shop.other o USING shop.people p ON o.id = p.id WHEN NOT MATCHED THEN INSERT (id, email) VALUES (p.id, p.email)",
        "CREATE TABLE shop.more AS SELECT email FROM shop.people",
        "ALTER TABLE shop.people ALTER COLUMN email TYPE text",
        "ALTER TABLE shop.people ALTER COLUMN email TYPE vpd.sealed_text('quiet')",
        "REFRESH MATERIALIZED VIEW shop.kept",
    ] {
        let refused = seen(&database, &clerk, statement)?
            .err()
            .and_then(|refusal| refusal.token);
        assert!(
            matches!(refused.as_deref(), Some("unseal_refused" | "key_not_named")),
            "{statement}: {refused:?}"
        );
    }
    assert_eq!(without_session(&database, "postgres", all)?, before);
    let count = "SELECT count(*) FROM shop.other";
    assert_eq!(seen(&database, &manager, count)?.as_deref(), Ok("0|"));
    // Who sees the values may do all of it.
    assert!(
        seen(
            &database,
            &manager,
            "INSERT INTO shop.other SELECT id, born, ssn FROM shop.people"
        )?
        .is_ok()
    );
    Ok(())
}

#[test]
fn a_mask_is_made_for_sealed_types_alone() -> Result<()> {
    let database = people()?;
    for kind in [
        "jsonb",
        "int8",
        "point",
        "box",
        "int[]",
        "uuid",
        "name",
        "text",
        "bytea",
        "record",
        "vpd.sealed_text[]",
    ] {
        let call = format!("SELECT vpd.sealed_mask('pii', NULL::{kind})");
        let refused = without_session(&database, role::USER, &call)?;
        assert_eq!(
            refused.map_err(|refusal| refusal.token),
            Err(Some("argument_invalid".into())),
            "{kind}"
        );
    }
    let mask = without_session(
        &database,
        role::USER,
        "SELECT vpd.sealed_mask('pii', NULL::vpd.sealed_date)",
    )?;
    assert_eq!(mask.as_deref(), Ok("•••|\n"));
    Ok(())
}

#[test]
fn a_table_that_is_copied_by_its_name_shows_what_a_query_shows() -> Result<()> {
    let database = people()?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.people DROP code, ADD doubled integer GENERATED ALWAYS AS (id * 2) STORED, ADD \"Odd name\" text DEFAULT 'odd'",
    )?;
    let (manager, clerk) = (manager(&database)?, clerk(&database)?);
    for (session, what, form) in [
        (&clerk, "shop.people", ""),
        (&clerk, "shop.people (id, hint, ssn)", ""),
        (
            &clerk,
            "shop.people (\"Odd name\", hint)",
            ", FORMAT csv, HEADER, FORCE_QUOTE (hint)",
        ),
        (&clerk, "shop.people", ", FORMAT binary"),
        (&manager, "shop.people (id, hint, ssn)", ""),
    ] {
        let (table, columns) = what.split_once(" (").unwrap_or((
            what,
            "id, ssn, email, salary, points, born, badge, profile, hint, other, \"Odd name\")",
        ));
        let copied = copied_out(
            &database,
            session,
            &format!("COPY {what} TO STDOUT (ENCODING 'UTF8'{form})"),
        )?;
        let columns = columns.trim_end_matches(')');
        let asked = copied_out(
            &database,
            session,
            &format!("COPY (SELECT {columns} FROM {table}) TO STDOUT (ENCODING 'UTF8'{form})"),
        )?;
        assert_eq!(copied, asked, "{what}{form}");
        if session == &clerk && form.is_empty() {
            assert!(String::from_utf8_lossy(&copied).contains("\\N"), "{what}");
        }
    }
    Ok(())
}

fn copied_out(database: &Database<'_>, token: &str, statement: &str) -> Result<Vec<u8>> {
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, token)?;
    let mut bytes = Vec::new();
    session.copy_out(statement)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[test]
fn a_foreign_table_shows_what_a_table_shows() -> Result<()> {
    let database = people()?;
    let file = format!(
        "{}/people-{}.csv",
        database.cluster().data_folder().display(),
        database.name()
    );
    database.admin()?.batch_execute(&format!(
        "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
         COPY (SELECT id, ssn, hint FROM shop.twins) TO '{file}' CSV;
         CREATE FOREIGN TABLE shop.far_people (id integer, ssn vpd.sealed_text('pii'), hint vpd.sealed_text('quiet'))
             SERVER files OPTIONS (filename '{file}', format 'csv');
         GRANT SELECT ON shop.far_people TO app_user"
    ))?;
    let (manager, clerk) = (manager(&database)?, clerk(&database)?);
    for (statement, open, hidden) in [
        ("SELECT ssn FROM shop.far_people WHERE id = 1", "555-101|", "•••|"),
        (
            "SELECT count(*) FROM shop.far_people WHERE ssn = '555-101'",
            "1|",
            "0|",
        ),
        (
            "SELECT count(DISTINCT ssn), count(hint) FROM shop.far_people",
            "6|6|",
            "1|0|",
        ),
    ] {
        assert_eq!(
            seen(&database, &manager, statement)?.as_deref(),
            Ok(open),
            "{statement}"
        );
        assert_eq!(
            seen(&database, &clerk, statement)?.as_deref(),
            Ok(hidden),
            "{statement}"
        );
    }
    Ok(())
}
