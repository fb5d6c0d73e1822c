//! Settles what depends on the whole statement before it is planned, and keeps marks of predicates that reach a plan past its query: a SQL function in FROM is rewritten while the statement that calls it is
//! planned, so only the plan can remember that it must be made again.

use crate::sys::marker;
use crate::sys::query::relevance;
use pgrx::{pg_guard, pg_sys};

static mut NEXT: pg_sys::planner_hook_type = None;

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT = pg_sys::planner_hook;
        pg_sys::planner_hook = Some(planner);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn planner(
    query: *mut pg_sys::Query,
    text: *const std::ffi::c_char,
    options: i32,
    params: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    let before = marker::used();
    // SAFETY: passes on what the server passed; the items are allocated beside the plan.
    unsafe {
        relevance::settle(query);
        let plan = match NEXT {
            Some(next) => guarded!(next(query, text, options, params)),
            None => pg_sys::standard_planner(query, text, options, params),
        };
        if marker::used() != before {
            for hash in marker::hashes() {
                let mut item =
                    pgrx::PgBox::<pg_sys::PlanInvalItem>::alloc_node(pg_sys::NodeTag::T_PlanInvalItem);
                item.cacheId = pg_sys::SysCacheIdentifier::PROCOID as i32;
                item.hashValue = hash;
                (*plan).invalItems = pg_sys::lappend((*plan).invalItems, item.into_pg().cast());
            }
        }
        plan
    }
}
