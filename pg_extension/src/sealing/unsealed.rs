//! What was unsealed for the attached session since somebody last took account of it.

use super::catalogue::Key;
use super::column::Modifier;
use crate::context::{self, Identity};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// Columns that are kept for a place; partitions and copies of a table have those of the table.
const MAX_COLUMNS: usize = 64;

thread_local! {
    static UNSEALED: RefCell<Vec<Unsealed>> = const { RefCell::new(Vec::new()) };
    /// Tables and columns of each place, as far as statements have met them.
    static COLUMNS: RefCell<HashMap<u32, BTreeSet<Column>>> = RefCell::default();
    /// The column that is opened as a whole, and by whom.
    static OPENING: RefCell<Option<(u32, Option<Rc<Identity>>)>> = const { RefCell::new(None) };
}

/// A table with its schema, and a column.
pub type Column = (String, String);

/// Values of one column that were unsealed.
#[derive(Clone)]
pub struct Unsealed {
    /// The name of the key.
    pub key: String,
    /// The columns that may have held them, of those that statements have met; none for what no column holds.
    pub columns: Vec<Column>,
    /// Whose session was attached.
    pub by: Option<Rc<Identity>>,
    pub values: u64,
    place: u32,
}

/// While it lives, values of a column are opened for whoever may, and was attached when it began: nobody else is, so that code of others that runs meanwhile sees nothing of the session.
pub struct Opening(());

impl Opening {
    pub fn begin(modifier: i32) -> Self {
        let opening = (Modifier::of(modifier).place(), context::identity());
        OPENING.replace(Some(opening));
        Self(())
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        OPENING.take();
    }
}

/// Whether a column is opened as a whole.
pub fn is_opening(place: u32) -> bool {
    OPENING.with_borrow(|opening| opening.as_ref().is_some_and(|(of, _)| *of == place))
}

/// A value was unsealed.
pub fn note(key: &Key, place: u32) {
    let by = OPENING.with_borrow(|opening| match opening {
        Some((_, by)) => by.clone(),
        None => context::identity(),
    });
    UNSEALED.with_borrow_mut(|all| {
        let is_known = |known: &&mut Unsealed| {
            known.place == place
                && known.key == key.name
                && known.by.as_ref().map(Rc::as_ptr) == by.as_ref().map(Rc::as_ptr)
        };
        match all.iter_mut().rfind(is_known) {
            Some(known) => known.values += 1,
            None => all.push(Unsealed {
                key: key.name.clone(),
                columns: Vec::new(),
                by,
                values: 1,
                place,
            }),
        }
    });
}

/// All that were, which are counted from nothing again.
pub fn take() -> Vec<Unsealed> {
    let mut all = UNSEALED.take();
    COLUMNS.with_borrow(|columns| {
        for unsealed in &mut all {
            unsealed.columns = columns
                .get(&unsealed.place)
                .into_iter()
                .flatten()
                .cloned()
                .collect();
        }
    });
    all
}

/// Statements read a column, of a table that is called like that.
pub fn met(modifier: i32, table: String, column: String) {
    let place = Modifier::of(modifier).place();
    COLUMNS.with_borrow_mut(|columns| {
        let known = columns.entry(place).or_default();
        if known.len() < MAX_COLUMNS {
            known.insert((table, column));
        }
    });
}
