//! Equality by tags: what the twin in the clear answers, the sealed column answers, and from an index.

use vpd_tests::{Result, attach, role};

use super::scene::{manager, people, seen, without_session};
use crate::masks::scene::told_in;

/// Statements that give the same of both tables, `{t}`.
const STATEMENTS: &[&str] = &[
    "SELECT id FROM {t} WHERE ssn = '555-103'",
    "SELECT id FROM {t} WHERE '555-103' = ssn",
    "SELECT id FROM {t} WHERE ssn = '555-103'::text",
    "SELECT id FROM {t} WHERE ssn = '555-103'::varchar",
    "SELECT id FROM {t} WHERE ssn IN ('555-103', '555-105', 'none') ORDER BY id",
    "SELECT id FROM {t} WHERE ssn <> '555-103' ORDER BY id",
    "SELECT id FROM {t} WHERE ssn NOT IN ('555-103', '555-105') ORDER BY id",
    "SELECT id FROM {t} WHERE ssn = ANY (ARRAY['555-103', NULL]) ORDER BY id",
    "SELECT id FROM {t} WHERE ssn IS DISTINCT FROM '555-103' ORDER BY id",
    "SELECT id FROM {t} WHERE (ssn, email) = ('555-103', 'person0@planted.example')",
    "SELECT id FROM {t} WHERE (ssn, email) IN (('555-103', 'person0@planted.example'), ('x', 'y'))",
    "SELECT id FROM {t} WHERE email = 'person1@planted.example' ORDER BY id",
    "SELECT id FROM {t} WHERE points = 1.5 ORDER BY id",
    "SELECT id FROM {t} WHERE points = 1.500 ORDER BY id",
    "SELECT id FROM {t} WHERE points = 2 ORDER BY id",
    "SELECT id FROM {t} WHERE born = '1984-01-04'",
    "SELECT id FROM {t} WHERE born = date '1984-01-04'",
    "SELECT id FROM {t} WHERE born IN ('1984-01-04', 'Jan 5, 1984') ORDER BY id",
    r"SELECT id FROM {t} WHERE badge = convert_to('badge-planted-3', 'UTF8')",
    r#"SELECT id FROM {t} WHERE profile = '{ "planted":  1 }' ORDER BY id"#,
    "SELECT CASE ssn WHEN '555-103' THEN 'yes' ELSE 'no' END FROM {t} ORDER BY id",
    "SELECT count(DISTINCT email) FROM {t}",
    "SELECT email, count(*) FROM {t} GROUP BY email ORDER BY count(*), min(id)",
    "SELECT count(*) FROM (SELECT DISTINCT email, points FROM {t}) d",
    "SELECT count(*) FROM {t} a JOIN {t} b ON a.email = b.email",
    "SELECT count(*) FROM {t} a JOIN {t} b USING (email, points)",
    "SELECT a.id FROM {t} a WHERE a.email = (SELECT b.email FROM {t} b WHERE b.id = 2) ORDER BY 1",
    "SELECT a.id FROM {t} a WHERE a.email IN (SELECT b.email FROM {t} b WHERE b.id < 3) ORDER BY 1",
    "SELECT a.id FROM {t} a WHERE a.email NOT IN (SELECT b.email FROM {t} b WHERE b.id < 3) ORDER BY 1",
    "SELECT count(*) FROM {t} a WHERE EXISTS (SELECT FROM {t} b WHERE b.email = a.email AND b.id <> a.id)",
    "SELECT count(*) FROM {t} a JOIN shop.twins w ON w.ssn = a.ssn",
    "SELECT count(*) FROM shop.twins w LEFT JOIN {t} a ON w.email = a.email",
    "SELECT count(*) FROM {t} a WHERE a.email IN (SELECT w.email FROM shop.twins w WHERE w.id = 1)",
    "SELECT count(*) FROM {t} a, LATERAL (SELECT b.id FROM {t} b WHERE b.email = a.email) l",
    "SELECT count(*) FROM (SELECT email FROM {t} UNION SELECT email FROM {t}) u",
    "SELECT count(*) FROM (SELECT email FROM {t} INTERSECT SELECT email FROM {t} WHERE id < 2) u",
    "SELECT email = lag(email, 3) OVER (ORDER BY id) FROM {t} ORDER BY id",
    "SELECT row_number() OVER (PARTITION BY email ORDER BY id) FROM {t} ORDER BY id",
    "SELECT NULLIF(ssn, '555-103') IS NULL FROM {t} ORDER BY id",
    "UPDATE {t} SET email = 'new@planted.example' WHERE ssn = '555-103' RETURNING id, email",
    "DELETE FROM {t} WHERE email = 'person1@planted.example' RETURNING id",
    "INSERT INTO {t} (id, ssn) VALUES (9, '555-101') ON CONFLICT (ssn) DO UPDATE SET email = 'dup' RETURNING id, email",
    "INSERT INTO {t} (id, ssn) VALUES (9, '555-101') ON CONFLICT DO NOTHING RETURNING id",
    "MERGE INTO {t} p USING (VALUES ('555-103'), ('555-999')) v (ssn) ON p.ssn = v.ssn WHEN MATCHED THEN DELETE
        WHEN NOT MATCHED THEN INSERT (id, ssn) VALUES (10, v.ssn);
     SELECT id, ssn FROM {t} ORDER BY id",
];

#[test]
fn equal_is_equal_as_in_the_twin() -> Result<()> {
    let database = people()?;
    let manager = manager(&database)?;
    let shapes = [
        "",
        "SET LOCAL enable_hashjoin = off; SET LOCAL enable_hashagg = off;",
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_mergejoin = off;",
        "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_sort = off;",
    ];
    for statement in STATEMENTS {
        for shape in shapes {
            let of = |table| {
                seen(
                    &database,
                    &manager,
                    &format!("{shape}{}", statement.replace("{t}", table)),
                )
            };
            assert_eq!(of("shop.people")?, of("shop.twins")?, "{shape} {statement}");
        }
    }
    Ok(())
}

