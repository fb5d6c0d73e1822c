//! Reads of the session context inside a predicate: where they stand, and what becomes of the predicate without a session.
//!
//! A read is a call of one of the extension's STABLE functions. The largest sub-expression that contains one and depends on
//! no row is wrapped into a scalar sub-select: one cached plan then serves every session, the read happens once per
//! execution, and an index can be used with its value.
//!
//! ```sql
//! dept = vpd.attribute('hr', 'dept')::integer               -- comes in
//! dept = (SELECT vpd.attribute('hr', 'dept')::integer)      -- goes out
//! ```

use super::{folding, node};
use crate::error::Result;
use crate::sys::compat;
use crate::sys::list::nth;
use crate::sys::spi::{self, statements};
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::{CStr, c_void};

statements! {
    FUNCTIONS = "policy/session_readers.sql";
}

/// The functions that read the session context.
pub struct Readers {
    all: Vec<pg_sys::Oid>,
    /// Those that return NULL or false while no session is attached, and depend on nothing but the session.
    pub(super) empty_without_session: Vec<pg_sys::Oid>,
}

impl Readers {
    /// Looks them up.
    pub fn look_up() -> Result<Self> {
        let rows = spi::announced(|| {
            FUNCTIONS.with(|statement| {
                statement.query(&[], |row| {
                    (
                        row.get::<pg_sys::Oid>(1).unwrap_or(pg_sys::InvalidOid),
                        row.get::<bool>(2).unwrap_or(false),
                    )
                })
            })
        });
        Ok(Self {
            all: rows.iter().map(|(oid, _)| *oid).collect(),
            empty_without_session: rows
                .iter()
                .filter(|(_, is_empty)| *is_empty)
                .map(|(oid, _)| *oid)
                .collect(),
        })
    }
}

impl Readers {
    /// Leaves out those that read attributes, whose values may be shared with other sessions.
    pub(super) fn forget_attributes(&mut self) {
        self.empty_without_session.retain(|function| {
            // SAFETY: a catalogue look-up that returns NULL or a palloc'd, NUL-terminated name.
            let name = unsafe { pg_sys::get_func_name(*function) };
            // SAFETY: as above.
            !name.is_null()
                && !unsafe { CStr::from_ptr(name) }
                    .to_bytes()
                    .starts_with(b"attribute")
        });
    }
}

struct Walk<'a> {
    readers: &'a Readers,
    did_hoist: bool,
    has_read: bool,
    depends_on_row: bool,
}

impl<'a> Walk<'a> {
    fn new(readers: &'a Readers) -> Self {
        Self {
            readers,
            did_hoist: false,
            has_read: false,
            depends_on_row: false,
        }
    }

    fn argument(&mut self) -> *mut c_void {
        std::ptr::from_mut(self).cast()
    }
}

/// Wraps every read that depends on no row. Returns the new tree and whether anything was wrapped.
///
/// # Safety
/// `expression` is a valid expression tree.
pub unsafe fn hoist(expression: *mut pg_sys::Node, readers: &Readers) -> (*mut pg_sys::Node, bool) {
    let mut walk = Walk::new(readers);
    // SAFETY: the caller's promise; the context is the walk itself.
    let tree = unsafe { hoist_mutator(expression, walk.argument()) };
    (tree, walk.did_hoist)
}

#[pg_guard]
unsafe extern "C-unwind" fn hoist_mutator(
    node: *mut pg_sys::Node,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: `context` is the `Walk` that `hoist` passed; the node is valid and of the type its tag says.
    unsafe {
        let walk = &mut *context.cast::<Walk>();
        if is_a(node, pg_sys::NodeTag::T_Query) {
            let query = node.cast::<pg_sys::Query>();
            if (*query).rtable.is_null() {
                return pg_sys::copyObjectImpl(node.cast()).cast();
            }
            let did_hoist = std::mem::replace(&mut walk.did_hoist, false);
            let copy = compat::mutate_query(query, hoist_mutator, context);
            (*copy).hasSubLinks |= walk.did_hoist;
            walk.did_hoist |= did_hoist;
            return copy.cast();
        }
        if is_scalar(node) && is_constant_read(node, walk.readers) {
            walk.did_hoist = true;
            return node::scalar_subselect(pg_sys::copyObjectImpl(node.cast()).cast());
        }
        compat::mutate_expression(node, hoist_mutator, context)
    }
}

/// True for the expression nodes that have a value of their own, false for lists and parts of other nodes.
unsafe fn is_scalar(node: *mut pg_sys::Node) -> bool {
    use pg_sys::NodeTag::*;
    // SAFETY: every node begins with its tag.
    let tag = unsafe { (*node).type_ };
    matches!(
        tag,
        T_FuncExpr
            | T_OpExpr
            | T_ScalarArrayOpExpr
            | T_DistinctExpr
            | T_NullIfExpr
            | T_BoolExpr
            | T_NullTest
            | T_BooleanTest
            | T_RelabelType
            | T_CoerceViaIO
            | T_ArrayCoerceExpr
            | T_CoalesceExpr
            | T_MinMaxExpr
            | T_CaseExpr
            | T_ArrayExpr
            | T_SubscriptingRef
            | T_CollateExpr
    )
}

