//! A part of a condition that is evaluated for some rows only tells of rows that policies hide.
//! PostgreSQL takes a condition for free of leaks when its functions are given no column, and asks it before a costly policy.

use super::findings::Findings;
use postgres::Client;
use vpd_tests::{
    Database, Notices, Result, Subject, add_policy, attach, create_orders, outcome, refusal, role,
};

/// Costlier than each of the conditions below.
const PREDICATE: &str =
    "lower(upper(lower(upper(lower(upper(lower(upper(region)))))))) = lower(vpd.attribute('app', 'region'))";

const PROTECTED: &str = "shop.orders";
/// The same table under a policy of PostgreSQL's own.
const NATIVE: &str = "shop.twin";

const SCENE: &str = "
ALTER TABLE shop.orders ADD tags integer[], ADD discount integer;
CREATE TABLE shop.twin (LIKE shop.orders INCLUDING ALL); ALTER TABLE shop.twin OWNER TO app_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.twin TO app_user;
CREATE SCHEMA ev AUTHORIZATION app_user;
ALTER TABLE shop.twin ENABLE ROW LEVEL SECURITY;
";

/// Functions of the attacker: they count, and are given nothing.
const MARKS: &str = "
CREATE FUNCTION ev.mark() RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN RAISE NOTICE 'mark'; RETURN true; END $$;
CREATE FUNCTION ev.loud() RETURNS boolean LANGUAGE plpgsql VOLATILE COST 0.0001 AS $$ BEGIN RAISE NOTICE 'mark'; RETURN true; END $$;
CREATE FUNCTION ev.one() RETURNS integer LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN RAISE NOTICE 'mark'; RETURN 1; END $$;
SET ev.zero = '0';
";

/// Conditions, and whether they call the mark, or fail, for an amount of 7 rather than for one of 3.
const CONDITIONS: [(&str, bool); 12] = [
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
    ("tags[(SELECT ev.one())] = 1", true),
    ("tags[ev.one()] = 1", true),
    ("(amount < 5 OR (SELECT ev.mark())) IS TRUE", true),
];

/// Where a condition may stand: `{t}` is the table, `{c}` the condition.
const PLACES: [&str; 21] = [
    "SELECT id FROM {t} WHERE {c}",
    "SELECT id FROM {t} WHERE {c} FOR UPDATE",
    "SELECT 1 WHERE EXISTS (SELECT FROM {t} WHERE {c})",
    "SELECT id FROM {t} GROUP BY id HAVING {c}",
    "SELECT id FROM (SELECT id, {c} AS is_met FROM {t}) o WHERE is_met",
    "SELECT id FROM (SELECT * FROM {t}) o WHERE {c}",
    "WITH o AS (SELECT * FROM {t}) SELECT id FROM o WHERE {c}",
    "SELECT id FROM (SELECT * FROM {t} UNION ALL SELECT * FROM {t}) o WHERE {c}",
    "SELECT id FROM generate_series(1, 2) n JOIN {t} ON id = n AND {c}",
    "SELECT id FROM generate_series(1, 2) n LEFT JOIN {t} ON id = n AND {c}",
    "SELECT id FROM generate_series(1, 2) n, LATERAL (SELECT * FROM {t} WHERE id = n) o WHERE {c}",
    "CREATE VIEW ev.v WITH (security_invoker) AS SELECT id FROM {t} WHERE {c}; SELECT * FROM ev.v",
    "CREATE VIEW ev.v WITH (security_invoker) AS SELECT id, {c} AS is_met FROM {t}; SELECT * FROM ev.v WHERE is_met",
    "CREATE VIEW ev.v WITH (security_invoker, security_barrier) AS SELECT id FROM {t} WHERE {c}; SELECT * FROM ev.v",
    "CREATE FUNCTION ev.met() RETURNS TABLE (id integer) LANGUAGE sql STABLE AS $$ SELECT id FROM {t} WHERE {c} $$; SELECT * FROM ev.met()",
    "CREATE FUNCTION ev.every() RETURNS SETOF {t} LANGUAGE sql STABLE AS $$ SELECT * FROM {t} $$; SELECT id FROM ev.every() WHERE {c}",
    "UPDATE {t} SET discount = 9 WHERE {c}",
    "DELETE FROM {t} WHERE {c}",
    "MERGE INTO {t} USING (VALUES (1), (2)) v (n) ON id = n AND {c} WHEN MATCHED THEN DO NOTHING",
    "SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT id FROM {t} WHERE {c}; EXECUTE p",
    "DECLARE c CURSOR FOR SELECT id FROM {t} WHERE {c}; FETCH ALL FROM c",
];

/// Statements in which the attacker's value comes with the execution.
const PREPARED: &str = "SET plan_cache_mode = force_generic_plan;
    PREPARE p (integer) AS SELECT id FROM {t} WHERE id = 0 OR (amount >= 5 AND 1 / $1 = 1); EXECUTE p (0)";

struct Scene {
    database: Database<'static>,
    token: String,
    user: Client,
    notices: Notices,
}

