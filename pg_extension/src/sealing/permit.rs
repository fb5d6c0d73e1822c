//! Permits: what a command of the library shows the functions that are for it alone. Code of owners that runs along has none, and finds it nowhere: permits are no part of the text of a command that the
//! server would show.

use super::key::no_randomness;
use crate::error::Result;
use crate::sys::random;

/// A new one, which nobody guesses.
pub fn new() -> Result<String> {
    let bits = random::bytes().ok_or_else(no_randomness)?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}