/// True when the expression is one value, reads the session context and depends on no row, sub-select or volatile function.
unsafe fn is_constant_read(node: *mut pg_sys::Node, readers: &Readers) -> bool {
    let mut walk = Walk::new(readers);
    // SAFETY: the node is a valid expression.
    unsafe {
        find_read(node, walk.argument());
        walk.has_read
            && !walk.depends_on_row
            && !pg_sys::contain_volatile_functions(node)
            && !pg_sys::expression_returns_set(node)
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn find_read(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    use pg_sys::NodeTag::*;
    if node.is_null() {
        return false;
    }
    // SAFETY: as in `hoist_mutator`.
    unsafe {
        let walk = &mut *context.cast::<Walk>();
        match (*node).type_ {
            T_Var
            | T_Param
            | T_SubLink
            | T_Aggref
            | T_WindowFunc
            | T_CaseTestExpr
            | T_CoerceToDomainValue
            | T_SetToDefault
            | T_CurrentOfExpr => walk.depends_on_row = true,
            T_FuncExpr
                if walk
                    .readers
                    .all
                    .contains(&(*node.cast::<pg_sys::FuncExpr>()).funcid) =>
            {
                walk.has_read = true;
            }
            _ => (),
        }
        walk.depends_on_row || pg_sys::expression_tree_walker(node, Some(find_read), context)
    }
}

/// True when the predicate can be shown to be false or NULL for every row while no session is attached.
///
/// # Safety
/// `expression` is a valid expression tree.
pub unsafe fn never_true_without_session(expression: *mut pg_sys::Node, readers: &Readers) -> bool {
    let mut walk = Walk::new(readers);
    // SAFETY: the caller's promise.
    unsafe {
        let without = empty_mutator(expression, walk.argument());
        never_true(folding::fold(without))
    }
}

/// Replaces each read by what it returns without a session.
#[pg_guard]
unsafe extern "C-unwind" fn empty_mutator(
    node: *mut pg_sys::Node,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: as in `hoist_mutator`.
    unsafe {
        let walk = &mut *context.cast::<Walk>();
        if is_a(node, pg_sys::NodeTag::T_Query) {
            return pg_sys::copyObjectImpl(node.cast()).cast();
        }
        if let Some(value) = subselect_value(node) {
            return empty_mutator(value, context);
        }
        if is_a(node, pg_sys::NodeTag::T_FuncExpr) {
            let call = &*node.cast::<pg_sys::FuncExpr>();
            if walk.readers.empty_without_session.contains(&call.funcid) {
                return if call.funcresulttype == pg_sys::BOOLOID {
                    pg_sys::makeBoolConst(false, false)
                } else {
                    pg_sys::makeNullConst(call.funcresulttype, -1, call.funccollid).cast()
                };
            }
        }
        compat::mutate_expression(node, empty_mutator, context)
    }
}

/// The expression of a `(SELECT expression)` without FROM and WHERE, as an administrator may have written it by hand.
pub(super) unsafe fn subselect_value(node: *mut pg_sys::Node) -> Option<*mut pg_sys::Node> {
    // SAFETY: as in `hoist_mutator`.
    unsafe {
        if !is_a(node, pg_sys::NodeTag::T_SubLink) {
            return None;
        }
        let link = &*node.cast::<pg_sys::SubLink>();
        let is_query = !link.subselect.is_null() && is_a(link.subselect, pg_sys::NodeTag::T_Query);
        if link.subLinkType != pg_sys::SubLinkType::EXPR_SUBLINK || !is_query {
            return None;
        }
        let query = &*link.subselect.cast::<pg_sys::Query>();
        let is_bare = query.rtable.is_null()
            && (*query.jointree).quals.is_null()
            && query.setOperations.is_null()
            && query.limitCount.is_null()
            && query.limitOffset.is_null()
            && query.havingQual.is_null()
            && !query.hasAggs
            && !query.hasTargetSRFs;
        is_bare.then(|| {
            (*nth(query.targetList, 0).cast::<pg_sys::TargetEntry>())
                .expr
                .cast()
        })
    }
}

unsafe fn never_true(node: *mut pg_sys::Node) -> bool {
    use pg_sys::NodeTag::*;
    if node.is_null() {
        return false;
    }
    // SAFETY: as in `hoist_mutator`.
    unsafe {
        match (*node).type_ {
            T_Const => {
                let constant = &*node.cast::<pg_sys::Const>();
                constant.consttype == pg_sys::BOOLOID
                    && (constant.constisnull || constant.constvalue.value() == 0)
            }
            T_BoolExpr => {
                let expression = &*node.cast::<pg_sys::BoolExpr>();
                let mut arms =
                    (0..(*expression.args).length).map(|index| never_true(nth(expression.args, index)));
                match expression.boolop {
                    pg_sys::BoolExprType::AND_EXPR => arms.any(|is_never| is_never),
                    pg_sys::BoolExprType::OR_EXPR => arms.all(|is_never| is_never),
                    _ => false,
                }
            }
            T_ScalarArrayOpExpr => {
                let expression = node.cast::<pg_sys::ScalarArrayOpExpr>();
                pg_sys::set_sa_opfuncid(expression);
                pg_sys::func_strict((*expression).opfuncid)
                    && (0..2).any(|index| is_null_constant(nth((*expression).args, index)))
            }
            _ => false,
        }
    }
}

unsafe fn is_null_constant(node: *mut pg_sys::Node) -> bool {
    // SAFETY: as in `hoist_mutator`.
    unsafe { is_a(node, pg_sys::NodeTag::T_Const) && (*node.cast::<pg_sys::Const>()).constisnull }
}
