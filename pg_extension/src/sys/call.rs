//! Calls of functions of others on some event.

use super::function::{call, owner, result_of};
use super::pinned::Pinned;
use super::reading;
use super::user::Restricted;
use crate::error::{Error, Result};
use pgrx::pg_sys;

/// Calls a function of texts as its owner, in a security-restricted operation and with settings of its own. Its result is not looked at.
pub fn call_as_owner(function: pg_sys::Oid, arguments: &[&str]) -> Result<()> {
    let gone = || {
        Error::not_found(
            "function_not_found",
            "the function is gone",
            "Make it again, or drop what calls it.",
        )
    };
    let types = vec![pg_sys::TEXTOID; arguments.len()];
    result_of(function, &types).ok_or_else(gone)?;
    let _owner = Restricted::as_role(owner(function).ok_or_else(gone)?);
    let _pinned = Pinned::running();
    // The session stays who it is.
    let readings = reading::begin(true);
    // SAFETY: the function takes these arguments, see above.
    let outcome = unsafe { call(function, arguments) };
    reading::end(readings);
    outcome.map(drop).ok_or_else(gone)
}
