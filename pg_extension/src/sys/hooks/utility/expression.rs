//! Commands that evaluate an expression over the rows a table already has: they never ask a policy, and the owner chooses the expression.

use crate::error::Error;
use crate::sys::hooks::named::{resolve, resolve_owned};
use crate::sys::list::{elements, nth};
use crate::sys::table::table;
use crate::sys::{extension, user};
use pgrx::{is_a, pg_sys};

/// Raises when a role under policies would have its expression meet rows of a protected table.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn check(statement: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says.
    unsafe {
        match (*statement).type_ {
            T_AlterTableStmt => check_alter_table(&*statement.cast::<pg_sys::AlterTableStmt>()),
            T_CreateStmt => check_partition(&*statement.cast::<pg_sys::CreateStmt>()),
            T_IndexStmt => check_index(&*statement.cast::<pg_sys::IndexStmt>()),
            T_CreateStatsStmt => check_statistics(&*statement.cast::<pg_sys::CreateStatsStmt>()),
            T_AlterDomainStmt => check_domain(&*statement.cast::<pg_sys::AlterDomainStmt>()),
            _ => (),
        }
    }
}

unsafe fn check_alter_table(statement: &pg_sys::AlterTableStmt) {
    if user::bypasses_policies() || !extension::is_installed() {
        return;
    }
    // SAFETY: lists of the statement. The lock is the one the command takes itself: held already, the name cannot come to mean
    // another table between this look and the command.
    unsafe {
        if statement.objtype == pg_sys::ObjectType::OBJECT_TYPE {
            check_composite(statement);
            return;
        }
        let lock = pg_sys::AlterTableGetLockLevel(statement.cmds);
        let Some(relation) = resolve_owned(statement.relation, lock) else {
            return;
        };
        for command in elements(statement.cmds) {
            let command = &*command.cast::<pg_sys::AlterTableCmd>();
            if command.subtype == pg_sys::AlterTableType::AT_AttachPartition {
                (table().command.add_partition)(relation).unwrap_or_else(|error| error.raise());
            }
            check_change(command);
        }
    }
}

/// A new part has the rows of the default part looked at again, with every key above.
unsafe fn check_partition(statement: &pg_sys::CreateStmt) {
    if statement.partbound.is_null() {
        return;
    }
    // SAFETY: a list of RangeVar nodes; the lock is the one the command takes itself.
    unsafe {
        for parent in elements(statement.inhRelations) {
            if is_a(parent, pg_sys::NodeTag::T_RangeVar)
                && let Some(relation) = resolve_owned(
                    parent.cast::<pg_sys::RangeVar>(),
                    pg_sys::AccessExclusiveLock as i32,
                )
            {
                (table().command.add_partition)(relation).unwrap_or_else(|error| error.raise());
            }
        }
    }
}

unsafe fn check_change(command: &pg_sys::AlterTableCmd) {
    use pg_sys::AlterTableType as Change;
    // SAFETY: the definitions are of the types these sub-commands have.
    unsafe {
        match command.subtype {
            Change::AT_AlterColumnType => Error::expression_refused("the conversion to another type").raise(),
            Change::AT_ValidateConstraint => Error::expression_refused("the constraint").raise(),
            Change::AT_AddColumn if is_a(command.def, pg_sys::NodeTag::T_ColumnDef) => {
                for constraint in elements((*command.def.cast::<pg_sys::ColumnDef>()).constraints) {
                    check_constraint(constraint);
                }
            }
            Change::AT_AddConstraint => check_constraint(command.def),
            _ => (),
        }
    }
}

unsafe fn check_constraint(node: *mut pg_sys::Node) {
    // SAFETY: read as a constraint only when it is one.
    unsafe {
        if !is_a(node, pg_sys::NodeTag::T_Constraint) {
            return;
        }
        let constraint = &*node.cast::<pg_sys::Constraint>();
        match constraint.contype {
            pg_sys::ConstrType::CONSTR_CHECK if !constraint.skip_validation => {
                Error::expression_refused("the CHECK constraint").raise()
            }
            pg_sys::ConstrType::CONSTR_GENERATED => Error::expression_refused("the generated column").raise(),
            pg_sys::ConstrType::CONSTR_FOREIGN => Error::foreign_key_refused().raise(),
            pg_sys::ConstrType::CONSTR_EXCLUSION => {
                let has_expression = elements(constraint.exclusions)
                    .any(|pair| has_index_expression(nth(pair.cast::<pg_sys::List>(), 0)));
                if has_expression || !constraint.where_clause.is_null() {
                    Error::expression_refused("the EXCLUDE constraint").raise()
                }
            }
            _ => (),
        }
    }
}

