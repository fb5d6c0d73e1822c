//! Names of columns of protected tables. A policy names columns, in its text, its relevant columns and its masks; whoever could give the name to
//! another column would choose what the policy looks at.
//!
//! Invariant: a name that a column of a protected table has or had is not given to another by a role under policy, neither here nor in a
//! database restored from a dump of this one.

use crate::error::{Error, Result};
use crate::sys::spi::statements;
use crate::sys::{extension, user};

statements! {
    REMEMBER = scanning "policy/remember_columns.sql";
    MOVED = scanning "policy/moved_columns.sql";
    ACCEPT = scanning "policy/accept_columns.sql";
    KEEP_FORMER = scanning "policy/keep_former_columns.sql";
}

/// When a table has come under policy, and before and after a command that may change columns: whoever has locked the table writes it down, so that others
/// find it there and wait for nobody.
pub fn remember() {
    if extension::is_installed() {
        REMEMBER.with(|statement| statement.execute(&[]));
    }
}

/// After it: an error, which undoes the command, when a name came to mean another column.
pub fn check_moved() -> Result<()> {
    if !extension::is_installed() {
        return Ok(());
    }
    let moved = MOVED.with(|statement| {
        statement.query_one(&[], |row| (row.required::<String>(1), row.required::<String>(2)))
    });
    if let Some((table, column)) = moved {
        if !user::bypasses_policies() {
            return Err(Error::column_name_moved(&table, &column));
        }
        ACCEPT.with(|statement| statement.execute(&[]));
    }
    KEEP_FORMER.with(|statement| statement.execute(&[]));
    remember();
    Ok(())
}
