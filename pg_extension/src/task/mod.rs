//! Tasks of the application: what the attached session's user may do with one, and who stands above whom.

pub mod line;
pub mod right;
