//! Row policies: what they are, which apply, what a session may see. It never touches a query: `sys` applies the answer.

mod cache;
mod catalogue;
mod compose;
mod predicate;

pub use cache::{forget_predicates, forget_relation, is_protected};
pub use catalogue::{
    Definition, add, alter, drop_policy, enable, forget_dropped_tables, protect_new_partitions, refresh,
    unprotect_all,
};
pub use compose::{Restrictions, effective_predicate, is_open, restrictions};
pub use predicate::{session_changed, statement_started};

/// When the predicate of a policy function is computed again (Oracle's policy types).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Once in a backend, until the policy, its function or its table changes. Shared kinds behave alike here.
    Static,
    /// When another session is attached.
    ContextSensitive,
    /// For every statement.
    Dynamic,
}

impl Kind {
    /// Reads the catalogue's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "static" | "shared_static" => Some(Self::Static),
            "context_sensitive" | "shared_context_sensitive" => Some(Self::ContextSensitive),
            "dynamic" => Some(Self::Dynamic),
            _ => None,
        }
    }
}

/// Commands a policy can apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// SELECT, and the reading part of other commands.
    Select,
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
}

impl Command {
    /// Reads the spelling of `statement_types`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "select" => Some(Self::Select),
            "insert" => Some(Self::Insert),
            "update" => Some(Self::Update),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }
}
