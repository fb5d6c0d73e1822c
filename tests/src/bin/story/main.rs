//! `story load` fills the demo's tables; `story play` plays the demo against the running cluster and bridge.
//! It is not a test with fixtures: every figure is compared with one counted elsewhere, and the first mismatch ends it.

mod browser;
mod connection;
mod expiry;
mod forgery;
mod form;
mod handoff;
mod http;
mod invention;
mod keepalive;
mod logout;
mod record;
mod revocation;
mod rows;
mod script;
mod sealed;
mod stage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use vpd_tests::Result;
use vpd_tests::superstore::{self, grouped};

use connection::{ADMIN, connect, explain};
use script::Script;
use stage::Stage;

/// Loads and plays the demo of pg_vpd. PGHOST, PGPORT and PGDATABASE say where the cluster is (`. .local/env`).
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fill the demo's tables with the order lines, unless they are there already.
    Load,
    /// Play the story and check every figure; exit 1 at the first mismatch.
    Play {
        /// Port of the bridge on loopback.
        #[arg(long, env = "VPD_BRIDGE_PORT", default_value_t = 8480)]
        port: u16,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Load => load(),
        Command::Play { port } => play(port),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("story: {}", explain(&error));
            ExitCode::FAILURE
        }
    }
}

fn load() -> Result<()> {
    let mut admin = connect(ADMIN)?;
    match superstore::load(&mut admin)? {
        0 => println!("demo.orders and demo.profits are filled already"),
        lines => println!(
            "loaded {} order lines into demo.orders and demo.profits",
            grouped(i64::try_from(lines)?)
        ),
    }
    match superstore::load_customers(&mut admin)? {
        0 => println!("demo.customers is filled already, with sealed addresses"),
        customers => println!("loaded {customers} customers with sealed addresses into demo.customers"),
    }
    Ok(())
}

fn play(port: u16) -> Result<()> {
    let stage = Stage::set(port)?;
    let mut script = Script::begin();
    rows::play(&stage, &mut script)?;
    forgery::play(&stage, &mut script)?;
    invention::play(&stage, &mut script)?;
    record::play(&stage, &mut script)?;
    sealed::play(&stage, &mut script)?;
    handoff::play(&stage, &mut script)?;
    keepalive::play(&stage, &mut script)?;
    logout::play(&stage, &mut script)?;
    expiry::play(&stage, &mut script)?;
    revocation::play(&stage, &mut script)?;
    script.end();
    Ok(())
}
