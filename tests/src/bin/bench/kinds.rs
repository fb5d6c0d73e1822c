//! The kinds of policies beside each other: how often their functions run, and what a read by key costs under each.

use postgres::Client;
use vpd_tests::{Result, role};

use crate::contest::{Pace, Target};
use crate::reads::{prepared, simple};
use crate::scene::{self, Scene};
use crate::table;

/// Against no row security. Only the template has a target, that of P-2 and P-3; the others say what their kind costs.
const PREPARED: Target = Target::rate(0.85, Some(0.92));
const SIMPLE: Target = Target::rate(0.75, Some(0.85));

/// How many statements P-9 counts.
const STATEMENTS: u32 = 1_000;

/// A table for each, under the same rule said in another way.
struct Kind {
    table: &'static str,
    what: &'static str,
    policy: &'static str,
    has_function: bool,
}

const KINDS: [Kind; 6] = [
    Kind {
        table: "kind_template",
        what: "static template",
        policy: "predicate => $$region = vpd.attribute('app', 'region')$$",
        has_function: false,
    },
    Kind {
        table: "kind_static",
        what: "shared_static function",
        policy: "policy_function => 'bench.by_attribute', kind => 'shared_static'",
        has_function: true,
    },
    Kind {
        table: "kind_context",
        what: "context_sensitive function",
        policy: "policy_function => 'bench.by_literal', kind => 'context_sensitive'",
        has_function: true,
    },
    Kind {
        table: "kind_dynamic",
        what: "dynamic function",
        policy: "policy_function => 'bench.by_literal', kind => 'dynamic'",
        has_function: true,
    },
    Kind {
        table: "kind_group",
        what: "template in a policy group",
        policy: "predicate => $$region = vpd.attribute('app', 'region')$$, policy_group => 'tellers'",
        has_function: false,
    },
    Kind {
        table: "kind_column",
        what: "template for a relevant column",
        policy: "predicate => $$region = vpd.attribute('app', 'region')$$, relevant_columns => '{amount}'",
        has_function: false,
    },
];

/// The functions count their calls, in a sequence because it counts in every transaction.
const FUNCTIONS: &str = "
CREATE SEQUENCE bench.calls;
GRANT USAGE ON SEQUENCE bench.calls TO PUBLIC;
CREATE FUNCTION bench.by_attribute(text, text) RETURNS text LANGUAGE plpgsql AS
    $f$BEGIN PERFORM nextval('bench.calls'); RETURN 'region = vpd.attribute(''app'', ''region'')'; END$f$;
CREATE FUNCTION bench.by_literal(text, text) RETURNS text LANGUAGE plpgsql AS
    $f$BEGIN PERFORM nextval('bench.calls'); RETURN format('region = %L', vpd.attribute('app', 'region')); END$f$;
";

/// Measures P-9 and a line for each kind.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("P-9") && !wanted("kinds") {
        return Ok(());
    }
    create(scene)?;
    if wanted("P-9") {
        for kind in KINDS.iter().filter(|kind| kind.has_function) {
            let (prepared, simple) = (calls(scene, kind, true)?, calls(scene, kind, false)?);
            table::print_figure(
                "P-9",
                &format!("calls of a {} in {STATEMENTS} statements", kind.what),
                &format!("{prepared} prepared, {simple} simple"),
                if kind.table == "kind_dynamic" { "" } else { "<= 1" },
            );
        }
    }
    if wanted("kinds") {
        for kind in &KINDS {
            for (is_prepared, protocol, target) in [(true, "prepared", PREPARED), (false, "simple", SIMPLE)] {
                let read = if is_prepared { prepared } else { simple };
                let ours = read(scene.reader()?, kind.table)?;
                let theirs = read(scene.native_reader()?, "plain")?;
                let what = format!("{}, {protocol} : no row security", kind.what);
                scene.row("kinds", &what, pace, target, ours, theirs)?;
            }
        }
    }
    Ok(())
}

fn create(scene: &Scene<'_>) -> Result<()> {
    let mut admin = scene.database.admin()?;
    admin.batch_execute(FUNCTIONS)?;
    let mut security = scene.database.connect(role::SECURITY)?;
    for kind in &KINDS {
        let table = kind.table;
        scene::copy_plain_table(&mut admin, table)?;
        if kind.policy.contains("policy_group") {
            security.batch_execute(&format!(
                "SELECT vpd.create_policy_group('bench.{table}', 'tellers')"
            ))?;
        }
        security.batch_execute(&format!(
            "SELECT vpd.add_policy('bench.{table}', 'by_region', {})",
            kind.policy
        ))?;
    }
    admin.batch_execute("VACUUM ANALYZE")?;
    Ok(())
}

/// How often the function of a policy runs for a connection that is new to the table, under one session.
fn calls(scene: &Scene<'_>, kind: &Kind, is_prepared: bool) -> Result<i64> {
    let mut admin = scene.database.admin()?;
    let mut count = || -> Result<i64> { Ok(last_call(&mut admin)?) };
    let before = count()?;
    let mut reader = scene.reader()?;
    let statement = reader.prepare(&format!("SELECT note FROM bench.{} WHERE id = $1", kind.table))?;
    for number in 0..STATEMENTS {
        if is_prepared {
            reader.query(&statement, &[&i32::try_from(number)?])?;
        } else {
            reader.simple_query(&format!(
                "SELECT note FROM bench.{} WHERE id = {number}",
                kind.table
            ))?;
        }
    }
    Ok(count()? - before)
}

fn last_call(admin: &mut Client) -> std::result::Result<i64, postgres::Error> {
    let calls = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM bench.calls";
    Ok(admin.query_one(calls, &[])?.get(0))
}
