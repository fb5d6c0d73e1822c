//! Row policies: what they are, which apply, what a session may see. It never touches a query: `sys` applies the answer.

mod applied;
mod cache;
mod catalogue;
mod chosen;
pub mod column;
mod compose;
mod denial;
mod difference;
mod effective;
pub mod exemption;
pub mod explain;
mod family;
mod group;
pub mod hierarchy;
pub mod in_force;
mod inspection;
mod kind;
pub mod mask;
mod name;
mod native;
pub mod posture;
mod predicate;
pub mod reach;
pub mod statistics;
mod version;
mod warning;

pub use applied::applied;
pub use cache::is_protected;
pub use catalogue::{Definition, add, alter, associate, drop_policy, enable, refresh, refresh_all};
pub use compose::{is_open, require_index_allowed, restrictions};
pub use denial::denied;
pub use difference::differences;
pub use effective::effective_predicate;
pub use family::{
    announce as announce_family, forget_dropped_tables, lock_table, protect_stragglers, unprotect_all,
};
pub use group::{add_driving_context, create_group, drop_driving_context, drop_group};
pub use name::{current_schema, function_named, require_in_group, table_named};
pub use predicate::statement_started;
pub use version::{drop_shadow, promote, roll_back, shadow};

use crate::context::Standing;
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
