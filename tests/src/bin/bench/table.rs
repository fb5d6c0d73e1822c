//! The table that is printed, a line as soon as it is measured.

use std::fs;
use std::thread::available_parallelism;
use std::time::Duration;

use vpd_tests::Result;

use crate::contest::{Outcome, Pace, Sense, Target};
use crate::growth::Row;
use crate::scene::Scene;

/// The conditions and the head of the table.
pub fn print_header(pace: &Pace, scene: &Scene<'_>) -> Result<()> {
    let conditions = "SELECT format('PostgreSQL %s, pg_vpd %s, %s
jit %s, max_parallel_workers_per_gather %s, shared_buffers %s, fsync %s, synchronous_commit %s',
                        current_setting('server_version'),
                        (SELECT extversion FROM pg_extension WHERE extname = 'pg_vpd'),
                        to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI \"UTC\"'),
                        current_setting('jit'), current_setting('max_parallel_workers_per_gather'),
                        current_setting('shared_buffers'), current_setting('fsync'),
                        current_setting('synchronous_commit'))";
    let conditions: String = scene.database.admin()?.query_one(conditions, &[])?.get(0);
    println!("{conditions}");
    println!("{}, load {}", processors()?, load()?);
    println!(
        "{} rounds of {} s a side, in turns of {} ms\n",
        pace.rounds,
        pace.slice.as_secs_f64(),
        pace.turn.as_millis()
    );
    println!(
        "{:5} {:58} {:>6}  {:^12} {:>8} {:>8}  {:8} {:>6} {:>8} {:>8}",
        "id", "measure", "ratio", "quartiles", "target", "stretch", "", "server", "ours/s", "theirs/s"
    );
    Ok(())
}

/// One line.
pub fn print(id: &str, measure: &str, target: Target, outcome: &Outcome) {
    let (sign, verdict) = verdict(target, outcome.ratio);
    println!(
        "{id:5} {measure:58} {:>6.2}  {:^12} {:>8} {:>8}  {verdict:8} {:>6.2} {:>8} {:>8}",
        outcome.ratio,
        format!("{:.2}..{:.2}", outcome.quartiles.0, outcome.quartiles.1),
        format!("{sign} {:.2}", target.limit),
        target
            .stretch
            .map_or_else(String::new, |stretch| format!("{sign} {stretch:.2}")),
        outcome.server_ratio,
        rate(outcome.rates.0),
        rate(outcome.rates.1),
    );
}

/// A line of one ratio that was measured once.
pub fn print_ratio(id: &str, measure: &str, target: Target, ratio: f64) {
    let (sign, verdict) = verdict(target, ratio);
    println!(
        "{id:5} {measure:58} {ratio:>6.2}  {:12} {:>8} {:>8}  {verdict}",
        "",
        format!("{sign} {:.2}", target.limit),
        target
            .stretch
            .map_or_else(String::new, |stretch| format!("{sign} {stretch:.2}")),
    );
}

/// A line of figures at some sizes, with the last of them over the first.
pub fn print_growth(row: &Row<'_>, figures: &[(u32, f64)]) {
    let list: Vec<String> = figures
        .iter()
        .map(|(size, figure)| format!("{size}: {figure:.2}"))
        .collect();
    let growth = match figures {
        [(_, first), .., (_, last)] => Some(last / first),
        _ => None,
    };
    let limit = row.limit.filter(|_| growth.is_some());
    let verdict = match (growth, limit) {
        (Some(growth), Some(limit)) if growth <= limit => "met",
        (Some(_), Some(_)) => "MISSED",
        _ => "",
    };
    println!(
        "{:5} {:58} {:>6}  {:12} {:>8} {:8}  {verdict:8} {}: {}",
        row.id,
        row.what,
        growth.map_or_else(String::new, |growth| format!("{growth:.2}")),
        "",
        limit.map_or_else(String::new, |limit| format!("<= {limit:.2}")),
        "",
        row.unit,
        list.join(", ")
    );
}

/// A figure that is counted and not measured.
pub fn print_figure(id: &str, what: &str, figure: &str, target: &str) {
    println!("{id:5} {what:58} {figure}  {target}");
}

/// A line that was stopped.
pub fn print_endless(id: &str, what: &str, bound: Duration) {
    println!("{id:5} {what:58} NO END within {} s", bound.as_secs());
}

/// More about the line before.
pub fn print_note(note: &str) {
    println!("{:8}{note}", "");
}

/// What the ratios mean, and whether the machine was left alone meanwhile.
pub fn print_footer() -> Result<()> {
    println!(
        "
ratio      median of the rounds: our rate over theirs where the target is >=, our time over theirs where it is <=
quartiles  of the same ratios
server     the same ratio of processor time spent in the server, which other work on the machine disturbs little
load       at the end {}; the measurements themselves make about 2",
        load()?
    );
    Ok(())
}

/// How the target is written, and whether it is reached.
fn verdict(target: Target, ratio: f64) -> (&'static str, &'static str) {
    let sign = match target.sense {
        Sense::Rate => ">=",
        Sense::Time => "<=",
    };
    let is_reached = |figure| target.is_reached(ratio, figure);
    let verdict = match (is_reached(target.limit), target.stretch.is_some_and(is_reached)) {
        (true, true) => "stretch",
        (true, false) => "met",
        (false, _) => "MISSED",
    };
    (sign, verdict)
}

fn rate(rate: f64) -> String {
    if rate < 1_000.0 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    }
}

fn processors() -> Result<String> {
    let count = available_parallelism()?;
    let description = fs::read_to_string("/proc/cpuinfo")?;
    let model = description
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1))
        .unwrap_or("unknown processor");
    Ok(format!("{count} x {model}"))
}

fn load() -> Result<String> {
    let load = fs::read_to_string("/proc/loadavg")?;
    Ok(load.split(' ').next().unwrap_or_default().to_owned())
}
