//! A table that is read becomes a sub-select over itself, as if a view stood there, with masks in its target list.
//!
//! Comes in:
//!
//! ```sql
//! SELECT s.salary, s.ctid, s
//!   FROM (hr.staff s TABLESAMPLE system (100) WHERE <conditions of row security>)
//!    FOR UPDATE
//! ```
//!
//! Goes out; system columns and the whole row are targets behind the columns, where the query names them:
//!
//! ```sql
//! SELECT s.salary, s.ctid, s."whole row"
//!   FROM (SELECT id, name, dept, <masked salary>, ctid, ROW(id, name, dept, <masked salary>) AS "whole row"
//!           FROM (hr.staff s TABLESAMPLE system (100) WHERE <conditions of row security>)
//!            FOR UPDATE) s
//!    FOR UPDATE
//! ```
//!
//! The planner pulls such a sub-select up again and puts its expressions wherever the column was named, wrapped where an outer join
//! could make them NULL. So a mask is seen by every clause, and a function of the caller is only ever handed the masked value.

use super::case::MaskedColumn;
use super::target;
use super::walk::entry;
use crate::sys::compat;
use crate::sys::list::{length, list, nth};
use pgrx::{is_a, pg_guard, pg_sys};
use std::ffi::{CStr, c_void};

/// Replaces entry `number` of the range table.
///
/// # Safety
/// It is a table that this level reads and that is locked; the columns are the table's.
pub unsafe fn hide(query: *mut pg_sys::Query, number: i32, columns: &[MaskedColumn]) {
    // SAFETY: every node is made as the server's own rewriter makes those of a view.
    unsafe {
        let outer = entry(query, number);
        let inner =
            pgrx::PgBox::<pg_sys::RangeTblEntry>::alloc_node(pg_sys::NodeTag::T_RangeTblEntry).into_pg();
        *inner = std::ptr::read(outer);
        (*inner).alias = pg_sys::copyObjectImpl((*outer).alias.cast()).cast();
        (*inner).eref = pg_sys::copyObjectImpl((*outer).eref.cast()).cast();
        (*inner).lateral = false;
        (*inner).inFromCl = true;
        pg_sys::ChangeVarNodes((*inner).securityQuals.cast(), number, 1, 0);
        target::hide_from_views((*inner).securityQuals, columns);
        pg_sys::IncrementVarSublevelsUp((*inner).tablesample.cast(), 1, 0);

        (*outer).tablesample = std::ptr::null_mut();
        (*outer).securityQuals = std::ptr::null_mut();

        let mut table = Table::describe((*outer).relid, columns);
        let extra = table.name_hidden_parts(query, number);

        let select = pgrx::PgBox::<pg_sys::Query>::alloc_node(pg_sys::NodeTag::T_Query).into_pg();
        (*select).commandType = pg_sys::CmdType::CMD_SELECT;
        (*select).canSetTag = true;
        (*select).rtable = list(&[inner]);
        let mut reference = pgrx::PgBox::<pg_sys::RangeTblRef>::alloc_node(pg_sys::NodeTag::T_RangeTblRef);
        reference.rtindex = 1;
        (*select).jointree = pg_sys::makeFromExpr(list(&[reference.into_pg()]), std::ptr::null_mut());
        (*select).targetList = table.target_list;
        (*select).hasRowSecurity = true;
        // True for more than need it does no harm.
        (*select).hasSubLinks = (*query).hasSubLinks || columns.iter().any(|column| column.has_sublinks);
        lock_inner(query, number, select);
        compat::move_permissions(query, outer, select, inner);

        (*outer).rtekind = pg_sys::RTEKind::RTE_SUBQUERY;
        (*outer).subquery = select;
        (*outer).security_barrier = false;
        (*outer).relid = pg_sys::InvalidOid;
        (*outer).relkind = 0;
        (*outer).rellockmode = 0;
        (*outer).inh = false;
        let names = &mut (*(*outer).eref).colnames;
        while length(*names) < table.width {
            *names = pg_sys::lappend(*names, pg_sys::makeString(pg_sys::pstrdup(c"".as_ptr())).cast());
        }
        for name in extra {
            *names = pg_sys::lappend(*names, pg_sys::makeString(pg_sys::pstrdup(name.as_ptr())).cast());
        }
    }
}

/// FOR UPDATE and its kin of the sub-select lock the rows of the table, as those of a view do.
unsafe fn lock_inner(query: *mut pg_sys::Query, number: i32, select: *mut pg_sys::Query) {
    // SAFETY: the clause, if there is one, belongs to the query.
    unsafe {
        let outer = pg_sys::get_parse_rowmark(query, number as pg_sys::Index);
        if outer.is_null() {
            return;
        }
        let inner: *mut pg_sys::RowMarkClause = pg_sys::copyObjectImpl(outer.cast()).cast();
        (*inner).rti = 1;
        (*inner).pushedDown = true;
        (*select).rowMarks = list(&[inner]);
    }
}

/// The target list of the sub-select.
struct Table {
    row_type: pg_sys::Oid,
    /// How many columns the table has, dropped ones included.
    width: i32,
    target_list: *mut pg_sys::List,
}

