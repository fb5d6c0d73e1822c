//! Column masks: which stand in for the values of a table, and what the attached session may see.
//!
//! It never touches a query: `sys` applies the answer. Invariant: without a session no value is visible.

mod catalogue;
mod condition;
mod hash;
mod sealed;
pub mod stored;

pub use catalogue::{Definition, add, alter, check_joined, drop_mask, enable, follow_columns};
pub use hash::hash;
pub use stored::{forget_relation, is_any};

use super::{cache, compose, exemption, predicate};
use crate::context::Standing;
use crate::error::{Error, Result};
use crate::sys::marker::Marker;
use crate::sys::predicate::{Compiled, Verdict, mark_plan};
use crate::sys::restriction::{Layer, MaskedColumn};
use crate::sys::{Oid, xact};
use condition::Condition;
use std::cell::RefCell;
use std::rc::Rc;
use stored::load;

thread_local! {
    /// The conditions that plans of this backend were made with, and which verdicts those plans rest on.
    static PLANNED: RefCell<Vec<Planned>> = const { RefCell::new(Vec::new()) };
}

struct Planned {
    condition: Rc<Condition>,
    verdicts: Vec<Verdict>,
}

/// A mask with its parts compiled: of the catalogue, or of a policy that masks.
struct Cover {
    attribute: i16,
    condition: Rc<Condition>,
    value: Option<Rc<Compiled>>,
}

/// The columns of a table that the attached session may not see in every row. Notes that a plan is being made with the answer.
/// The relation must be locked. An error means: no row.
pub fn masks_in_force(oid: Oid) -> Result<Vec<MaskedColumn>> {
    if exemption::is_exempt(oid) {
        return sealed_masks_in_force(oid);
    }
    in_force(covers(oid)?)
}

/// Those of them that are sealed. Row security has no say in them.
pub fn sealed_masks_in_force(oid: Oid) -> Result<Vec<MaskedColumn>> {
    let mut covers = Vec::new();
    cover_sealed(oid, &mut covers)?;
    in_force(covers)
}

fn in_force(covers: Vec<Cover>) -> Result<Vec<MaskedColumn>> {
    let mut columns: Vec<MaskedColumn> = Vec::new();
    for cover in covers {
        let verdict = cover.condition.verdict()?;
        note_plan(&cover.condition, verdict)?;
        let visible = match verdict {
            Verdict::Always => continue,
            // The plan may be run by nobody next, who gets envelopes: it looks then.
            Verdict::Never if !cover.condition.is_lifted_without_session => None,
            Verdict::Never | Verdict::ByRow => Some(Rc::clone(&cover.condition.predicate)),
        };
        let layer = Layer {
            visible,
            value: cover.value,
        };
        match columns
            .iter_mut()
            .find(|column| column.attribute == cover.attribute)
        {
            Some(column) => column.layers.push(layer),
            None => columns.push(MaskedColumn {
                attribute: cover.attribute,
                layers: vec![layer],
            }),
        }
    }
    Ok(columns)
}

/// Whether the attached session gets masks instead of the values of a column: in every row, in none, or `None`: it depends on the row.
/// The relation must be locked.
pub fn is_masked(oid: Oid, column: &str) -> Result<Option<bool>> {
    let attribute = catalogue::attribute(oid, column)?;
    if exemption::is_exempt(oid) {
        return Ok(Some(false));
    }
    let mut answer = Some(false);
    for cover in covers(oid)?
        .into_iter()
        .filter(|cover| cover.attribute == attribute)
    {
        match cover.condition.verdict()? {
            Verdict::Always => (),
            Verdict::Never => return Ok(Some(true)),
            Verdict::ByRow => answer = None,
        }
    }
    Ok(answer)
}

