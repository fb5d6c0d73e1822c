//! Temporary tables of this connection.

use super::spi::Statement;
use pgrx::pg_sys;

thread_local! {
    static TABLES: Statement = const { Statement::new(include_str!("../../../sql/query/session/temporary_tables.sql")) };
}

/// True when the connection has temporary tables, which keep their rows from one session to the next.
pub fn has_tables() -> bool {
    let (mut namespace, mut toast) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
    // SAFETY: both out-pointers are valid; gives InvalidOid to a connection that never had a temporary table.
    unsafe { pg_sys::GetTempNamespaceState(&mut namespace, &mut toast) };
    namespace != pg_sys::InvalidOid
        && TABLES
            .with(|statement| statement.query_one(&[], |row| row.get::<bool>(1)))
            .flatten()
            .unwrap_or(true)
}
