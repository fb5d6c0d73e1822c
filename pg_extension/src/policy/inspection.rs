//! Looking at a table past its row policies, for an administrator who wants to know what they do.
//!
//! The caller's own privileges on the table still count: nobody sees a row here whose table he may not read. Policy functions and predicates run
//! as the caller, those that a superuser asks about as the owner of the table; always in a security-restricted operation.
//! Invariant: the policies of that table are out of force for one place in one query of ours, and nowhere else.

use super::cache::{self, Policy, Relation};
use super::compose::applying;
use crate::error::{Error, Result};
use crate::sys::Oid;
use crate::sys::predicate::compile;
use crate::sys::restriction::Command;
use crate::sys::user::Restricted;
use crate::sys::xact;
use std::rc::Rc;

/// The condition of one policy, as text that is one expression.
#[derive(Clone)]
pub struct Condition {
    pub policy: String,
    pub text: String,
    /// The same with every name resolved.
    pub understood: String,
}

/// The protected table.
pub fn protected(table: Oid) -> Result<Rc<Relation>> {
    cache::relation(table).ok_or_else(|| {
        Error::not_found(
            "relation_not_protected",
            "the table is not under policy",
            "See the view vpd.protected_tables.",
        )
    })
}

/// The conditions of the policies that apply to a command of the attached session.
pub fn conditions(relation: &Relation, command: Command) -> Result<Vec<Condition>> {
    applying(relation, command)?
        .map(|policy| condition(relation, policy))
        .collect()
}

/// The condition of a policy for the attached session.
pub fn condition(relation: &Relation, policy: &Policy) -> Result<Condition> {
    let text = text(relation, policy)?;
    checked(relation, &policy.name, text)
}

/// Its text. The policy function runs as whoever asks, and for a superuser as the owner of the table.
pub fn text(relation: &Relation, policy: &Policy) -> Result<String> {
    let _caller = Restricted::as_caller_on(relation.oid);
    policy.predicate.text(relation.table(), &policy.name)
}

/// A condition whose text is known to be one expression over the table, so that it can stand in a larger query.
pub fn checked(relation: &Relation, policy: &str, text: String) -> Result<Condition> {
    let _caller = Restricted::as_caller_on(relation.oid);
    let compiled = xact::translated(
        || compile(relation.oid, &text, None),
        |_| Error::predicate_broken(policy),
    )
    .map_err(|_| Error::predicate_broken(policy))?;
    Ok(Condition {
        policy: policy.to_owned(),
        understood: compiled.text(relation.oid),
        text,
    })
}

/// All of the conditions as one expression that is never NULL. A line end keeps a comment at the end of a text from what follows.
pub fn conjunction(conditions: &[Condition]) -> String {
    if conditions.is_empty() {
        return "true".to_owned();
    }
    let terms: Vec<String> = conditions
        .iter()
        .map(|condition| format!("coalesce((\n{}\n), false)", condition.text))
        .collect();
    terms.join(" AND ")
}
