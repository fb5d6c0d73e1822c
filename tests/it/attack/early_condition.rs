//! What is evaluated for rows that policies hide tells of them, when the evaluation shows: a function of the caller, a sub-select, an error.
//! PostgreSQL takes a condition for free of leaks when its functions are given no column, asks it before a costly policy, and checks it with some indexes.

use postgres::Client;
use vpd_tests::{
    Cluster, Database, Extension, Library, Notices, Result, attach, create_orders, outcome,
    protect_by_region, protect_natively, refusal, role,
};

use super::findings::Findings;

/// `{}` is the reader's region. The first is costlier than each of the conditions below; the others are brought together with comparisons of the statement.
const PREDICATES: [&str; 3] = [
    "lower(upper(lower(upper(lower(upper(lower(upper(region)))))))) = lower({})",
    "region = {}",
    "region = {} AND lower(upper(lower(upper(lower(upper(lower(upper(region)))))))) = lower({})",
];

const SCENE: &str = "
ALTER TABLE shop.orders ADD tags integer[], ADD discount integer, ADD place circle DEFAULT '<(1, 1), 1>';
CREATE INDEX ON shop.orders USING gist (place);
CREATE INDEX ON shop.orders USING hash (amount);
CREATE INDEX ON shop.orders USING brin (amount);
CREATE SCHEMA ev AUTHORIZATION app_user;
";

