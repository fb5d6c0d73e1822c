//! Import of Virtual Private Database definitions from an Oracle database: dumps of its dictionary views in, an SQL script for
//! `pg_vpd` and a report of what needs a hand out.
//!
//! What it is not: it connects to no database, and it translates no PL/SQL. Invariant: every line of a dump is read, or reported.

pub mod definition;
pub mod dictionary;
pub mod dump;
pub mod name;
pub mod report;
mod review;
pub mod script;
mod source;

use dictionary::Dictionary;
use report::Report;
pub use source::{Source, View};

/// What an import gives.
#[derive(Debug)]
pub struct Import {
    /// The script; without the lines that are in error.
    pub script: String,
    /// What was found.
    pub report: Report,
}

/// Turns dumps into a script and a report.
pub fn import(sources: &[Source], keep_case: bool) -> Import {
    let mut report = Report::default();
    let mut dictionary = Dictionary::read(sources, keep_case, &mut report);
    dictionary.examine(&mut report);
    let script = script::write(&dictionary, sources);
    report.finish();
    Import { script, report }
}
