//! A reference evaluator for authority: what a graph of users, groups, roles, duties and data groups means, written a second time, by brute force and
//! in memory. Random graphs are defined and changed through the functions of the extension; what it refuses, what sessions have, what users had at
//! dates, who breaks rules of duties and who sees which node must agree.
//!
//! It knows nothing of how the extension works: no merged times, no kept sets, no shortest-way search. Invariant: the seed and the number of a
//! graph decide everything in it.

mod change;
mod evaluation;
mod login;
mod model;
mod scene;
mod trial;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::{Database, Result};

use trial::Trial;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Graphs to compare, at least.
    pub graphs: u64,
    /// Where the random choices start.
    pub seed: u64,
    /// The first graph's number; another than 0 to repeat one.
    pub first: u64,
    /// The control: some grants are taken back on the server, and the evaluator is not told.
    pub is_sabotaged: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Graphs compared.
    pub graphs: usize,
    /// Answers compared.
    pub answers: usize,
    /// Changes and logins that were refused, on both sides alike.
    pub refused: usize,
    /// How many graphs differed.
    pub different: usize,
    /// A script for each of the first graphs that differed.
    pub mismatches: Vec<String>,
}

/// Differences of which the script is kept.
const KEPT: usize = 3;

/// A database to work in, and whether its server is one of the production environment.
pub type Place<'a> = (&'a Database<'a>, bool);

/// Compares until the plan is fulfilled or too much differs; one worker for each database, because changes of a graph wait for one another.
///
/// # Errors
/// The server could not be set up, or a connection broke.
pub fn run(places: &[Place<'_>], plan: Plan) -> Result<Report> {
    // Even numbers are graphs of the production environment.
    let next = [
        AtomicU64::new(plan.first.next_multiple_of(2)),
        AtomicU64::new(plan.first | 1),
    ];
    let end = plan.first + plan.graphs;
    let report = Mutex::new(Report::default());
    let work = |place: &Place<'_>| -> Result<()> {
        let mut trial = Trial::new(place.0, place.1, plan.is_sabotaged)?;
        loop {
            let number = next[usize::from(!place.1)].fetch_add(2, Ordering::Relaxed);
            if number >= end {
                break;
            }
            let found = trial.graph(plan.seed, number)?;
            let mut report = report.lock().map_err(|_| "a worker failed")?;
            report.graphs += 1;
            report.answers += found.answers;
            report.refused += found.refused;
            report.different += found.different;
            report.mismatches.extend(found.mismatches);
            report.mismatches.truncate(KEPT);
            if report.different > 20 * KEPT && !plan.is_sabotaged {
                break;
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = places.iter().map(|place| scope.spawn(|| work(place))).collect();
        for worker in workers {
            worker.join().map_err(|_| "a worker failed")??;
        }
        Ok::<_, crate::Error>(())
    })?;
    Ok(report.into_inner().map_err(|_| "a worker failed")?)
}
