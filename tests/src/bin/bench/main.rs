//! `bench` measures policies and sessions against hand-written twins on the same server and prints ratios.
//!
//! It is not a benchmark of the machine: only ratios count. Two sides take turns (A, B, A, B, …), each round gives one
//! paired ratio, and the median of the rounds is compared with the target.

mod contest;
mod reads;
mod scene;
mod sessions;
mod table;
mod tickets;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use vpd_tests::Result;

use contest::Pace;
use scene::Scene;

/// Prints ratios of pg_vpd against hand-written twins, side by side on one server.
#[derive(Parser)]
struct Arguments {
    /// Rounds; each gives one paired ratio.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds each side runs in a round.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Only the rows with this id, as P-1.
    #[arg(long)]
    only: Option<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "bench: {error}{}",
                error
                    .source()
                    .map(|cause| format!(": {cause}"))
                    .unwrap_or_default()
            );
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    if arguments.rounds == 0 || arguments.seconds.is_nan() || arguments.seconds <= 0.0 {
        return Err("rounds and seconds must be more than 0".into());
    }
    let pace = Pace {
        rounds: arguments.rounds,
        slice: Duration::from_secs_f64(arguments.seconds),
    };
    let wanted = |id: &str| arguments.only.as_deref().is_none_or(|only| only == id);
    let cluster = scene::start_server()?;
    let scene = Scene::create(&cluster)?;
    table::print_header(&pace, &scene)?;
    for measure in [reads::measure, sessions::measure, tickets::measure] {
        measure(&scene, &pace, &wanted)?;
    }
    table::print_footer();
    Ok(())
}
