//! Where the server calls us. Nothing here decides: each hook asks through the table and applies the answer, or raises the error it got.
//!
//! A hook that calls the server on is a plain frame between guarded functions of ours: what we do before, the call itself
//! without a boundary (`chained!`), what we do after.

mod condition;
mod definition_change;
mod executor;
mod fast_path;
pub mod foreign_session;
pub mod function_call;
pub mod inheritance;
mod named;
mod object_access;
mod own_plan;
mod own_trigger;
pub mod parse_analysis;
mod permission;
mod planner;
mod recorded_call;
mod reported;
mod row_security;
mod server;
mod transaction_end;
mod trigger_call;
mod truncate;
mod utility;

pub(super) fn init() {
    row_security::init();
    parse_analysis::init();
    planner::init();
    condition::init();
    own_plan::init();
    permission::init();
    executor::init();
    function_call::init();
    utility::init();
    object_access::init();
    transaction_end::init();
    definition_change::init();
    reported::init();
}
