//! Differences between the supported versions of PostgreSQL.

use pgrx::pg_sys;
use std::ffi::c_void;

/// A tree mutator as the server calls it.
pub type Mutator = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> *mut pg_sys::Node;

/// Copies the children of an expression node, each through `mutator`.
///
/// # Safety
/// `node` is a valid expression tree; `context` is what `mutator` expects.
pub unsafe fn mutate_expression(
    node: *mut pg_sys::Node,
    mutator: Mutator,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    // SAFETY: up to 15 the server declares the callback without parameters and calls it with these two.
    #[cfg(feature = "pg15")]
    unsafe {
        let untyped =
            std::mem::transmute::<Mutator, unsafe extern "C-unwind" fn() -> *mut pg_sys::Node>(mutator);
        pg_sys::expression_tree_mutator(node, Some(untyped), context)
    }
    // SAFETY: the caller's promise.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        pg_sys::expression_tree_mutator_impl(node, Some(mutator), context)
    }
}

/// Copies a query, each of its expressions through `mutator`.
///
/// # Safety
/// As `mutate_expression`.
pub unsafe fn mutate_query(
    query: *mut pg_sys::Query,
    mutator: Mutator,
    context: *mut c_void,
) -> *mut pg_sys::Query {
    // SAFETY: as above.
    #[cfg(feature = "pg15")]
    unsafe {
        let untyped =
            std::mem::transmute::<Mutator, unsafe extern "C-unwind" fn() -> *mut pg_sys::Node>(mutator);
        pg_sys::query_tree_mutator(query, Some(untyped), context, 0)
    }
    // SAFETY: the caller's promise.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        pg_sys::query_tree_mutator_impl(query, Some(mutator), context, 0)
    }
}

// Exported by the server, declared here because the bindings leave it out.
unsafe extern "C-unwind" {
    #[cfg_attr(not(feature = "pg15"), link_name = "raw_expression_tree_walker_impl")]
    fn raw_expression_tree_walker(
        node: *mut pg_sys::Node,
        walker: Option<Walker>,
        context: *mut c_void,
    ) -> bool;
}

/// A tree walker as the server calls it.
pub type Walker = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> bool;

/// Visits the children of a node that the raw parser made.
///
/// # Safety
/// `node` is a valid raw tree; `context` is what `walker` expects.
pub unsafe fn walk_raw_expression(node: *mut pg_sys::Node, walker: Walker, context: *mut c_void) -> bool {
    // SAFETY: the caller's promise.
    unsafe { guarded!(raw_expression_tree_walker(node, Some(walker), context)) }
}

/// The columns of a table that a statement selects, inserts and updates, as sets of numbers counted from
/// `FirstLowInvalidHeapAttributeNumber`.
///
/// # Safety
/// `entry` is a relation in the range table of `query`.
pub unsafe fn referenced_columns(
    query: *mut pg_sys::Query,
    entry: *mut pg_sys::RangeTblEntry,
) -> [*mut pg_sys::Bitmapset; 3] {
    // SAFETY: up to 15 the range table entry holds the sets itself.
    #[cfg(feature = "pg15")]
    unsafe {
        let _ = query;
        [(*entry).selectedCols, (*entry).insertedCols, (*entry).updatedCols]
    }
    // SAFETY: the entry of a relation has permission information unless nothing of it is checked.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        if (*entry).perminfoindex == 0 {
            return [std::ptr::null_mut(); 3];
        }
        let information = pg_sys::getRTEPermissionInfo((*query).rteperminfos, entry);
        [
            (*information).selectedCols,
            (*information).insertedCols,
            (*information).updatedCols,
        ]
    }
}

/// The privileges that a query asks for on an entry of its range table.
///
/// # Safety
/// The entry belongs to the query.
pub unsafe fn required_privileges(_query: *mut pg_sys::Query, entry: &pg_sys::RangeTblEntry) -> u64 {
    #[cfg(feature = "pg15")]
    {
        u64::from(entry.requiredPerms)
    }
    // SAFETY: the number, unless it is 0, is one of the query's list.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        if entry.perminfoindex == 0 {
            return 0;
        }
        let entry = std::ptr::from_ref(entry).cast_mut();
        (*pg_sys::getRTEPermissionInfo((*_query).rteperminfos, entry)).requiredPerms
    }
}

