//! Settles what depends on the whole statement before it is planned, and keeps marks of predicates that reach a plan past its query: a SQL function in FROM is rewritten while the statement that calls it is
//! planned, so only the plan can remember that it must be made again.

use super::server;
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

unsafe extern "C-unwind" fn planner(
    query: *mut pg_sys::Query,
    text: *const std::ffi::c_char,
    options: i32,
    params: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    let before = marker::used();
    // SAFETY: passes on what the server passed; nothing in this frame wants to be dropped.
    unsafe {
        settle(query);
        let plan = chained!(match NEXT {
            Some(next) => next(query, text, options, params),
            None => server::standard_planner(query, text, options, params),
        });
        if marker::used() != before {
            mark(plan);
        }
        plan
    }
}

/// What depends on the whole statement.
#[pg_guard]
unsafe extern "C-unwind" fn settle(query: *mut pg_sys::Query) {
    // SAFETY: the query the server is about to plan.
    unsafe { relevance::settle(query) }
}

/// Lets a plan depend on the markers.
#[pg_guard]
unsafe extern "C-unwind" fn mark(plan: *mut pg_sys::PlannedStmt) {
    for hash in marker::hashes() {
        // SAFETY: a plan just made; the items are allocated beside it.
        unsafe {
            let mut item = pgrx::PgBox::<pg_sys::PlanInvalItem>::alloc_node(pg_sys::NodeTag::T_PlanInvalItem);
            item.cacheId = pg_sys::SysCacheIdentifier::PROCOID as i32;
            item.hashValue = hash;
            (*plan).invalItems = pg_sys::lappend((*plan).invalItems, item.into_pg().cast());
        }
    }
}
