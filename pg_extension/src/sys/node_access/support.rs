//! What the planner is told of `vpd.sees_node`: how many rows it leaves, and which keys an index may be asked for.
//!
//! Invariant: the condition for an index is a function call, evaluated when the scan starts, so no plan holds keys; the condition loses rows of sessions
//! that nothing is filtered for, so it is offered only while there can be none, and plans with it are made again when that changes.

use super::key::Form;
use crate::sys::list::{list, nth};
use crate::sys::marker::Marker;
use crate::sys::predicate;
use crate::sys::relation::Opened;
use crate::sys::share::Share;
use crate::sys::table::table;
use crate::sys::user::AsOwner;
use pgrx::{FromDatum, is_a, pg_guard, pg_sys};

finfo!(pg_finfo_sees_node_support_wrapper);

/// `sees_node_support(request internal)`.
///
/// # Safety
/// The planner calls it with a request.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn sees_node_support_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    use pg_sys::NodeTag::*;
    // SAFETY: the argument is a node; each request is read as what its tag says.
    unsafe {
        let request = (*call).args.as_slice(1)[0].value.cast_mut_ptr::<pg_sys::Node>();
        (*call).isnull = false;
        let nothing = pg_sys::Datum::from(0);
        if request.is_null() || !crate::sys::is_ready() {
            return nothing;
        }
        match (*request).type_ {
            T_SupportRequestSelectivity => {
                let request = request.cast::<pg_sys::SupportRequestSelectivity>();
                match constant_hierarchy((*request).args).and_then(|name| share(&name)) {
                    Some(share) if !(*request).is_join => {
                        let part = share.visible as f64 / (share.all.max(1)) as f64;
                        (*request).selectivity = part.clamp(1e-7, 1.0);
                        pg_sys::Datum::from(request)
                    }
                    _ => nothing,
                }
            }
            T_SupportRequestIndexCondition => {
                index_condition(&mut *request.cast::<pg_sys::SupportRequestIndexCondition>())
                    .map_or(nothing, pg_sys::Datum::from)
            }
            _ => nothing,
        }
    }
}

/// What the attached session sees; `None` for what is no hierarchy.
fn share(name: &str) -> Option<Share> {
    (table().node.share)((table().node.find)(name).ok()?).ok()
}

/// The hierarchy that a call names by a constant.
unsafe fn constant_hierarchy(arguments: *mut pg_sys::List) -> Option<String> {
    // SAFETY: the arguments of a call of `sees_node`.
    unsafe {
        let name = nth(arguments, 0);
        if !is_a(name, pg_sys::NodeTag::T_Const) {
            return None;
        }
        let name = &*name.cast::<pg_sys::Const>();
        String::from_datum(name.constvalue, name.constisnull)
    }
}

/// How an index compares its first column with keys.
struct Comparison {
    /// The type of the column.
    kind: pg_sys::Oid,
    /// The list of it.
    array: pg_sys::Oid,
    /// The operator.
    equal: pg_sys::Oid,
    collation: pg_sys::Oid,
}

/// `column = ANY (vpd_private.visible_keys('hierarchy', NULL::type))`, which the index may be asked before each row it finds is
/// looked at; `None` where that is not the same or does not pay.
unsafe fn index_condition(request: &mut pg_sys::SupportRequestIndexCondition) -> Option<*mut pg_sys::List> {
    // SAFETY: the planner passes a valid request about a call of `sees_node` and an index of a table it plans; nodes are made in its
    // memory.
    unsafe {
        let call = suited_call(request)?;
        let comparison = comparison(request)?;
        if !asks_for_few(request, call)? {
            return None;
        }
        let condition = any_of_keys(call, &comparison)?;
        request.lossy = true;
        Some(list(&[condition]))
    }
}

/// The call, where an index can be asked for its keys: a list of keys for another column than the first spoils the order of the index, which the
/// planner would rely on.
unsafe fn suited_call<'a>(request: &pg_sys::SupportRequestIndexCondition) -> Option<&'a pg_sys::FuncExpr> {
    // SAFETY: as in `index_condition`; the node is read as what its tag says.
    unsafe {
        let index = &*request.index;
        let is_suited = request.indexarg == 1
            && request.indexcol == 0
            && index.relam == pg_sys::BTREE_AM_OID
            && index.amsearcharray
            && is_a(request.node, pg_sys::NodeTag::T_FuncExpr);
        is_suited.then(|| &*request.node.cast::<pg_sys::FuncExpr>())
    }
}

