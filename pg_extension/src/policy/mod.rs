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
pub mod mask;
mod name;
mod native;
pub mod posture;
mod predicate;
pub mod reach;
pub mod statistics;
mod version;
mod warning;

pub use cache::is_protected;
pub use catalogue::{
    Definition, add, alter, associate, drop_policy, enable, forget_dropped_tables, protect_stragglers,
    refresh, refresh_all, unprotect_all,
};
pub use compose::{
    Restriction, Restrictions, effective_predicate, is_open, require_index_allowed, restrictions,
};
pub use difference::differences;
pub use group::{add_driving_context, create_group, drop_driving_context, drop_group};
pub use name::{current_schema, function_named, require_in_group, table_named};
pub use predicate::statement_started;
pub use version::{drop_shadow, promote, roll_back, shadow};

use crate::context::Standing;
use crate::hierarchy;
use crate::sys::Oid;
use crate::sys::marker::Marker;

/// What answers rest on is something else now: plans that do not suit it are made again. Tells which, for whoever has one of them in hand.
pub fn session_changed(standing: Standing) -> Vec<Marker> {
    let mut outdated = Vec::new();
    if predicate::session_changed(standing) {
        outdated.push(Marker::Context);
    }
    if mask::session_changed(standing) {
        outdated.push(Marker::Mask);
    }
    hierarchy::session_changed();
    outdated
}

/// What answers rest on changed while plans were in the making: those that may be made for both are made again.
pub fn plans_mixed() {
    predicate::plans_mixed();
    mask::plans_mixed();
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
