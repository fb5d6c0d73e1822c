//! Which policies restrict a command on a table, put together.

use super::cache::{self, Policy, Relation};
use super::chosen::Chosen;
use super::exemption::is_exempt;
use super::predicate;
use crate::error::{Error, Result};
use crate::sys::Oid;
use crate::sys::restriction::{Command, Restriction, Restrictions};

/// True when a protected table shows rows at all; a partition that is read past its parent shows none. What PostgreSQL's own policies
/// leave of the rows is theirs to say, to exempt roles as well.
pub fn is_open(relation: Oid) -> bool {
    is_exempt(relation) || cache::relation(relation).is_some_and(|relation| relation.has_policies)
}

/// The restrictions; `None` when the table is not protected or the role is exempt. An error means: no row.
pub fn restrictions(relation: Oid, command: Command) -> Result<Option<Restrictions>> {
    if is_exempt(relation) {
        return Ok(None);
    }
    let Some(relation) = cache::relation(relation) else {
        return Ok(None);
    };
    let depends_on_context = !relation.drivers.is_empty();
    if depends_on_context {
        predicate::note_context_plan();
    }
    let mut policies = Vec::new();
    for policy in applying(&relation, command)? {
        policies.push(Restriction {
            name: policy.name.clone(),
            predicate: policy.predicate.compiled(relation.table(), &policy.name)?,
            is_checked: policy.is_update_checked,
            relevant_columns: policy.relevant_columns.clone(),
        });
    }
    // A policy that may be left out of the statement denies nothing for sure.
    let needs_gate = !policies
        .iter()
        .any(|policy| policy.relevant_columns.is_none() && policy.predicate.denies_without_session);
    Ok(Some(Restrictions {
        policies,
        needs_gate,
        depends_on_context,
    }))
}

/// The policies that restrict the rows of a command of the attached session. One that masks leaves the rows of a query alone.
pub(super) fn applying(relation: &Relation, command: Command) -> Result<impl Iterator<Item = &Policy>> {
    let chosen = Chosen::now(relation)?;
    Ok(relation.policies.iter().filter(move |policy| {
        policy.commands.contains(&command)
            && (command != Command::Insert || policy.is_update_checked)
            && !(command == Command::Select && masks(policy))
            && chosen.includes(&policy.group)
    }))
}

/// The policies that mask columns for the attached session, instead of leaving rows out of its queries.
pub(super) fn masking(relation: &Relation) -> Result<impl Iterator<Item = &Policy>> {
    let chosen = Chosen::now(relation)?;
    Ok(relation.policies.iter().filter(move |policy| {
        masks(policy) && policy.commands.contains(&Command::Select) && chosen.includes(&policy.group)
    }))
}

/// A policy whose columns are no longer what they were cannot mask them: then it leaves rows out.
fn masks(policy: &Policy) -> bool {
    policy.is_masking && policy.relevant_columns.is_some()
}

/// An error when a policy for index statements restricts the attached session on the table.
pub fn require_index_allowed(relation: Oid) -> Result<()> {
    if is_exempt(relation) {
        return Ok(());
    }
    let Some(relation) = cache::relation(relation) else {
        return Ok(());
    };
    for policy in applying(&relation, Command::Index)? {
        let text = policy.predicate.text(relation.table(), &policy.name)?;
        if !text.trim().eq_ignore_ascii_case("true") {
            return Err(Error::index_restricted(&policy.name));
        }
    }
    Ok(())
}
