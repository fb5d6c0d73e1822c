//! Every clause and every kind of statement in which a value could come out from under its mask.

use vpd_tests::{Result, refusal};

use crate::masks::scene::{enable_masks, is_revealing, masked_staff, nobody, told};

/// Statements that print a salary or a number when nothing hides them.
pub const REVEALING: &[&str] = &[
    // Target lists, whole rows, JSON.
    "SELECT * FROM shop.staff",
    "SELECT salary, ssn FROM shop.staff",
    "SELECT s FROM shop.staff s",
    "SELECT s.*::text FROM shop.staff s",
    "SELECT (s).salary FROM shop.staff s",
    "SELECT (SELECT (x).ssn FROM (SELECT s AS x) inner_row) FROM shop.staff s",
    "SELECT row_to_json(s) FROM shop.staff s",
    "SELECT to_jsonb(s) FROM shop.staff s",
    "SELECT jsonb_agg(s) FROM shop.staff s",
    "SELECT json_build_object('x', salary) FROM shop.staff",
    "SELECT array_agg(s.salary) FROM shop.staff s",
    "SELECT string_agg(ssn, ',') FROM shop.staff",
    "SELECT format('%s', s) FROM shop.staff s",
    "SELECT hstore FROM (SELECT s::text AS hstore FROM shop.staff s) x",
    "TABLE shop.staff",
    "SELECT * FROM ONLY shop.staff",
    "SELECT x.* FROM shop.staff AS x (a, b, c, d, e)",
    // Sub-selects, WITH, set operations, LATERAL.
    "SELECT (SELECT salary FROM shop.staff WHERE id = 1)",
    "SELECT ARRAY(SELECT ssn FROM shop.staff)",
    "SELECT x FROM (SELECT salary AS x FROM shop.staff) y",
    "SELECT x FROM (SELECT salary AS x FROM shop.staff OFFSET 0) y",
    "WITH y AS (SELECT * FROM shop.staff) SELECT * FROM y",
    "WITH y AS MATERIALIZED (SELECT * FROM shop.staff) SELECT y FROM y",
    "WITH y AS NOT MATERIALIZED (SELECT * FROM shop.staff) SELECT a.ssn FROM y a JOIN y b USING (id)",
    "WITH RECURSIVE y AS (SELECT id, salary FROM shop.staff WHERE id = 1
         UNION ALL SELECT s.id, s.salary FROM shop.staff s JOIN y ON s.id = y.id + 1) SELECT * FROM y",
    "WITH RECURSIVE y AS (SELECT s AS whole, 1 AS n FROM shop.staff s WHERE id = 1
         UNION ALL SELECT s, n + 1 FROM y JOIN shop.staff s ON s.id = n + 1) SELECT * FROM y",
    "SELECT salary FROM shop.staff UNION SELECT salary FROM shop.staff",
    "SELECT salary FROM shop.staff UNION ALL SELECT 1",
    "SELECT ssn FROM shop.staff INTERSECT SELECT ssn FROM shop.staff",
    "SELECT salary FROM shop.staff EXCEPT SELECT 1",
    "SELECT x.salary FROM generate_series(1, 8) n, LATERAL (SELECT salary FROM shop.staff WHERE id = n) x",
    "SELECT x.v FROM shop.staff s, LATERAL (SELECT s.salary + 0 AS v) x",
    "SELECT x.v FROM shop.staff s, LATERAL (VALUES (s.ssn)) x (v)",
    "SELECT x FROM shop.staff s, LATERAL unnest(ARRAY[s.ssn]) x",
    "SELECT x FROM shop.staff s CROSS JOIN LATERAL jsonb_each_text(to_jsonb(s)) x",
    "SELECT EXISTS (SELECT), s.salary FROM shop.staff s",
    // Joins.
    "SELECT a.salary FROM shop.staff a JOIN shop.staff b ON a.id = b.id",
    "SELECT b.ssn FROM shop.staff a LEFT JOIN shop.staff b ON b.id = a.id + 1",
    "SELECT b FROM shop.staff a LEFT JOIN shop.staff b ON b.id = a.id + 1",
    "SELECT salary FROM shop.staff a FULL JOIN shop.staff b USING (salary)",
    "SELECT ssn FROM shop.staff a JOIN shop.staff b USING (ssn)",
    "SELECT * FROM shop.staff a NATURAL JOIN (SELECT id, name FROM shop.staff) b",
    "SELECT j.salary FROM (shop.staff a JOIN shop.staff b USING (id, salary)) AS j",
    "SELECT j FROM (shop.staff a CROSS JOIN (SELECT 1) one) AS j",
    // Grouping, order, windows, aggregates.
    "SELECT salary, count(*) FROM shop.staff GROUP BY salary",
    "SELECT id, salary FROM shop.staff GROUP BY id",
    "SELECT salary, region, count(*) FROM shop.staff GROUP BY GROUPING SETS ((salary), (region), ())",
    "SELECT salary, region, count(*) FROM shop.staff GROUP BY CUBE (salary, region)",
    "SELECT DISTINCT salary FROM shop.staff",
    "SELECT DISTINCT ON (salary) ssn FROM shop.staff ORDER BY salary",
    "SELECT salary FROM shop.staff ORDER BY salary DESC LIMIT 1",
    "SELECT max(salary) FROM shop.staff",
    "SELECT min(salary) FROM shop.staff",
    "SELECT max(ssn) FROM shop.staff",
    "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY salary) FROM shop.staff",
    "SELECT max(salary) FILTER (WHERE id > 0) FROM shop.staff",
    "SELECT region FROM shop.staff GROUP BY region HAVING max(salary)::text || vpd.user_name() IS NULL
         UNION ALL SELECT max(salary)::text FROM shop.staff",
    "SELECT first_value(salary) OVER (ORDER BY salary) FROM shop.staff",
    "SELECT lag(ssn) OVER (ORDER BY id) FROM shop.staff",
    "SELECT rank() OVER (PARTITION BY salary), salary FROM shop.staff",
    "SELECT mode() WITHIN GROUP (ORDER BY ssn) FROM shop.staff",
    // Sampling, locking, access paths.
    "SELECT * FROM shop.staff TABLESAMPLE SYSTEM (100)",
    "SELECT s.ssn FROM (VALUES (100)) v (p), shop.staff s TABLESAMPLE BERNOULLI (100) REPEATABLE (1)",
    "SELECT * FROM shop.staff FOR UPDATE",
    "SELECT s FROM shop.staff s JOIN shop.staff t USING (id) FOR UPDATE OF s",
    "SELECT * FROM (SELECT * FROM shop.staff FOR SHARE) x",
    "SELECT ctid, tableoid, xmin, salary FROM shop.staff",
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SELECT salary FROM shop.staff WHERE salary > 0",
    "SET LOCAL enable_seqscan = off; SELECT salary FROM shop.staff WHERE salary = 910003",
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_nestloop = off;
     SELECT a.salary FROM shop.staff a JOIN shop.staff b ON a.salary = b.salary",
    "SET LOCAL force_parallel_mode = on; SET LOCAL parallel_setup_cost = 0; SELECT salary, ssn FROM shop.staff",
    // Cursors, prepared statements, functions, copies.
    "DECLARE c CURSOR FOR SELECT * FROM shop.staff; FETCH ALL FROM c",
    "DECLARE c SCROLL CURSOR FOR SELECT s FROM shop.staff s ORDER BY salary; FETCH LAST FROM c; FETCH BACKWARD 2 FROM c",
    "PREPARE p AS SELECT salary FROM shop.staff; EXECUTE p; EXECUTE p; EXECUTE p; EXECUTE p; EXECUTE p; EXECUTE p; EXECUTE p",
    "SET LOCAL plan_cache_mode = force_generic_plan; PREPARE p (integer) AS SELECT ssn FROM shop.staff WHERE id = $1; EXECUTE p (2)",
    "CREATE FUNCTION pg_temp.f() RETURNS SETOF shop.staff LANGUAGE sql STABLE AS 'SELECT * FROM shop.staff'; SELECT * FROM pg_temp.f()",
    "CREATE FUNCTION pg_temp.f() RETURNS SETOF shop.staff LANGUAGE sql VOLATILE AS 'SELECT * FROM shop.staff'; SELECT * FROM pg_temp.f()",
    "CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql STABLE AS 'SELECT max(salary) FROM shop.staff'; SELECT pg_temp.f()",
    "CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql STABLE RETURN (SELECT max(salary) FROM shop.staff); SELECT pg_temp.f()",
    "DO $$DECLARE r record; BEGIN FOR r IN SELECT * FROM shop.staff LOOP RAISE NOTICE '%', r; END LOOP; END$$",
    "DO $$DECLARE r shop.staff; BEGIN SELECT * INTO r FROM shop.staff WHERE id = 1; RAISE NOTICE '%', r.salary; END$$",
    "DO $$BEGIN EXECUTE 'CREATE TEMP TABLE got ON COMMIT DROP AS SELECT * FROM shop.staff'; END$$; SELECT * FROM got",
    "CREATE TEMP TABLE got ON COMMIT DROP AS SELECT * FROM shop.staff; SELECT * FROM got",
    "CREATE TEMP TABLE got ON COMMIT DROP AS TABLE shop.staff WITH DATA; SELECT * FROM got",
    "CREATE TEMP TABLE got (pay integer, n text) ON COMMIT DROP; INSERT INTO got SELECT salary, ssn FROM shop.staff; SELECT * FROM got",
    "SELECT query_to_xml('SELECT * FROM shop.staff', true, true, '')",
    "SELECT table_to_xml('shop.staff', true, true, '')",
    "SELECT cursor_to_xml('c', 9, true, true, '') FROM (SELECT 1) x WHERE false UNION ALL SELECT query_to_xml('SELECT salary FROM shop.staff', true, true, '')",
    "COPY shop.staff TO STDOUT",
    "COPY shop.staff (id, salary) TO STDOUT",
    "COPY (SELECT ssn FROM shop.staff) TO STDOUT",
    "COPY (UPDATE shop.staff SET note = 'x' RETURNING salary) TO STDOUT",
    // What statements that write return.
    "UPDATE shop.staff SET note = 'x' RETURNING *",
    "UPDATE shop.staff SET note = 'x' RETURNING staff",
    "UPDATE shop.staff s SET note = 'x' RETURNING to_json(s)",
    "UPDATE shop.staff SET note = salary::text RETURNING note",
    "UPDATE shop.staff SET note = (SELECT ssn FROM (VALUES (1)) v) RETURNING note",
    "UPDATE shop.staff SET (note, name) = (SELECT salary::text, ssn) RETURNING note, name",
    "UPDATE shop.staff s SET note = t.ssn FROM shop.staff t WHERE t.id = s.id RETURNING s.note, t.salary",
    "UPDATE shop.staff s SET note = t::text FROM shop.staff t WHERE t.id = s.id RETURNING s.note",
    "DELETE FROM shop.staff RETURNING *",
    "DELETE FROM shop.staff s RETURNING s",
    "DELETE FROM shop.staff s USING shop.staff t WHERE t.id = s.id RETURNING s.ssn, t.salary",
    "WITH gone AS (DELETE FROM shop.staff RETURNING *) SELECT * FROM gone",
    "WITH new AS (UPDATE shop.staff SET note = 'x' RETURNING staff) SELECT * FROM new",
    "INSERT INTO shop.staff (id, name, region, salary, ssn) VALUES (1, 'x', 'East', 1, 'x')
         ON CONFLICT (id) DO UPDATE SET note = staff.salary::text RETURNING note",
    "INSERT INTO shop.staff (id, name, region, salary, ssn) VALUES (1, 'x', 'East', 1, 'x')
         ON CONFLICT (id) DO UPDATE SET note = 'x' RETURNING *",
    "INSERT INTO shop.staff (id, name, region, salary, ssn, note) SELECT id + 100, name, region, 1, 'x', salary::text FROM shop.staff RETURNING note",
    "MERGE INTO shop.staff s USING (VALUES (1)) v (i) ON s.id = v.i WHEN MATCHED THEN UPDATE SET note = s.ssn; SELECT note FROM shop.staff",
    "MERGE INTO shop.staff s USING shop.staff t ON s.id = t.id WHEN MATCHED THEN UPDATE SET note = t.salary::text; SELECT note FROM shop.staff",
    "DECLARE c CURSOR FOR SELECT id FROM shop.staff; MOVE c; UPDATE shop.staff SET note = 'x' WHERE CURRENT OF c RETURNING *",
    // Functions of the caller that are shown a value, and errors that repeat one.
    "CREATE FUNCTION pg_temp.leak(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
         $$BEGIN RAISE NOTICE '%', $1; RETURN true; END$$; SELECT id FROM shop.staff WHERE pg_temp.leak(salary)",
    "CREATE FUNCTION pg_temp.leak(shop.staff) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
         $$BEGIN RAISE NOTICE '%', $1; RETURN true; END$$; SELECT id FROM shop.staff s WHERE pg_temp.leak(s)",
    "CREATE FUNCTION pg_temp.leak(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
         $$BEGIN RAISE NOTICE '%', $1; RETURN true; END$$; DELETE FROM shop.staff WHERE pg_temp.leak(ssn)",
    "CREATE FUNCTION pg_temp.leak(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
         $$BEGIN RAISE NOTICE '%', $1; RETURN true; END$$; SELECT a.id, b.name FROM shop.staff a LEFT JOIN shop.staff b ON a.id = b.id AND pg_temp.leak(b.salary)",
    "CREATE FUNCTION pg_temp.leak(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
         $$BEGIN RAISE NOTICE '%', $1; RETURN true; END$$;
     SELECT id FROM shop.staff ORDER BY pg_temp.leak(ssn)",
    // Plans.
    "EXPLAIN (VERBOSE, ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT salary, ssn FROM shop.staff WHERE salary > 0;
     SELECT max(salary) FROM shop.staff",
];

