//! Transactions and savepoints end.

use super::replicated;
use crate::authz::change;
use crate::error::Result;
use crate::policy::exemption;
use crate::session::ending;
use crate::{access, audit, context, hierarchy, load, personal, policy, sealing, session, trail};

/// It is about to commit: sessions that were to be ended with it are, while it still can.
pub fn commits() {
    session::transaction_commits();
}

/// It has committed. Others are told before anything here is forgotten: first who is exempt, because plans go by that; then that sessions ended; then
/// shared values and the graph.
pub fn committed() {
    trail::transaction_ended(true);
    exemption::transaction_committed();
    ending::transaction_ended(true);
    context::globals_ended(true);
    change::transaction_ended(true);
    over();
}

/// It was rolled back. What was read of it is forgotten first.
pub fn rolled_back() {
    trail::transaction_ended(false);
    exemption::transaction_aborted();
    ending::forget_what_was_undone();
    context::globals_ended(false);
    change::transaction_ended(false);
    over();
}

/// PREPARE TRANSACTION would let it end elsewhere: refused while something is to be told at its end.
pub fn may_be_prepared() -> Result<()> {
    context::may_be_prepared()?;
    ending::may_be_prepared()?;
    change::may_be_prepared()?;
    exemption::may_prepare_transaction()
}

/// It was prepared: how it ends is decided elsewhere, so nothing that was read of it is kept.
pub fn prepared() {
    trail::transaction_prepared();
    ending::forget_what_was_undone();
    over();
}

/// Nothing is attached and nothing is due any more. The session goes last but for what it was told: whoever forgets something before may still ask whose it was.
pub fn over() {
    access::transaction_ended();
    personal::record_unsealed();
    sealing::transaction_ended();
    load::transaction_ended();
    audit::rows_settled();
    policy::statement_started();
    context::transaction_ended();
    ending::transaction_ended(false);
    replicated::transaction_ended();
}

/// A savepoint was released: what it would bring back, its parent brings back.
pub fn savepoint_released(level: i32) {
    access::savepoint_released(level);
    trail::savepoint_released(level);
    context::savepoint_released(level);
    change::savepoint_released(level);
    load::savepoint_released(level);
    ending::savepoint_released(level);
}

/// A savepoint was rolled back to. The session comes last: plans that suit it are told of what holds then.
pub fn savepoint_rolled_back(level: i32) {
    access::savepoint_rolled_back(level);
    trail::savepoint_rolled_back(level);
    ending::forget_what_was_undone();
    change::savepoint_rolled_back(level);
    load::savepoint_rolled_back(level);
    // Its news go with a sub-transaction.
    replicated::transaction_ended();
    // What was seen of nodes that are taken back. Expressions are evaluated in the middle of a statement, without one of their own.
    hierarchy::statement_started();
    audit::rows_settled();
    ending::savepoint_rolled_back(level);
    context::savepoint_rolled_back(level);
}
