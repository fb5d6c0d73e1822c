//! Two sides that do the same work, measured in turns.
//!
//! It knows nothing of what is measured. Invariant: within a round the sides alternate in short turns and change who
//! goes first, so that whatever else the machine does meanwhile falls on both alike.

use std::fs;
use std::time::{Duration, Instant};

use postgres::Client;
use vpd_tests::Result;

/// How long and how often.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Rounds; each gives one ratio.
    pub rounds: u32,
    /// How long each side runs in a round.
    pub slice: Duration,
    /// How long a side runs until it is the other's turn.
    pub turn: Duration,
}

/// In which sense a ratio is good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// Our rate over theirs, at least.
    Rate,
    /// Our time over theirs, at most.
    Time,
}

/// A figure to reach, and one to be proud of.
#[derive(Clone, Copy)]
pub struct Target {
    /// What the figures mean.
    pub sense: Sense,
    /// The figure to reach.
    pub limit: f64,
    /// The better one.
    pub stretch: Option<f64>,
}

/// What a side did in a turn.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    /// Operations.
    pub count: u32,
    /// How long they took.
    pub elapsed: Duration,
    /// How long processors worked on them in the server.
    pub server: Duration,
}

/// One row of the table.
pub struct Outcome {
    /// Median of the paired ratios, in the sense of the target.
    pub ratio: f64,
    /// Lower and upper quartile of them.
    pub quartiles: (f64, f64),
    /// The same median of the work of the server alone, which hardly depends on what else the machine does.
    pub server_ratio: f64,
    /// Medians of the rates, ours and theirs, per second.
    pub rates: (f64, f64),
    /// The same per second that processors worked on it in the server.
    pub server_rates: (f64, f64),
}

/// One side.
pub struct Side<'a> {
    backends: Vec<i32>,
    run: Run<'a>,
}

/// Runs for about the given time; counts operations and their time.
type Run<'a> = Box<dyn FnMut(Duration) -> Result<Tally> + 'a>;

impl Target {
    /// Our rate over theirs, at least.
    pub const fn rate(limit: f64, stretch: Option<f64>) -> Self {
        let sense = Sense::Rate;
        Self {
            sense,
            limit,
            stretch,
        }
    }

    /// Our time over theirs, at most.
    pub const fn time(limit: f64, stretch: Option<f64>) -> Self {
        let sense = Sense::Time;
        Self {
            sense,
            limit,
            stretch,
        }
    }

    /// The ratio of two rates in the sense of the target.
    fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self.sense {
            Sense::Rate => ours / theirs,
            Sense::Time => theirs / ours,
        }
    }

    /// Whether a ratio reaches a figure.
    pub fn is_reached(self, ratio: f64, figure: f64) -> bool {
        match self.sense {
            Sense::Rate => ratio >= figure,
            Sense::Time => ratio <= figure,
        }
    }
}

impl Tally {
    fn rate(self) -> f64 {
        f64::from(self.count) / self.elapsed.as_secs_f64()
    }

    fn server_rate(self) -> f64 {
        f64::from(self.count) / self.server.as_secs_f64()
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.elapsed += other.elapsed;
        self.server += other.server;
    }
}

impl<'a> Side<'a> {
    /// A side that runs on the connections of these backends.
    pub fn new(backends: Vec<i32>, run: impl FnMut(Duration) -> Result<Tally> + 'a) -> Self {
        let run = Box::new(run);
        Self { backends, run }
    }

    /// A side that repeats one operation on one connection.
    pub fn repeat(
        mut client: Client,
        mut operation: impl FnMut(&mut Client) -> Result<()> + 'a,
    ) -> Result<Self> {
        let backend = backend(&mut client)?;
        let run = move |turn| {
            let start = Instant::now();
            let mut tally = Tally::default();
            while tally.elapsed < turn {
                operation(&mut client)?;
                tally.count += 1;
                tally.elapsed = start.elapsed();
            }
            Ok(tally)
        };
        Ok(Self::new(vec![backend], run))
    }

    fn take_turn(&mut self, turn: Duration) -> Result<Tally> {
        let before = self.server_time()?;
        let tally = (self.run)(turn)?;
        Ok(Tally {
            server: self.server_time()? - before,
            ..tally
        })
    }

