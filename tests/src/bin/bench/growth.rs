//! What a call costs when the tables are small, and when they are large.
//!
//! Nothing is vacuumed or analyzed in between, and every call comes from a connection that was opened, and made its plans, while the tables were empty: so
//! it is on a new system that grows. Each line gives the same figure at some sizes, and the last of them over the first.

mod loads;
mod logins;
mod nodes;
mod purge;
mod roles;
mod statements;

use std::time::{Duration, Instant};

use vpd_tests::{Database, Result};

use crate::scene::Scene;
use crate::table;

/// How a figure may grow from the smallest size to the largest.
pub struct Row<'a> {
    pub id: &'a str,
    pub what: &'a str,
    pub unit: &'a str,
    /// The last figure over the first, at most, if that is what counts.
    pub limit: Option<f64>,
}

/// Measures what is wanted, up to the largest size.
pub fn measure(scene: &Scene<'_>, largest: u32, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if wanted("P-25") {
        logins::measure(scene, largest)?;
        statements::measure(scene, largest / 1_000)?;
        nodes::measure(scene, largest)?;
    }
    if wanted("P-14") {
        purge::measure(scene, largest)?;
    }
    if wanted("growth") {
        loads::measure(scene, largest / 10)?;
        roles::measure(scene, largest / 10)?;
    }
    Ok(())
}

/// Powers of ten from one to another.
pub fn sizes(first: u32, largest: u32) -> Vec<u32> {
    let powers = (0..10).map(|power| first.saturating_mul(10_u32.saturating_pow(power)));
    let mut sizes: Vec<u32> = powers.take_while(|size| *size < largest).collect();
    sizes.push(largest.max(1));
    sizes
}

/// A database of its own, on which nothing was ever analyzed.
pub fn empty_database<'a>(scene: &Scene<'a>) -> Result<Database<'a>> {
    let database = Database::create_in(scene.database.cluster())?;
    // The worker stays away: what it did would not be measured.
    database
        .admin()?
        .batch_execute("SELECT vpd.set_purge_interval(60)")?;
    Ok(database)
}

/// Takes the figure at each size, as long as it ends in time, and prints the line.
pub fn row(
    scene: &Scene<'_>,
    row: &Row<'_>,
    sizes: &[u32],
    mut take: impl FnMut(u32) -> Result<f64>,
) -> Result<()> {
    let mut figures = Vec::new();
    for size in sizes {
        match scene.bound.within(|| take(*size))? {
            Some(figure) => figures.push((*size, figure)),
            None => {
                table::print_endless(row.id, &format!("{}: {size}", row.what), scene.bound.limit());
                break;
            }
        }
    }
    table::print_growth(row, &figures);
    Ok(())
}

/// The median of the times some work takes, in milliseconds.
pub fn median(count: usize, mut work: impl FnMut(usize) -> Result<()>) -> Result<f64> {
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        let start = Instant::now();
        work(number)?;
        times.push(start.elapsed());
    }
    Ok(milliseconds(percentile(&mut times, 50)))
}

/// The time that so many of a hundred do not exceed.
pub fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(place).copied().unwrap_or_default()
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
