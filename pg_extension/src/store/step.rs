//! The steps of an import: each definition is written, or taken away, through the functions that SQL calls.

use super::change::Difference;
use super::section::Section;
use crate::authz::segregation;
use crate::error::Result;
use crate::sys::xact;
use vpd_text::store::document::{Fault, Placed};
use vpd_text::store::item::Item;

/// The code of what rules of duties refuse.
const KEPT_APART: &str = "sod_conflict";

/// One definition to write or to take away.
struct Step<'a> {
    section: &'static Section,
    place: &'a str,
    item: &'a Item,
    work: Work<'a>,
}

enum Work<'a> {
    Define(Option<&'a Item>),
    Remove(fn(&Item) -> Result<()>),
}

/// Applies what was found: first the removals that make room, then what is added, what is changed, what is removed. What is refused may
/// rest on something that comes later, as a node on a level that is still to come, or be in the way of it: it is tried again until nothing more
/// succeeds. What is refused then becomes a fault, so that every fault is told.
pub fn apply(differences: &[Difference]) -> Vec<Fault> {
    let mut steps = steps(differences);
    let mut may_exchange = true;
    loop {
        let before = steps.len();
        let mut refused = Vec::new();
        for step in steps {
            if let Some(fault) = step.attempt() {
                refused.push((step, fault));
            }
        }
        if refused.len() == before {
            refused = without_turned_round(refused);
        }
        let is_stuck = refused.len() == before;
        let (left, faults): (Vec<Step<'_>>, Vec<Fault>) = refused.into_iter().unzip();
        if left.is_empty() || (is_stuck && !may_exchange) {
            return faults;
        }
        if is_stuck {
            may_exchange = false;
            if !exchange(differences, &left) {
                return faults;
            }
        }
        steps = left;
    }
}

/// Does together what is changed and refused one by one; true when something was done. When nothing was, the single steps tell why.
fn exchange(differences: &[Difference], left: &[Step<'_>]) -> bool {
    let is_left = |difference: &&Difference| {
        let steps = left
            .iter()
            .filter(|step| step.section.name == difference.section.name);
        steps
            .filter(|step| matches!(step.work, Work::Define(Some(_))))
            .count()
            > 1
    };
    let exchanged = differences.iter().filter(is_left).filter_map(|difference| {
        let exchange = difference.section.exchange?;
        xact::attempt(|| exchange(&difference.changed)).ok()
    });
    exchanged.count() > 0
}

/// Does together what rules of duties refuse one by one, such as a handover that is turned round: the rules are looked at when all of it is done.
fn without_turned_round(refused: Vec<(Step<'_>, Fault)>) -> Vec<(Step<'_>, Fault)> {
    let is_kept_apart = |(_, fault): &(Step<'_>, Fault)| fault.code == KEPT_APART;
    if refused.iter().filter(|step| is_kept_apart(step)).count() < 2 {
        return refused;
    }
    let done = xact::attempt(|| {
        segregation::together(|| {
            let mut steps = refused.iter().filter(|step| is_kept_apart(step));
            steps.try_for_each(|(step, _)| step.take())
        })
    });
    match done {
        Ok(()) => refused.into_iter().filter(|step| !is_kept_apart(step)).collect(),
        Err(_) => refused,
    }
}

fn steps(differences: &[Difference]) -> Vec<Step<'_>> {
    let (early, late): (Vec<&Difference>, Vec<&Difference>) = differences
        .iter()
        .partition(|difference| difference.section.is_removed_first);
    let mut steps: Vec<Step<'_>> = early.into_iter().flat_map(removals).collect();
    steps.extend(differences.iter().flat_map(|difference| {
        difference
            .added
            .iter()
            .map(|placed| definition(difference, None, placed))
    }));
    steps.extend(differences.iter().flat_map(|difference| {
        difference
            .changed
            .iter()
            .map(|(former, placed)| definition(difference, Some(former), placed))
    }));
    steps.extend(late.into_iter().rev().flat_map(removals));
    steps
}

impl Step<'_> {
    /// What was refused of it; then nothing of it is left.
    fn attempt(&self) -> Option<Fault> {
        let failure = xact::attempt(|| self.take()).err()?;
        let reason = failure.message.clone();
        let code = failure.code();
        Some(Fault {
            place: self.place.to_owned(),
            kind: self.section.kind,
            name: self.item.name(self.section.key),
            code,
            reason,
        })
    }
    fn take(&self) -> Result<()> {
        match self.work {
            Work::Define(former) => (self.section.define)(former, self.item),
            Work::Remove(remove) => remove(self.item),
        }
    }
}

fn definition<'a>(difference: &Difference, former: Option<&'a Item>, placed: &'a Placed) -> Step<'a> {
    Step {
        section: difference.section,
        place: &placed.place,
        item: &placed.item,
        work: Work::Define(former),
    }
}

/// Children before their parents.
fn removals(difference: &Difference) -> impl Iterator<Item = Step<'_>> {
    let section = difference.section;
    section.remove.into_iter().flat_map(move |remove| {
        difference.removed.iter().map(move |item| Step {
            section,
            place: section.name,
            item,
            work: Work::Remove(remove),
        })
    })
}
