//! The server against the reference evaluator: random policies, sessions and statements must come to the same on both sides.

use std::io::Write;

use vpd_tests::reference::{Plan, Report, Sabotage, run};
use vpd_tests::{Database, Result};

/// As many as a run has time for.
const STATEMENTS: usize = 100_000;

/// The same cases in every run; `reference --seed` takes any other, and as many as wanted.
fn compare(cases: usize, sabotage: Option<Sabotage>) -> Result<(u64, Report)> {
    let seed = 1;
    let workers = 2;
    let plan = Plan {
        cases,
        seed,
        workers,
        sabotage,
    };
    Ok((seed, run(&Database::create()?, plan)?))
}

/// The servers of the tests compile nothing, because that takes longer than what they run. Here everything is compiled.
#[test]
fn compiled_expressions_say_the_same() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    for setting in [
        "jit = on",
        "jit_above_cost = 0",
        "jit_inline_above_cost = -1",
        "jit_optimize_above_cost = -1",
    ] {
        admin.batch_execute(&format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {setting}', current_database()); END $$"
        ))?;
    }
    let mut compiling = database.admin()?;
    let is_available: bool = compiling.query_one("SELECT pg_jit_available()", &[])?.get(0);
    let plan = compiling.query(
        "EXPLAIN ANALYZE SELECT count(*) FROM pg_class WHERE relpages > 1",
        &[],
    )?;
    assert_eq!(
        plan.iter().any(|row| row.get::<_, &str>(0) == "JIT:"),
        is_available
    );
    let plan = Plan {
        cases: 1_000,
        seed: 2,
        workers: 2,
        sabotage: None,
    };
    let report = run(&database, plan)?;
    assert_eq!(report.different, 0, "{}", report.mismatches.join("\n"));
    Ok(())
}

#[test]
fn random_statements_agree_with_the_evaluator() -> Result<()> {
    let (seed, report) = compare(STATEMENTS, None)?;
    // Written past the capture of the test runner: the figures are what the test is for.
    writeln!(
        std::io::stderr(),
        "reference, seed {seed}: {} statements in {} scenes, {} refused, {} with rules or triggers that wrote; {} different",
        report.cases,
        report.scenes,
        report.refused,
        report.effects,
        report.different
    )?;
    assert!(report.cases >= STATEMENTS);
    assert_eq!(
        report.different,
        0,
        "seed {seed}:\n{}",
        report.mismatches.join("\n")
    );
    Ok(())
}

/// What the evaluator knows is looked at: whatever is switched off on the server alone, differences are found.
#[test]
fn control_what_the_server_leaves_out_is_noticed() -> Result<()> {
    for sabotage in Sabotage::ALL {
        let (seed, report) = compare(8_000, Some(sabotage))?;
        assert!(report.different > 20, "{sabotage:?}, seed {seed}: {report:?}");
    }
    Ok(())
}
