//! Queries of ours that look at one table past its policies. The server asks no policy and no hook for a range table entry that is
//! read as a superuser, which is how the views of superusers work: the entry of that table is marked so, and no other.

use crate::sys::compat;
use crate::sys::predicate::nth;
use pgrx::{pg_guard, pg_sys};
use std::cell::Cell;
use std::ffi::{CStr, c_char};

static mut NEXT: pg_sys::post_parse_analyze_hook_type = None;

thread_local! {
    /// The text of the query, told apart by where it lies, and the table.
    static PAST: Cell<Option<(*const c_char, pg_sys::Oid)>> = const { Cell::new(None) };
}

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT = pg_sys::post_parse_analyze_hook;
        pg_sys::post_parse_analyze_hook = Some(analyzed);
    }
}

/// While it lives, the query whose text lies there reads the table past its policies, wherever the table stands in its FROM; not in
/// a sub-select of an expression, and not in any other query.
pub struct PastPolicies {
    former: Option<(*const c_char, pg_sys::Oid)>,
}

impl PastPolicies {
    /// Begins.
    pub fn of(table: pg_sys::Oid, text: &CStr) -> Self {
        Self {
            former: PAST.replace(Some((text.as_ptr(), table))),
        }
    }
}

impl Drop for PastPolicies {
    fn drop(&mut self) {
        PAST.set(self.former);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn analyzed(
    state: *mut pg_sys::ParseState,
    query: *mut pg_sys::Query,
    jumble: *mut pg_sys::JumbleState,
) {
    // SAFETY: passes on what the server passed; the query is valid and fresh.
    unsafe {
        if let Some((text, table)) = PAST.get()
            && (*state).p_sourcetext == text
        {
            mark(query, table);
        }
        if let Some(next) = NEXT {
            guarded!(next(state, query, jumble));
        }
    }
}

unsafe fn mark(query: *mut pg_sys::Query, table: pg_sys::Oid) {
    // SAFETY: a range table is a list of RangeTblEntry; those of sub-selects in FROM hold a query.
    unsafe {
        let entries = (*query).rtable;
        let count = if entries.is_null() { 0 } else { (*entries).length };
        for index in 0..count {
            let entry = nth(entries, index).cast::<pg_sys::RangeTblEntry>();
            match (*entry).rtekind {
                pg_sys::RTEKind::RTE_RELATION if (*entry).relid == table => {
                    let superuser = pg_sys::Oid::from(pg_sys::BOOTSTRAP_SUPERUSERID);
                    compat::set_checked_user(query, entry, superuser);
                }
                pg_sys::RTEKind::RTE_SUBQUERY => mark((*entry).subquery, table),
                _ => (),
            }
        }
    }
}