impl Scene {
    fn set() -> Result<Self> {
        let database = Database::create()?;
        create_orders(&database)?;
        let mut admin = database.admin()?;
        admin.batch_execute(SCENE)?;
        admin.batch_execute(&format!(
            "CREATE POLICY by_region ON shop.twin USING ({PREDICATE})"
        ))?;
        add_policy(
            &mut database.connect(role::SECURITY)?,
            PROTECTED,
            "by_region",
            PREDICATE,
        )?;
        let token = Subject::in_region("alice", "North").log_in(&database)?;
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
        for table in [PROTECTED, NATIVE] {
            admin.execute(&format!("DELETE FROM {table}"), &[])?;
            admin.execute(
                &format!(
                    "INSERT INTO {table}
                     SELECT n, CASE n WHEN 1 THEN 'North' ELSE 'South' END, amount,
                            CASE WHEN amount >= 5 THEN ARRAY[1, 2] END, CASE WHEN amount < 5 THEN 1 END
                       FROM unnest($1::integer || $2::integer[]) WITH ORDINALITY o (amount, n)"
                ),
                &[&visible, &hidden],
            )?;
        }
        Ok(())
    }

    /// How often the mark was called; a failure that a row caused is one call.
    fn calls(&mut self, table: &str, place: &str, condition: &str) -> Result<usize> {
        let statement = place.replace("{t}", table).replace("{c}", condition);
        self.user.batch_execute("BEGIN")?;
        attach(&mut self.user, &self.token)?;
        drop(self.notices.take());
        let outcome = outcome(self.user.batch_execute(&statement));
        self.user.batch_execute("ROLLBACK; DEALLOCATE ALL")?;
        let marks = self.notices.take();
        let marks = marks.iter().filter(|notice| notice.message() == "mark").count();
        let failed = match outcome {
            Ok(()) => false,
            Err(refusal) if refusal.state.code() == "22012" => true,
            Err(refusal) => return Err(format!("{statement}: {refusal:?}").into()),
        };
        Ok(marks + usize::from(failed))
    }
}

const fn amount(is_high: bool) -> i32 {
    if is_high { 7 } else { 3 }
}

/// Every condition at every place.
fn forms() -> impl Iterator<Item = (&'static str, &'static str, bool)> {
    let placed = CONDITIONS
        .iter()
        .flat_map(|(condition, is_high)| PLACES.iter().map(move |place| (*place, *condition, *is_high)));
    placed.chain([(PREPARED, "", true)])
}

#[test]
fn control_postgresqls_own_policies_are_told_of_at_every_place_and_by_every_condition() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut telling = Vec::new();
    for calls_at in [true, false] {
        scene.fill(amount(!calls_at), &[amount(calls_at)])?;
        for (place, condition, _) in forms().filter(|form| form.2 == calls_at) {
            if scene.calls(NATIVE, place, condition)? > 0 {
                telling.push((place, condition));
            }
        }
    }
    for place in PLACES.iter().chain([&PREPARED]) {
        assert!(telling.iter().any(|one| one.0 == *place), "{place}");
    }
    for (condition, _) in CONDITIONS {
        assert!(telling.iter().any(|one| one.1 == condition), "{condition}");
    }
    Ok(())
}

#[test]
fn no_part_of_a_condition_is_asked_for_a_hidden_row() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut findings = Findings::default();
    for visible in [3, 7] {
        for hidden in [&[][..], &[3], &[7]] {
            scene.fill(visible, hidden)?;
            for (place, condition, is_high) in forms() {
                let is_called = scene.calls(PROTECTED, place, condition)? > 0;
                findings.expect(is_called == (visible == amount(is_high)), || {
                    format!("{place} | {condition} | visible {visible}, hidden {hidden:?}: {is_called}")
                });
            }
        }
    }
    findings.settle();
    Ok(())
}

#[test]
fn how_often_a_condition_without_columns_is_asked_does_not_tell_how_many_rows_are_hidden() -> Result<()> {
    let mut scene = Scene::set()?;
    let place = "SELECT id FROM {t} WHERE {c}";
    scene.fill(7, &[7; 20])?;
    assert_eq!(scene.calls(NATIVE, place, "ev.loud()")?, 21, "control");
    assert_eq!(scene.calls(PROTECTED, place, "ev.loud()")?, 1);
    scene.fill(7, &[])?;
    assert_eq!(scene.calls(PROTECTED, place, "ev.loud()")?, 1);
    Ok(())
}

#[test]
fn an_error_for_a_visible_row_stays_an_error() -> Result<()> {
    let mut scene = Scene::set()?;
    scene.fill(7, &[])?;
    scene.user.batch_execute("BEGIN")?;
    attach(&mut scene.user, &scene.token)?;
    let failed = scene.user.query(
        "SELECT id FROM shop.orders WHERE amount < 5 OR 1 / (amount - 7) = 1",
        &[],
    );
    assert_eq!(refusal(failed).state.code(), "22012");
    Ok(())
}
