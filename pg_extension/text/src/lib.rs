//! What `pg_vpd` and its bridge read and number without a server: bytes and texts in, plain values out.
//!
//! It knows no server, no clock and no source of random numbers, and its errors are values without a SQLSTATE: whoever uses it says what they mean. So all of it
//! can be tested, and fuzzed, where no server runs. Invariant: whatever comes in, it ends, and nothing in it panics.

#![forbid(unsafe_code)]

pub mod hierarchy;
pub mod load;
pub mod name;
pub mod personal;
pub mod predicate;
pub mod sealed;
pub mod statement;
pub mod store;
pub mod token;
pub mod trail;

#[cfg(feature = "identity")]
pub mod identity;
#[cfg(feature = "foreign")]
pub mod jazn;
#[cfg(feature = "foreign")]
pub mod oracle;

#[cfg(feature = "property")]
pub mod property;
