//! Which policies restrict a command on a table, put together.

use super::Command;
use super::cache::{self, Relation};
use crate::error::Result;
use crate::sys::Oid;
use crate::sys::predicate::Compiled;
use std::rc::Rc;

/// One policy to apply.
pub struct Restriction {
    /// Name of the policy.
    pub name: String,
    /// Condition on rows that exist.
    pub predicate: Rc<Compiled>,
    /// Whether new rows must satisfy it too.
    pub is_checked: bool,
}

/// What applies to a command on a protected table.
pub struct Restrictions {
    /// The policies; all must hold.
    pub policies: Vec<Restriction>,
    /// Whether a condition of its own must keep rows from those without a session: true unless one of the policies is
    /// known to do so.
    pub needs_gate: bool,
}

/// True when a protected table shows rows at all; a partition that is read past its parent shows none.
pub fn is_open(relation: Oid) -> bool {
    cache::relation(relation).is_some_and(|relation| relation.has_policies)
}

/// The restrictions; `None` when the table is not protected. An error means: no row.
pub fn restrictions(relation: Oid, command: Command) -> Result<Option<Restrictions>> {
    let Some(relation) = cache::relation(relation) else {
        return Ok(None);
    };
    let mut policies = Vec::new();
    for policy in applying(&relation, command) {
        policies.push(Restriction {
            name: policy.name.clone(),
            predicate: policy.predicate.compiled(&relation, &policy.name)?,
            is_checked: policy.is_update_checked,
        });
    }
    let needs_gate = !policies
        .iter()
        .any(|policy| policy.predicate.denies_without_session);
    Ok(Some(Restrictions { policies, needs_gate }))
}

fn applying(relation: &Relation, command: Command) -> impl Iterator<Item = &cache::Policy> {
    relation.policies.iter().filter(move |policy| {
        policy.commands.contains(&command) && (command != Command::Insert || policy.is_update_checked)
    })
}

/// The predicate as text, for people; `None` when the table is not protected.
pub fn effective_predicate(relation: Oid, command: Command) -> Result<Option<String>> {
    let Some(relation) = cache::relation(relation) else {
        return Ok(None);
    };
    if !relation.has_policies {
        return Ok(Some("false".to_owned()));
    }
    let mut terms = vec!["vpd.is_established()".to_owned()];
    for policy in applying(&relation, command) {
        terms.push(format!("({})", policy.predicate.text(&relation, &policy.name)?));
    }
    Ok(Some(terms.join(" AND ")))
}
