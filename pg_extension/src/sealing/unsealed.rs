//! What was unsealed for the attached session since somebody last took account of it.

use super::catalogue::Key;
use super::column::Modifier;
use super::permit;
use crate::context::{self, Identity};
use crate::error::Result;
use crate::sys::{Oid, relation};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Columns that are kept for a place; partitions and copies of a table have those of the table.
const MAX_COLUMNS: usize = 64;

thread_local! {
    static UNSEALED: RefCell<Vec<Unsealed>> = const { RefCell::new(Vec::new()) };
    /// Tables and columns of each place, as far as statements have met them.
    static COLUMNS: RefCell<HashMap<u32, Met>> = RefCell::default();
    /// The column that is opened as a whole.
    static OPENING: RefCell<Option<Whole>> = const { RefCell::new(None) };
}

/// A table with its schema, and a column.
pub type Column = (String, String);

/// The columns of a place.
#[derive(Clone, Default)]
pub struct Met {
    pub columns: BTreeMap<Column, Oid>,
    /// Whether there were more than are kept.
    pub is_cut: bool,
}

/// Values of one column that were unsealed.
#[derive(Clone)]
pub struct Unsealed {
    /// The name of the key.
    pub key: String,
    /// The columns that may have held them, of those that statements have met; none for what no column holds.
    pub met: Met,
    /// Whose session was attached.
    pub by: Option<Rc<Identity>>,
    pub values: u64,
    place: u32,
}

/// A column that is opened as a whole.
struct Whole {
    place: u32,
    /// What the command that opens it has, and nobody else.
    permit: String,
    by: Option<Rc<Identity>>,
}

/// While it lives, the command with its permit opens the values of a column for whoever was attached when it began: nobody is any more, so that code of others that runs
/// meanwhile sees nothing of the session.
pub struct Opening(());

impl Opening {
    /// Begins; returns the permit.
    pub fn begin(modifier: i32) -> Result<(Self, String)> {
        let permit = permit::new()?;
        OPENING.replace(Some(Whole {
            place: Modifier::of(modifier).place(),
            permit: permit.clone(),
            by: context::identity(),
        }));
        Ok((Self(()), permit))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        OPENING.take();
    }
}

/// Whether a command with this permit opens a column.
pub fn is_opening(place: u32, permit: &str) -> bool {
    OPENING.with_borrow(|opening| {
        opening
            .as_ref()
            .is_some_and(|whole| whole.place == place && whole.permit == permit)
    })
}

/// A value was unsealed.
pub fn note(key: &Key, place: u32) {
    let by = OPENING.with_borrow(|opening| match opening {
        Some(whole) => whole.by.clone(),
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
                met: Met::default(),
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
            unsealed.met = columns.get(&unsealed.place).cloned().unwrap_or_default();
        }
    });
    all
}

/// Statements read a column, of a table that is called like that. Tables that are gone, and temporary ones, take nobody's place.
pub fn met(modifier: i32, relation: Oid, table: String, column: String) {
    let place = Modifier::of(modifier).place();
    COLUMNS.with_borrow_mut(|columns| {
        let known = columns.entry(place).or_default();
        if known.columns.len() >= MAX_COLUMNS {
            known
                .columns
                .retain(|_, relation| relation::is_lasting(*relation));
        }
        if known.columns.len() < MAX_COLUMNS {
            known.columns.insert((table, column), relation);
        } else if !known.columns.contains_key(&(table, column)) {
            known.is_cut = true;
        }
    });
}
