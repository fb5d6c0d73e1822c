//! Statements start and run.

use crate::error::Result;
use crate::policy::exemption;
use crate::sys::Oid;
use crate::sys::running::Running;
use crate::{access, context, hierarchy, personal, policy};

/// A query starts. The session comes first: nothing else is answered for one that is over. Then whether the role may still run the plan past policies;
/// then what the session may do and what was defined meanwhile, which ends a plan that suits no more; then those who look anew in each statement. Last what is recorded of it, as
/// what it is by now.
pub fn starts(query: &Running, is_run: bool) -> Result<()> {
    context::require_live()?;
    exemption::run_started(query.key(), || query.tables())?;
    context::statement_started(|outdated| query.carries(outdated))?;
    hierarchy::statement_started();
    policy::statement_started();
    if is_run {
        access::starts(query)?;
    }
    Ok(())
}

/// It runs, or goes on after a fetch. How often the session was changed is read first: the query itself may attach one.
pub fn runs(query: &Running) -> Result<Option<u64>> {
    let changes = context::changes();
    context::require_live()?;
    hierarchy::statement_started();
    exemption::run_continues(query.key())?;
    let is_kept = query.is_kept();
    if is_kept {
        context::may_keep_rows(changes)?;
    }
    access::enters(query);
    Ok(is_kept.then_some(changes))
}

/// As at the start of a query: the session is alive, and what it may do is what holds now.
pub fn command_starts() -> Result<()> {
    context::require_live()?;
    context::statement_started(|_| false)?;
    hierarchy::statement_started();
    policy::statement_started();
    Ok(())
}

/// A query ended: it is recorded, and then what was unsealed in it.
pub fn ends(query: &Running) {
    access::ends(query);
    personal::record_unsealed();
}

/// A whole table was copied.
pub fn copied() {
    access::copied();
    personal::record_unsealed();
}

/// A whole table is about to be copied: to the client, or into it.
pub fn copies(table: Oid, is_into: bool) -> Result<()> {
    personal::copies(table, is_into)?;
    access::copies(table, is_into)
}
