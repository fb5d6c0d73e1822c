//! CSV files of a load: their records, their headers, what their values may be, and the report of what is wrong.
//!
//! Not here: what a kind of file means, and whether what it names is there. Invariant: memory is bound by the limits, whatever a file holds.

pub mod cycle;
pub mod header;
pub mod reader;
pub mod report;
pub mod texts;
pub mod value;