/// `None` where the index calls equal what differs in a byte, or compares in a way of its own.
unsafe fn comparison(request: &pg_sys::SupportRequestIndexCondition) -> Option<Comparison> {
    // SAFETY: as in `index_condition`; the rest are looks into caches.
    unsafe {
        let (kind, collation) = (*(*request.index).opcintype, request.indexcollation);
        let array = Form::of(kind)?.array()?;
        if collation != pg_sys::InvalidOid && !pg_sys::get_collation_isdeterministic(collation) {
            return None;
        }
        let equal =
            pg_sys::get_opfamily_member(request.opfamily, kind, kind, pg_sys::BTEqualStrategyNumber as i16);
        (equal != pg_sys::InvalidOid).then_some(Comparison {
            kind,
            array,
            equal,
            collation,
        })
    }
}

/// Whether the attached session sees few nodes, so that it pays to ask for them; `None` where nothing may depend on that. A session of the other sort
/// gets a plan of its own.
unsafe fn asks_for_few(
    request: &pg_sys::SupportRequestIndexCondition,
    call: &pg_sys::FuncExpr,
) -> Option<bool> {
    // SAFETY: as in `index_condition`.
    unsafe {
        let name = constant_hierarchy(call.args)?;
        // One row is asked for by its key: nothing is won.
        let is_one_row = pg_sys::relation_has_unique_index_for(
            request.root,
            (*request.index).rel,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        );
        let hierarchy = (table().node.find)(&name).ok()?;
        let share = (table().node.share)(hierarchy).ok()?;
        if is_one_row || share.may_be_open {
            return None;
        }
        predicate::mark_plan(Marker::Hierarchy).ok()?;
        (table().node.note_plan)(hierarchy, share.is_few());
        Some(share.is_few())
    }
}

/// The comparison of the column with the keys that are seen when the scan starts.
unsafe fn any_of_keys(
    call: &pg_sys::FuncExpr,
    comparison: &Comparison,
) -> Option<*mut pg_sys::ScalarArrayOpExpr> {
    let keys = visible_keys_function()?;
    // SAFETY: copies nodes of the call and makes new ones, in the memory of the planner.
    unsafe {
        let (kind, collation) = (comparison.kind, comparison.collation);
        let mut column: *mut pg_sys::Node = pg_sys::copyObjectImpl(nth(call.args, 1).cast()).cast();
        if pg_sys::exprType(column) != kind {
            let cast = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
            column = pg_sys::makeRelabelType(column.cast(), kind, -1, collation, cast).cast();
        }
        let hierarchy: *mut pg_sys::Node = pg_sys::copyObjectImpl(nth(call.args, 0).cast()).cast();
        let nothing: *mut pg_sys::Node = pg_sys::makeNullConst(kind, -1, collation).cast();
        let values: *mut pg_sys::Node = pg_sys::makeFuncExpr(
            keys,
            comparison.array,
            list(&[hierarchy, nothing]),
            pg_sys::InvalidOid,
            pg_sys::InvalidOid,
            pg_sys::CoercionForm::COERCE_EXPLICIT_CALL,
        )
        .cast();
        let condition = pg_sys::palloc0(std::mem::size_of::<pg_sys::ScalarArrayOpExpr>())
            .cast::<pg_sys::ScalarArrayOpExpr>();
        (*condition).xpr.type_ = pg_sys::NodeTag::T_ScalarArrayOpExpr;
        (*condition).opno = comparison.equal;
        (*condition).opfuncid = pg_sys::get_opcode(comparison.equal);
        (*condition).useOr = true;
        (*condition).inputcollid = collation;
        (*condition).args = list(&[column, values]);
        (*condition).location = -1;
        Some(condition)
    }
}

/// The function behind the conditions; `None` when the extension is not there.
fn visible_keys_function() -> Option<pg_sys::Oid> {
    let types = [pg_sys::TEXTOID, pg_sys::ANYELEMENTOID];
    predicate::function(c"vpd_private", c"visible_keys", &types).ok()
}

/// Makes every backend plan again, when this transaction commits, what asks an index for keys.
pub fn forget_index_plans() {
    let Some(function) = visible_keys_function() else {
        return;
    };
    let _owner = AsOwner::switch();
    // SAFETY: queues the news that the function's row changed; nothing is written. The tuple is a copy.
    unsafe {
        let table = Opened::table(pg_sys::ProcedureRelationId, pg_sys::AccessShareLock);
        let tuple = pg_sys::SearchSysCacheCopy(
            pg_sys::SysCacheIdentifier::PROCOID as i32,
            function.into(),
            pg_sys::Datum::from(0),
            pg_sys::Datum::from(0),
            pg_sys::Datum::from(0),
        );
        if !tuple.is_null() {
            pg_sys::CacheInvalidateHeapTuple(table.relation(), tuple, std::ptr::null_mut());
            pg_sys::heap_freetuple(tuple);
        }
    }
}
