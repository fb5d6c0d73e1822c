//! Data security groups: trees of values that columns hold, and which part of them a session sees.
//!
//! Not here: which data groups a session has (see `authz`) and what a predicate is (see `policy`). Invariants: nothing is seen without a
//! session; what a backend keeps of a hierarchy, alone or with the others, is used only while its version is the one in the table, looked up again for the first
//! statement after a change anywhere; no plan holds what a session sees.

mod definition;
mod facts;
mod grant;
mod kept_tree;
mod list;
mod load;
mod node;
mod node_set;
mod numbering;
mod tree;
mod view;
mod viewer;

pub use definition::{
    app_dropped, define, drop_hierarchy, exempt_app, install_shipped, levels, revoke_exemption, set_mode,
    subject, tables_changed,
};
pub use facts::{Hierarchy, find};
pub use grant::{close as close_grants, grant, revoke};
pub use list::{visible_nodes, who_can_see};
pub use load::{Columns, Report, Source, load_levels, load_nodes};
pub use node::{NodeDefinition, Nodes, define as define_node, drop_node, move_node, write_nodes};
pub use view::{
    follow_changes, note_plan, sees, session_changed, share, statement_started, visible_keys, why_unfiltered,
};

use crate::error::{Error, Result};
use crate::sys::spi::{Statement, arg};

thread_local! {
    static FIND: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/find.sql")) };
    static RAISE: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/raise_version.sql")) };
    static RAISE_ACCESS: Statement = const { Statement::new(include_str!("../../../sql/query/hierarchy/raise_access_version.sql")) };
}

/// The mode of a hierarchy, or 42704.
pub fn require(hierarchy: &str) -> Result<String> {
    FIND.with(|statement| statement.query_one(&[arg(hierarchy)], |row| row.get::<String>(1)))
        .flatten()
        .ok_or_else(|| Error::hierarchy_not_found(hierarchy))
}

/// Notes that the nodes of a hierarchy changed, or of all of them.
fn nodes_changed(hierarchy: Option<&str>) {
    RAISE.with(|statement| statement.execute(&[arg(hierarchy)]));
}

/// Notes that what is seen of the nodes of a hierarchy changed, or of all of them.
pub fn access_changed(hierarchy: Option<&str>) {
    RAISE_ACCESS.with(|statement| statement.execute(&[arg(hierarchy)]));
}

/// A reason in somebody's words.
fn checked_reason(reason: &str) -> Result<&str> {
    let is_good = (1..=1000).contains(&reason.chars().count())
        && !reason.trim().is_empty()
        && !reason.chars().any(char::is_control);
    is_good.then_some(reason).ok_or_else(|| {
        Error::argument(
            "the reason is empty, too long or has control characters",
            "Say why in one line of 1 to 1000 characters.",
        )
    })
}