/// What a plan accesses.
pub struct Checked {
    pub relation: pg_sys::Oid,
    /// Privileges that are checked.
    pub required: u64,
    /// The columns that are selected, inserted and updated.
    pub columns: [*mut pg_sys::Bitmapset; 3],
    /// Of which relation it is a part that the plan goes into: then its privileges are those of that one, and columns have the numbers of that one.
    pub part_of: Option<pg_sys::Oid>,
}

/// Visits what a plan accesses whose privileges are checked, and the partitions and children that it goes into for these.
///
/// # Safety
/// A plan of the server.
pub unsafe fn visit_accesses(plan: *mut pg_sys::PlannedStmt, mut visit: impl FnMut(Checked)) {
    // SAFETY: the range table is a list of entries; each append relation names two of them, by their numbers.
    unsafe {
        let entries = (*plan).rtable;
        for number in 1..=super::list::length(entries) {
            if let Some(checked) = checked(plan, number) {
                visit(checked);
            }
        }
        for part in super::list::elements((*plan).appendRelations) {
            let part = part.cast::<pg_sys::AppendRelInfo>();
            let child = &*entry(plan, (*part).child_relid as i32);
            if let Some(root) = root(plan, (*part).parent_relid)
                && child.rtekind == pg_sys::RTEKind::RTE_RELATION
                && child.relid != root.relation
            {
                visit(Checked {
                    relation: child.relid,
                    part_of: Some(root.relation),
                    ..root
                });
            }
        }
    }
}

unsafe fn entry(plan: *mut pg_sys::PlannedStmt, number: i32) -> *mut pg_sys::RangeTblEntry {
    // SAFETY: the caller's number is that of an entry.
    unsafe { super::list::nth((*plan).rtable, number - 1).cast() }
}

/// What is checked of the relation that a part belongs to, at whatever depth.
unsafe fn root(plan: *mut pg_sys::PlannedStmt, mut number: u32) -> Option<Checked> {
    // SAFETY: as above; a part is of one parent, and no circle leads back.
    unsafe {
        loop {
            if let Some(found) = checked(plan, number as i32) {
                return Some(found);
            }
            number = super::list::elements((*plan).appendRelations)
                .map(|part| part.cast::<pg_sys::AppendRelInfo>())
                .find(|part| (**part).child_relid == number)
                .map(|part| (*part).parent_relid)?;
        }
    }
}

/// What is checked of an entry; `None` where nothing is.
#[cfg(feature = "pg15")]
unsafe fn checked(plan: *mut pg_sys::PlannedStmt, number: i32) -> Option<Checked> {
    // SAFETY: up to 15 the range table entries hold what is checked themselves.
    let entry = unsafe { &*entry(plan, number) };
    let is_checked = entry.rtekind == pg_sys::RTEKind::RTE_RELATION && entry.requiredPerms != 0;
    is_checked.then_some(Checked {
        relation: entry.relid,
        required: u64::from(entry.requiredPerms),
        columns: [entry.selectedCols, entry.insertedCols, entry.updatedCols],
        part_of: None,
    })
}

/// What is checked of an entry; `None` where nothing is.
#[cfg(not(feature = "pg15"))]
unsafe fn checked(plan: *mut pg_sys::PlannedStmt, number: i32) -> Option<Checked> {
    // SAFETY: later a list of their own holds that, to which entries point.
    unsafe {
        let entry = &*entry(plan, number);
        if entry.rtekind != pg_sys::RTEKind::RTE_RELATION || entry.perminfoindex == 0 {
            return None;
        }
        let held = super::list::nth((*plan).permInfos, entry.perminfoindex as i32 - 1);
        let held = &*held.cast::<pg_sys::RTEPermissionInfo>();
        (held.requiredPerms != 0).then_some(Checked {
            relation: held.relid,
            required: held.requiredPerms,
            columns: [held.selectedCols, held.insertedCols, held.updatedCols],
            part_of: None,
        })
    }
}

