//! What a predicate comes to for the attached session, whatever the row.
//!
//! The reads of the session context are replaced by their values and constants are folded. The values stay here: no tree that
//! leaves this module holds them.

use super::session_read::{Readers, subselect_value};
use super::{Compiled, folding};
use crate::error::{Error, Result};
use crate::sys::list::nth;
use crate::sys::{compat, xact};
use pgrx::{PgMemoryContexts, is_a, pg_guard, pg_sys};
use std::ffi::c_void;

/// What a predicate says of the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// True for every row.
    Always,
    /// True for no row.
    Never,
    /// It depends on the row, or on more than the session.
    ByRow,
}

impl Compiled {
    /// What the predicate comes to for the attached session. Runs functions that read the session and immutable ones of the server, so a
    /// transaction must be in progress; the error that is raised says nothing of what they said. Without `reads_attributes` the reads of
    /// attributes count as values that may change while the session lasts.
    pub fn verdict(&self, reads_attributes: bool) -> Result<Verdict> {
        let mut readers = Readers::look_up()?;
        if !reads_attributes {
            readers.forget_attributes();
        }
        let plain = self.plain;
        let fold = || {
            // SAFETY: the tree is valid for as long as `self` lives, and is copied; what is made here goes with the
            // temporary memory context.
            unsafe {
                PgMemoryContexts::new("pg_vpd verdict").switch_to(|_| {
                    let with_values = value_mutator(plain, std::ptr::from_ref(&readers).cast_mut().cast());
                    of_constant(folding::fold(with_values))
                })
            }
        };
        Ok(xact::translated(fold, |failure| {
            pgrx::log!("pg_vpd: a predicate failed: {}", failure.message);
            Error::predicate_unusable()
        }))
    }
}

unsafe fn of_constant(node: *mut pg_sys::Node) -> Verdict {
    // SAFETY: a valid expression; a boolean constant is read as such.
    unsafe {
        if node.is_null() || !is_a(node, pg_sys::NodeTag::T_Const) {
            return Verdict::ByRow;
        }
        let constant = &*node.cast::<pg_sys::Const>();
        if !constant.constisnull && constant.constvalue.value() != 0 {
            Verdict::Always
        } else {
            Verdict::Never
        }
    }
}

/// Replaces each read of the session whose arguments are constant by its value.
#[pg_guard]
unsafe extern "C-unwind" fn value_mutator(
    node: *mut pg_sys::Node,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: `context` is the `Readers` that `verdict` passed; the node is valid and of the type its tag says.
    unsafe {
        let readers = &*context.cast::<Readers>();
        if is_a(node, pg_sys::NodeTag::T_Query) {
            return pg_sys::copyObjectImpl(node.cast()).cast();
        }
        if let Some(value) = subselect_value(node) {
            return value_mutator(value, context);
        }
        let copy = compat::mutate_expression(node, value_mutator, context);
        if !is_a(copy, pg_sys::NodeTag::T_FuncExpr) {
            return copy;
        }
        let call = &mut *copy.cast::<pg_sys::FuncExpr>();
        if !readers.empty_without_session.contains(&call.funcid) {
            return copy;
        }
        call.args = folding::fold(call.args.cast()).cast();
        let is_constant = call.args.is_null()
            || (0..(*call.args).length).all(|index| is_a(nth(call.args, index), pg_sys::NodeTag::T_Const));
        if !is_constant {
            return copy;
        }
        let (kind, collation) = (call.funcresulttype, call.funccollid);
        pg_sys::evaluate_expr(copy.cast(), kind, -1, collation).cast()
    }
}
