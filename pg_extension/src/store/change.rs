//! What an import changes: found by comparing the document with the database, then applied through the functions that SQL calls.

use super::section::{HAS_RUN_OUT, Moment, Section};
use crate::authz::Reference;
use crate::authz::owner::{self, may_change};
use crate::error::Result;
use crate::sys::xact;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use vpd_text::store::document::{self, Fault, Placed, Wanted};
use vpd_text::store::item::Item;

/// A line of the report.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// add, change, remove, skip or fault.
    pub change: &'static str,
    pub kind: &'static str,
    pub name: String,
    pub detail: Value,
}

/// The difference of one section.
pub struct Difference {
    section: &'static Section,
    added: Vec<Placed>,
    changed: Vec<(Item, Placed)>,
    removed: Vec<Item>,
    /// Definitions that stay as they are, with why.
    kept: Vec<(Item, String)>,
}

/// What happens to definitions that the document does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruning {
    /// They stay.
    Nothing,
    /// They go.
    Everything,
    /// Those of an owner go; and what is not his is not changed either.
    Owned(&'static str),
}

impl Pruning {
    /// Whether a definition is out of reach because it belongs to somebody else.
    fn is_foreign(self, item: &Item) -> bool {
        match self {
            Self::Owned(owner) => item.optional_text("seeded_by") != Some(owner),
            Self::Nothing | Self::Everything => false,
        }
    }

    /// As a caller asks for it.
    pub fn of(prune: bool) -> Self {
        if prune { Self::Everything } else { Self::Nothing }
    }
}

/// Compares a section of the document with the database. `foreign` gathers what the owner of a catalogue found to belong to others: nothing
/// is granted to those.
pub fn compare(
    wanted: Wanted<Section>,
    moment: &Moment,
    pruning: Pruning,
    foreign: &mut BTreeSet<String>,
) -> Difference {
    let section = wanted.section;
    let mut former: BTreeMap<_, _> = document::present(section, (section.read)(), moment)
        .into_iter()
        .map(|item| (item.key(section.key), item))
        .collect();
    let mut difference = Difference {
        section,
        added: Vec::new(),
        changed: Vec::new(),
        removed: Vec::new(),
        kept: Vec::new(),
    };
    for placed in wanted.items {
        match former.remove(&placed.item.key(section.key)) {
            None if foreign.contains(placed.item.text("holder")) => {
                let reason = format!("{} belongs to somebody else", placed.item.text("holder"));
                difference.kept.push((placed.item, reason));
            }
            None => difference.added.push(placed),
            Some(same) if same == placed.item => (),
            Some(other) if pruning.is_foreign(&other) => {
                foreign.insert(format!("{}:{}", section.kind, other.text("name")));
                let reason = "somebody else defined one of this name".to_owned();
                difference.kept.push((other, reason));
            }
            Some(other) => difference.changed.push((other, placed)),
        }
    }
    for skipped in wanted.skipped {
        // What has run out in the document is not there for it; what has no place in production stays out of sight.
        if skipped.reason != HAS_RUN_OUT {
            former.remove(&skipped.placed.item.key(section.key));
        }
        difference
            .kept
            .push((skipped.placed.item, skipped.reason.to_owned()));
    }
    if pruning != Pruning::Nothing {
        for item in former.into_values().filter(|item| !pruning.is_foreign(item)) {
            match item.optional_text("seeded_by").map(str::to_owned) {
                _ if section.remove.is_none() => {
                    difference
                        .kept
                        .push((item, "definitions of this kind are not removed".to_owned()));
                }
                Some(owner) if !may_change(&owner) => {
                    difference.kept.push((item, format!("it belongs to {owner}")));
                }
                _ => match foreign_owner(section, &item) {
                    Some(owner) => {
                        let reason = format!("it, or what refers to it, belongs to {owner}");
                        difference.kept.push((item, reason));
                    }
                    None => difference.removed.push(item),
                },
            }
        }
    }
    difference.added = parents_first(difference.added, section, |placed| &placed.item);
    difference.removed = parents_first(difference.removed, section, |item| item);
    difference.removed.reverse();
    difference
}

/// Who else marked a definition of the graph, or a grant or rule that refers to it.
fn foreign_owner(section: &Section, item: &Item) -> Option<String> {
    let reference = Reference::parse(&format!("{}:{}", section.kind, item.text("name"))).ok()?;
    owner::foreign_owner(&reference.find()?)
}