/// Functions of the attacker: they count, and are given nothing.
const MARKS: &str = "
CREATE FUNCTION ev.mark() RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN RAISE NOTICE 'mark'; RETURN true; END $$;
CREATE FUNCTION ev.loud() RETURNS boolean LANGUAGE plpgsql VOLATILE COST 0.0001 AS $$ BEGIN RAISE NOTICE 'mark'; RETURN true; END $$;
CREATE FUNCTION ev.one() RETURNS integer LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN RAISE NOTICE 'mark'; RETURN 1; END $$;
CREATE FUNCTION ev.seven() RETURNS integer LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN RAISE NOTICE 'mark'; RETURN 7; END $$;
CREATE FUNCTION ev.given(text) RETURNS text LANGUAGE plpgsql IMMUTABLE COST 1e-30 AS $$ BEGIN RAISE NOTICE 'mark'; RETURN 'North'; END $$;
CREATE FUNCTION ev.place() RETURNS point LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE NOTICE 'mark'; RETURN '(0, 0)'; END $$;
CREATE FUNCTION ev.failing() RETURNS integer LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$ BEGIN RAISE EXCEPTION 'asked'; END $$;
CREATE FUNCTION ev.leak(text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN true; END $$;
CREATE DOMAIN ev.positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN ev.c AS text COLLATE \"C\";
CREATE DOMAIN ev.posix AS text COLLATE \"POSIX\";
CREATE FUNCTION ev.in_line() RETURNS integer LANGUAGE sql STABLE AS 'SELECT ev.one()';
CREATE FUNCTION ev.late() RETURNS boolean LANGUAGE plpgsql VOLATILE COST 1.5 AS $$ BEGIN RAISE NOTICE 'mark'; RETURN true; END $$;
SET ev.zero = '0'; SET app.region = 'North'; SET ev.length = 'x';
";

/// Conditions, and whether they call the mark, or fail, for an amount of 7 rather than for one of 3.
const CONDITIONS: [(&str, bool); 25] = [
    (
        "CASE WHEN amount >= 5 THEN (SELECT ev.mark()) ELSE false END",
        true,
    ),
    ("CASE WHEN amount >= 5 THEN ev.mark() ELSE false END", true),
    ("CASE WHEN amount >= 5 THEN ev.loud() ELSE false END", true),
    (
        "CASE amount WHEN 3 THEN true WHEN ev.one() THEN true ELSE false END",
        true,
    ),
    ("(amount >= 5 OR (SELECT ev.mark()))", false),
    ("(amount >= 5 OR ev.loud())", false),
    ("(amount < 5 OR ev.mark())", true),
    ("NOT (amount >= 5 AND ev.mark())", true),
    (
        "(id = 0 OR amount >= 5 AND 1 / current_setting('ev.zero')::integer = 1)",
        true,
    ),
    // What makes the server know is folded away before it looks.
    (
        "CASE WHEN amount >= 5 THEN ev.mark() ELSE coalesce(false, length(region) > 1) END",
        true,
    ),
    ("tags[(SELECT ev.one())] = 1", true),
    ("tags[ev.one()] = 1", true),
    ("(amount < 5 OR (SELECT ev.mark())) IS TRUE", true),
    // Parts that are asked one after the other.
    ("amount >= 5 AND id = ev.one()", true),
    ("amount >= 5 AND ev.one() = id", true),
    ("amount >= 5 AND id = ev.in_line()", true),
    ("amount >= 5 AND id = (SELECT ev.one())", true),
    ("amount >= 5 AND id = 1 / (random() * 0)::integer", true),
    (
        "amount >= 5 AND id = (SELECT 1 / current_setting('ev.zero')::integer)",
        true,
    ),
    ("amount >= 5 AND id < ev.one() + 5", true),
    ("amount >= 5 AND id = ANY (ARRAY[ev.one(), 9])", true),
    ("amount >= 5 AND (id, amount) > (ev.one() - 1, 0)", true),
    ("amount >= 5 AND (id = ev.one() OR id = 9)", true),
    ("amount >= 5 AND ev.loud()", true),
    ("amount >= 5 AND ev.late()", true),
];

/// Where a condition may stand: `{c}`.
const PLACES: [&str; 22] = [
    "SELECT id FROM shop.orders WHERE {c}",
    "SELECT id FROM shop.orders WHERE {c} FOR UPDATE",
    "SELECT max(id) FROM shop.orders WHERE {c}",
    "SELECT 1 WHERE EXISTS (SELECT FROM shop.orders WHERE {c})",
    "SELECT id FROM shop.orders GROUP BY id HAVING {c}",
    "SELECT id FROM (SELECT id, {c} AS is_met FROM shop.orders) o WHERE is_met",
    "SELECT id FROM (SELECT * FROM shop.orders) o WHERE {c}",
    "WITH o AS (SELECT * FROM shop.orders) SELECT id FROM o WHERE {c}",
    "SELECT id FROM (SELECT * FROM shop.orders UNION ALL SELECT * FROM shop.orders) o WHERE {c}",
    "SELECT id FROM generate_series(1, 2) n JOIN shop.orders ON id = n AND {c}",
    "SELECT id FROM generate_series(1, 2) n LEFT JOIN shop.orders ON id = n AND {c}",
    "SELECT id FROM generate_series(1, 2) n, LATERAL (SELECT * FROM shop.orders WHERE id = n) o WHERE {c}",
    "CREATE VIEW ev.v WITH (security_invoker) AS SELECT id FROM shop.orders WHERE {c}; SELECT * FROM ev.v",
    "CREATE VIEW ev.v WITH (security_invoker) AS SELECT id, {c} AS is_met FROM shop.orders; SELECT * FROM ev.v WHERE is_met",
    "CREATE VIEW ev.v WITH (security_invoker, security_barrier) AS SELECT id FROM shop.orders WHERE {c}; SELECT * FROM ev.v",
    "CREATE FUNCTION ev.met() RETURNS TABLE (id integer) LANGUAGE sql STABLE AS $$ SELECT id FROM shop.orders WHERE {c} $$; SELECT * FROM ev.met()",
    "CREATE FUNCTION ev.every() RETURNS SETOF shop.orders LANGUAGE sql STABLE AS $$ SELECT * FROM shop.orders $$; SELECT id FROM ev.every() WHERE {c}",
    "UPDATE shop.orders SET discount = 9 WHERE {c}",
    "DELETE FROM shop.orders WHERE {c}",
    "MERGE INTO shop.orders USING (VALUES (1), (2)) v (n) ON id = n AND {c} WHEN MATCHED THEN DO NOTHING",
    "SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT id FROM shop.orders WHERE {c}; EXECUTE p",
    "DECLARE c CURSOR FOR SELECT id FROM shop.orders WHERE {c}; FETCH ALL FROM c",
];

/// Statements that call the mark, or fail, for an amount of 7.
const STATEMENTS: [&str; 17] = [
    // The attacker's value comes with the execution.
    "SET plan_cache_mode = force_generic_plan;
     PREPARE p (integer) AS SELECT id FROM shop.orders WHERE id = 0 OR (amount >= 5 AND 1 / $1 = 1); EXECUTE p (0)",
    "SET plan_cache_mode = force_generic_plan;
     PREPARE p (ev.c, ev.posix) AS SELECT id FROM shop.orders WHERE CASE WHEN amount > 5 THEN $1 = $2 ELSE true END; EXECUTE p ('a', 'b')",
    "SET plan_cache_mode = force_generic_plan;
     PREPARE p (integer[]) AS SELECT id FROM shop.orders WHERE CASE WHEN amount > 5 THEN ARRAY[ARRAY[1], $1] IS NULL ELSE true END;
     EXECUTE p ('{1, 2}')",
    // Nothing of a row is asked, or something that fails without a function.
    "SELECT id FROM shop.orders WHERE ev.loud()",
    "SELECT id FROM shop.orders WHERE id < 9 AND ev.late()",
    "SELECT id FROM shop.orders WHERE ARRAY[CASE WHEN amount > 5 THEN ARRAY[1] ELSE ARRAY[1, 2] END, ARRAY[1, 2]] IS NOT NULL",
    "SELECT id FROM shop.orders WHERE CASE WHEN amount > 5 THEN pg_event_trigger_table_rewrite_oid() = 1 ELSE true END",
    // The server makes the comparison out of something else.
    "SELECT id FROM shop.orders, (VALUES (ev.one())) v (n) WHERE amount >= 5 AND id = n",
    "WITH v AS (SELECT ev.one() AS n) SELECT id FROM shop.orders, v WHERE amount >= 5 AND id = n",
    "SELECT id FROM (SELECT *, ev.one() AS n FROM shop.orders) o WHERE amount >= 5 AND id = n",
    "SELECT id FROM shop.orders JOIN generate_series(1, 2) n ON id = n WHERE amount >= 5 AND n = ev.one()",
    "SELECT id FROM shop.orders WHERE amount >= 5 AND id = ev.one() AND discount IS NULL OR amount >= 5 AND id = ev.one()",
    // An index is asked first, and what it finds is checked again.
    "SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT id FROM shop.orders WHERE amount = ev.seven()",
    "SET enable_seqscan = off; SELECT id FROM shop.orders WHERE amount >= 5 AND amount = ev.seven()",
    "SET enable_seqscan = off; SET enable_indexscan = off; SELECT id FROM shop.orders WHERE amount >= ev.seven() AND id > 0",
    "SET enable_seqscan = off; SELECT id FROM shop.orders WHERE (amount = ev.seven() AND ev.leak(region)) OR (amount = 9 AND ev.leak(region))",
    "SET enable_seqscan = off;
     SELECT id FROM generate_series(1, 1) u (y), shop.orders WHERE amount = CASE WHEN y = 1 THEN ev.seven() END",
];

/// Statements that tell of any row.
const OF_ANY_ROW: [&str; 9] = [
    "SET enable_seqscan = off; SET enable_bitmapscan = off;
     SELECT id FROM (SELECT * FROM shop.orders UNION ALL SELECT * FROM shop.orders) o WHERE amount = ev.seven()",
    "SET enable_seqscan = off; SET enable_indexscan = off;
     SELECT id FROM (SELECT id, amount, ev.one() AS k FROM shop.orders UNION ALL SELECT 0, 0, 2) q WHERE amount BETWEEN 5 AND 9 AND amount >= k",
    "SET enable_seqscan = off;
     SELECT id FROM (SELECT id, amount, ev.seven() AS k FROM shop.orders UNION ALL SELECT 0, 0, 2) q WHERE amount = k",
    "SELECT count(*) FROM shop.orders e, (SELECT ev.given(region) AS k FROM shop.orders UNION ALL SELECT 'x') u WHERE e.region = u.k",
    "SELECT count(*) FROM shop.orders e, LATERAL (SELECT ev.given(region) AS k FROM shop.orders UNION ALL SELECT 'x') u WHERE e.region = u.k",
    "DELETE FROM shop.orders e USING (SELECT ev.given(region) AS k FROM shop.orders UNION ALL SELECT 'x') u WHERE e.region = u.k",
    "SET enable_seqscan = off; SET enable_sort = off; SELECT id FROM shop.orders ORDER BY place <-> ev.place()",
    "SET enable_seqscan = off;
     SELECT id FROM shop.orders WHERE amount >= 0 / length(current_setting('ev.length')) AND set_config('ev.length', '', true) IS NOT NULL",
    "SET enable_seqscan = off; SELECT id FROM shop.orders WHERE amount BETWEEN 5 AND 9 AND amount >= ev.one()",
];

/// Statements of applications, in forms that keeping order could break.
const ORDINARY: [&str; 9] = [
    "SELECT id, id + generate_series(1, 3) AS x FROM shop.orders ORDER BY x, id",
    "SELECT DISTINCT generate_series(1, 3) * 1 AS g FROM shop.orders ORDER BY g",
    "SELECT a.id FROM shop.orders a FULL JOIN shop.orders b ON a.id = CASE WHEN b.amount > 5 THEN b.discount ELSE ev.one() END",
    "SELECT a.id FROM shop.orders a FULL JOIN shop.orders b
         ON CASE WHEN a.amount > 5 THEN now() ELSE now() - interval '1 day' END = CASE WHEN b.amount > 5 THEN now() ELSE now() - interval '1 day' END",
    "SELECT a.id FROM shop.orders a FULL JOIN shop.orders b ON a.id = CASE WHEN b.amount > 5 THEN b.id ELSE (SELECT 1) END",
    "SET force_parallel_mode = on; SELECT id FROM shop.orders WHERE id > 0 OR id = (ev.one() - 5)::ev.positive",
    "SET force_parallel_mode = on; SELECT id FROM shop.orders WHERE CASE WHEN amount < 0 THEN id = ev.failing() ELSE true END",
    "SELECT min(id), max(amount), count(*) FROM shop.orders WHERE id = ev.one() HAVING max(id) = ev.one()",
    "SELECT (SELECT max(b.id) FROM shop.orders b WHERE b.id = a.id + ev.one() - 1) FROM shop.orders a WHERE a.region = ev.given('')",
];

struct Scene<'a> {
    database: Database<'a>,
    /// None under a policy of PostgreSQL's own.
    token: Option<String>,
    user: Client,
    notices: Notices,
}

