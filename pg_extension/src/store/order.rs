//! In which order definitions of one section are written, where one names another.

use super::section::Section;
use std::collections::{BTreeMap, BTreeSet};
use vpd_text::store::item::Item;

/// Puts definitions after those of the same section that they name, and otherwise leaves them in their order.
pub fn parents_first<T>(items: Vec<T>, section: &Section, item: fn(&T) -> &Item) -> Vec<T> {
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
