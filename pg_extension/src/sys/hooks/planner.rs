//! Before a query is planned, what depends on the whole statement is settled and masked columns are replaced. After that the plan gets the
//! marks that reach it past its query: of predicates that depend on the session, of masks, and of predicates in SQL functions in FROM, which are rewritten while the statement that
//! calls them is planned.

use super::{foreign_session, own_plan, server};
use crate::sys::marker::{self, Uses};
use crate::sys::query::{self as settlement, Inlined, rule};
use crate::sys::referential::{self, Left};
use crate::sys::spi;
use pgrx::{pg_guard, pg_sys};

static mut NEXT: pg_sys::planner_hook_type = None;

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT = pg_sys::planner_hook;
        pg_sys::planner_hook = Some(planner);
    }
    settlement::init();
}

unsafe extern "C-unwind" fn planner(
    query: *mut pg_sys::Query,
    text: *const std::ffi::c_char,
    options: i32,
    params: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    let before = marker::used();
    let options = foreign_session::plan_options(options);
    // SAFETY: passes on what the server passed; nothing in this frame wants to be dropped.
    unsafe {
        // Of the query or of any inside it. The planner may take the tree apart.
        let is_secured = (*query).hasRowSecurity;
        let Settled { inlined, left } = settle(query, params);
        let former = inlined.forbid();
        let plan = chained!(match NEXT {
            Some(next) => next(query, text, options, params),
            None => server::standard_planner(query, text, options, params),
        });
        Inlined::allow(former);
        // The server sets this for foreign tables alone, and asks it whether a kept plan suits the role, which suits such a query as well.
        (*plan).dependsOnRole |= is_secured;
        note(plan, inlined, before);
        // The next query of a rule is looked at in the same state.
        left.go_back();
        plan
    }
}

/// A query about to be planned.
#[repr(C)]
struct Settled {
    inlined: Inlined,
    left: Left,
}

/// What depends on the whole statement. Our own statements run past row security and have nothing to settle, nor have those that the
/// server itself sends for foreign keys; but what is planned for them, functions that are folded among it, is under policy.
#[pg_guard]
unsafe extern "C-unwind" fn settle(query: *mut pg_sys::Query, params: pg_sys::ParamListInfo) -> Settled {
    let is_ours = spi::is_internal();
    // SAFETY: the query that the server is about to plan.
    unsafe {
        let is_own = referential::is_in() && rule::is_own(query);
        if referential::is_in() && !is_own && !is_ours {
            rule::check(query);
        }
        let left = referential::leave();
        if is_own && !is_ours {
            settlement::watch_own(query);
        }
        if is_ours || is_own {
            let inlined = Inlined::new(params);
            return Settled { inlined, left };
        }
        marker::note_carried(query);
        let inlined = settlement::settle(query, params);
        Settled { inlined, left }
    }
}

/// Lets a plan depend on the markers, and on what was put in place of functions.
#[pg_guard]
unsafe extern "C-unwind" fn note(plan: *mut pg_sys::PlannedStmt, inlined: Inlined, before: Uses) {
    // SAFETY: a plan just made; the items are allocated beside it.
    unsafe {
        own_plan::begin_small(plan);
        inlined.note(plan);
        for hash in marker::used_since(before) {
            let mut item = pgrx::PgBox::<pg_sys::PlanInvalItem>::alloc_node(pg_sys::NodeTag::T_PlanInvalItem);
            item.cacheId = pg_sys::SysCacheIdentifier::PROCOID as i32;
            item.hashValue = hash;
            (*plan).invalItems = pg_sys::lappend((*plan).invalItems, item.into_pg().cast());
        }
    }
}
