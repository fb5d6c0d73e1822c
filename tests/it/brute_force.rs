//! The server against the brute-force evaluator of authority: random graphs must mean the same on both sides.

use std::io::Write;

use vpd_tests::authority::{Plan, Report, run};
use vpd_tests::{Cluster, Database, Extension, Library, Result};

/// As many as a run has time for.
const GRAPHS: u64 = 1_000;

/// The same graphs in every run; `authority --seed` takes any other, and as many as wanted.
fn compare(graphs: u64, is_sabotaged: bool) -> Result<(u64, Report)> {
    let seed = 1;
    let elsewhere = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "vpd.environment = 'test'",
    )?;
    let places = [
        (&Database::create()?, true),
        (&Database::install_in(&elsewhere)?, false),
    ];
    let plan = Plan {
        graphs,
        seed,
        first: 0,
        is_sabotaged,
    };
    Ok((seed, run(&places, plan)?))
}

#[test]
fn random_graphs_of_authority_mean_what_brute_force_finds() -> Result<()> {
    let (seed, report) = compare(GRAPHS, false)?;
    // Written past the capture of the test runner: the figures are what the test is for.
    writeln!(
        std::io::stderr(),
        "authority, seed {seed}: {} graphs, {} answers, {} refused; {} graphs different",
        report.graphs,
        report.answers,
        report.refused,
        report.different
    )?;
    assert_eq!(report.graphs as u64, GRAPHS);
    assert_eq!(
        report.different,
        0,
        "seed {seed}:\n{}",
        report.mismatches.join("\n")
    );
    Ok(())
}

/// The defence off: grants that end on the server alone are missed in most graphs.
#[test]
fn control_grants_taken_back_on_the_server_are_noticed() -> Result<()> {
    let (seed, report) = compare(20, true)?;
    assert!(report.different > 10, "seed {seed}: {report:?}");
    Ok(())
}