/// Makes a range table entry be read, and its privileges be checked, as a user.
///
/// # Safety
/// The entry is a relation of the query.
pub unsafe fn set_checked_user(
    _query: *mut pg_sys::Query,
    entry: *mut pg_sys::RangeTblEntry,
    user: pg_sys::Oid,
) {
    // SAFETY: up to 15 the range table entry holds the user itself.
    #[cfg(feature = "pg15")]
    unsafe {
        (*entry).checkAsUser = user;
    }
    // SAFETY: an entry that comes from the parser has permission information.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        (*pg_sys::getRTEPermissionInfo((*_query).rteperminfos, entry)).checkAsUser = user;
    }
}

/// Lets nobody be asked for privileges on what a range table entry stands for.
pub fn forget_privileges(entry: &mut pg_sys::RangeTblEntry) {
    #[cfg(feature = "pg15")]
    {
        entry.requiredPerms = 0;
        entry.checkAsUser = pg_sys::InvalidOid;
        entry.selectedCols = std::ptr::null_mut();
    }
    #[cfg(not(feature = "pg15"))]
    {
        entry.perminfoindex = 0;
    }
}

/// The user for whom a range table entry is read, or InvalidOid for the current one.
///
/// # Safety
/// The entry belongs to the query.
pub unsafe fn checked_user(_query: *mut pg_sys::Query, entry: &pg_sys::RangeTblEntry) -> pg_sys::Oid {
    #[cfg(feature = "pg15")]
    {
        entry.checkAsUser
    }
    // SAFETY: the number, unless it is 0, is one of the query's list.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        if entry.perminfoindex == 0 {
            return pg_sys::InvalidOid;
        }
        (*pg_sys::getRTEPermissionInfo((*_query).rteperminfos, std::ptr::from_ref(entry).cast_mut()))
            .checkAsUser
    }
}

/// Lets the privileges that entry `outer` asks for be asked for by `inner` alone, its copy in the sub-select that takes its place.
///
/// # Safety
/// `outer` belongs to `query`; `inner` is a copy of it and the only entry of `select`.
pub unsafe fn move_permissions(
    _query: *mut pg_sys::Query,
    outer: *mut pg_sys::RangeTblEntry,
    _select: *mut pg_sys::Query,
    _inner: *mut pg_sys::RangeTblEntry,
) {
    // SAFETY: the copy has what is cleared here.
    #[cfg(feature = "pg15")]
    unsafe {
        (*outer).requiredPerms = 0;
        (*outer).checkAsUser = pg_sys::InvalidOid;
        (*outer).selectedCols = std::ptr::null_mut();
        (*outer).insertedCols = std::ptr::null_mut();
        (*outer).updatedCols = std::ptr::null_mut();
        (*outer).extraUpdatedCols = std::ptr::null_mut();
    }
    // SAFETY: the inner query gets a list of its own with a copy; that of the outer one then asks for nothing.
    #[cfg(not(feature = "pg15"))]
    unsafe {
        if (*outer).perminfoindex == 0 {
            return;
        }
        let asked = pg_sys::getRTEPermissionInfo((*_query).rteperminfos, outer);
        let copy: *mut pg_sys::RTEPermissionInfo = pg_sys::copyObjectImpl(asked.cast()).cast();
        (*_select).rteperminfos = pg_sys::lappend(std::ptr::null_mut(), copy.cast());
        (*_inner).perminfoindex = 1;
        (*asked).requiredPerms = 0;
        (*outer).perminfoindex = 0;
    }
}

/// Replaces the condition of a MERGE, which stands apart from the join tree from 17 on.
///
/// # Safety
/// `replace` returns a valid tree.
pub unsafe fn replace_merge_condition(
    _query: &mut pg_sys::Query,
    _replace: impl FnMut(*mut pg_sys::Node) -> *mut pg_sys::Node,
) {
    #[cfg(any(feature = "pg17", feature = "pg18"))]
    {
        let mut replace = _replace;
        _query.mergeJoinCondition = replace(_query.mergeJoinCondition);
    }
}
