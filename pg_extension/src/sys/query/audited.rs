//! Conditions of audit policies: rows that a statement reads or writes are told to whoever waits for one.
//!
//! Comes in (the table with its conditions of row security), and what is checked of new rows:
//!
//! ```sql
//! UPDATE hr.staff SET salary = 9500 FROM (hr.staff WHERE <conditions of row security>) WHERE dept = 7
//!   -- CHECK (<checks of row security>)
//! ```
//!
//! Goes out:
//!
//! ```sql
//! UPDATE hr.staff SET salary = 9500
//!   FROM (hr.staff WHERE <conditions of row security> AND vpd_private.audited('hr.staff', 'high_pay', salary > 9000)) WHERE dept = 7
//!   -- CHECK (<checks of row security>), CHECK (vpd_private.audited('hr.staff', 'high_pay', salary > 9000))
//! ```
//!
//! The call is always true. It stands where conditions of row security stand: behind those of policies, so that a row which they hide does not count; before whatever
//! the statement could tell of a row by, so that none is told that was not counted. Operators that tell nothing may be asked first.
//! Invariant: for each audit policy with a condition that asks for what the query does with a table, the call is there.

use super::walk::entry;
use crate::sys::compat;
use crate::sys::list::{length, nth};
use crate::sys::predicate::{always_true, audited, audited_function};
use crate::sys::restriction::{Command, Watched};
use crate::sys::table::table;
use pgrx::{is_a, pg_guard, pg_sys};

/// Puts the conditions into one level of a query, which reads these entries of its range table.
///
/// # Safety
/// `query` was rewritten and is the planner's to change; masks were not put in place yet.
pub unsafe fn watch(query: *mut pg_sys::Query, read: &[i32]) {
    if !(table().audit.has_conditions)() {
        return;
    }
    // SAFETY: the numbers are those of the range table.
    unsafe {
        for number in read {
            watch_read(query, *number);
        }
        let target = (*query).resultRelation;
        if target > 0 {
            // MERGE joins its target later.
            if (*query).commandType == pg_sys::CmdType::CMD_MERGE {
                watch_read(query, target);
            }
            watch_written(query, target);
        }
    }
}

unsafe fn watch_read(query: *mut pg_sys::Query, number: i32) {
    // SAFETY: as in `watch`.
    unsafe {
        for watched in asked(query, number) {
            let condition = call(query, number, &watched);
            let entry = entry(query, number);
            (*entry).securityQuals = pg_sys::lappend((*entry).securityQuals, condition.cast());
        }
    }
}

/// New rows, and with ON CONFLICT the row that is there.
unsafe fn watch_written(query: *mut pg_sys::Query, number: i32) {
    use pg_sys::WCOKind::*;
    // SAFETY: as in `watch`; checks of this kind are asked as those of row security.
    unsafe {
        let kinds: &[pg_sys::WCOKind::Type] = match (*query).commandType {
            pg_sys::CmdType::CMD_INSERT if !(*query).onConflict.is_null() => {
                &[WCO_RLS_INSERT_CHECK, WCO_RLS_CONFLICT_CHECK, WCO_RLS_UPDATE_CHECK]
            }
            pg_sys::CmdType::CMD_INSERT => &[WCO_RLS_INSERT_CHECK],
            pg_sys::CmdType::CMD_UPDATE => &[WCO_RLS_UPDATE_CHECK],
            pg_sys::CmdType::CMD_MERGE => &[WCO_RLS_INSERT_CHECK, WCO_RLS_UPDATE_CHECK],
            _ => return,
        };
        for watched in asked(query, number) {
            for kind in kinds {
                let mut check =
                    pgrx::PgBox::<pg_sys::WithCheckOption>::alloc_node(pg_sys::NodeTag::T_WithCheckOption);
                check.kind = *kind;
                check.relname = pg_sys::get_rel_name((*entry(query, number)).relid);
                check.qual = call(query, number, &watched);
                (*query).withCheckOptions =
                    pg_sys::lappend((*query).withCheckOptions, check.into_pg().cast());
            }
        }
    }
}

/// The audit policies that wait for a row of this entry.
unsafe fn asked(query: *mut pg_sys::Query, number: i32) -> Vec<Watched> {
    // SAFETY: as in `watch`.
    unsafe {
        let entry = &*entry(query, number);
        let is_table = entry.rtekind == pg_sys::RTEKind::RTE_RELATION
            && (entry.relkind as u8 == pg_sys::RELKIND_RELATION
                || entry.relkind as u8 == pg_sys::RELKIND_PARTITIONED_TABLE);
        if !is_table {
            return Vec::new();
        }
        let required = compat::required_privileges(query, entry);
        let commands: Vec<Command> = Command::OF_ROWS
            .into_iter()
            .filter(|command| required & command.privilege() != 0)
            .collect();
        (table().audit.watched)(entry.relid, &commands)
    }
}

/// `vpd_private.audited(table, policy, condition)`. A condition that cannot be understood any more holds for every row.
unsafe fn call(query: *mut pg_sys::Query, number: i32, watched: &Watched) -> *mut pg_sys::Node {
    // SAFETY: the condition is over a range table with its table alone.
    unsafe {
        let condition = match &watched.condition {
            None => always_true(),
            Some(condition) => {
                let condition = condition.copy();
                pg_sys::ChangeVarNodes(condition, 1, number, 0);
                condition
            }
        };
        (*query).hasSubLinks |= watched
            .condition
            .as_ref()
            .is_some_and(|condition| condition.has_sublinks);
        audited(watched.table, &watched.policy, condition).unwrap_or_else(|error| error.raise())
    }
}

/// True for such a call: it sees the values, whatever is masked.
///
/// # Safety
/// A valid expression.
pub unsafe fn is_watch(condition: *mut pg_sys::Node) -> bool {
    // SAFETY: the node is read as what its tag says.
    unsafe {
        !condition.is_null()
            && is_a(condition, pg_sys::NodeTag::T_FuncExpr)
            && length((*condition.cast::<pg_sys::FuncExpr>()).args) == 3
            && is_a(
                nth((*condition.cast::<pg_sys::FuncExpr>()).args, 0),
                pg_sys::NodeTag::T_Const,
            )
            && audited_function()
                .is_ok_and(|function| (*condition.cast::<pg_sys::FuncExpr>()).funcid == function)
    }
}

#[unsafe(no_mangle)]
#[doc(hidden)]
pub extern "C" fn pg_finfo_audited_support_wrapper() -> &'static pg_sys::Pg_finfo_record {
    &pg_sys::Pg_finfo_record { api_version: 1 }
}

/// `audited_support(request internal)`: every row stays.
///
/// # Safety
/// The planner calls it with a request.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn audited_support_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the argument is a node; the request is read as what its tag says.
    unsafe {
        let request = (*call).args.as_slice(1)[0].value.cast_mut_ptr::<pg_sys::Node>();
        (*call).isnull = false;
        if request.is_null() || !is_a(request, pg_sys::NodeTag::T_SupportRequestSelectivity) {
            return pg_sys::Datum::from(0);
        }
        let request = request.cast::<pg_sys::SupportRequestSelectivity>();
        (*request).selectivity = 1.0;
        pg_sys::Datum::from(request)
    }
}