impl<'a> Scene<'a> {
    fn protected(database: Database<'a>, predicate: &str) -> Result<Self> {
        create_orders(&database)?;
        database.admin()?.batch_execute(SCENE)?;
        let token = protect_by_region(&database, predicate)?;
        Self::attacked(database, Some(token))
    }

    fn native(database: Database<'a>, predicate: &str) -> Result<Self> {
        create_orders(&database)?;
        database.admin()?.batch_execute(SCENE)?;
        protect_natively(&database, predicate)?;
        Self::attacked(database, None)
    }

    fn attacked(database: Database<'a>, token: Option<String>) -> Result<Self> {
        let (mut user, notices) = database.connect_noticing(role::USER)?;
        user.batch_execute(MARKS)?;
        Ok(Self {
            database,
            token,
            user,
            notices,
        })
    }

    /// One visible order with an amount, and hidden ones.
    fn fill(&self, visible: i32, hidden: &[i32]) -> Result<()> {
        let mut admin = self.database.admin()?;
        admin.execute("DELETE FROM shop.orders", &[])?;
        admin.execute(
            "INSERT INTO shop.orders
             SELECT n, CASE n WHEN 1 THEN 'North' ELSE 'South' END, amount,
                    CASE WHEN amount >= 5 THEN ARRAY[1, 2] END, CASE WHEN amount < 5 THEN 1 END
               FROM unnest($1::integer || $2::integer[]) WITH ORDINALITY o (amount, n)",
            &[&visible, &hidden],
        )?;
        Ok(())
    }

