//! What the dictionary defines, in Oracle's words.

use super::report::Place;

/// A table, view or synonym, in Oracle's words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// Schema.
    pub owner: String,
    /// Name.
    pub name: String,
}

impl std::fmt::Display for Object {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.owner, self.name)
    }
}

/// A policy function.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Function {
    /// Schema.
    pub owner: String,
    /// Package; empty for a function of its own.
    pub package: String,
    /// Name.
    pub name: String,
}

impl std::fmt::Display for Function {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.package.is_empty() {
            write!(formatter, "{}.{}", self.owner, self.name)
        } else {
            write!(formatter, "{}.{}.{}", self.owner, self.package, self.name)
        }
    }
}

/// A policy.
#[derive(Debug)]
pub struct Policy {
    /// Where it stands.
    pub place: Place,
    /// What it protects.
    pub object: Object,
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Its function.
    pub function: Function,
    /// SELECT, INSERT, UPDATE, DELETE, INDEX.
    pub statement_types: Vec<&'static str>,
    /// Whether new rows must satisfy it.
    pub update_check: bool,
    /// Whether it restricts anything.
    pub enabled: bool,
    /// Constant of the package `dbms_rls`.
    pub policy_type: &'static str,
    /// Whether the predicate may be longer than 4000 bytes.
    pub long_predicate: bool,
    /// Columns to which it is relevant.
    pub relevant_columns: Vec<String>,
    /// Whether those columns are masked instead of rows hidden.
    pub is_masking: bool,
    /// Attributes it is associated with: namespace and name.
    pub attributes: Vec<(String, String)>,
    /// Why the script leaves it out.
    pub left_out: Option<String>,
}

impl Policy {
    /// For messages.
    pub fn title(&self) -> String {
        format!("{} policy {}.{}", self.object, self.group, self.name)
    }
}

/// A driving context: its value names the policy group that applies.
#[derive(Debug)]
pub struct DrivingContext {
    /// The table.
    pub object: Object,
    /// Namespace.
    pub namespace: String,
    /// Attribute.
    pub attribute: String,
}

/// An application context.
#[derive(Debug)]
pub struct Context {
    /// Namespace.
    pub namespace: String,
    /// Schema of the trusted package.
    pub schema: String,
    /// Trusted package, function or procedure.
    pub package: String,
    /// Whether values are shared between sessions.
    pub is_global: bool,
    /// Why the script leaves it out.
    pub left_out: Option<String>,
}
