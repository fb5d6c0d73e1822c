//! Temporary objects of this connection.

use super::spi::statements;
use pgrx::pg_sys;

statements! {
    OBJECTS = "session/temporary_objects.sql";
}

/// What there is among the temporary objects of the connection, if anything: tables keep their rows from one session to the next, and views, functions,
/// operators and types run, with the next session, what somebody else wrote.
pub fn object() -> Option<String> {
    let (mut namespace, mut toast) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
    // SAFETY: both out-pointers are valid; gives InvalidOid to a connection that never had a temporary object.
    unsafe { pg_sys::GetTempNamespaceState(&mut namespace, &mut toast) };
    if namespace == pg_sys::InvalidOid {
        return None;
    }
    OBJECTS.with(|statement| {
        statement.query_one(&[], |row| {
            row.get::<String>(1).unwrap_or_else(|| "an object".to_owned())
        })
    })
}
