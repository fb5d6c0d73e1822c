//! Protected actions of a table, as this backend knows them, and the objects that its rows are.
//!
//! A row that moves to another partition is inserted there: what it was, and what was done to it, comes along.

use crate::duty::action;
use crate::error::{Error, Result};
use crate::sys::Oid;
use crate::sys::row_trigger::TableRow;
use crate::sys::spi::{oid_arg, statements};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

statements! {
    OF_RELATION = "segregation/protections.sql";
}

thread_local! {
    static RELATIONS: RefCell<HashMap<Oid, Rc<[Protected]>>> = RefCell::new(HashMap::new());
    /// Rows that came from another partition in this transaction and had their values before, by table and object.
    static ARRIVED: RefCell<HashMap<(Oid, String), Vec<String>>> = RefCell::new(HashMap::new());
}

/// A protected action, with the columns of one table of the family.
pub struct Protected {
    pub action: String,
    resource: String,
    /// created_by or updated_by.
    pub maker: Option<String>,
    pub column: i16,
    pub value: String,
    key: Vec<i16>,
}

/// What a row was before it went to another partition.
pub struct Key {
    /// Each action with the object as it was called.
    objects: Vec<(String, String)>,
    /// The actions whose value it had.
    held: Vec<String>,
}

/// The protected actions of a table.
pub fn of_relation(relation: Oid) -> Result<Rc<[Protected]>> {
    if let Some(known) = RELATIONS.with_borrow(|relations| relations.get(&relation).cloned()) {
        return Ok(known);
    }
    let rows = OF_RELATION.with(|statement| {
        statement.query(&[oid_arg(relation)], |row| {
            let action = row.get::<String>(1)?;
            Some(Protected {
                resource: action.rsplit_once(':')?.0.to_owned(),
                action,
                maker: row.get(2),
                column: row.get(3)?,
                value: row.get(4)?,
                key: row.get(5)?,
            })
        })
    });
    let protected: Option<Rc<[Protected]>> = rows.into_iter().collect();
    let protected = protected.ok_or_else(|| {
        Error::not_ready(
            "a column of a protected action is gone",
            "Call vpd.protect_action for the table again, or vpd.unprotect_action.",
        )
    })?;
    RELATIONS.with_borrow_mut(|relations| relations.insert(relation, Rc::clone(&protected)));
    Ok(protected)
}

/// How the objects are called that a row is; `None` when nothing is protected.
pub fn key_of(relation: Oid, row: &TableRow) -> Result<Option<Key>> {
    let protected = of_relation(relation)?;
    if protected.is_empty() {
        return Ok(None);
    }
    let mut key = Key {
        objects: Vec::new(),
        held: Vec::new(),
    };
    for protected in protected.iter() {
        key.objects
            .push((protected.action.clone(), protected.object(row)?));
        if row.equals(protected.column, &protected.value)? {
            key.held.push(protected.action.clone());
        }
    }
    Ok(Some(key))
}

/// A row has come from another partition.
pub fn row_moved(relation: Oid, former: Key, row: &TableRow) -> Result<()> {
    let protected = of_relation(relation)?;
    for (action, object) in &former.objects {
        if let Some(protected) = protected.iter().find(|known| known.action == *action) {
            let now = protected.object(row)?;
            if now != *object {
                action::rename(object, &now);
            }
        }
    }
    if let Some(first) = protected.first() {
        let object = first.object(row)?;
        ARRIVED.with_borrow_mut(|arrived| arrived.insert((relation, object), former.held));
    }
    Ok(())
}

/// Forgets what is known of tables.
pub fn forget_relation(_relation: Option<Oid>) {
    if let Ok(mut relations) = RELATIONS.try_with(RefCell::take) {
        relations.clear();
    }
}

/// No row is on its way any more.
pub fn transaction_ended() {
    ARRIVED.with_borrow_mut(HashMap::clear);
}

/// The actions whose value a row had that has come from another partition; `None` for any other row.
pub fn take_arrived(relation: Oid, object: &str) -> Option<Vec<String>> {
    ARRIVED.with_borrow_mut(|arrived| arrived.remove(&(relation, object.to_owned())))
}

impl Protected {
    /// Name of the object that a row is.
    pub fn object(&self, row: &TableRow) -> Result<String> {
        let key = self
            .key
            .iter()
            .map(|column| Ok(row.key_text(*column)?.unwrap_or_default()));
        let key: Vec<String> = key.collect::<Result<_>>()?;
        Ok(format!("{}/{}", self.resource, key.join(",")))
    }
}
