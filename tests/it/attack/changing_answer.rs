//! A function of the attacker says that it gives one value throughout the statement, and gives first one, then another. From two equalities with a column
//! PostgreSQL keeps one and compares the two others once: `region = 'North'` of a policy and `region = ev.told()` become `'North' = ev.told()`, asked at the
//! beginning, and `region = ev.told()`.

use postgres::Client;
use vpd_tests::{
    Cluster, Database, Extension, Library, Result, attach, create_orders, outcome, protect_by_region,
    protect_natively, role,
};

use super::findings::Findings;

/// Gives what the policy wants so many times, and then what the attacker wants.
const TOLD: &str = "
CREATE SCHEMA ev AUTHORIZATION app_user;
SET ROLE app_user;
CREATE FUNCTION ev.told() RETURNS text LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN
    PERFORM set_config('ev.calls', (current_setting('ev.calls')::integer - 1)::text, true);
    RETURN CASE WHEN current_setting('ev.calls')::integer >= 0 THEN 'North' ELSE 'South' END; END $$;
CREATE FUNCTION ev.told_of(integer) RETURNS text LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS $$ BEGIN RETURN ev.told(); END $$;
CREATE FUNCTION ev.in_line() RETURNS text LANGUAGE sql STABLE AS 'SELECT ev.told()';
CREATE OPERATOR ev.### (RIGHTARG = integer, FUNCTION = ev.told_of);
CREATE TEXT SEARCH DICTIONARY ev.d (TEMPLATE = simple);
CREATE FUNCTION ev.alter_dictionary() RETURNS void LANGUAGE plpgsql VOLATILE AS $$ BEGIN
    ALTER TEXT SEARCH DICTIONARY ev.d (STOPWORDS = english); END $$;
CREATE TABLE ev.regions (region text);
INSERT INTO ev.regions VALUES ('North'), ('South');
RESET ROLE;
";

/// What a statement returns is the regions of the rows that it reached.
const STATEMENTS: [&str; 20] = [
    "SELECT region FROM shop.orders WHERE region = ev.told()",
    "SELECT region FROM shop.orders WHERE ev.told() = region",
    "SELECT region FROM shop.orders WHERE region IN (ev.told())",
    "SELECT region FROM shop.orders WHERE region = ev.in_line()",
    "SELECT region FROM shop.orders WHERE region = OPERATOR(ev.###) current_setting('ev.calls')::integer",
    "SELECT region FROM shop.orders WHERE region = ev.told() FOR UPDATE",
    "SELECT region FROM (SELECT *, ev.told() AS told FROM shop.orders) o WHERE region = told",
    "SELECT region FROM shop.orders, (VALUES (ev.told())) v (told) WHERE region = told",
    "WITH v AS (SELECT ev.told() AS told) SELECT region FROM shop.orders, v WHERE region = told",
    "SELECT o.region FROM shop.orders o JOIN ev.regions r ON o.region = r.region WHERE r.region = ev.told()",
    "SELECT o.region FROM ev.regions r LEFT JOIN shop.orders o ON o.region = r.region AND o.region = ev.told()",
    "SELECT max(region) AS region FROM shop.orders WHERE region = ev.told()",
    "UPDATE shop.orders SET region = 'North' WHERE region = ev.told() RETURNING CASE id % 4 WHEN 0 THEN 'North' ELSE 'South' END AS region",
    "DELETE FROM shop.orders WHERE region = ev.told() RETURNING region",
    "SET plan_cache_mode = force_generic_plan; PREPARE p (integer) AS SELECT region FROM shop.orders WHERE region = ev.told_of($1); EXECUTE p (1)",
    "SET plan_cache_mode = force_generic_plan;
     PREPARE p (text) AS SELECT region FROM (SELECT ev.alter_dictionary() OFFSET 0) s, shop.orders
         WHERE region = CASE WHEN (ts_lexize('ev.d', $1))[1] IS NULL THEN 'South' ELSE 'North' END; EXECUTE p ('the')",
    "SET enable_seqscan = off; SELECT region FROM shop.orders WHERE region = ev.told()",
    "SET enable_seqscan = off; SET enable_indexscan = off; SELECT region FROM shop.orders WHERE region = ev.told()",
    // Nothing is created: a setting changes while the statement runs.
    "SELECT region FROM (SELECT set_config('ev.region', 'South', true) OFFSET 0) s, shop.orders WHERE region = current_setting('ev.region')",
    "SELECT region FROM shop.orders WHERE region = current_setting('ev.region') AND set_config('ev.region', 'South', true) IS NOT NULL",
];

