//! `reference` compares the server with the reference evaluator for as long as one likes.

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use vpd_tests::reference::{Plan, Sabotage, run};
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
    /// Switches something off on the server alone: differences must be found.
    #[arg(long, value_parser = control)]
    control: Option<Sabotage>,
}

/// One of the names that `Sabotage` has.
fn control(name: &str) -> std::result::Result<Sabotage, String> {
    let known = Sabotage::ALL.into_iter();
    let names: Vec<String> = known.clone().map(|sabotage| format!("{sabotage:?}")).collect();
    known
        .zip(&names)
        .find_map(|(sabotage, known)| known.eq_ignore_ascii_case(name).then_some(sabotage))
        .ok_or_else(|| format!("one of {}", names.join(", ")))
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
        sabotage: arguments.control,
    };
    println!("seed {}", plan.seed);
    let start = Instant::now();
    let report = run(&Database::create()?, plan)?;
    for mismatch in &report.mismatches {
        println!("-- DIFFERENT\n{mismatch}");
    }
    println!(
        "{} statements in {} scenes, {} refused, {} with rules or triggers that wrote; {} different; {:.0} s",
        report.cases,
        report.scenes,
        report.refused,
        report.effects,
        report.different,
        start.elapsed().as_secs_f64()
    );
    Ok((report.different == 0) != arguments.control.is_some())
}
