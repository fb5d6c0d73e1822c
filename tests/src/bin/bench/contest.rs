//! Two sides that do the same work, measured in turns.

use std::time::{Duration, Instant};

use vpd_tests::Result;

/// How long and how often.
pub struct Pace {
    /// Rounds.
    pub rounds: usize,
    /// How long one side runs in a round.
    pub slice: Duration,
}

/// A figure to reach.
#[derive(Clone, Copy)]
pub enum Target {
    /// Our rate over theirs, at least.
    Rate(f64),
    /// Our time over theirs, at most.
    Time(f64),
    /// Their time over ours, at least: how many times faster we are.
    Faster(f64),
}

/// One row of the table.
pub struct Outcome {
    /// Median of the paired ratios, in the sense of the target.
    pub ratio: f64,
    /// Smallest and largest.
    pub spread: (f64, f64),
    /// Medians of the rates, ours and theirs, per second.
    pub rates: (f64, f64),
    /// Whether the target is met.
    pub is_met: bool,
}

/// One side: runs for about the given time and returns operations per second.
pub type Side<'a> = Box<dyn FnMut(Duration) -> Result<f64> + 'a>;

/// A side that repeats one operation on one connection.
pub fn repeat<'a>(mut operation: impl FnMut() -> Result<()> + 'a) -> Side<'a> {
    Box::new(move |slice| {
        let start = Instant::now();
        let mut count = 0_u32;
        while start.elapsed() < slice {
            operation()?;
            count += 1;
        }
        Ok(f64::from(count) / start.elapsed().as_secs_f64())
    })
}

/// Lets the sides take turns. A first round warms caches and plans and is not counted.
pub fn compare(pace: &Pace, target: Target, mut ours: Side<'_>, mut theirs: Side<'_>) -> Result<Outcome> {
    ours(pace.slice / 4)?;
    theirs(pace.slice / 4)?;
    let (mut our_rates, mut their_rates, mut ratios) = (vec![], vec![], vec![]);
    for _ in 0..pace.rounds {
        let (our_rate, their_rate) = (ours(pace.slice)?, theirs(pace.slice)?);
        our_rates.push(our_rate);
        their_rates.push(their_rate);
        ratios.push(match target {
            Target::Rate(_) | Target::Faster(_) => our_rate / their_rate,
            Target::Time(_) => their_rate / our_rate,
        });
    }
    let ratio = median(&mut ratios);
    let is_met = match target {
        Target::Rate(least) | Target::Faster(least) => ratio >= least,
        Target::Time(most) => ratio <= most,
    };
    let spread = (ratios[0], ratios[ratios.len() - 1]);
    Ok(Outcome {
        ratio,
        spread,
        rates: (median(&mut our_rates), median(&mut their_rates)),
        is_met,
    })
}

/// The middle of some figures, which it leaves in order.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len() % 2 == 1 {
        figures[middle]
    } else {
        f64::midpoint(figures[middle - 1], figures[middle])
    }
}
