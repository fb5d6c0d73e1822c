//! Exceptions from rules: one asks, another approves, and they end.

use super::person;
use crate::authz::change;
use crate::context;
use crate::error::{Error, Result};
use crate::sys::spi::{Statement, arg};
use pgrx::datum::TimestampWithTimeZone;
use serde_json::json;

thread_local! {
    static REQUEST: Statement = const { Statement::new(include_str!("../../../sql/query/segregation/request_exception.sql")) };
    static OPEN: Statement = const { Statement::new(include_str!("../../../sql/query/segregation/open_exception.sql")) };
    static APPROVE: Statement = const { Statement::new(include_str!("../../../sql/query/segregation/approve_exception.sql")) };
    static REVOKE: Statement = const { Statement::new(include_str!("../../../sql/query/segregation/revoke_exception.sql")) };
}

/// What approving wants.
const APPROVE_PRIVILEGE: &str = "segregation:approve";

/// Asks for an exception; tells its number. A request counts for nothing, so that nobody has to wait for whoever asks; and it is taken for every name, so that
/// nobody learns which rules and users there are.
pub fn request(
    rule_name: &str,
    user: &str,
    reason: &str,
    expires_at: Option<TimestampWithTimeZone>,
) -> Result<i64> {
    let identity = context::require_authenticated()?;
    if reason.trim().is_empty() {
        return Err(Error::argument("an exception needs a reason", "Say why."));
    }
    let id = REQUEST.with(|statement| {
        statement.modify(
            &[
                arg(rule_name),
                arg(user),
                arg(reason),
                arg(expires_at),
                arg(identity.user_name.as_str()),
                arg(person::persons(&identity)),
            ],
            |row| row.get::<i64>(1),
        )
    });
    let id = id.into_iter().flatten().next().ok_or_else(|| {
        Error::argument(
            "an exception needs an end",
            "Give expires_at, a time that has not come yet.",
        )
    })?;
    change::record(
        "request",
        &format!("sod_exception:{id}"),
        json!({ "rule": rule_name, "user": user, "reason": reason, "expires_at": expires_at }),
    );
    Ok(id)
}

/// Approves an exception that somebody else asked for, for somebody else.
pub fn approve(id: i64) -> Result<()> {
    // Whoever may not approve makes nobody wait.
    person::require_privilege(APPROVE_PRIVILEGE)?;
    change::begin();
    let identity = person::require_privilege(APPROVE_PRIVILEGE)?;
    let persons = person::persons(&identity);
    let (beneficiary, requesters) = OPEN
        .with(|statement| {
            statement.query_one(&[arg(id)], |row| {
                Some((row.get::<String>(1)?, row.get::<Vec<String>>(2)?))
            })
        })
        .flatten()
        .ok_or_else(|| not_found(id))?;
    if persons
        .iter()
        .any(|person| *person == beneficiary || requesters.contains(person))
    {
        return Err(Error::maker_checker(
            "whoever asked for an exception, or whom it is for, cannot approve it",
        ));
    }
    let approved = APPROVE.with(|statement| statement.execute(&[arg(id), arg(identity.user_name.as_str())]));
    if approved == 0 {
        return Err(not_found(id));
    }
    change::record(
        "approve",
        &format!("sod_exception:{id}"),
        json!({ "persons": persons }),
    );
    Ok(())
}

/// Revokes an exception; from now on it counts for nothing.
pub fn revoke(id: i64) -> Result<()> {
    change::begin();
    if REVOKE.with(|statement| statement.execute(&[arg(id), arg(change::author())])) == 0 {
        return Err(not_found(id));
    }
    change::record("revoke", &format!("sod_exception:{id}"), json!({}));
    Ok(())
}

fn not_found(id: i64) -> Error {
    Error::not_found(
        "sod_exception_not_found",
        format!("there is no such exception to decide about: {id}"),
        "See the view vpd.sod_exceptions.",
    )
}
