//! SQL functions in FROM. The server's planner would put the bodies of some in their place, after our walk; so the walk does it
//! first, and while the planner runs no such function is put in its place any more.
//!
//! Comes in, with `CREATE FUNCTION hr.of_dept(d integer) … AS 'SELECT * FROM hr.staff WHERE dept = d'`:
//!
//! ```sql
//! SELECT name, salary FROM hr.of_dept(5 + 5)
//! ```
//!
//! Goes out, for the walk to go into; marks are settled in it, masks are not put in yet:
//!
//! ```sql
//! SELECT name, salary
//!   FROM (SELECT id, name, dept, salary FROM (hr.staff WHERE <conditions of row security>) WHERE dept = 10) of_dept
//! ```

use super::relevance;
use crate::sys::extension;
use crate::sys::list::{length, nth};
use pgrx::{is_a, pg_guard, pg_sys};
use std::cell::Cell;

static mut NEXT: pg_sys::needs_fmgr_hook_type = None;

thread_local! {
    static IS_FORBIDDEN: Cell<bool> = const { Cell::new(false) };
}

/// What became of the functions in FROM of a query. An error of the server may jump over it: there is nothing to drop.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Inlined {
    params: pg_sys::ParamListInfo,
    root: *mut pg_sys::PlannerInfo,
    has_candidate: bool,
}

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT = pg_sys::needs_fmgr_hook;
        pg_sys::needs_fmgr_hook = Some(needs_hook);
    }
}

/// The planner inlines no function that a library wants to see called.
#[pg_guard]
unsafe extern "C-unwind" fn needs_hook(function: pg_sys::Oid) -> bool {
    // SAFETY: passes on what the server passed; a catalogue look-up inside a transaction.
    unsafe {
        if IS_FORBIDDEN.get() && is_candidate(function) {
            return true;
        }
        NEXT.is_some_and(|next| guarded!(next(function)))
    }
}

/// Functions of the system read no table of an application.
unsafe fn is_candidate(function: pg_sys::Oid) -> bool {
    // SAFETY: a catalogue look-up.
    unsafe { function.to_u32() >= pg_sys::FirstNormalObjectId && pg_sys::get_func_retset(function) }
}

impl Inlined {
    /// Nothing yet.
    pub fn new(params: pg_sys::ParamListInfo) -> Self {
        Self {
            params,
            root: std::ptr::null_mut(),
            has_candidate: false,
        }
    }

    /// Puts the body of the function in place of an entry of the range table, where the server would.
    ///
    /// # Safety
    /// It is a function in FROM.
    pub(super) unsafe fn expand(&mut self, entry: *mut pg_sys::RangeTblEntry) {
        // SAFETY: these are the steps of the server's own planner, with a state that has what they use of one.
        unsafe {
            if !has_candidate(entry) || !extension::is_known() {
                return;
            }
            self.has_candidate = true;
            let root = self.root();
            (*entry).functions = pg_sys::eval_const_expressions(root, (*entry).functions.cast()).cast();
            let permission = Permission::give();
            let query = pg_sys::inline_set_returning_function(root, entry);
            drop(permission);
            if !query.is_null() {
                relevance::settle(query);
                (*entry).rtekind = pg_sys::RTEKind::RTE_SUBQUERY;
                (*entry).subquery = query;
                (*entry).security_barrier = false;
                (*entry).funcordinality = false;
            }
        }
    }

    unsafe fn root(&mut self) -> *mut pg_sys::PlannerInfo {
        if self.root.is_null() {
            // SAFETY: nodes of the current memory context, which outlives the planning.
            unsafe {
                let mut state =
                    pgrx::PgBox::<pg_sys::PlannerGlobal>::alloc_node(pg_sys::NodeTag::T_PlannerGlobal);
                state.boundParams = self.params;
                let mut root = pgrx::PgBox::<pg_sys::PlannerInfo>::alloc_node(pg_sys::NodeTag::T_PlannerInfo);
                root.glob = state.into_pg();
                root.query_level = 1;
                root.planner_cxt = pg_sys::CurrentMemoryContext;
                self.root = root.into_pg();
            }
        }
        self.root
    }

    /// Keeps the planner from doing what was done already; returns what `allow` wants back. After an error it stays so until the
    /// transaction ends, which costs a plan at most.
    pub fn forbid(self) -> bool {
        IS_FORBIDDEN.replace(IS_FORBIDDEN.get() || self.has_candidate)
    }

    /// The planner is done.
    pub fn allow(former: bool) {
        IS_FORBIDDEN.set(former);
    }

    /// Notes in a plan on what the inlined bodies make it depend.
    ///
    /// # Safety
    /// The plan was made for the query that was walked.
    pub unsafe fn note(self, plan: *mut pg_sys::PlannedStmt) {
        // SAFETY: the lists live in the memory context of the planning.
        unsafe {
            if let Some(root) = self.root.as_ref() {
                (*plan).invalItems = pg_sys::list_concat((*plan).invalItems, (*root.glob).invalItems);
                (*plan).dependsOnRole |= (*root.glob).dependsOnRole;
            }
        }
    }
}

/// No planner runs any more: the transaction is over.
pub fn planning_ended() {
    IS_FORBIDDEN.set(false);
}

/// While it lives, a function may be put in place of its call, though a planner further out may not do it.
struct Permission(bool);

impl Permission {
    fn give() -> Self {
        Self(IS_FORBIDDEN.replace(false))
    }
}

impl Drop for Permission {
    fn drop(&mut self) {
        IS_FORBIDDEN.set(self.0);
    }
}

unsafe fn has_candidate(entry: *mut pg_sys::RangeTblEntry) -> bool {
    // SAFETY: the functions of such an entry are RangeTblFunction nodes.
    unsafe {
        (0..length((*entry).functions)).any(|index| {
            let function = nth((*entry).functions, index).cast::<pg_sys::RangeTblFunction>();
            let expression = (*function).funcexpr;
            is_a(expression, pg_sys::NodeTag::T_FuncExpr)
                && is_candidate((*expression.cast::<pg_sys::FuncExpr>()).funcid)
        })
    }
}
