//! Commands on tables that are no queries: whoever records what is read is told of them here. COPY of a table by its name runs none unless row security makes it one, or something sealed in it is hidden; definitions
//! put its rows through expressions, or take it out of what is recorded.

use crate::sys::hooks::named::resolve;
use crate::sys::list::{elements, string};
use crate::sys::table::table;
use crate::sys::{relation, sealed_column, user};
use pgrx::{is_a, pg_sys};
use std::ffi::{CStr, CString};

/// COPY of a whole table that hides values from the session becomes one of a query, which shows what every query does.
///
/// # Safety
/// A valid utility statement, which may be changed.
pub unsafe fn read_as_query(statement: *mut pg_sys::Node) {
    // SAFETY: read as the type its tag says; the query is made of names that are quoted, in the memory of the statement.
    unsafe {
        if (*statement).type_ != pg_sys::NodeTag::T_CopyStmt {
            return;
        }
        let copy = &mut *statement.cast::<pg_sys::CopyStmt>();
        if copy.is_from || copy.relation.is_null() || !(table().sealing.is_any)() {
            return;
        }
        let relation = resolve(copy.relation);
        let is_table = relation != pg_sys::InvalidOid
            && pg_sys::get_rel_relkind(relation) as u8 == pg_sys::RELKIND_RELATION;
        let hides = |column: &sealed_column::Column| (table().sealing.rewritable)(column.modifier).is_err();
        if !is_table || !sealed_column::columns(relation).iter().any(hides) {
            return;
        }
        let columns = if copy.attlist.is_null() {
            relation::stored_columns(relation)
        } else {
            elements(copy.attlist).map(|name| string(name)).collect()
        };
        let columns: Vec<String> = columns.iter().map(|name| relation::quoted(name)).collect();
        let text = format!(
            "SELECT {} FROM ONLY {}",
            columns.join(", "),
            relation::full_name(relation)
        );
        let text = CString::new(text).unwrap_or_default();
        let parsed = pg_sys::raw_parser(text.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_DEFAULT);
        let Some(query) = elements(parsed).next() else {
            return;
        };
        copy.query = (*query.cast::<pg_sys::RawStmt>()).stmt;
        copy.relation = std::ptr::null_mut();
        copy.attlist = std::ptr::null_mut();
    }
}

/// A command is about to run; tells whether it is such a COPY.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn starts(statement: *mut pg_sys::Node) -> bool {
    // SAFETY: read as the type its tag says.
    unsafe {
        if (*statement).type_ != pg_sys::NodeTag::T_CopyStmt || !(table().statement.is_any_recorded)() {
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

/// Tells of a command that defines something about tables.
///
/// # Safety
/// A valid utility statement.
pub unsafe fn tell(statement: *mut pg_sys::Node) {
    use pg_sys::NodeTag::*;
    // SAFETY: each node is read as the type its tag says.
    unsafe {
        if !(table().statement.is_any_recorded)() {
            return;
        }
        let name =
            CStr::from_ptr(pg_sys::GetCommandTagName(pg_sys::CreateCommandTag(statement))).to_string_lossy();
        let relations: Vec<pg_sys::Oid> = match (*statement).type_ {
            T_AlterTableStmt => {
                let alter = &*statement.cast::<pg_sys::AlterTableStmt>();
                elements(alter.cmds)
                    .map(|command| (*command.cast::<pg_sys::AlterTableCmd>()).def)
                    .filter(|definition| !definition.is_null() && is_a(*definition, T_PartitionCmd))
                    .map(|definition| resolve((*definition.cast::<pg_sys::PartitionCmd>()).name))
                    .chain([resolve(alter.relation)])
                    .collect()
            }
            T_CreateStatsStmt => {
                let statistics = &*statement.cast::<pg_sys::CreateStatsStmt>();
                elements(statistics.relations)
                    .filter(|relation| is_a(*relation, T_RangeVar))
                    .map(|relation| resolve(relation.cast()))
                    .collect()
            }
            T_ClusterStmt => vec![resolve((*statement.cast::<pg_sys::ClusterStmt>()).relation)],
            T_VacuumStmt => elements((*statement.cast::<pg_sys::VacuumStmt>()).rels)
                .map(|relation| resolve((*relation.cast::<pg_sys::VacuumRelation>()).relation))
                .collect(),
            T_ReindexStmt => {
                let named = resolve((*statement.cast::<pg_sys::ReindexStmt>()).relation);
                vec![named, pg_sys::IndexGetRelation(named, true)]
            }
            T_AlterDomainStmt => {
                let alter = &*statement.cast::<pg_sys::AlterDomainStmt>();
                let kind = pg_sys::makeTypeNameFromNameList(alter.typeName);
                let kind = pg_sys::LookupTypeNameOid(std::ptr::null_mut(), kind, true);
                (table().statement.commanded_type)(kind, &name).unwrap_or_else(|error| error.raise());
                Vec::new()
            }
            T_IndexStmt => vec![resolve((*statement.cast::<pg_sys::IndexStmt>()).relation)],
            T_CreateTrigStmt => vec![resolve((*statement.cast::<pg_sys::CreateTrigStmt>()).relation)],
            T_RuleStmt => vec![resolve((*statement.cast::<pg_sys::RuleStmt>()).relation)],
            T_DropStmt => {
                let drop = &*statement.cast::<pg_sys::DropStmt>();
                if drop.removeType == pg_sys::ObjectType::OBJECT_TABLE {
                    elements(drop.objects)
                        .map(|name| resolve(pg_sys::makeRangeVarFromNameList(name.cast())))
                        .collect()
                } else {
                    Vec::new()
                }
            }
            _ => return,
        };
        for relation in relations
            .into_iter()
            .filter(|relation| *relation != pg_sys::InvalidOid)
        {
            (table().statement.commanded)(relation, &name).unwrap_or_else(|error| error.raise());
        }
    }
}
