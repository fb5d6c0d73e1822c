//! What was unsealed for the attached session since somebody last took account of it.

use super::catalogue::Key;
use super::column::Modifier;
use std::cell::RefCell;
use std::collections::HashMap;

thread_local! {
    static UNSEALED: RefCell<Vec<Unsealed>> = const { RefCell::new(Vec::new()) };
    /// Table and column of each place, as far as statements have met it.
    static COLUMNS: RefCell<HashMap<u32, (String, String)>> = RefCell::default();
}

/// Values of one column that were unsealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsealed {
    /// The name of the key.
    pub key: String,
    /// The table with its schema, and the column; `None` for what no column holds.
    pub column: Option<(String, String)>,
    pub values: u64,
    place: u32,
}

/// A value was unsealed.
pub fn note(key: &Key, place: u32) {
    UNSEALED.with_borrow_mut(|all| {
        match all
            .iter_mut()
            .rfind(|known| known.place == place && known.key == key.name)
        {
            Some(known) => known.values += 1,
            None => all.push(Unsealed {
                key: key.name.clone(),
                column: COLUMNS.with_borrow(|columns| columns.get(&place).cloned()),
                values: 1,
                place,
            }),
        }
    });
}

/// All that were, which are counted from nothing again.
pub fn take() -> Vec<Unsealed> {
    UNSEALED.take()
}

/// Statements read a column, of a table that is called like that.
pub fn met(modifier: i32, table: String, column: String) {
    let place = Modifier::of(modifier).place();
    COLUMNS.with_borrow_mut(|columns| columns.insert(place, (table, column)));
}
