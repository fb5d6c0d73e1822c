//! Queries of ours over one table that administrators ask about. There are two sorts, and each is known by where its text lies:
//! one reads the table past its policies; the other reads rows that were copied before in place of the table.
//!
//! The server asks no policy and no hook for a range table entry that is read as a superuser, which is how the views of superusers work: the
//! entry of the table is marked so, and no other.

use crate::sys::aside::{self, Reading};
use crate::sys::compat;
use crate::sys::list::nth;
use crate::sys::row_copy;
use pgrx::{pg_guard, pg_sys};

static mut NEXT: pg_sys::post_parse_analyze_hook_type = None;

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT = pg_sys::post_parse_analyze_hook;
        pg_sys::post_parse_analyze_hook = Some(analyzed);
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
        if let Some((text, table, reading)) = aside::current()
            && (*state).p_sourcetext == text
        {
            mark(query, table, reading);
        }
        if let Some(next) = NEXT {
            guarded!(next(state, query, jumble));
        }
    }
}

unsafe fn mark(query: *mut pg_sys::Query, table: pg_sys::Oid, reading: Reading) {
    // SAFETY: a range table is a list of RangeTblEntry; those of sub-selects in FROM hold a query.
    unsafe {
        let entries = (*query).rtable;
        let count = if entries.is_null() { 0 } else { (*entries).length };
        for index in 0..count {
            let entry = nth(entries, index).cast::<pg_sys::RangeTblEntry>();
            match ((*entry).rtekind, reading) {
                (pg_sys::RTEKind::RTE_RELATION, Reading::PastPolicies | Reading::Untriggered)
                    if (*entry).relid == table =>
                {
                    let superuser = pg_sys::Oid::from(pg_sys::BOOTSTRAP_SUPERUSERID);
                    compat::set_checked_user(query, entry, superuser);
                }
                (pg_sys::RTEKind::RTE_RELATION, Reading::Copied) if (*entry).relid == table => {
                    row_copy::put_in_place(query, index + 1);
                }
                (pg_sys::RTEKind::RTE_SUBQUERY, _) => mark((*entry).subquery, table, reading),
                _ => (),
            }
        }
    }
}
