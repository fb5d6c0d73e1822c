//! Row policies: what they are, which apply, what a session may see. It never touches a query: `sys` applies the answer.

mod cache;
mod catalogue;
pub mod column;
mod compose;
mod difference;
pub mod exemption;
pub mod explain;
mod group;
pub mod in_force;
mod inspection;
mod label;
pub mod mask;
mod name;
mod native;
pub mod posture;
mod predicate;
pub mod reach;
pub mod statistics;
mod version;

pub use cache::is_protected;
pub use catalogue::{
    Definition, add, alter, associate, drop_policy, enable, forget_dropped_tables, protect_new_partitions,
    refresh, refresh_all, unprotect_all,
};
pub use compose::{
    Restriction, Restrictions, effective_predicate, is_open, require_index_allowed, restrictions,
};
pub use difference::differences;
pub use group::{add_driving_context, create_group, drop_driving_context, drop_group};
pub use name::{current_schema, function_named, require_in_group, table_named};
pub use predicate::{context_plans_changed, statement_started};
pub use version::{drop_shadow, promote, roll_back, shadow};

use crate::hierarchy;
use crate::sys::Oid;

/// Another session is attached, or the attached one changed: plans that do not suit it are made again.
pub fn session_changed(serial: u64) {
    predicate::session_changed(serial);
    mask::session_changed(serial);
    hierarchy::session_changed();
}

/// A relation changed, or all: what is known of its policies and masks is forgotten.
pub fn forget_relation(oid: Option<Oid>) {
    cache::forget_relation(oid);
    mask::forget_relation(oid);
}

/// Some function changed, perhaps one that a predicate or mask calls.
pub fn forget_predicates() {
    cache::forget_predicates();
    mask::forget_relation(None);
    mask::function_changed();
}

/// When the predicate of a policy function is computed again (Oracle's policy types).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Once in a backend, until the policy, its function or its table changes. Tables with a shared kind and the same function share
    /// one text.
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
    /// CREATE INDEX, which is refused to those whom the policy restricts.
    Index,
}

impl Command {
    /// Reads the spelling of `statement_types`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "select" => Some(Self::Select),
            "insert" => Some(Self::Insert),
            "update" => Some(Self::Update),
            "delete" => Some(Self::Delete),
            "index" => Some(Self::Index),
            _ => None,
        }
    }

    /// The spelling of `statement_types`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Index => "index",
        }
    }
}