#[test]
fn an_index_serves_equality_and_nothing_is_opened_for_it() -> Result<()> {
    let database = people()?;
    let manager = manager(&database)?;
    database
        .admin()?
        .batch_execute("CREATE INDEX by_hash ON shop.people USING hash (email)")?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &manager)?;
    session.batch_execute("SET LOCAL enable_seqscan = off")?;
    for (condition, index) in [
        ("ssn = '555-103'", "people_ssn_key"),
        ("ssn IN ('555-103', '555-104')", "people_ssn_key"),
        ("ssn = $1", "people_ssn_key"),
        ("email = 'person1@planted.example'", "by_hash"),
    ] {
        let plan = if condition.contains('$') {
            session.batch_execute("SET LOCAL plan_cache_mode = force_generic_plan; PREPARE p (vpd.sealed_text) AS SELECT id FROM shop.people WHERE ssn = $1")?;
            told_in(&mut session, "EXPLAIN EXECUTE p ('555-103')")?
        } else {
            told_in(
                &mut session,
                &format!("EXPLAIN SELECT id FROM shop.people WHERE {condition}"),
            )?
        };
        assert!(
            plan.contains(index) && plan.contains("Index Cond"),
            "{condition}: {plan}"
        );
        assert!(!plan.contains("vpd:sealed:"), "{condition}: {plan}");
    }
    Ok(())
}

#[test]
fn what_has_no_order_is_not_compared() -> Result<()> {
    let database = people()?;
    let manager = manager(&database)?;
    let cases = [
        (
            "SELECT id FROM shop.people WHERE salary = 910001.50",
            "not_searchable",
        ),
        (
            "SELECT salary, count(*) FROM shop.people GROUP BY salary",
            "not_searchable",
        ),
        (
            "SELECT a.id FROM shop.people a JOIN shop.people b ON a.salary = b.salary",
            "not_searchable",
        ),
        (
            "SELECT a.id FROM shop.people a JOIN shop.people b ON a.ssn = b.other",
            "keys_differ",
        ),
        ("SELECT id FROM shop.people ORDER BY ssn", "not_ordered"),
        ("SELECT id FROM shop.people ORDER BY ARRAY[ssn]", "not_ordered"),
        ("SELECT greatest(ssn, 'x') FROM shop.people", "not_ordered"),
        ("SELECT least(ssn, email) FROM shop.people", "not_ordered"),
        (
            "SELECT count(DISTINCT CASE WHEN id < 3 THEN email ELSE 'person1@planted.example' END) FROM shop.people",
            "open_among_sealed",
        ),
        ("SELECT id FROM shop.people WHERE ssn < '555-103'", "not_ordered"),
        (
            "SELECT id FROM shop.people WHERE points BETWEEN 1 AND 2",
            "not_ordered",
        ),
        ("SELECT id FROM shop.people WHERE ssn >= '555-103'", "not_ordered"),
        (
            "SELECT rank() OVER (ORDER BY email) FROM shop.people",
            "not_ordered",
        ),
        (
            "SELECT array_agg(id ORDER BY email) FROM shop.people",
            "not_ordered",
        ),
    ];
    for (statement, token) in cases {
        let refused = seen(&database, &manager, statement)?;
        assert_eq!(
            refused.map_err(|refusal| refusal.token),
            Err(Some(token.into())),
            "{statement}"
        );
    }
    let like = seen(
        &database,
        &manager,
        "SELECT id FROM shop.people WHERE vpd.unseal(ssn) LIKE '%103'",
    )?;
    assert_eq!(like.as_deref(), Ok("3|"));
    let range = seen(
        &database,
        &manager,
        "SELECT id FROM shop.people WHERE vpd.unseal(salary) > 910005 ORDER BY vpd.unseal(salary)",
    )?;
    assert_eq!(range.as_deref(), Ok("5|\n6|"));
    Ok(())
}

#[test]
fn a_guess_is_for_who_may_unseal() -> Result<()> {
    let database = people()?;
    for role in [role::USER, role::OWNER, "postgres"] {
        for statement in [
            "SELECT id FROM shop.people WHERE ssn = '555-103'",
            "SELECT id FROM shop.people WHERE ssn IN ('555-103')",
            "SELECT p.id FROM shop.people p JOIN shop.twins t ON p.ssn = t.ssn",
            "SELECT id FROM shop.people WHERE ssn = '555-103'::vpd.sealed_text('pii')",
            "SELECT vpd.seal('555-103', 'pii')",
            "SET enable_seqscan = off; SELECT id FROM shop.people WHERE ssn = '555-103'",
        ] {
            let refused = without_session(&database, role, statement)?;
            let token = refused.map_err(|refusal| refusal.token.unwrap_or_default());
            assert!(
                matches!(
                    token.as_ref().map_err(String::as_str),
                    Err("unseal_refused" | "open_among_sealed")
                ),
                "{role} {statement}: {token:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn statistics_are_made_of_what_can_be_compared() -> Result<()> {
    let database = people()?;
    let mut admin = database.admin()?;
    admin.batch_execute("ANALYZE shop.people; ANALYZE")?;
    let known: Vec<String> = admin
        .query(
            "SELECT attname::text FROM pg_stats WHERE tablename = 'people' ORDER BY 1",
            &[],
        )?
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(
        known.iter().any(|name| name == "email") && !known.iter().any(|name| name == "salary"),
        "{known:?}"
    );
    Ok(())
}
