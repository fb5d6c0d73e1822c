//! Refusals about hierarchies, their nodes and the tables they filter.

use super::Error;
use pgrx::PgSqlErrorCode;

impl Error {
    /// 42704: there is no such hierarchy.
    pub fn hierarchy_not_found(name: &str) -> Self {
        Self::not_found(
            "hierarchy_not_found",
            format!("hierarchy \"{name}\" does not exist"),
            "Define it with vpd.define_hierarchy; vpd.install_hierarchies defines merchandise and organization.",
        )
    }

    /// 53400: keys and nodes are more than are counted.
    pub fn hierarchy_too_large(name: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
            "limit_hierarchy",
            format!("the keys of hierarchy \"{name}\" take more than 4 GiB"),
            "Drop nodes, or make a hierarchy of a part of them.",
        )
    }

    /// 42704: the hierarchy has no such level.
    pub fn level_not_found(hierarchy: &str, level: &str) -> Self {
        Self::not_found(
            "level_not_found",
            format!("hierarchy \"{hierarchy}\" has no level \"{level}\""),
            "The view vpd.hierarchies shows its levels.",
        )
    }

    /// 42704: the hierarchy has no such node.
    pub fn node_not_found(hierarchy: &str, key: &str) -> Self {
        Self::not_found(
            "node_not_found",
            format!("hierarchy \"{hierarchy}\" has no node \"{key}\""),
            "Define it with vpd.define_node, or load it with vpd.load_nodes.",
        )
    }

    /// 42704: the parent of a node is missing.
    pub fn node_orphaned(hierarchy: &str, key: &str) -> Self {
        Self::not_found(
            "node_not_found",
            format!("the parent of node \"{key}\" is missing in hierarchy \"{hierarchy}\""),
            "Define the parent first, or load it with the node.",
        )
    }

    /// 22023: the parent is not on a level above.
    pub fn node_level(key: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "node_level",
            format!("node \"{key}\" is not on a level below its parent's"),
            "Give it a parent on a level above; levels may be left out between them.",
        )
    }

    /// 22023: the hierarchy has no level left for the node.
    pub fn too_deep(hierarchy: &str, key: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "node_level",
            format!("hierarchy \"{hierarchy}\" has no level for node \"{key}\""),
            "Define more levels with vpd.define_hierarchy.",
        )
    }

    /// 22023: two rows of a load say different things of one node.
    pub fn node_ambiguous(key: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "node_ambiguous",
            format!("the rows of node \"{key}\" disagree about its parent, level or label"),
            "Keys are unique in a hierarchy: make them so, for example with a view that puts the parent's key before them.",
        )
    }

    /// 42P17: the node would be below itself.
    pub fn node_cycle(key: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_INVALID_OBJECT_DEFINITION,
            "node_cycle",
            format!("node \"{key}\" would be below itself"),
            "Move it under a node that is not below it.",
        )
    }

    /// 2BP01: there is something below the node.
    pub fn node_in_use(key: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
            "node_in_use",
            format!("there are nodes below \"{key}\""),
            "Move them first, or drop them too with with_subtree => true.",
        )
    }

    /// 2BP01: tables are filtered by the hierarchy.
    pub fn hierarchy_in_use(name: &str, table: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
            "hierarchy_in_use",
            format!("table {table} is protected by hierarchy \"{name}\""),
            "Drop its policy by_hierarchy first; the view vpd.hierarchy_protections lists the tables.",
        )
    }

    /// 55006: levels that have nodes cannot be left out.
    pub fn level_in_use(name: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_IN_USE,
            "level_in_use",
            format!("hierarchy \"{name}\" has nodes on a level that is left out"),
            "Drop or move the nodes first.",
        )
    }

    /// 42710: the application is exempt already.
    pub fn app_exemption_exists(app: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
            "exemption_exists",
            format!("application \"{app}\" is exempt already"),
            "Revoke the exemption first to give another reason.",
        )
    }

    /// 42703: the table has no such column.
    pub fn column_missing() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
            "column_not_found",
            "the table does not have these columns",
            "Column names are taken as they are, without folding to lower case.",
        )
    }

    /// 42804: values of the type of a column, or of what `sees_node` was called with, are no keys.
    pub fn key_type(what: &str) -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
            "column_type",
            format!("{what} is of a type that holds no keys"),
            "Types that do are text, varchar, char, smallint, integer, bigint, uuid and enumerated ones; cast others to text in a way that no setting changes.",
        )
    }
}
