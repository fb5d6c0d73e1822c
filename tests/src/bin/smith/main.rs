//! `smith` lets the program sqlsmith send random statements as an attached run-time role and looks at every byte of the answers.
//!
//! sqlsmith opens a plain connection and runs each statement in a transaction of its own, so a relay between it and the server
//! attaches the session to each. Rows that the session may not see carry a mark; the mark must never come back, and the
//! server must not break.

mod relay;
mod scene;

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use vpd_tests::{Cluster, Extension, Library, Result};

use relay::Relay;

/// Sends random statements to protected tables and looks for rows that should be hidden.
#[derive(Parser)]
struct Arguments {
    /// Statements to send.
    #[arg(long, default_value_t = 50_000)]
    statements: usize,
    /// Seed of sqlsmith; the clock chooses one when it is not given.
    #[arg(long)]
    seed: Option<u32>,
    /// Leaves the tables without policies: hidden rows must be found.
    #[arg(long)]
    control: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("smith: {error:?}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool> {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos();
    let seed = arguments.seed.unwrap_or(clock);
    println!("seed {seed}");
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "jit = off\n")?;
    let (database, token) = scene::create(&cluster, !arguments.control)?;
    let born = scene::started_at(&database)?;
    let relay = Relay::start(&cluster, token)?;
    let start = Instant::now();
    // sqlsmith gives up when its connection is lost, by a function that ends it for instance; the next one goes on.
    let mut round: u32 = 0;
    while relay.counts().statements < arguments.statements && round < 200 {
        let left = arguments.statements - relay.counts().statements;
        let target = format!(
            "host=127.0.0.1 port={} dbname={} user={} sslmode=disable gssencmode=disable",
            relay.port(),
            database.name(),
            vpd_tests::role::USER
        );
        let status = Command::new("sqlsmith")
            .arg(format!("--target={target}"))
            .arg(format!("--seed={}", seed.wrapping_add(round)))
            .arg(format!("--max-queries={left}"))
            .arg("--exclude-catalog")
            .output()
            .map_err(|error| format!("sqlsmith (the Debian package of that name): {error}"))?;
        if !status.status.success() && relay.counts().statements == 0 {
            return Err(String::from_utf8_lossy(&status.stderr).into_owned().into());
        }
        round += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    let counts = relay.counts();
    println!(
        "{} statements in {:.0} s and {round} runs of sqlsmith; {} refused or failed; {} rows came back, {} of them tagged visible, {} messages with a hidden mark",
        counts.statements,
        start.elapsed().as_secs_f64(),
        counts.errors,
        counts.rows,
        counts.visible,
        counts.hidden
    );
    for statement in &counts.leaks {
        println!("-- LEAK\n{statement}\n");
    }
    let is_whole = scene::is_unbroken(&cluster, &database, &born)?;
    println!("the server {}", if is_whole { "never broke" } else { "BROKE" });
    let is_enough = counts.statements >= arguments.statements && counts.visible > 0;
    Ok(is_enough && is_whole && (counts.hidden == 0) != arguments.control)
}
