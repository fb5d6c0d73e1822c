//! What whoever adds a predicate is told. A name in a sub-select may have been taken by an inner relation. And a session is known to its own
//! backend only; what reads it in a parallel worker is an error there, so a wrong label makes statements fail, now and then.

use crate::error::Error;
use crate::sys::predicate::Compiled;

/// Warns of captured names, and of functions that say a parallel worker may run them.
pub fn warn(compiled: &Compiled) {
    compiled.warn_of_captured();
    for function in compiled.parallel_safe_functions() {
        Error::parallel_safe_function(&function).warn();
    }
}
