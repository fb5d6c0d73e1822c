//! Definitions change: relations, functions, columns; tables join others; a dump is restored.

use crate::error::Result;
use crate::sys::{Oid, extension, lock, relation as sys_relation, user};
use crate::{access, audit, authz, context, hierarchy, personal, policy, sealing, session};

/// A relation changed, or all. Everybody forgets alone; the order means nothing.
pub fn relation(relation: Option<Oid>) {
    policy::forget_relation(relation);
    context::relation_changed(relation);
    audit::forget_relation(relation);
    personal::forget_relation();
    access::relation_changed(relation);
    session::relation_changed(relation);
    sealing::relation_changed(relation);
}

/// A table is about to lose all its rows.
pub fn truncates(table: Oid) -> Result<()> {
    policy::reach::check_truncate(table)?;
    // The server looks at the privilege after this.
    if user::may_truncate(table) {
        access::truncates(table)?;
    }
    Ok(())
}

/// A relation changed that predicates name.
pub fn looked_up() {
    policy::forget_relation(None);
}

/// A function changed: predicates may call it, contexts may trust it, audit policies too.
pub fn function() {
    policy::forget_predicates();
    access::functions_changed();
    context::function_changed();
    sealing::functions_changed();
}

/// A command may change columns. Their names are written down before it.
pub fn columns_change() {
    policy::column::remember();
    if extension::is_installed() && !user::is_loading_dump() {
        // Numbers of columns are others in a restored database: while the names are there, they count.
        policy::mask::follow_columns();
        audit::follow_columns();
        personal::follow_columns();
    }
}

/// Relations became partitions or children: policies first, which may refuse, then the triggers of the parent.
pub fn joined(members: &[Oid]) -> Result<()> {
    policy::reach::follow_joined(members)?;
    if !user::is_loading_dump() {
        audit::put_triggers(None);
    }
    Ok(())
}

/// Rows of a dump came in: what the triggers of these tables would have told is told.
pub fn rows_restored() {
    authz::change::begin();
    hierarchy::tables_changed();
    context::globals_changed();
    if let Some(contexts) = lock::table(c"application_context") {
        sys_relation::announce_change(contexts);
    }
}
