//! What a kind of file says, and what a load of it comes to.

use crate::authz::segregation::Conflict;
use crate::error::Result;
use vpd_text::load::header::{Header, Line};
use vpd_text::load::report::Report;

/// How many lines are checked or written between two messages to the client.
pub const STEP: usize = 50_000;

/// What a load came to.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Lines that added something.
    pub added: u64,
    /// Lines that changed something.
    pub changed: u64,
    /// Lines that say what holds already.
    pub unchanged: u64,
}

/// What a kind of file says.
pub trait Content {
    /// Reads the header.
    fn header(&mut self, line: u32, names: Vec<String>, report: &mut Report) -> Header;

    /// Reads a line.
    fn line(&mut self, line: &Line<'_>, report: &mut Report);

    /// Checks the lines against each other and against what there is, and writes them when nothing was wrong so far.
    fn apply(&mut self, report: &mut Report) -> Result<Counts>;

    /// Reports the lines that let a user break a rule of duties; false when none does.
    fn blame(&self, _conflict: &Conflict, _report: &mut Report) -> bool {
        false
    }
}