/// Every mask over the columns of a table, those of the catalogue before those of policies.
fn covers(oid: Oid) -> Result<Vec<Cover>> {
    let mut covers = Vec::new();
    for mask in &load(oid).masks {
        let attribute = mask.attribute.ok_or_else(|| Error::mask_broken(&mask.column))?;
        let (condition, value) = mask.compiled(oid, attribute)?;
        covers.push(Cover {
            attribute,
            condition: Rc::clone(condition),
            value: Some(Rc::clone(value)),
        });
    }
    cover_sealed(oid, &mut covers)?;
    let Some(table) = cache::relation(oid).filter(|table| table.policies.iter().any(|one| one.is_masking))
    else {
        return Ok(covers);
    };
    if !table.drivers.is_empty() {
        predicate::note_context_plan();
        mark_plan(Marker::Context)?;
    }
    for policy in compose::masking(&table)? {
        let condition = condition_of(policy.predicate.compiled(table.table(), &policy.name)?);
        for attribute in policy.relevant_columns.iter().flatten() {
            covers.push(Cover {
                attribute: *attribute,
                condition: Rc::clone(&condition),
                value: None,
            });
        }
    }
    Ok(covers)
}

fn cover_sealed(oid: Oid, covers: &mut Vec<Cover>) -> Result<()> {
    let masks = sealed::masks(oid)?;
    covers.extend(masks.iter().map(|mask| Cover {
        attribute: mask.attribute,
        condition: Rc::clone(&mask.condition),
        value: mask.value.clone(),
    }));
    Ok(())
}

/// The condition with a predicate, the one that plans were made with if there are any.
fn condition_of(predicate: Rc<Compiled>) -> Rc<Condition> {
    PLANNED.with_borrow(|planned| {
        planned
            .iter()
            .find(|planned| Rc::ptr_eq(&planned.condition.predicate, &predicate))
            .map(|planned| Rc::clone(&planned.condition))
            .unwrap_or_else(|| Rc::new(Condition::new(predicate)))
    })
}

/// True when a mask covers a column of the table for anybody.
pub fn is_covered(oid: Oid, column: &str) -> Result<bool> {
    let is_masked = |mask: &stored::Mask| mask.attribute.is_none() || mask.column == column;
    if load(oid).masks.iter().any(is_masked) {
        return Ok(true);
    }
    let attribute = catalogue::attribute(oid, column)?;
    Ok(cache::relation(oid).is_some_and(|table| {
        let mut masking = table.policies.iter().filter(|policy| policy.is_masking);
        masking.any(|policy| {
            policy
                .relevant_columns
                .as_ref()
                .is_none_or(|columns| columns.contains(&attribute))
        })
    }))
}

/// Some function changed: plans that rest on what it said are made again.
pub fn function_changed() {
    if !PLANNED.with_borrow(Vec::is_empty) {
        invalidate();
    }
}

/// A session was attached, came back with a savepoint, or changed. Plans are made again only if one of them rests on a verdict
/// that is another one now; tells whether. Nothing needs to happen when none is attached any more: then there is no row to show.
pub fn session_changed(standing: Standing) -> bool {
    let conditions = PLANNED.with_borrow(|planned| {
        planned
            .iter()
            .map(|planned| (Rc::clone(&planned.condition), planned.verdicts.clone()))
            .collect::<Vec<_>>()
    });
    let is_stale = conditions.iter().any(|(condition, verdicts)| {
        // Nothing can be evaluated while a transaction is rolled back; then only what is known counts.
        let now = condition.known(standing).or_else(|| {
            xact::can_attempt()
                .then(|| xact::attempt(|| condition.verdict()).ok())
                .flatten()
        });
        now.is_none_or(|now| verdicts.iter().any(|verdict| *verdict != now))
    });
    if is_stale {
        invalidate();
    }
    is_stale
}

/// See `policy::plans_mixed`.
pub fn plans_mixed() {
    function_changed();
}

fn invalidate() {
    PLANNED.with_borrow_mut(Vec::clear);
    Marker::Mask.invalidate();
}

fn note_plan(condition: &Rc<Condition>, verdict: Verdict) -> Result<()> {
    condition.predicate.note_use();
    mark_plan(Marker::Mask)?;
    // A plan with a text that follows the session, or the statement, goes with that already.
    if condition.predicate.is_marked() {
        return Ok(());
    }
    PLANNED.with_borrow_mut(|planned| {
        match planned
            .iter_mut()
            .find(|planned| Rc::ptr_eq(&planned.condition, condition))
        {
            Some(planned) if planned.verdicts.contains(&verdict) => (),
            Some(planned) => planned.verdicts.push(verdict),
            None => planned.push(Planned {
                condition: Rc::clone(condition),
                verdicts: vec![verdict],
            }),
        }
    });
    Ok(())
}
