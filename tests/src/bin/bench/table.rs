//! The table that is printed, a line as soon as it is measured.

use vpd_tests::Result;

use crate::contest::{Outcome, Pace, Target};
use crate::scene::Scene;

/// The conditions and the head of the table.
pub fn print_header(pace: &Pace, scene: &Scene<'_>) -> Result<()> {
    let conditions = "SELECT format('PostgreSQL %s, pg_vpd %s; jit %s, max_parallel_workers_per_gather %s, fsync %s, '
                                    'synchronous_commit %s',
                        current_setting('server_version'), (SELECT extversion FROM pg_extension WHERE extname = 'pg_vpd'),
                        current_setting('jit'), current_setting('max_parallel_workers_per_gather'),
                        current_setting('fsync'), current_setting('synchronous_commit'))";
    let conditions: String = scene.database.admin()?.query_one(conditions, &[])?.get(0);
    println!("{conditions}");
    println!(
        "{} rounds of {:.1} s a side, in turns; medians of paired ratios\n",
        pace.rounds,
        pace.slice.as_secs_f64()
    );
    println!(
        "{:5} {:58} {:>8} {:>15} {:>9}  {:6} {:>10} {:>10}",
        "id", "measure", "ratio", "spread", "target", "", "ours/s", "theirs/s"
    );
    Ok(())
}

/// One line.
pub fn print(id: &str, measure: &str, target: Target, outcome: &Outcome) {
    let (sign, limit) = match target {
        Target::Rate(limit) | Target::Faster(limit) => (">=", limit),
        Target::Time(limit) => ("<=", limit),
    };
    println!(
        "{id:5} {measure:58} {:>7.2}x {:>15} {:>9}  {:6} {:>10} {:>10}",
        outcome.ratio,
        format!("{:.2}..{:.2}", outcome.spread.0, outcome.spread.1),
        format!("{sign} {limit:.2}"),
        if outcome.is_met { "met" } else { "MISSED" },
        rate(outcome.rates.0),
        rate(outcome.rates.1),
    );
}

/// What the ratios mean.
pub fn print_footer() {
    println!("\nRatios are rates, ours over theirs (>=), or times, ours over theirs (<=).");
}

fn rate(rate: f64) -> String {
    if rate < 1_000.0 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    }
}