/// Finds references to system columns and whole rows of one entry, and gives them numbers behind those of the columns.
struct HiddenParts {
    number: i32,
    depth: u32,
    next: i16,
    found: Vec<(i16, i16)>,
}

impl Table {
    unsafe fn describe(relation: pg_sys::Oid, columns: &[MaskedColumn]) -> Self {
        // SAFETY: the relation is locked; its descriptor has as many attributes as it says.
        unsafe {
            let opened = pg_sys::table_open(relation, pg_sys::NoLock as i32);
            let width = (*(*opened).rd_att).natts;
            let attributes = (*(*opened).rd_att).attrs.as_slice(width as usize);
            let mut target_list = std::ptr::null_mut();
            for (number, attribute) in (1_i16..).zip(attributes) {
                let masked = columns.iter().find(|column| column.attribute == number);
                let expression: *mut pg_sys::Node = if attribute.attisdropped {
                    pg_sys::makeNullConst(pg_sys::INT4OID, -1, pg_sys::InvalidOid).cast()
                } else if let Some(masked) = masked {
                    masked.shown
                } else {
                    pg_sys::makeVar(
                        1,
                        number,
                        attribute.atttypid,
                        attribute.atttypmod,
                        attribute.attcollation,
                        0,
                    )
                    .cast()
                };
                let name = pg_sys::pstrdup(attribute.attname.data.as_ptr());
                let target = pg_sys::makeTargetEntry(expression.cast(), number, name, false);
                target_list = pg_sys::lappend(target_list, target.cast());
            }
            let row_type = (*(*opened).rd_rel).reltype;
            pg_sys::table_close(opened, pg_sys::NoLock as i32);
            Self {
                row_type,
                width,
                target_list,
            }
        }
    }

    /// Adds a target for each system column and for the whole row, where the query names them; returns their names.
    unsafe fn name_hidden_parts(&mut self, query: *mut pg_sys::Query, number: i32) -> Vec<&'static CStr> {
        let mut parts = HiddenParts {
            number,
            depth: 0,
            next: self.width as i16,
            found: Vec::new(),
        };
        // SAFETY: the walk visits the query with the context that it expects.
        unsafe {
            pg_sys::query_tree_walker(
                query,
                Some(hidden_part_walker),
                std::ptr::from_mut(&mut parts).cast(),
                0,
            );
            parts
                .found
                .into_iter()
                .map(|(attribute, target)| {
                    let (expression, name) = if attribute == 0 {
                        (self.whole_row(), c"whole row")
                    } else {
                        system_column(attribute)
                    };
                    let entry = pg_sys::makeTargetEntry(
                        expression.cast(),
                        target,
                        pg_sys::pstrdup(name.as_ptr()),
                        false,
                    );
                    self.target_list = pg_sys::lappend(self.target_list, entry.cast());
                    name
                })
                .collect()
        }
    }

    unsafe fn whole_row(&self) -> *mut pg_sys::Node {
        // SAFETY: the first targets are the columns, in order.
        unsafe {
            let mut row = pgrx::PgBox::<pg_sys::RowExpr>::alloc_node(pg_sys::NodeTag::T_RowExpr);
            for index in 0..self.width {
                let target = nth(self.target_list, index).cast::<pg_sys::TargetEntry>();
                row.args = pg_sys::lappend(row.args, pg_sys::copyObjectImpl((*target).expr.cast()));
            }
            row.row_typeid = self.row_type;
            row.row_format = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
            row.location = -1;
            row.into_pg().cast()
        }
    }
}

unsafe fn system_column(attribute: i16) -> (*mut pg_sys::Node, &'static CStr) {
    // SAFETY: the server knows its own system columns; their descriptions are static.
    unsafe {
        let description = &*pg_sys::SystemAttributeDefinition(attribute);
        let variable = pg_sys::makeVar(
            1,
            attribute,
            description.atttypid,
            description.atttypmod,
            description.attcollation,
            0,
        );
        (variable.cast(), CStr::from_ptr(description.attname.data.as_ptr()))
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn hidden_part_walker(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is the `HiddenParts` that `name_hidden_parts` passed; the tree is the planner's to change.
    unsafe {
        if is_a(node, pg_sys::NodeTag::T_Query) {
            (*context.cast::<HiddenParts>()).depth += 1;
            let found = pg_sys::query_tree_walker(node.cast(), Some(hidden_part_walker), context, 0);
            (*context.cast::<HiddenParts>()).depth -= 1;
            return found;
        }
        if is_a(node, pg_sys::NodeTag::T_Var) {
            let parts = &mut *context.cast::<HiddenParts>();
            let variable = &mut *node.cast::<pg_sys::Var>();
            if variable.varno == parts.number && variable.varlevelsup == parts.depth && variable.varattno <= 0
            {
                variable.varattno = parts.target(variable.varattno);
            }
            return false;
        }
        pg_sys::expression_tree_walker(node, Some(hidden_part_walker), context)
    }
}

impl HiddenParts {
    fn target(&mut self, attribute: i16) -> i16 {
        if let Some((_, target)) = self.found.iter().find(|(found, _)| *found == attribute) {
            return *target;
        }
        self.next += 1;
        self.found.push((attribute, self.next));
        self.next
    }
}
