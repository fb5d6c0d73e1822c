//! Conditions of audit policies: rows that a statement reads or writes are told to whoever waits for one.
//!
//! Comes in (the table with its conditions of row security), and what is checked of new rows:
//!
//! ```sql
//! UPDATE hr.staff SET salary = 9500 FROM (hr.staff WHERE <conditions of row security>) WHERE dept = 7
//!   -- CHECK (<checks of row security>)
//! ```
//!
//! Goes out, for an audit policy `high_pay` of the table with the condition `salary > 9000`:
//!
//! ```sql
//! UPDATE hr.staff SET salary = 9500
//!   FROM (hr.staff WHERE <conditions of row security> AND vpd_private.audited('hr.staff', 'hr.staff', 'high_pay', salary)) WHERE dept = 7
//!   -- CHECK (<checks of row security>), CHECK (vpd_private.audited('hr.staff', 'hr.staff', 'high_pay', salary))
//! ```
//!
//! The call is always true. It stands where conditions of row security stand: behind those of policies, so that a row which they hide does not count; before whatever
//! the statement, or a view, could tell of a row by, so that none is told that was not counted. Operators that tell nothing may be asked first. It is handed the values of the
//! columns that the condition names, and asks the condition by itself (`asked`): an error of that is none of the statement's.
//! Invariant: for each audit policy with a condition that asks for what the query does with a table, the call is there.

use super::condition;
use super::walk::entry;
use crate::sys::compat;
use crate::sys::predicate::{audited, audited_function};
use crate::sys::restriction::{Command, Watched};
use crate::sys::table::table;
use pgrx::{is_a, pg_sys};

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
            let place = condition::of_policies((*entry).securityQuals);
            (*entry).securityQuals = insert((*entry).securityQuals, place, condition);
        }
    }
}

/// Puts a condition into a list.
unsafe fn insert(list: *mut pg_sys::List, place: i32, condition: *mut pg_sys::Node) -> *mut pg_sys::List {
    // SAFETY: the place is one of the list, or behind its last.
    unsafe {
        if list.is_null() {
            return pg_sys::lappend(list, condition.cast());
        }
        pg_sys::list_insert_nth(list, place, condition.cast())
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

/// `vpd_private.audited(relation, table, policy, columns…)`, and NULL for a condition that cannot be understood any more, or names none.
unsafe fn call(query: *mut pg_sys::Query, number: i32, watched: &Watched) -> *mut pg_sys::Node {
    // SAFETY: the columns are those of the entry's table.
    unsafe {
        let columns = watched.condition.as_ref().map(|condition| condition.columns());
        let mut values: Vec<*mut pg_sys::Node> = columns
            .iter()
            .flatten()
            .map(|column| column.over(number))
            .collect();
        if values.is_empty() {
            values.push(pg_sys::makeNullConst(pg_sys::TEXTOID, -1, pg_sys::InvalidOid).cast());
        }
        let relation = (*entry(query, number)).relid;
        audited(relation, watched.table, &watched.policy, &values).unwrap_or_else(|error| error.raise())
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
            && audited_function()
                .is_ok_and(|function| (*condition.cast::<pg_sys::FuncExpr>()).funcid == function)
    }
}
