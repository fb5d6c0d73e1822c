//! `vpd.grant_authority` and its kin: definitions of roles, duties, privileges and entitlements, and what is granted.

use crate::authz;
use pgrx::prelude::*;

/// The trigger on the tables of the graph.
#[pg_extern(sql = false)]
fn authority_changed() {
    if crate::sys::is_ready() {
        authz::change::begin();
    }
}
