//! The server against the reference evaluator: random policies, sessions and statements must come to the same on both sides.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use vpd_tests::reference::{Plan, Report, run};
use vpd_tests::{Database, Result};

/// A new seed for every run, so that runs add up; it is printed, and `reference --seed` repeats it.
fn compare(cases: usize, is_sabotaged: bool) -> Result<(u64, Report)> {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let workers = 2;
    let plan = Plan {
        cases,
        seed,
        workers,
        is_sabotaged,
    };
    Ok((seed, run(&Database::create()?, plan)?))
}

#[test]
fn a_hundred_thousand_random_statements_agree_with_the_evaluator() -> Result<()> {
    let (seed, report) = compare(100_000, false)?;
    // Written past the capture of the test runner: the figures are what the test is for.
    writeln!(
        std::io::stderr(),
        "reference, seed {seed}: {} statements in {} scenes, {} refused; {} different",
        report.cases,
        report.scenes,
        report.refused,
        report.different
    )?;
    assert!(report.cases >= 100_000);
    assert_eq!(
        report.different,
        0,
        "seed {seed}:\n{}",
        report.mismatches.join("\n")
    );
    Ok(())
}

/// The defence off: policies that the server was told to forget are missed by many statements.
#[test]
fn control_policies_switched_off_on_the_server_are_noticed() -> Result<()> {
    let (seed, report) = compare(2_000, true)?;
    assert!(report.different > report.cases / 20, "seed {seed}: {report:?}");
    Ok(())
}
