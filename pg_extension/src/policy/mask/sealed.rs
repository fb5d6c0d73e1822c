//! Masks over sealed columns, which nobody adds: each session without the privilege of the key gets what the key says. Without a session the values are envelopes, and stay.

use super::condition::Condition;
use crate::error::{Error, Result};
use crate::sealing;
use crate::sys::predicate::{Compiled, compile_as, compile_value};
use crate::sys::{Oid, relation, sealed_type, xact};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

thread_local! {
    /// The masks of each table that was met, with the state of the keys that they were made for.
    static KNOWN: RefCell<HashMap<Oid, Known>> = RefCell::default();
}

/// The state of the keys, and what was made for it.
type Known = (u64, Rc<Vec<SealedMask>>);

/// What stands for a sealed column, and when it does not.
pub struct SealedMask {
    pub attribute: i16,
    pub condition: Rc<Condition>,
    pub value: Option<Rc<Compiled>>,
}

/// The masks over the sealed columns of a table, which is locked.
pub fn masks(oid: Oid) -> Result<Rc<Vec<SealedMask>>> {
    if !sealing::is_any() {
        return Ok(Rc::default());
    }
    let state = sealing::state();
    let known = KNOWN.with_borrow(|known| {
        known
            .get(&oid)
            .filter(|(of, _)| *of == state)
            .map(|(_, masks)| Rc::clone(masks))
    });
    if let Some(known) = known {
        return Ok(known);
    }
    let masks = Rc::new(
        sealed_type::columns(oid)
            .into_iter()
            .map(|column| mask(oid, column))
            .collect::<Result<Vec<_>>>()?,
    );
    KNOWN.with_borrow_mut(|known| known.insert(oid, (state, Rc::clone(&masks))));
    Ok(masks)
}

/// Forgets the masks of one table, or of all.
pub fn forget(oid: Option<Oid>) {
    let forgotten = KNOWN.with_borrow_mut(|known| match oid {
        Some(oid) => known.remove(&oid).into_iter().collect::<Vec<_>>(),
        None => std::mem::take(known).into_values().collect(),
    });
    drop(forgotten);
}

fn mask(oid: Oid, column: sealed_type::Column) -> Result<SealedMask> {
    sealing::column_met(column.modifier, oid, relation::full_name(oid), column.name);
    let texts = sealing::mask(column.modifier, column.kind)?;
    let compile = || {
        let predicate = compile_as(oid, None, &texts.visible_when, None)?;
        let value = texts
            .value
            .as_ref()
            .map(|value| compile_value(oid, None, column.attribute, value))
            .transpose()?;
        Ok((predicate, value))
    };
    let (predicate, value) = xact::translated(compile, |failure| {
        pgrx::log!("pg_vpd: mask of a sealed column: {}", failure.message);
        Error::mask_broken("sealed")
    })?;
    Ok(SealedMask {
        attribute: column.attribute,
        condition: Rc::new(Condition::lifted_without_session(Rc::new(predicate))),
        value: value.map(Rc::new),
    })
}
