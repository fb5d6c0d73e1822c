//! `authority` compares the server with the brute-force evaluator of authority for as long as one likes.

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use vpd_tests::authority::{Plan, Report, run};
use vpd_tests::{Cluster, Database, Extension, Library, Result};

/// Defines and changes random graphs on servers of its own and in memory, and compares.
#[derive(Parser)]
struct Arguments {
    /// Graphs to compare.
    #[arg(long, default_value_t = 10_000)]
    graphs: u64,
    /// Seed; the clock chooses one when it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Number of the first graph, to repeat one.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Connections that work at the same time, at least 2; every other one in another environment than production.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Takes grants back on the server alone: differences must be found.
    #[arg(long)]
    control: bool,
}

fn main() -> ExitCode {
    match compare(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("authority: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> Result<bool> {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let plan = Plan {
        graphs: arguments.graphs,
        seed: arguments.seed.unwrap_or(clock),
        first: arguments.first,
        is_sabotaged: arguments.control,
    };
    println!("seed {}", plan.seed);
    let start = Instant::now();
    let elsewhere = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "vpd.environment = 'test'",
    )?;
    let mut databases = Vec::new();
    for worker in 0..arguments.workers.max(2) {
        databases.push(if worker % 2 == 0 {
            (Database::create()?, true)
        } else {
            (Database::install_in(&elsewhere)?, false)
        });
    }
    let places: Vec<_> = databases
        .iter()
        .map(|(database, is_production)| (database, *is_production))
        .collect();
    let report = run(&places, plan)?;
    print(&report, start);
    Ok((report.different == 0) != arguments.control)
}

fn print(report: &Report, start: Instant) {
    for mismatch in &report.mismatches {
        println!("-- DIFFERENT\n{mismatch}");
    }
    println!(
        "{} graphs, {} answers, {} refused; {} graphs different; {:.0} s",
        report.graphs,
        report.answers,
        report.refused,
        report.different,
        start.elapsed().as_secs_f64()
    );
}
