//! The reporting line: who stands above whom, for those who may know.

use crate::authz::user::chain;
use crate::context;
use crate::error::{Error, Result};
use crate::sys::spi::{Statement, arg};
use crate::sys::user;

thread_local! {
    static REPORTS: Statement = const { Statement::new(include_str!("../../../sql/query/authz/direct_reports.sql")) };
    static MAY_READ: Statement = const { Statement::new(include_str!("../../../sql/query/authz/may_read_users.sql")) };
}

/// The managers above a user, the nearest first, for the user himself, for those above him, and for administrators.
pub fn manager_chain(name: &str) -> Result<Vec<(i32, String)>> {
    let chain = chain(name);
    context::require_live()?;
    let may_ask = context::identity().is_some_and(|identity| {
        identity.is_authenticated
            && (identity.user_name == name || chain.iter().any(|(_, manager)| *manager == identity.user_name))
    });
    if may_ask || may_read_users() {
        return Ok(chain);
    }
    Err(not_told())
}

/// Those whose manager a user is, for the user himself, for those above him, and for administrators.
pub fn direct_reports(name: &str) -> Result<Vec<String>> {
    manager_chain(name)?;
    Ok(REPORTS
        .with(|statement| statement.query(&[arg(name)], |row| row.get::<String>(1)))
        .into_iter()
        .flatten()
        .collect())
}

/// True when the attached session's user is the manager of the owner of a task.
pub fn may_reassign(task_owner: &str) -> bool {
    context::identity()
        .is_some_and(|identity| identity.is_authenticated && identity.authority.reports.contains(task_owner))
}

/// True for whoever may read the view of users.
fn may_read_users() -> bool {
    MAY_READ
        .with(|statement| statement.query_one(&[arg(user::current_name())], |row| row.get::<bool>(1)))
        .flatten()
        .unwrap_or(false)
}

fn not_told() -> Error {
    Error::privilege_missing(
        "the reporting line of this user is not told to you",
        "A session learns of its own user and of those below him; administrators read vpd.users.",
    )
}
