//! Definitions with sealed types: the number that each column gets, and what no definition may keep.

use crate::error::{Error, Result};
use crate::sys::list::length;
use crate::sys::sealed_column::{FIRST_OF_KEYS, columns_of, holds_sealed, kind_of};
use crate::sys::table::table;
use crate::sys::xact;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::CString;

thread_local! {
    /// The level of the transaction in which a command runs that stores expressions.
    static DEFINING: Cell<Option<i32>> = const { Cell::new(None) };
}

/// Refuses a relation that was just made or altered, by a query for instance, when it would store values that no key has sealed, or that nobody finds in it. Not
/// yet visible in the catalogue, it is in the server's cache. The keys of its columns stay while the transaction lasts.
pub fn check_made(relation: pg_sys::Oid) {
    // SAFETY: an entry of the cache is described by itself; one that is not there gives NULL.
    unsafe {
        let made = pg_sys::RelationIdGetRelation(relation);
        if made.is_null() {
            return;
        }
        let kind = (*(*made).rd_rel).relkind as u8;
        let stores = [
            pg_sys::RELKIND_RELATION,
            pg_sys::RELKIND_PARTITIONED_TABLE,
            pg_sys::RELKIND_MATVIEW,
            pg_sys::RELKIND_FOREIGN_TABLE,
            pg_sys::RELKIND_COMPOSITE_TYPE,
        ]
        .contains(&kind);
        let checked = if stores {
            let description = &*(*made).rd_att;
            description
                .attrs
                .as_slice(usize::try_from(description.natts).unwrap_or_default())
                .iter()
                .filter(|column| !column.attisdropped)
                .try_for_each(|column| check_column(column, kind == pg_sys::RELKIND_COMPOSITE_TYPE))
        } else {
            Ok(())
        };
        pg_sys::RelationClose(made);
        checked.unwrap_or_else(|error| error.raise());
    }
}

/// Refuses a table with sealed columns whose rows are stored in columns of other tables, by the error of the server.
pub fn check_row_type(relation: pg_sys::Oid) {
    // SAFETY: as above; the look-up raises an error with the relation open, which the abort closes.
    unsafe {
        let altered = pg_sys::RelationIdGetRelation(relation);
        if altered.is_null() {
            return;
        }
        if !columns_of((*altered).rd_att).is_empty() {
            pg_sys::find_composite_type_dependencies((*(*altered).rd_rel).reltype, altered, std::ptr::null());
        }
        pg_sys::RelationClose(altered);
    }
}

fn check_column(column: &pg_sys::FormData_pg_attribute, is_of_type: bool) -> Result<()> {
    if kind_of(column.atttypid).is_none() {
        return if holds_sealed(column.atttypid) {
            Err(Error::not_a_column())
        } else {
            Ok(())
        };
    }
    if is_of_type {
        Err(Error::not_a_column())
    } else if column.attgenerated != 0 {
        Err(Error::sealed_computed())
    } else if is_place(column.atttypmod) {
        (table().sealing.held)(column.atttypmod)
    } else {
        Err(Error::key_not_named())
    }
}

/// A modifier that stands for a column.
fn is_place(modifier: i32) -> bool {
    (1..FIRST_OF_KEYS).contains(&modifier)
}

/// A command that stores expressions is about to run: the literals in it would be kept.
pub fn definition_begins() {
    DEFINING.set(Some(xact::nest_level()));
}

/// Whether one runs.
pub fn is_defining() -> bool {
    DEFINING.get().is_some()
}

/// It has run.
pub fn definition_over() {
    DEFINING.set(None);
}

/// The transaction goes back to before a savepoint of this level, or is over (level 0).
pub fn definition_aborted(level: i32) {
    if DEFINING.get().is_some_and(|defining| defining >= level) {
        DEFINING.set(None);
    }
}

/// Names the column in the types of a definition that name a key alone: `vpd.sealed_text('pii')` becomes `vpd.sealed_text('pii', '71230')`, so that what is
/// sealed for one column is good for no other. Refuses a type without a key, and arrays.
///
/// # Safety
/// The name of a type in a statement, which may be changed.
pub unsafe fn name_column(name: *mut pg_sys::TypeName) {
    // SAFETY: a look-up of the type alone, without its modifier; the list of words is replaced by a new one.
    unsafe {
        if name.is_null() || (*name).names.is_null() || (*name).pct_type {
            return;
        }
        // The type alone: what its modifier means is asked of ours only, so that the server reports the errors of others.
        let bounds = std::mem::replace(&mut (*name).arrayBounds, std::ptr::null_mut());
        let words = std::mem::replace(&mut (*name).typmods, std::ptr::null_mut());
        let found = pg_sys::LookupTypeNameOid(std::ptr::null_mut(), name, true);
        (*name).arrayBounds = bounds;
        (*name).typmods = words;
        if kind_of(found).is_none() {
            return;
        }
        if !(*name).arrayBounds.is_null() {
            Error::not_a_column().raise();
        }
        match length((*name).typmods) {
            0 => Error::key_not_named().raise(),
            1 => {
                let mut modifier = -1;
                let mut found = pg_sys::InvalidOid;
                pg_sys::typenameTypeIdAndMod(std::ptr::null_mut(), name, &mut found, &mut modifier);
                let place = (table().sealing.new_place)(modifier).unwrap_or_else(|error| error.raise());
                (*name).typmods = pg_sys::lappend((*name).typmods, word(&place.to_string()).cast());
            }
            _ => (),
        }
    }
}

/// Refuses a sealed type with a key per person where values come without a row that names one.
///
/// # Safety
/// The name of a type in a statement.
pub unsafe fn check_not_about_persons(name: *mut pg_sys::TypeName) {
    let (mut found, mut modifier) = (pg_sys::InvalidOid, -1);
    // SAFETY: a look-up of the type alone, and of its modifier where it is one of ours.
    unsafe {
        if name.is_null()
            || kind_of(pg_sys::LookupTypeNameOid(std::ptr::null_mut(), name, true)).is_none()
            || !(*name).arrayBounds.is_null()
        {
            return;
        }
        pg_sys::typenameTypeIdAndMod(std::ptr::null_mut(), name, &mut found, &mut modifier);
    }
    if (table().sealing.is_per_person)(modifier).unwrap_or_else(|error| error.raise()) {
        Error::person_not_named_by_row().raise();
    }
}

/// Refuses a type that is sealed, or has a sealed one inside, where no column is defined.
///
/// # Safety
/// The name of a type in a statement.
pub unsafe fn refuse(name: *mut pg_sys::TypeName) {
    // SAFETY: a look-up of the type alone.
    let found = unsafe { pg_sys::LookupTypeNameOid(std::ptr::null_mut(), name, true) };
    if holds_sealed(found) {
        Error::not_a_column().raise();
    }
}

/// A word between the brackets of a modifier.
unsafe fn word(text: &str) -> *mut pg_sys::ColumnRef {
    let text = CString::new(text).unwrap_or_default();
    // SAFETY: palloc'd in the context of the statement.
    unsafe {
        let column = pg_sys::palloc0(std::mem::size_of::<pg_sys::ColumnRef>()).cast::<pg_sys::ColumnRef>();
        (*column).type_ = pg_sys::NodeTag::T_ColumnRef;
        (*column).location = -1;
        (*column).fields = pg_sys::lappend(
            std::ptr::null_mut(),
            pg_sys::makeString(pg_sys::pstrdup(text.as_ptr())).cast(),
        );
        column
    }
}
