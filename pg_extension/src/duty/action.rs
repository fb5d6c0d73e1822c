//! What is done to objects: who may, who has already done what, one at a time for each object.

use super::person;
use crate::context::{self, Identity};
use crate::error::{Error, Result};
use crate::sys::lock::{self, Counted};
use crate::sys::spi::{Statement, arg};
use std::rc::Rc;

thread_local! {
    static CONFLICT: Statement = const { Statement::new(include_str!("../../../sql/query/segregation/object_conflict.sql")) };
    static INSERT: Statement = const { Statement::new(include_str!("../../../sql/query/segregation/insert_action.sql")) };
    static TOOK_PART: Statement = const { Statement::new(include_str!("../../../sql/query/segregation/took_part.sql")) };
    static COPY: Statement = const { Statement::new(include_str!("../../../sql/query/segregation/copy_actions.sql")) };
}

/// What the maker of a row is recorded as.
pub const MAKER: &str = "maker";

const MAX_OBJECT_BYTES: usize = 1024;

/// Records that the attached session does something to an object, unless it may not.
pub fn record(object: &str, action: &str) -> Result<()> {
    context::require_authenticated()?;
    let (resource, key) = object
        .split_once(['/', ':'])
        .filter(|(resource, key)| is_name(resource) && is_name(key) && object.len() <= MAX_OBJECT_BYTES)
        .ok_or_else(|| {
            Error::argument(
                "this is no object",
                "Write resource/key, such as purchase_order/4711, without spaces at the ends of either.",
            )
        })?;
    let action = action
        .strip_prefix(resource)
        .and_then(|rest| rest.strip_prefix(':'))
        .unwrap_or(action);
    if !is_name(action) || action.contains(':') {
        return Err(Error::argument(
            "this is no action",
            "Write it as in the privilege resource:action.",
        ));
    }
    let (object, privilege) = (format!("{resource}/{key}"), format!("{resource}:{action}"));
    let identity = begin(&object, &privilege)?;
    take(&identity, &object, &privilege)
}

/// Waits until nobody else acts on the object, and tells the session as it is then.
pub fn begin(object: &str, privilege: &str) -> Result<Rc<Identity>> {
    // Whoever may not do it makes nobody wait.
    person::require_privilege(privilege)?;
    lock::serialize(Counted::Actions, object.as_bytes());
    person::require_privilege(privilege)
}

/// Does what was begun.
pub fn take(identity: &Identity, object: &str, privilege: &str) -> Result<()> {
    let persons = person::persons(identity);
    let broken = CONFLICT.with(|statement| {
        statement.query_one(&[arg(object), arg(privilege), arg(persons.clone())], |row| {
            (
                row.get::<String>(1).unwrap_or_default(),
                row.get::<Vec<String>>(2).unwrap_or_default(),
            )
        })
    });
    if let Some((rule, done)) = broken {
        return Err(Error::sod_action(&rule, privilege, &done));
    }
    insert(identity, object, privilege, persons);
    Ok(())
}

/// Notes who made an object, where its row does not say so.
pub fn note_maker(identity: &Identity, object: &str) {
    insert(identity, object, MAKER, person::persons(identity));
}

/// True when one of the persons is noted as a maker of an object.
pub fn has_made(object: &str, persons: &[String]) -> bool {
    TOOK_PART
        .with(|statement| statement.query_one(&[arg(object), arg(MAKER), arg(persons.to_vec())], |_| ()))
        .is_some()
}

/// An object has got another name; what was done to it stays with it.
pub fn rename(former: &str, object: &str) {
    lock::serialize(Counted::Actions, former.as_bytes());
    lock::serialize(Counted::Actions, object.as_bytes());
    COPY.with(|statement| statement.execute(&[arg(former), arg(object)]));
}

fn insert(identity: &Identity, object: &str, action: &str, persons: Vec<String>) {
    INSERT.with(|statement| {
        statement.execute(&[
            arg(object),
            arg(action),
            arg(identity.user_name.as_str()),
            arg(persons),
            arg(identity.session_id),
        ])
    });
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}
