//! What an import changes, found by comparing the document with the database, and how it is told.

use super::order::parents_first;
use super::section::{HAS_RUN_OUT, Moment, Section};
use crate::authz::Reference;
use crate::authz::owner::{self, may_change};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use vpd_text::store::document::{self, Fault, Placed, Wanted};
use vpd_text::store::item::Item;
use vpd_text::store::times::owners;

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
    pub section: &'static Section,
    pub added: Vec<Placed>,
    pub changed: Vec<(Item, Placed)>,
    pub removed: Vec<Item>,
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
    for placed in parents_first(wanted.items, section, |placed| &placed.item) {
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
        let is_reached = |item: &Item| !pruning.is_foreign(item) && !(section.is_innate)(item);
        for item in former.into_values().filter(is_reached) {
            match why_kept(section, &item) {
                Some(reason) => difference.kept.push((item, reason)),
                None => difference.removed.push(item),
            }
        }
    }
    difference.removed = parents_first(difference.removed, section, |item| item);
    difference.removed.reverse();
    difference
}

/// Why a definition stays that the document does not have.
fn why_kept(section: &Section, item: &Item) -> Option<String> {
    if section.remove.is_none() {
        return Some("definitions of this kind are not removed".to_owned());
    }
    match owners(item).find(|owner| !may_change(owner)) {
        Some(owner) => Some(format!("it belongs to {owner}")),
        None => {
            foreign_owner(section, item).map(|owner| format!("it, or what refers to it, belongs to {owner}"))
        }
    }
}

/// Who else marked a definition of the graph, or a grant or rule that refers to it.
fn foreign_owner(section: &Section, item: &Item) -> Option<String> {
    let reference = Reference::parse(&format!("{}:{}", section.kind, item.text("name"))).ok()?;
    owner::foreign_owner(&reference.find()?)
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
    /// The definitions that are added, changed or removed.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        let changed = self.changed.iter().map(|(_, placed)| &placed.item);
        let added = self.added.iter().map(|placed| &placed.item);
        added.chain(changed).chain(&self.removed)
    }

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
