//! Markers: IMMUTABLE functions that always return true and stand in the predicates of some plans.
//!
//! A marker is folded away when a plan is made, so the executor never sees it, but the rewritten query has recorded that it
//! depends on the function. Announcing a change of the function, in this backend alone, makes exactly the plans
//! that carry it be rewritten and planned again: no other plan is touched and no relation cache entry rebuilt.

use super::list::nth;
use pgrx::{is_a, pg_guard, pg_sys};
use std::cell::Cell;
use std::ffi::c_void;

/// The markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// On predicates whose text depends on the session context.
    Context,
    /// On predicates whose text is computed for every statement.
    Statement,
    /// On plans made for what one session may see of a masked column.
    Mask,
    /// On plans made for a session that sees few nodes of a hierarchy, or many.
    Hierarchy,
}

thread_local! {
    static USED: Cell<[u64; 4]> = const { Cell::new([0; 4]) };
    static HASHES: Cell<[Option<u32>; 4]> = const { Cell::new([None; 4]) };
    /// The function on predicates whose text depends on the session, once this backend has met one.
    static CONTEXT: Cell<pg_sys::Oid> = const { Cell::new(pg_sys::InvalidOid) };
}

impl Marker {
    /// Name of the function in the schema vpd_private.
    pub fn function_name(self) -> &'static std::ffi::CStr {
        match self {
            Marker::Context => c"context_marker",
            Marker::Statement => c"statement_marker",
            Marker::Mask => c"mask_marker",
            Marker::Hierarchy => c"hierarchy_marker",
        }
    }

    /// Remembers the function behind the marker; called when a predicate with it is compiled.
    pub(super) fn remember(self, function: pg_sys::Oid) {
        // SAFETY: hashes one OID key of the function cache.
        let hash = unsafe {
            pg_sys::GetSysCacheHashValue(
                pg_sys::SysCacheIdentifier::PROCOID as i32,
                function.into(),
                pg_sys::Datum::from(0),
                pg_sys::Datum::from(0),
                pg_sys::Datum::from(0),
            )
        };
        let mut hashes = HASHES.get();
        hashes[self as usize] = Some(hash);
        HASHES.set(hashes);
        if self == Marker::Context {
            CONTEXT.set(function);
        }
    }

    /// Makes the plans of this backend that carry the marker be made again before they run next.
    pub fn invalidate(self) {
        if let Some(hash) = HASHES.get()[self as usize] {
            // SAFETY: runs the registered callbacks, which flip flags of cached plans; allowed at any time, in abort too.
            unsafe { pg_sys::CallSyscacheCallbacks(pg_sys::SysCacheIdentifier::PROCOID as i32, hash) }
        }
    }
}

/// Makes every plan that this backend keeps be made again.
pub fn forget_plans() {
    // SAFETY: flips flags of cached plans; a plan that is running keeps what it needs.
    unsafe { pg_sys::ResetPlanCache() }
}

/// How often each marker was put into a query.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Uses([u64; 4]);

/// The uses up to now.
pub(super) fn used() -> Uses {
    Uses(USED.get())
}

/// Notes that something with the marker is put into a query or a plan.
pub(super) fn use_marked(marker: Marker) {
    let mut used = USED.get();
    used[marker as usize] += 1;
    USED.set(used);
}

/// The markers used since, as the function cache hashes them.
pub(super) fn used_since(before: Uses) -> impl Iterator<Item = u32> {
    let used = USED.get();
    (0..used.len())
        .filter(move |index| used[*index] != before.0[*index])
        .filter_map(|index| HASHES.get()[index])
}

/// True when the hash is a marker's own, announced by `invalidate`.
pub(super) fn is_marker(hash: u32) -> bool {
    HASHES.get().contains(&Some(hash))
}

/// Notes that a query whose predicates depend on the session is about to be planned: the plan no longer shows it, the marker is folded away.
///
/// # Safety
/// The query is valid, as the planner gets it.
pub(super) unsafe fn note_carried(query: *mut pg_sys::Query) {
    if CONTEXT.get() != pg_sys::InvalidOid {
        // SAFETY: as the caller says.
        unsafe {
            carried_walker(query.cast(), std::ptr::null_mut());
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn carried_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: a valid tree of the query that `note_carried` got.
    unsafe {
        if is_a(node, pg_sys::NodeTag::T_Query) {
            return pg_sys::query_tree_walker(node.cast(), Some(carried_walker), context, 0);
        }
        if is_a(node, pg_sys::NodeTag::T_FuncExpr)
            && (*node.cast::<pg_sys::FuncExpr>()).funcid == CONTEXT.get()
        {
            use_marked(Marker::Context);
            return true;
        }
        pg_sys::expression_tree_walker(node, Some(carried_walker), context)
    }
}

/// True when the plan of a query carries one of the markers.
///
/// # Safety
/// The query has its plan, as the executor gets it.
pub(super) unsafe fn carries(query: *const pg_sys::QueryDesc, markers: &[Marker]) -> bool {
    let hashes = HASHES.get();
    // SAFETY: invalItems is a list of PlanInvalItem, or NIL.
    unsafe {
        let items = (*(*query).plannedstmt).invalItems;
        let count = if items.is_null() { 0 } else { (*items).length };
        (0..count)
            .map(|index| nth(items, index).cast::<pg_sys::PlanInvalItem>())
            .any(|item| {
                (*item).cacheId == pg_sys::SysCacheIdentifier::PROCOID as i32
                    && markers
                        .iter()
                        .any(|marker| hashes[*marker as usize] == Some((*item).hashValue))
            })
    }
}
