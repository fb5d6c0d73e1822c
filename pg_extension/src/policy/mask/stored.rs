//! The masks of each table that this backend has met.

use super::condition::{self, Condition};
use super::{hash, sealed};
use crate::error::{Error, Result};
use crate::sealing;
use crate::sys::predicate::{Compiled, compile_as, compile_value};
use crate::sys::spi::{oid_arg, statements};
use crate::sys::{Oid, extension, relation, xact};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

statements! {
    MASKS = "mask/masks_of_relation.sql";
    ANY = "mask/any.sql";
}

thread_local! {
    static RELATIONS: RefCell<HashMap<Oid, Rc<Relation>>> = RefCell::new(HashMap::new());
    static IS_ANY: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Masks of a table, as the catalogue has them.
pub struct Relation {
    /// Whether any mask, enabled or not, is on the table itself.
    has_own: bool,
    /// The enabled masks, in the order in which they are put over a column.
    pub masks: Vec<Mask>,
}

pub struct Mask {
    pub column: String,
    /// `None` when the column is gone.
    pub attribute: Option<i16>,
    /// Name of the table the mask was written for.
    table: String,
    value_text: String,
    condition_text: String,
    compiled: OnceCell<(Rc<Condition>, Rc<Compiled>)>,
}

/// The masks of a table.
pub fn load(oid: Oid) -> Rc<Relation> {
    if let Some(known) = RELATIONS.with_borrow(|relations| relations.get(&oid).cloned()) {
        return known;
    }
    let before = condition::forgotten();
    let loaded = Rc::new(if extension::is_installed() {
        read(oid)
    } else {
        Relation {
            has_own: false,
            masks: Vec::new(),
        }
    });
    // A change announced while it was being read makes what was read good for this one use only.
    if before == condition::forgotten() {
        RELATIONS.with_borrow_mut(|relations| relations.insert(oid, Rc::clone(&loaded)));
    }
    loaded
}

fn read(oid: Oid) -> Relation {
    let mut has_own = false;
    let mut masks = Vec::new();
    MASKS.with(|statement| {
        statement.query(&[oid_arg(oid)], |row| {
            has_own |= row.required::<bool>(7);
            if row.required::<bool>(6) {
                masks.push(Mask {
                    column: row.required(1),
                    attribute: row.get::<i16>(2),
                    value_text: row.required(3),
                    condition_text: row.required(4),
                    table: row.required(5),
                    compiled: OnceCell::new(),
                });
            }
        })
    });
    Relation { has_own, masks }
}

/// True when any table of this database may have a mask.
pub fn is_any() -> bool {
    if sealing::is_any() {
        return true;
    }
    if let Some(known) = IS_ANY.get() {
        return known;
    }
    let before = condition::forgotten();
    let is_any = extension::is_installed()
        && ANY.with(|statement| {
            statement
                .query_one(&[], |row| row.required::<bool>(1))
                .unwrap_or(true)
        });
    if before == condition::forgotten() {
        IS_ANY.set(Some(is_any));
    }
    is_any
}

/// Forgets the masks of one relation, or of all.
pub fn forget_relation(oid: Option<Oid>) {
    condition::forget();
    IS_ANY.set(None);
    hash::forget();
    sealed::forget(oid);
    let forgotten = RELATIONS.with_borrow_mut(|relations| match oid {
        Some(oid) => relations.remove(&oid).into_iter().collect::<Vec<_>>(),
        None => std::mem::take(relations).into_values().collect(),
    });
    drop(forgotten);
}

/// True when the table itself has a mask, enabled or not.
pub fn has_own(oid: Oid) -> bool {
    load(oid).has_own
}

impl Mask {
    pub fn compiled(&self, oid: Oid, attribute: i16) -> Result<&(Rc<Condition>, Rc<Compiled>)> {
        if let Some(known) = self.compiled.get() {
            return Ok(known);
        }
        let broken = |message: &str| {
            pgrx::log!(
                "pg_vpd: mask of column \"{}\" of {}: {message}",
                self.column,
                relation::name(oid)
            );
            Error::mask_broken(&self.column)
        };
        let table = Some(self.table.as_str());
        let compile = || {
            let predicate = compile_as(oid, table, &self.condition_text, None)?;
            let value = compile_value(oid, table, attribute, &self.value_text)?;
            Ok((predicate, value))
        };
        let (predicate, value) = xact::translated(compile, |failure| broken(&failure.message))
            .map_err(|error: Error| broken(&error.to_string()))?;
        let condition = Condition::new(Rc::new(predicate));
        Ok(self.compiled.get_or_init(|| (Rc::new(condition), Rc::new(value))))
    }
}
