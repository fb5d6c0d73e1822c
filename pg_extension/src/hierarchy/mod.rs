//! Data security groups: trees of values that columns hold, and which part of them a session sees.
//!
//! Not here: which data groups a session has (see `authz`) and what a predicate is (see `policy`). Invariants: nothing is seen without a
//! session; what a backend keeps of a hierarchy, alone or with the others, is used only while its version is the one in the table, looked up again for the first
//! statement after a change anywhere; no plan holds what a session sees.

mod catalogue;
mod definition;
mod facts;
mod grant;
mod kept_tree;
mod list;
mod load;
mod node;
mod sight;
mod trees;
mod view;
mod viewer;

pub use catalogue::{access_changed, levels, require, subject};
pub use definition::{
    app_dropped, define, drop_hierarchy, exempt_app, install_shipped, revoke_exemption, set_mode,
    tables_changed,
};
pub use facts::{Hierarchy, find};
pub use grant::{close as close_grants, grant, revoke, set_owner};
pub use list::{visible_nodes, who_can_see};
pub use load::{Columns, Report, Source, load_levels, load_nodes};
pub use node::{NodeDefinition, Nodes, define as define_node, drop_node, move_node, write_nodes};
pub use sight::{
    follow_changes, note_plan, sees, session_changed, share, statement_started, visible_keys, why_unfiltered,
};
