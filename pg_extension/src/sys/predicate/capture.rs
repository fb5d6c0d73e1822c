//! Names that a sub-select takes for columns of its own though the protected table has a column of that name as well.
//!
//! `EXISTS (SELECT FROM grants g WHERE g.region = region)` compares a column with itself. The server resolves names as the standard says;
//! here is noted what the author should know of it.

use crate::sys::list::{length, nth};
use crate::sys::relation::Opened;
use pgrx::{is_a, pg_sys};
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

    /// The server found, or did not find, what a name means.
    ///
    /// # Safety
    /// State and reference are what the server analyzes.
    pub unsafe fn resolved(
        &mut self,
        state: *mut pg_sys::ParseState,
        reference: *mut pg_sys::ColumnRef,
        found: *mut pg_sys::Node,
    ) {
        // SAFETY: the caller's promise; a name is a list of String nodes.
        unsafe {
            let fields = (*reference).fields;
            let first = if length(fields) == 1 {
                nth(fields, 0)
            } else {
                std::ptr::null_mut()
            };
            if found.is_null() || first.is_null() || !is_a(first, pg_sys::NodeTag::T_String) {
                return;
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
            if !is_of_table && self.has_column(name) {
                self.captured.push(name.to_string_lossy().into_owned());
            }
        }
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
