//! Trees by numbers: whatever is below a node follows it without a gap.

pub mod numbering;
pub mod tree;