    /// How often the mark was called; a failure that a row caused is one call.
    fn calls(&mut self, place: &str, condition: &str) -> Result<usize> {
        let statement = place.replace("{c}", condition);
        self.user.batch_execute("BEGIN")?;
        if let Some(token) = &self.token {
            attach(&mut self.user, token)?;
        }
        drop(self.notices.take());
        let outcome = outcome(self.user.batch_execute(&statement));
        self.user.batch_execute("ROLLBACK; DEALLOCATE ALL")?;
        let marks = self.notices.take();
        let marks = marks.iter().filter(|notice| notice.message() == "mark").count();
        let failed = match outcome {
            Ok(()) => false,
            Err(refusal) if ["22012", "2202E", "39P03", "42P22"].contains(&refusal.state.code()) => true,
            Err(refusal) => return Err(format!("{statement}: {refusal:?}").into()),
        };
        Ok(marks + usize::from(failed))
    }
}

const fn amount(is_high: bool) -> i32 {
    if is_high { 7 } else { 3 }
}

/// Every condition at every place; for which amount it shows, if it depends on that.
fn forms() -> impl Iterator<Item = (&'static str, &'static str, Option<bool>)> {
    let placed = CONDITIONS.iter().flat_map(|(condition, is_high)| {
        PLACES
            .iter()
            .map(move |place| (*place, *condition, Some(*is_high)))
    });
    placed
        .chain(STATEMENTS.map(|statement| (statement, "", Some(true))))
        .chain(OF_ANY_ROW.map(|statement| (statement, "", None)))
}

/// A server with the defence off.
fn without_library() -> Result<Cluster> {
    Cluster::start(&Extension::debug()?, Library::Absent, "")
}

