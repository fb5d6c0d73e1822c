//! Types of values that tables under policy store.

use crate::error::{Error, Result};
use crate::sys::spi::{Statement, oid_arg};
use crate::sys::{Oid, user};

thread_local! {
    static TYPE: Statement = const { Statement::scanning(include_str!("../../../../sql/query/reach/type.sql")) };
}

/// An error when stored values of a type would be put through an expression.
pub fn check_type(oid: Oid) -> Result<()> {
    if stores_type(oid).0 && !user::bypasses_policies() {
        return Err(Error::expression_refused("a change of this type"));
    }
    Ok(())
}

/// An error when names inside a type that is stored, or casts of it, would be changed: predicates and protected actions look at them by name.
pub fn check_names_of_type(oid: Oid) -> Result<()> {
    let (is_under_policy, is_protected) = stores_type(oid);
    if (is_under_policy || is_protected) && !user::bypasses_policies() {
        return Err(Error::privilege_missing(
            "names inside a type that a table under policy stores, and its casts, are not changed by roles under policy",
            "Ask a superuser or a role with BYPASSRLS: policies look at them by name.",
        ));
    }
    Ok(())
}

/// Whether a table under policy stores values of a type, and whether one with protected actions does.
pub fn stores_type(oid: Oid) -> (bool, bool) {
    TYPE.with(|statement| {
        statement.query_one(&[oid_arg(oid)], |row| {
            (row.required::<bool>(1), row.required::<bool>(2))
        })
    })
    .unwrap_or((true, true))
}