/// Policies that compare a column with one value.
const PREDICATES: [&str; 4] = [
    "region = {}",
    "{} = region AND id > 0",
    "region = {} AND amount = amount",
    "region IN ({})",
];

struct Scene<'a> {
    database: Database<'a>,
    token: Option<String>,
    user: Client,
}

impl<'a> Scene<'a> {
    fn protected(database: Database<'a>, predicate: &str) -> Result<Self> {
        create_orders(&database)?;
        let token = protect_by_region(&database, predicate)?;
        Self::attacked(database, Some(token))
    }

    fn native(database: Database<'a>, predicate: &str) -> Result<Self> {
        create_orders(&database)?;
        protect_natively(&database, predicate)?;
        Self::attacked(database, None)
    }

    fn attacked(database: Database<'a>, token: Option<String>) -> Result<Self> {
        database.admin()?.batch_execute(TOLD)?;
        database
            .admin()?
            .batch_execute("CREATE INDEX ON shop.orders (region); ANALYZE shop.orders")?;
        let user = database.connect(role::USER)?;
        Ok(Self {
            database,
            token,
            user,
        })
    }

    /// The regions of the rows that a statement reached, when the function changes its answer after so many calls.
    fn reached(&mut self, statement: &str, calls: usize) -> Result<Vec<String>> {
        self.user
            .batch_execute("BEGIN; SET LOCAL app.region = 'North'; SET LOCAL ev.region = 'North'")?;
        if let Some(token) = &self.token {
            attach(&mut self.user, token)?;
        }
        self.user
            .batch_execute(&format!("SET LOCAL ev.calls = {calls}"))?;
        let messages = outcome(self.user.simple_query(statement));
        self.user.batch_execute("ROLLBACK; DEALLOCATE ALL")?;
        let messages = messages.map_err(|refusal| format!("{statement}: {refusal:?}"))?;
        let rows = messages.iter().filter_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => row.get("region"),
            _ => None,
        });
        Ok(rows.map(str::to_owned).collect())
    }
}

/// More than any of the statements calls for in a plan that is begun.
const CALLS: usize = 12;

#[test]
fn control_a_changing_answer_takes_the_place_of_postgresqls_own_policy() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Absent, "")?;
    let mut scene = Scene::native(Database::create_bare_in(&cluster)?, PREDICATES[0])?;
    for statement in STATEMENTS {
        let mut is_reached = false;
        for calls in 0..CALLS {
            is_reached |= scene.reached(statement, calls)?.contains(&"South".to_owned());
        }
        assert!(is_reached, "{statement}");
    }
    Ok(())
}

#[test]
fn no_answer_takes_the_place_of_a_policy() -> Result<()> {
    let mut findings = Findings::default();
    for predicate in PREDICATES {
        let mut scene = Scene::protected(Database::create()?, predicate)?;
        for statement in STATEMENTS {
            let mut own = 0;
            for calls in 0..CALLS {
                let reached = scene.reached(statement, calls)?;
                own += reached.len();
                let is_own = reached.iter().all(|region| region == "North");
                findings.expect(is_own, || {
                    format!("{predicate} | {statement} | {calls}: {reached:?}")
                });
            }
            findings.expect(own > 0, || format!("{predicate} | {statement}: no row at all"));
        }
        drop(scene.database);
    }
    findings.settle();
    Ok(())
}

#[test]
fn a_policy_of_postgresqls_own_keeps_its_place_too() -> Result<()> {
    let mut findings = Findings::default();
    let mut scene = Scene::native(Database::create_bare()?, PREDICATES[0])?;
    for statement in STATEMENTS {
        for calls in 0..CALLS {
            let reached = scene.reached(statement, calls)?;
            let is_own = reached.iter().all(|region| region == "North");
            findings.expect(is_own, || format!("{statement} | {calls}: {reached:?}"));
        }
    }
    findings.settle();
    Ok(())
}
