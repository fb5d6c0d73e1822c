//! The hooks. None of them decides: each asks `policy` or `context` and applies the answer, or raises the error it got.

mod executor;
mod planner;
mod row_security;
mod truncate;
mod utility;

pub(super) fn init() {
    row_security::init();
    planner::init();
    executor::init();
    utility::init();
    truncate::init();
}
