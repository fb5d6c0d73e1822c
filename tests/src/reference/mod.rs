//! A reference evaluator: what policies mean, written a second time, in memory and without a server. Random tables, policies,
//! sessions and statements are run against a real server as a plain role; answers, tables afterwards and refusals must agree.
//!
//! It knows policies with masks, groups and relevant columns; sealed columns; PostgreSQL's own policies, permissive and restrictive, for roles and commands;
//! views of every sort, rules, row triggers and referential actions. It knows nothing of how the extension works: no plan, no cache, no rewriting. Invariant: the seed and the number of a scene
//! decide everything in the scene.

mod effect;
mod evaluation;
mod expression;
mod generation;
mod native;
mod outcome;
mod policy;
pub(crate) mod random;
mod sabotage;
mod scene;
mod statement;
mod subject;
mod trial;
mod value;
mod view;
mod writing;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use crate::{Database, Result};

pub use sabotage::Sabotage;
use trial::Trial;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Statements to compare, at least.
    pub cases: usize,
    /// Where the random choices start.
    pub seed: u64,
    /// Connections that work at the same time.
    pub workers: usize,
    /// The control: something is switched off on the server, and the evaluator is not told.
    pub sabotage: Option<Sabotage>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Statements compared.
    pub cases: usize,
    /// Statements that were refused, on both sides alike.
    pub refused: usize,
    /// Statements with rules or triggers that wrote something.
    pub effects: usize,
    /// Scenes they were in.
    pub scenes: usize,
    /// A script for each of the first statements that differed.
    pub mismatches: Vec<String>,
    /// How many differed.
    pub different: usize,
}

/// Differences of which the script is kept.
const KEPT: usize = 5;

/// Compares until the plan is fulfilled or too much differs.
///
/// # Errors
/// The server could not be set up, or a connection broke.
pub fn run(database: &Database<'_>, plan: Plan) -> Result<Report> {
    database
        .connect(crate::role::SECURITY)?
        .batch_execute(value::Seal::KEYS)?;
    let (next, done) = (AtomicU64::new(0), AtomicUsize::new(0));
    let report = Mutex::new(Report::default());
    let work = || -> Result<()> {
        let mut trial = Trial::new(database, plan.sabotage)?;
        while done.load(Ordering::Relaxed) < plan.cases {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let found = trial.scene(plan.seed, number)?;
            done.fetch_add(found.cases, Ordering::Relaxed);
            let mut report = report.lock().map_err(|_| "a worker failed")?;
            report.cases += found.cases;
            report.refused += found.refused;
            report.effects += found.effects;
            report.scenes += 1;
            report.different += found.different;
            report.mismatches.extend(found.mismatches);
            report.mismatches.truncate(KEPT);
            if report.different > 20 * KEPT {
                break;
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.workers.max(1)).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().map_err(|_| "a worker failed")??;
        }
        Ok::<_, crate::Error>(())
    })?;
    Ok(report.into_inner().map_err(|_| "a worker failed")?)
}