#[test]
fn control_postgresqls_own_policies_are_told_of_at_every_place_and_by_every_condition() -> Result<()> {
    let cluster = without_library()?;
    let mut telling = Vec::new();
    for predicate in PREDICATES {
        let mut scene = Scene::native(Database::create_bare_in(&cluster)?, predicate)?;
        // What a form does without a hidden row, against what it does with one.
        let mut without = Vec::new();
        for is_high in [true, false] {
            for hidden in [&[][..], &[amount(is_high)]] {
                scene.fill(amount(!is_high), hidden)?;
                let forms = forms()
                    .enumerate()
                    .filter(|(_, form)| form.2.is_none_or(|shown| shown == is_high));
                for (number, (place, condition, _)) in forms {
                    let calls = scene.calls(place, condition)?;
                    if hidden.is_empty() {
                        without.push((number, is_high, calls));
                    } else if !without.contains(&(number, is_high, calls)) {
                        telling.push((place, condition));
                    }
                }
            }
        }
    }
    for place in PLACES.iter().chain(&STATEMENTS).chain(&OF_ANY_ROW) {
        assert!(telling.iter().any(|one| one.0 == *place), "{place}");
    }
    for (condition, _) in CONDITIONS {
        assert!(telling.iter().any(|one| one.1 == condition), "{condition}");
    }
    Ok(())
}

#[test]
fn no_part_of_a_condition_is_asked_for_a_hidden_row() -> Result<()> {
    let mut findings = Findings::default();
    for predicate in PREDICATES {
        let mut scene = Scene::protected(Database::create()?, predicate)?;
        for visible in [3, 7] {
            let mut without = Vec::new();
            for hidden in [&[][..], &[3], &[7], &[7, 7, 7]] {
                scene.fill(visible, hidden)?;
                for (number, (place, condition, is_high)) in forms().enumerate() {
                    let calls = scene.calls(place, condition)?;
                    let found = || {
                        format!(
                            "{predicate} | {place} | {condition} | visible {visible}, hidden {hidden:?}: {calls}"
                        )
                    };
                    if hidden.is_empty() {
                        let is_shown = is_high.is_some_and(|is_high| visible == amount(is_high));
                        findings.expect(calls > 0 || !is_shown, found);
                        without.push(calls);
                    } else {
                        findings.expect(calls == without[number], found);
                    }
                }
            }
        }
    }
    findings.settle();
    Ok(())
}

#[test]
fn statements_of_a_database_without_the_extension_go_on() -> Result<()> {
    let mut scene = Scene::native(Database::create_bare()?, PREDICATES[0])?;
    let mut findings = Findings::default();
    scene.fill(7, &[])?;
    for (condition, _) in CONDITIONS {
        let outcome = scene.calls(PLACES[0], condition);
        findings.expect(outcome.is_ok(), || format!("{condition}: {outcome:?}"));
    }
    findings.settle();
    Ok(())
}

#[test]
fn an_error_for_a_visible_row_stays_an_error() -> Result<()> {
    let mut scene = Scene::protected(Database::create()?, PREDICATES[0])?;
    scene.fill(7, &[])?;
    scene.user.batch_execute("BEGIN")?;
    attach(&mut scene.user, scene.token.as_deref().unwrap_or_default())?;
    let failed = scene.user.query(
        "SELECT id FROM shop.orders WHERE amount < 5 OR 1 / (amount - 7) = 1",
        &[],
    );
    assert_eq!(refusal(failed).state.code(), "22012");
    Ok(())
}

/// An index is searched for what a condition compares a column with, though the condition comes after policies as a filter.
#[test]
fn indexes_serve_such_conditions() -> Result<()> {
    let mut scene = Scene::protected(Database::create()?, PREDICATES[0])?;
    scene
        .user
        .batch_execute("BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL ev.id = '7'")?;
    attach(&mut scene.user, scene.token.as_deref().unwrap_or_default())?;
    for operand in [
        "id = current_setting('ev.id')::integer",
        "id = ev.one()",
        "id < ev.one() + 5",
        "id = (SELECT ev.one())",
        "id IN (ev.one(), 9)",
    ] {
        let plan = scene.user.query(
            &format!("EXPLAIN SELECT id FROM shop.orders WHERE {operand}"),
            &[],
        )?;
        let is_searched = plan
            .iter()
            .any(|line| line.get::<_, &str>(0).contains("Index Cond: "));
        assert!(is_searched, "{operand}: {plan:?}");
    }
    Ok(())
}

#[test]
fn ordinary_statements_go_on() -> Result<()> {
    let mut findings = Findings::default();
    for predicate in PREDICATES {
        let mut scene = Scene::protected(Database::create()?, predicate)?;
        scene.fill(7, &[3, 7])?;
        for statement in ORDINARY {
            let outcome = scene.calls(statement, "");
            findings.expect(outcome.is_ok(), || {
                format!("{predicate} | {statement}: {outcome:?}")
            });
        }
    }
    findings.settle();
    Ok(())
}