    /// What the kernel says its backends have run for.
    fn server_time(&self) -> Result<Duration> {
        let mut time = Duration::ZERO;
        for backend in &self.backends {
            let statistics = fs::read_to_string(format!("/proc/{backend}/schedstat"))?;
            let nanoseconds = statistics.split(' ').next().unwrap_or_default();
            time += Duration::from_nanos(nanoseconds.parse()?);
        }
        Ok(time)
    }
}

/// The process that serves a connection.
pub fn backend(client: &mut Client) -> Result<i32> {
    Ok(client.query_one("SELECT pg_backend_pid()", &[])?.get(0))
}

/// Lets the sides take turns. A short round before the first warms caches and plans and is not counted.
pub fn compare(pace: &Pace, target: Target, mut ours: Side<'_>, mut theirs: Side<'_>) -> Result<Outcome> {
    round(pace.turn, pace.slice / 4, &mut ours, &mut theirs)?;
    let (mut our_rates, mut their_rates, mut ratios, mut server_ratios) = (vec![], vec![], vec![], vec![]);
    let (mut our_work, mut their_work) = (vec![], vec![]);
    for _ in 0..pace.rounds {
        let (our_tally, their_tally) = round(pace.turn, pace.slice, &mut ours, &mut theirs)?;
        our_rates.push(our_tally.rate());
        their_rates.push(their_tally.rate());
        our_work.push(our_tally.server_rate());
        their_work.push(their_tally.server_rate());
        ratios.push(target.ratio(our_tally.rate(), their_tally.rate()));
        server_ratios.push(target.ratio(our_tally.server_rate(), their_tally.server_rate()));
    }
    let [lower, ratio, upper] = quartiles(&mut ratios);
    Ok(Outcome {
        ratio,
        quartiles: (lower, upper),
        server_ratio: quartiles(&mut server_ratios)[1],
        rates: (quartiles(&mut our_rates)[1], quartiles(&mut their_rates)[1]),
        server_rates: (quartiles(&mut our_work)[1], quartiles(&mut their_work)[1]),
    })
}

/// Turns until both sides ran for the slice.
fn round(
    turn: Duration,
    slice: Duration,
    ours: &mut Side<'_>,
    theirs: &mut Side<'_>,
) -> Result<(Tally, Tally)> {
    let (mut our_tally, mut their_tally) = (Tally::default(), Tally::default());
    let mut are_we_first = true;
    while our_tally.elapsed < slice || their_tally.elapsed < slice {
        if are_we_first {
            our_tally += ours.take_turn(turn)?;
            their_tally += theirs.take_turn(turn)?;
        } else {
            their_tally += theirs.take_turn(turn)?;
            our_tally += ours.take_turn(turn)?;
        }
        are_we_first = !are_we_first;
    }
    Ok((our_tally, their_tally))
}

/// Lower quartile, median and upper quartile of some figures.
fn quartiles(figures: &mut [f64]) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    let last = figures.len() - 1;
    [1, 2, 3].map(|quarter| {
        let (below, rest) = (quarter * last / 4, quarter * last % 4);
        let above = figures[(below + 1).min(last)];
        figures[below] + (above - figures[below]) * [0.0, 0.25, 0.5, 0.75][rest]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_the_figures() {
        assert_eq!(quartiles(&mut [5.0, 1.0, 4.0, 2.0, 3.0]), [2.0, 3.0, 4.0]);
        assert_eq!(quartiles(&mut [1.0, 2.0]), [1.25, 1.5, 1.75]);
        assert_eq!(quartiles(&mut [7.0]), [7.0, 7.0, 7.0]);
    }

    #[test]
    fn a_side_that_takes_twice_as_long_has_half_the_rate() -> Result<()> {
        let side = |each_ms| -> Side<'static> {
            Side::new(vec![], move |turn: Duration| {
                let count = u32::try_from(turn.as_millis() / each_ms)?;
                Ok(Tally {
                    count,
                    elapsed: turn,
                    ..Tally::default()
                })
            })
        };
        let turn = Duration::from_millis(100);
        let pace = Pace {
            rounds: 3,
            slice: turn * 4,
            turn,
        };
        let rate = compare(&pace, Target::rate(0.5, None), side(2), side(1))?;
        assert_eq!((rate.ratio, rate.rates), (0.5, (500.0, 1000.0)));
        let time = compare(&pace, Target::time(2.0, None), side(2), side(1))?;
        assert_eq!(time.ratio, 2.0);
        Ok(())
    }
}
