//! What a load tells on its way.

use super::content::{Counts, STEP};
use crate::sys::progress::check_for_interrupts;
use crate::sys::report;

/// Tells the client now and then how far a load is; a small one says nothing.
pub fn tell(step: &str, done: usize, all: usize) {
    if done == 0 || !done.is_multiple_of(STEP) {
        return;
    }
    check_for_interrupts();
    report::tell(
        format!("{step} {done} of {all}"),
        format!("code: load_progress; {step} {done} {all}"),
    );
}

/// Tells the client what a load came to.
pub fn tell_loaded(kind: &str, is_dry_run: bool, lines: u32, counts: Counts) {
    let verb = if is_dry_run { "would load" } else { "loaded" };
    let Counts {
        added,
        changed,
        unchanged,
    } = counts;
    report::tell(
        format!("{verb} {kind}: {lines} lines, {added} added, {changed} changed, {unchanged} unchanged"),
        format!("code: load_done; {lines} {added} {changed} {unchanged}"),
    );
}
