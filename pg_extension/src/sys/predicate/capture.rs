//! Names that a sub-select takes for columns of its own though the protected table has a column of that name as well.
//!
//! `EXISTS (SELECT FROM grants g WHERE g.region = region)` compares a column with itself. The server resolves names as the standard says;
//! here is noted what the author should know of it.

use super::Watch;
use crate::sys::relation::Opened;
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::CStr;

/// The columns of the table, and those of their names that something else took.
pub struct Names {
    relation: pg_sys::Oid,
    captured: Vec<String>,
}

impl Names {
    /// Of a table that is locked.
    pub fn of(relation: pg_sys::Oid) -> Self {
        Self {
            relation,
            captured: Vec::new(),
        }
    }

    /// Looks at every name that is resolved from now on; states of sub-selects inherit it.
    ///
    /// # Safety
    /// The state of the hooks is a `Watch` that outlives the parse state.
    pub unsafe fn watch(state: *mut pg_sys::ParseState) {
        // SAFETY: the caller's promise.
        unsafe { (*state).p_post_columnref_hook = Some(resolved) }
    }

    /// What was found, each name once.
    pub fn captured(mut self) -> Vec<String> {
        self.captured.sort();
        self.captured.dedup();
        self.captured
    }

    fn has_column(&self, name: &CStr) -> bool {
        // SAFETY: the relation is locked; the descriptor has as many attributes as it says, whose names are NUL-terminated.
        unsafe {
            let opened = Opened::table(self.relation, pg_sys::NoLock);
            let form = (*opened.relation()).rd_att;
            (*form)
                .attrs
                .as_slice((*form).natts as usize)
                .iter()
                .any(|column| !column.attisdropped && CStr::from_ptr(column.attname.data.as_ptr()) == name)
        }
    }
}

/// The server found, or did not find, what a name means. It is never found here.
#[pg_guard]
unsafe extern "C-unwind" fn resolved(
    state: *mut pg_sys::ParseState,
    reference: *mut pg_sys::ColumnRef,
    found: *mut pg_sys::Node,
) -> *mut pg_sys::Node {
    // SAFETY: state and reference are what the server analyzes; the state of the hook is the value that watches. A name
    // is a list of String nodes.
    unsafe {
        let fields = (*reference).fields;
        let first = if fields.is_null() || (*fields).length != 1 {
            std::ptr::null_mut()
        } else {
            super::nth(fields, 0)
        };
        if found.is_null() || first.is_null() || !is_a(first, pg_sys::NodeTag::T_String) {
            return std::ptr::null_mut();
        }
        let mut depth = 0;
        let mut outer = (*state).parentParseState;
        while !outer.is_null() {
            depth += 1;
            outer = (*outer).parentParseState;
        }
        let is_of_table =
            is_a(found, pg_sys::NodeTag::T_Var) && (*found.cast::<pg_sys::Var>()).varlevelsup == depth;
        let name = CStr::from_ptr((*first.cast::<pg_sys::String>()).sval);
        let names = &mut (*(*state).p_ref_hook_state.cast::<Watch>()).names;
        if !is_of_table && names.has_column(name) {
            names.captured.push(name.to_string_lossy().into_owned());
        }
    }
    std::ptr::null_mut()
}
