//! What an import holds while it compares: changes of the same definitions wait for it, and it for them.
//!
//! Invariant: what is applied was compared after everything that it changes was locked. What does not differ is not locked.

use super::change::Difference;
use super::policy::relation;
use crate::authz::change;
use crate::policy;
use crate::sys::{Oid, xact};
use std::collections::BTreeMap;
use vpd_text::store::field::Form;

/// The locks that were taken.
#[derive(Default)]
pub struct Held {
    is_graph: bool,
    /// Tables by number, so that two imports lock them in one order.
    tables: BTreeMap<u32, Oid>,
}

impl Held {
    /// Locks what some differences change; true when it was locked already, so that the differences are what there is now.
    pub fn covers(&mut self, differences: &[Difference]) -> bool {
        let is_graph = differences
            .iter()
            .any(|difference| difference.section.is_of_graph && difference.items().next().is_some());
        let missing: BTreeMap<u32, Oid> = differences
            .iter()
            .flat_map(tables)
            .map(|table| (table.to_u32(), table))
            .filter(|(number, _)| !self.tables.contains_key(number))
            .collect();
        if (self.is_graph || !is_graph) && missing.is_empty() {
            return true;
        }
        if is_graph && !self.is_graph {
            change::begin();
            self.is_graph = true;
        }
        for table in missing.values() {
            // What cannot be under policy is told when it is defined.
            drop(xact::attempt(|| policy::lock_table(*table)));
        }
        self.tables.extend(missing);
        false
    }
}

/// The tables that the changed definitions of a section are about.
fn tables(difference: &Difference) -> impl Iterator<Item = Oid> {
    let fields = difference.section.fields;
    let is_about_tables = fields.iter().any(|field| field.form == Form::Relation);
    let items = difference.items().filter(move |_| is_about_tables);
    items.filter_map(|item| xact::attempt(|| relation(item)).ok())
}
