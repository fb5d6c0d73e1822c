//! COPY of a table by its name runs no query unless row security makes it one: whoever records what is read is told of it here.

use super::resolve;
use crate::sys::table::table;
use crate::sys::{extension, user};
use pgrx::pg_sys;

/// A command is about to run; tells whether it is such a COPY.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn starts(statement: *mut pg_sys::Node) -> bool {
    // SAFETY: read as the type its tag says.
    unsafe {
        if (*statement).type_ != pg_sys::NodeTag::T_CopyStmt || !extension::is_known() {
            return false;
        }
        let copy = &*statement.cast::<pg_sys::CopyStmt>();
        if copy.relation.is_null() {
            return false;
        }
        let relation = resolve(copy.relation);
        if relation == pg_sys::InvalidOid || !(copy.is_from || user::reads_past_policies(relation)) {
            return false;
        }
        (table().statement.copies)(relation, copy.is_from).unwrap_or_else(|error| error.raise());
        true
    }
}