/// Puts definitions after those of the same section that they name, and otherwise leaves them in their order.
fn parents_first<T>(items: Vec<T>, section: &Section, item: fn(&T) -> &Item) -> Vec<T> {
    let Some(parent) = section.parent else {
        return items;
    };
    let identity = |item: &Item, field: &str| {
        (
            item.key(parent.within),
            item.optional_text(field).map(str::to_owned),
        )
    };
    // How many definitions of an identity are to come, and the places of those that wait for them.
    let mut coming: BTreeMap<_, usize> = BTreeMap::new();
    let mut waiting: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    let mut ready = BTreeSet::new();
    for one in &items {
        *coming.entry(identity(item(one), parent.of)).or_default() += 1;
    }
    for (place, one) in items.iter().enumerate() {
        let needed = identity(item(one), parent.field);
        if needed.1.is_some() && coming.contains_key(&needed) {
            waiting.entry(needed).or_default().push(place);
        } else {
            ready.insert(place);
        }
    }
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(items.len());
    while let Some(one) = ready.pop_first().and_then(|place| items[place].take()) {
        let own = identity(item(&one), parent.of);
        if let Some(count) = coming.get_mut(&own) {
            *count -= 1;
            if *count == 0 {
                ready.extend(waiting.remove(&own).unwrap_or_default());
            }
        }
        ordered.push(one);
    }
    // What is left names itself in a circle: it is handed on, and refused where circles are.
    ordered.extend(items.into_iter().flatten());
    ordered
}

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
    loop {
        let before = steps.len();
        let mut faults = Vec::new();
        steps.retain(|step| match step.attempt() {
            None => false,
            Some(fault) => {
                faults.push(fault);
                true
            }
        });
        if steps.is_empty() || steps.len() == before {
            return faults;
        }
    }
}

fn steps(differences: &[Difference]) -> Vec<Step<'_>> {
    let (early, late): (Vec<&Difference>, Vec<&Difference>) = differences
        .iter()
        .partition(|difference| difference.section.is_removed_first);
    let mut steps: Vec<Step<'_>> = early.into_iter().flat_map(Difference::removals).collect();
    steps.extend(differences.iter().flat_map(|difference| {
        difference
            .added
            .iter()
            .map(|placed| difference.definition(None, placed))
    }));
    steps.extend(differences.iter().flat_map(|difference| {
        difference
            .changed
            .iter()
            .map(|(former, placed)| difference.definition(Some(former), placed))
    }));
    steps.extend(late.into_iter().rev().flat_map(Difference::removals));
    steps
}

impl Difference {
    fn definition<'a>(&'a self, former: Option<&'a Item>, placed: &'a Placed) -> Step<'a> {
        Step {
            section: self.section,
            place: &placed.place,
            item: &placed.item,
            work: Work::Define(former),
        }
    }

    /// Children before their parents.
    fn removals(&self) -> impl Iterator<Item = Step<'_>> {
        let section = self.section;
        section.remove.into_iter().flat_map(move |remove| {
            self.removed.iter().map(move |item| Step {
                section,
                place: section.name,
                item,
                work: Work::Remove(remove),
            })
        })
    }
}

impl Step<'_> {
    /// What was refused of it; then nothing of it is left.
    fn attempt(&self) -> Option<Fault> {
        let done = xact::attempt(|| match self.work {
            Work::Define(former) => (self.section.define)(former, self.item),
            Work::Remove(remove) => remove(self.item),
        });
        let failure = done.err()?;
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
}

/// The report: what is added, changed and removed, then what is not imported, then the faults.
pub fn report(differences: &[Difference], faults: &[Fault]) -> Vec<Change> {
    let mut lines = Vec::new();
    for difference in differences {
        lines.extend(
            difference
                .added
                .iter()
                .map(|placed| difference.line("add", &placed.item, Value::Object(placed.item.0.clone()))),
        );
    }
    for difference in differences {
        lines.extend(difference.changed.iter().map(|(former, placed)| {
            difference.line("change", &placed.item, changed_fields(former, &placed.item))
        }));
    }
    for difference in differences {
        lines.extend(
            difference
                .removed
                .iter()
                .map(|item| difference.line("remove", item, Value::Object(item.0.clone()))),
        );
    }
    for difference in differences {
        lines.extend(
            difference
                .kept
                .iter()
                .map(|(item, reason)| difference.line("skip", item, json!({ "reason": reason }))),
        );
    }
    lines.extend(faults.iter().map(|fault| Change {
        change: "fault",
        kind: fault.kind,
        name: fault.name.clone(),
        detail: json!({ "place": fault.place, "code": fault.code, "reason": fault.reason }),
    }));
    lines
}

impl Difference {
    fn line(&self, change: &'static str, item: &Item, detail: Value) -> Change {
        Change {
            change,
            kind: self.section.kind,
            name: item.name(self.section.key),
            detail,
        }
    }
}

/// The fields that differ: what they were, what they become.
fn changed_fields(former: &Item, item: &Item) -> Value {
    let names: BTreeSet<&String> = former.0.keys().chain(item.0.keys()).collect();
    let fields: Map<String, Value> = names
        .into_iter()
        .filter(|name| former.0.get(*name) != item.0.get(*name))
        .map(|name| {
            let detail = json!({ "from": former.0.get(name), "to": item.0.get(name) });
            (name.clone(), detail)
        })
        .collect();
    Value::Object(fields)
}
