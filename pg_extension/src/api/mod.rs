//! Everything that can be called from SQL, one file per area. Thin: convert, call one domain function, raise its error.
//!
//! The declarations with volatility, parallel label, search_path, privileges and comments stand in `sql/install`.

mod app;
mod application_context;
mod audit_column;
mod audit_policy;
mod authority;
mod context;
mod data_role;
mod dbms_fga;
mod dbms_rls;
mod delegation;
mod exemption;
mod explain;
mod hierarchy;
mod identity;
mod load;
mod mask;
mod message;
mod oracle_name;
#[cfg(debug_assertions)]
mod own_plan;
mod personal_data;
mod policy;
mod policy_store;
mod posture;
mod purge;
mod sealing;
mod segregation;
mod session;
mod signing;
mod statistics;
mod task;
mod ticket;
mod trail;
mod trust;

use crate::error::{Error, Result};
use crate::sys::{self, ErrorReport};

/// What a function called from SQL returns: an error report keeps its SQLSTATE and HINT.
type Answer<T> = std::result::Result<T, ErrorReport>;

/// Refuses to work in a backend without hooks and shared memory.
fn require_ready() -> Result<()> {
    if sys::is_ready() {
        return Ok(());
    }
    Err(Error::not_active())
}

/// Refuses what writes where nothing can be written.
fn require_primary() -> Result<()> {
    require_ready()?;
    if sys::xact::is_standby() {
        return Err(Error::not_ready(
            "this server is a standby",
            "Connect to the primary (target_session_attrs=read-write).",
        ));
    }
    Ok(())
}

/// An argument that may not be NULL.
fn required<T>(value: Option<T>, name: &str) -> Result<T> {
    value.ok_or_else(|| Error::argument(format!("{name} may not be NULL"), "Give a value."))
}

/// A token. NULL is none: a driver that binds a missing cookie must not work on as whoever was there.
fn known_token(token: Option<&str>) -> Result<&str> {
    token.ok_or_else(Error::session_invalid)
}

/// A list argument none of whose elements may be NULL.
fn without_null(values: Vec<Option<String>>, name: &str) -> Result<Vec<String>> {
    values
        .into_iter()
        .collect::<Option<Vec<String>>>()
        .ok_or_else(|| Error::argument(format!("{name} contains NULL"), "Leave NULL out of the list."))
}