/// The size of a partial index tells how many rows satisfy its predicate, so it is refused like an expression.
unsafe fn check_index(statement: &pg_sys::IndexStmt) {
    // SAFETY: lists of IndexElem nodes; the lock is the one the command takes itself.
    unsafe {
        let has_expression = elements(statement.indexParams).any(|element| has_index_expression(element));
        if !has_expression && statement.whereClause.is_null() {
            return;
        }
        let lock = if statement.concurrent {
            pg_sys::ShareUpdateExclusiveLock
        } else {
            pg_sys::ShareLock
        };
        if resolve_owned(statement.relation, lock as i32).is_some() {
            Error::index_expression_refused().raise()
        }
    }
}

unsafe fn has_index_expression(node: *mut pg_sys::Node) -> bool {
    // SAFETY: read as an index element only when it is one.
    unsafe { is_a(node, pg_sys::NodeTag::T_IndexElem) && !(*node.cast::<pg_sys::IndexElem>()).expr.is_null() }
}

/// ANALYZE evaluates the expressions of extended statistics.
unsafe fn check_statistics(statement: &pg_sys::CreateStatsStmt) {
    // SAFETY: lists of StatsElem and, of what the command accepts, RangeVar nodes.
    unsafe {
        let has_expression = elements(statement.exprs).any(|element| {
            is_a(element, pg_sys::NodeTag::T_StatsElem)
                && !(*element.cast::<pg_sys::StatsElem>()).expr.is_null()
        });
        let is_restricted = has_expression
            && elements(statement.relations).any(|relation| {
                is_a(relation, pg_sys::NodeTag::T_RangeVar)
                    && resolve_owned(
                        relation.cast::<pg_sys::RangeVar>(),
                        pg_sys::ShareUpdateExclusiveLock as i32,
                    )
                    .is_some()
            });
        if is_restricted {
            Error::expression_refused("the statistics object").raise()
        }
    }
}

/// A new constraint of a domain is checked in every table that uses the domain, whoever owns the table.
unsafe fn check_domain(statement: &pg_sys::AlterDomainStmt) {
    let is_checking = match statement.subtype as u8 {
        // SAFETY: the definition of a constraint to add.
        b'C' => unsafe {
            !is_a(statement.def, pg_sys::NodeTag::T_Constraint)
                || !(*statement.def.cast::<pg_sys::Constraint>()).skip_validation
        },
        b'V' => true,
        _ => false,
    };
    if !is_checking || user::bypasses_policies() || !extension::is_installed() {
        return;
    }
    // SAFETY: a list of String nodes that names a type; an unknown one gives InvalidOid.
    let oid = unsafe {
        pg_sys::LookupTypeNameOid(
            std::ptr::null_mut(),
            pg_sys::makeTypeNameFromNameList(statement.typeName),
            true,
        )
    };
    if oid != pg_sys::InvalidOid {
        (table().command.convert_type)(oid).unwrap_or_else(|error| error.raise());
    }
}

/// Changing a composite type with CASCADE rewrites the tables of that type.
unsafe fn check_composite(statement: &pg_sys::AlterTableStmt) {
    // SAFETY: the statement names a composite type, whose relation has its name.
    unsafe {
        let is_converting = elements(statement.cmds).any(|command| {
            (*command.cast::<pg_sys::AlterTableCmd>()).subtype == pg_sys::AlterTableType::AT_AlterColumnType
        });
        let oid = resolve(statement.relation);
        if is_converting && oid != pg_sys::InvalidOid {
            (table().command.convert_type)(pg_sys::get_rel_type_id(oid))
                .unwrap_or_else(|error| error.raise());
        }
    }
}
