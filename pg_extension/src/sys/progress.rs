//! What a long call owes the client: to end when it is cancelled.

/// Raises the error of a cancelled statement, if there is one.
pub fn check_for_interrupts() {
    #[cfg(not(test))]
    pgrx::check_for_interrupts!();
}
