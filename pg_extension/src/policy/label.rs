//! Labels of functions in predicates. A session is known to its own backend only; what reads it in a parallel worker is an error there, so a
//! wrong label makes statements fail, now and then. Whoever adds a predicate is told.

use crate::error::Error;
use crate::sys::predicate::Compiled;

/// Warns of functions that say a parallel worker may run them.
pub fn warn(compiled: &Compiled) {
    for function in compiled.parallel_safe_functions() {
        Error::parallel_safe_function(&function).warn();
    }
}
