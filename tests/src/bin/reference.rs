//! `reference` compares the server with the reference evaluator for as long as one likes.

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use vpd_tests::reference::{Plan, run};
use vpd_tests::{Database, Result};

/// Runs random statements under random policies on a server of its own and in memory, and compares.
#[derive(Parser)]
struct Arguments {
    /// Statements to compare.
    #[arg(long, default_value_t = 100_000)]
    cases: usize,
    /// Seed; the clock chooses one when it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Connections that work at the same time.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Switches every policy off on the server alone: differences must be found.
    #[arg(long)]
    control: bool,
}

fn main() -> ExitCode {
    match compare(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("reference: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> Result<bool> {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let plan = Plan {
        cases: arguments.cases,
        seed: arguments.seed.unwrap_or(clock),
        workers: arguments.workers,
        is_sabotaged: arguments.control,
    };
    println!("seed {}", plan.seed);
    let start = Instant::now();
    let report = run(&Database::create()?, plan)?;
    for mismatch in &report.mismatches {
        println!("-- DIFFERENT\n{mismatch}");
    }
    println!(
        "{} statements in {} scenes, {} refused; {} different; {:.0} s",
        report.cases,
        report.scenes,
        report.refused,
        report.different,
        start.elapsed().as_secs_f64()
    );
    Ok((report.different == 0) != arguments.control)
}
