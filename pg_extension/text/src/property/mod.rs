//! What must hold, whatever is read: for the fuzz targets, and for the test that goes through their kept corpora.
//!
//! Each takes any bytes at all and asserts what somebody relies on: beside "it ends and does not panic", what a second and simpler way of looking at the same bytes says.

mod claims;
mod csv;
mod definition;
mod jazn;
mod oracle;
mod predicate;
mod sealed;
mod statement;
mod terminal;
mod token;
mod tree;

/// A property: it panics where it does not hold.
pub type Property = fn(&[u8]);

/// All of them, by the names of their targets.
pub const ALL: [(&str, Property); 10] = [
    ("claims", claims::hold),
    ("csv", csv::hold),
    ("definition", definition::hold),
    ("jazn", jazn::hold),
    ("oracle", oracle::hold),
    ("predicate", predicate::hold),
    ("sealed", sealed::hold),
    ("statement", statement::hold),
    ("token", token::hold),
    ("tree", tree::hold),
];

pub use claims::hold as claims;
pub use csv::hold as csv;
pub use definition::hold as definition;
pub use jazn::hold as jazn;
pub use oracle::hold as oracle;
pub use predicate::hold as predicate;
pub use sealed::hold as sealed;
pub use statement::hold as statement;
pub use token::hold as token;
pub use tree::hold as tree;
