//! Whose conditions stand on a table of a rewritten query. Nothing is changed here. Of
//!
//! ```sql
//! vpd.guard() AND salary < 9000 AND vpd_private.permitted(2, true) AND vpd_private.permitted(1, true) AND region = 'West'
//! ```
//!
//! the first four are of policies, and the last of a view with security_barrier.
//! The server puts those of row security first, its own restrictive policies among
//! them, and those of security-barrier views behind. The last that each command asks for is that of the permissive policies, where ours
//! carries a mark: whatever stands behind the last mark was written by somebody else.

use crate::sys::list::{length, nth};
use crate::sys::predicate::permitted_function;
use pgrx::{is_a, pg_sys};

/// How many of the conditions are those of row security. Without a mark nothing was permitted, so that there is no row.
///
/// # Safety
/// The conditions of a relation in a rewritten query.
pub unsafe fn of_policies(conditions: *mut pg_sys::List) -> i32 {
    let permitted = permitted_function().unwrap_or_else(|error| error.raise());
    // SAFETY: each index is one of the list.
    unsafe {
        (0..length(conditions))
            .rev()
            .find(|index| permits(nth(conditions, *index), permitted))
            .map_or(0, |last| last + 1)
    }
}

/// True for the condition of our permissive policy, alone or joined with others of the server by OR.
unsafe fn permits(condition: *mut pg_sys::Node, permitted: pg_sys::Oid) -> bool {
    // SAFETY: each node is read as the type its tag says.
    unsafe {
        if condition.is_null() {
            return false;
        }
        if is_a(condition, pg_sys::NodeTag::T_FuncExpr) {
            return (*condition.cast::<pg_sys::FuncExpr>()).funcid == permitted;
        }
        if !is_a(condition, pg_sys::NodeTag::T_BoolExpr) {
            return false;
        }
        let joined = &*condition.cast::<pg_sys::BoolExpr>();
        joined.boolop == pg_sys::BoolExprType::OR_EXPR
            && (0..length(joined.args)).any(|index| permits(nth(joined.args, index), permitted))
    }
}