#[test]
fn no_statement_prints_a_hidden_value() -> Result<()> {
    let database = masked_staff()?;
    let token = nobody(&database)?;
    let mut wrong = Vec::new();
    for is_on in [false, true] {
        enable_masks(&database, is_on)?;
        for script in REVEALING {
            let told = told(&database, &token, script)?;
            if !told.as_ref().is_ok_and(|text| is_revealing(text) != is_on) {
                wrong.push(format!("masks on: {is_on}: {script}: {told:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Statements that print or touch rows only because of a value that is hidden.
pub const ORACLES: &[&str] = &[
    "SELECT id FROM shop.staff WHERE salary > 910004",
    "SELECT id FROM shop.staff WHERE salary BETWEEN 910001 AND 910003",
    "SELECT id FROM shop.staff WHERE ssn = '555-12-6722'",
    "SELECT id FROM shop.staff WHERE ssn LIKE '555%'",
    "SELECT id FROM shop.staff WHERE salary IN (910001, 910002)",
    "SELECT id FROM shop.staff WHERE salary = ANY (ARRAY[910001])",
    "SELECT id FROM shop.staff WHERE salary IS NOT NULL",
    "SELECT id FROM shop.staff s WHERE s IS NOT DISTINCT FROM (SELECT t FROM shop.staff t WHERE t.salary = 910001)",
    "SELECT id FROM shop.staff s WHERE (to_jsonb(s) ->> 'salary')::integer > 910004",
    "SELECT id FROM shop.staff WHERE (salary, id) > (910004, 0)",
    "SELECT s.id FROM shop.staff s JOIN (VALUES (910001)) v (x) ON s.salary = v.x",
    "SELECT s.id FROM shop.staff s JOIN (VALUES (910001)) v (salary) USING (salary)",
    "SELECT v.x FROM (VALUES (910001)) v (x) WHERE EXISTS (SELECT FROM shop.staff WHERE salary = v.x)",
    "SELECT v.x FROM (VALUES (910001)) v (x) WHERE v.x IN (SELECT salary FROM shop.staff)",
    "SELECT v.x FROM (VALUES (910001)) v (x) WHERE v.x NOT IN (SELECT 1 FROM shop.staff WHERE salary IS NULL) AND EXISTS (SELECT FROM shop.staff WHERE salary = x)",
    "SELECT region FROM shop.staff GROUP BY region HAVING max(salary) > 910000",
    "SELECT id FROM shop.staff GROUP BY id HAVING salary > 910004",
    "SELECT 1 FROM shop.staff HAVING sum(salary) > 0",
    "SELECT id FROM (SELECT id, rank() OVER (ORDER BY salary DESC) r, max(salary) OVER () m FROM shop.staff) x WHERE r = 1 AND m > 0",
    "UPDATE shop.staff SET note = 'x' WHERE salary > 910004 RETURNING id",
    "UPDATE shop.staff s SET note = 'x' FROM (VALUES (910001)) v (x) WHERE s.salary = v.x RETURNING id",
    "UPDATE shop.staff s SET note = 'x' WHERE EXISTS (SELECT WHERE s.salary > 910004) RETURNING id",
    "DELETE FROM shop.staff WHERE salary > 910004 RETURNING id",
    "DELETE FROM shop.staff s USING shop.staff t WHERE s.salary = t.salary RETURNING s.id",
    "INSERT INTO shop.staff (id, name, region, salary, ssn) VALUES (1, 'x', 'East', 1, 'x')
         ON CONFLICT (id) DO UPDATE SET note = 'x' WHERE staff.salary = 910001 RETURNING id",
    "MERGE INTO shop.staff s USING (VALUES (910001)) v (x) ON s.salary = v.x WHEN MATCHED THEN UPDATE SET note = 'seen';
     SELECT id FROM shop.staff WHERE note = 'seen'",
    "MERGE INTO shop.staff s USING (VALUES (1)) v (i) ON s.id = v.i WHEN MATCHED AND s.salary = 910001 THEN UPDATE SET note = 'seen';
     SELECT id FROM shop.staff WHERE note = 'seen'",
    "SELECT id FROM shop.staff TABLESAMPLE SYSTEM (100) WHERE salary > 0",
    "SELECT id FROM shop.staff WHERE CASE WHEN salary = 910001 THEN true ELSE false END",
    "SELECT id FROM shop.staff WHERE coalesce(salary, 0) > 910004",
    "SELECT id FROM shop.staff WHERE nullif(salary, 910001) IS NULL AND salary IS NOT NULL",
    "SELECT id FROM shop.staff WHERE width_bucket(salary, ARRAY[0, 910004]) = 2",
];

#[test]
fn no_row_answers_to_a_hidden_value() -> Result<()> {
    let database = masked_staff()?;
    let token = nobody(&database)?;
    let mut wrong = Vec::new();
    for is_on in [false, true] {
        enable_masks(&database, is_on)?;
        for script in ORACLES {
            let told = told(&database, &token, script)?;
            if !told.as_ref().is_ok_and(|text| text.is_empty() == is_on) {
                wrong.push(format!("masks on: {is_on}: {script}: {told:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn errors_do_not_depend_on_a_hidden_value() -> Result<()> {
    let database = masked_staff()?;
    let token = nobody(&database)?;
    enable_masks(&database, false)?;
    let probes = [
        "SELECT 1 / (salary - 910003) FROM shop.staff WHERE id = 3",
        "SELECT (ssn || salary)::integer FROM shop.staff",
        "UPDATE shop.staff SET note = (1 / (salary - 910003))::text WHERE id = 3",
    ];
    for probe in probes {
        assert!(told(&database, &token, probe)?.is_err(), "control: {probe}");
    }
    enable_masks(&database, true)?;
    for probe in [probes[0], probes[2]] {
        assert!(told(&database, &token, probe)?.is_ok(), "{probe}");
    }
    let mut user = database.connect(vpd_tests::role::USER)?;
    let mut session = user.transaction()?;
    vpd_tests::attach(&mut session, &token)?;
    let refusal = refusal(session.execute("SELECT ssn::integer FROM shop.staff", &[]));
    assert!(!is_revealing(&refusal.text), "{refusal:?}");
    Ok(())
}
