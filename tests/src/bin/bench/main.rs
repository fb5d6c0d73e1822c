//! `bench` measures policies, sessions and tickets against hand-written twins on the same server and prints ratios.
//!
//! It is not a benchmark of the machine: only ratios count. Two sides take turns (A, B, B, A, …), each round gives one
//! paired ratio, and the median of the rounds is held against the target. A missed target is printed, not an error.

mod audits;
mod bound;
mod contest;
mod graph;
mod growth;
mod helpers;
mod hierarchies;
mod kinds;
mod loads;
mod masks;
mod privileges;
mod reads;
mod scans;
mod scene;
mod sealed;
mod sessions;
mod table;
mod tickets;
mod tokens;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use vpd_tests::Result;

use contest::Pace;
use scene::Scene;

/// The rows there are.
const ROWS: [&str; 25] = [
    "P-1", "P-2", "P-3", "P-4", "P-5", "P-6", "P-7", "P-8", "P-9", "P-10", "P-11", "P-12", "P-18", "P-19",
    "P-20", "P-22", "P-23", "P-24", "kinds", "helpers", "checks", "graph", "P-14", "P-25", "growth",
];

/// Measures the rows of a topic that are wanted.
type Measure = fn(&Scene<'_>, &Pace, &dyn Fn(&str) -> bool) -> vpd_tests::Result<()>;

const TOPICS: [(&str, Measure); 14] = [
    ("scans", scans::measure),
    ("reads", reads::measure),
    ("kinds of policies", kinds::measure),
    ("helpers in policies", helpers::measure),
    ("sessions", sessions::measure),
    ("audits", audits::measure),
    ("masks", masks::measure),
    ("sealed columns", sealed::measure),
    ("hierarchies", hierarchies::measure),
    ("checks", privileges::measure),
    ("the graph", graph::measure),
    ("tickets", tickets::measure),
    ("identity tokens", tokens::measure),
    ("loads", loads::measure),
];

/// Prints ratios of pg_vpd against hand-written twins, side by side on one server.
#[derive(Parser)]
struct Arguments {
    /// Rounds; each gives one paired ratio.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Seconds each side runs in a round.
    #[arg(long, default_value_t = 0.5, value_parser = seconds)]
    seconds: f64,
    /// Seconds after which a row is stopped.
    #[arg(long, default_value_t = 300.0, value_parser = seconds)]
    bound: f64,
    /// Sessions and nodes that the rows of growth end with; users are a tenth, tables and roles a thousandth of them.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    largest: u32,
    /// Only these rows, as P-4,P-8.
    #[arg(long, value_delimiter = ',', value_parser = ROWS)]
    only: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("bench: {error}");
            if let Some(cause) = error.source() {
                eprint!(": {cause}");
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let pace = Pace {
        rounds: arguments.rounds,
        slice: Duration::from_secs_f64(arguments.seconds),
        turn: Duration::from_millis(20),
    };
    let wanted = |id: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == id);
    let cluster = scene::start_server()?;
    let scene = Scene::create(&cluster, Duration::from_secs_f64(arguments.bound))?;
    table::print_header(&pace, &scene)?;
    for (what, measure) in TOPICS {
        // What it prepares for its rows has a bound as well.
        let done = scene.bound.within(|| measure(&scene, &pace, &wanted))?;
        if done.is_none() {
            table::print_endless("", &format!("what is prepared for {what}"), scene.bound.limit());
        }
    }
    growth::measure(&scene, arguments.largest, &wanted)?;
    table::print_footer()
}

fn seconds(text: &str) -> std::result::Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.01..=600.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("from 0.01 to 600".to_owned())
    }
}
