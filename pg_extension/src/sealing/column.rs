//! Modifiers of the sealed types, and which column each stands for.
//!
//! A definition names a key. The library adds a number for the column (its place), so that a value that was sealed for one column is good for no other. The
//! number is the modifier from then on: it comes through casts, COPY and dumps without anybody's doing.

use super::catalogue::{self, Key, keys};
use super::visibility;
use crate::error::{Error, Result};
use crate::sys::lock::Sealed;
use crate::sys::relation;
use crate::sys::sealed_type::FIRST_OF_KEYS;
use crate::sys::spi::{self, Moment, arg, statements};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use vpd_text::sealed::is_key_name;

statements! {
    KEY_OF_PLACE = "sealing/key_of_place.sql";
    INSERT_PLACE = "sealing/insert_place.sql";
    VERSIONS = "sealing/versions_of_key.sql";
}

thread_local! {
    /// The key of each place that was met. A place never gets another.
    static PLACES: RefCell<HashMap<u32, u32>> = RefCell::default();
}

/// What a modifier stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modifier {
    /// Nothing.
    None,
    /// A key, and no column.
    Key(u32),
    /// A column.
    Place(u32),
}

impl Modifier {
    pub fn of(modifier: i32) -> Self {
        match u32::try_from(modifier) {
            Err(_) => Self::None,
            Ok(number) if modifier >= FIRST_OF_KEYS => Self::Key(number - FIRST_OF_KEYS.unsigned_abs()),
            Ok(number) => Self::Place(number),
        }
    }

    /// The place that values are sealed for: 0 for none.
    pub fn place(self) -> u32 {
        match self {
            Self::Place(place) => place,
            Self::None | Self::Key(_) => 0,
        }
    }

    /// The key; `None` without a modifier.
    pub fn key(self) -> Result<Option<Rc<Key>>> {
        let number = match self {
            Self::None => return Ok(None),
            Self::Key(number) => Some(number),
            Self::Place(place) => key_of_place(place),
        };
        let key = number.and_then(|number| keys().numbered(number).map(Rc::clone));
        key.map(Some).ok_or_else(|| Error::key_not_found("of the column"))
    }
}

/// Refuses a comparison of which the modifiers tell that it cannot be made, before any row is read.
pub fn comparable(left: i32, right: i32) -> Result<()> {
    let mut keys = Vec::new();
    for modifier in [left, right] {
        if let Some(key) = Modifier::of(modifier).key()? {
            if !key.is_searchable {
                return Err(Error::not_searchable(&key.name));
            }
            keys.push(key.number);
        }
    }
    if keys.windows(2).all(|pair| pair[0] == pair[1]) {
        Ok(())
    } else {
        Err(Error::keys_differ())
    }
}

/// An error unless the attached session may see what a modifier seals.
pub fn require_open(modifier: i32) -> Result<()> {
    match Modifier::of(modifier).key()? {
        Some(key) => visibility::require_open(&key),
        None => Ok(()),
    }
}

/// No version of the key of a modifier is destroyed before the transaction ends: a column for it is being made, which nobody else sees yet.
pub fn hold(modifier: i32) -> Result<()> {
    let number = match Modifier::of(modifier) {
        Modifier::None => None,
        Modifier::Key(number) => Some(number),
        Modifier::Place(place) => key_of_place(place),
    };
    let Some(number) = number else { return Ok(()) };
    Sealed::Key(number).hold();
    // A query that makes a table copies what it sees, whatever was destroyed since.
    let versions = || {
        VERSIONS.with(|statement| statement.query(&[arg(number.cast_signed())], |row| row.required::<i32>(1)))
    };
    let seen = Moment::of_query().map_or_else(Vec::new, |moment| moment.read(versions));
    let living = versions();
    if seen.iter().all(|version| living.contains(version)) {
        Ok(())
    } else {
        Err(Error::version_gone(
            &catalogue::key_name(number).unwrap_or_default(),
        ))
    }
}

/// The modifier of a key, or of a column in a dump. The key of a column that comes with a dump may not be there yet.
pub fn modifier(words: &[String]) -> Result<i32> {
    match words {
        [name] => {
            let keys = keys();
            let key = keys.named(name)?;
            if key.is_destroyed {
                return Err(Error::key_destroyed(name));
            }
            Ok(FIRST_OF_KEYS + key.number.cast_signed())
        }
        [name, place] if is_key_name(name) => {
            let place: i32 = place.parse().map_err(|_| Error::key_modifier())?;
            if !(1..FIRST_OF_KEYS).contains(&place) {
                return Err(Error::key_modifier());
            }
            let known = key_of_place(place.unsigned_abs());
            let is_other = known
                .and_then(|number| keys().numbered(number).map(|key| key.name != *name))
                .unwrap_or(false);
            if is_other {
                Err(Error::key_modifier())
            } else {
                Ok(place)
            }
        }
        _ => Err(Error::key_modifier()),
    }
}

/// The text of a modifier, which a dump can be restored from: a name that is a word of SQL is quoted.
pub fn modifier_text(modifier: i32) -> Result<String> {
    let modifier = Modifier::of(modifier);
    let name = modifier
        .key()
        .ok()
        .flatten()
        .map_or_else(|| "unknown".to_owned(), |key| relation::quoted(&key.name));
    Ok(match modifier {
        Modifier::None => String::new(),
        Modifier::Key(_) => format!("({name})"),
        Modifier::Place(place) => format!("({name},{place})"),
    })
}

/// A new column for the key of a modifier.
pub fn new_place(modifier: i32) -> Result<i32> {
    hold(modifier)?;
    let key = Modifier::of(modifier).key()?.ok_or_else(Error::key_modifier)?;
    let place = catalogue::random_number()?.cast_signed();
    let added =
        INSERT_PLACE.with(|statement| statement.execute(&[arg(place), arg(key.number.cast_signed())]));
    if added == 0 {
        return Err(Error::not_ready(
            "the number for the column is taken",
            "Try again.",
        ));
    }
    Ok(place)
}

fn key_of_place(place: u32) -> Option<u32> {
    if let Some(known) = PLACES.with_borrow(|places| places.get(&place).copied()) {
        return Some(known);
    }
    let found = spi::announced(|| {
        KEY_OF_PLACE
            .with(|statement| statement.query_one(&[arg(place.cast_signed())], |row| row.required::<i32>(1)))
    });
    let key = found?.unsigned_abs();
    PLACES.with_borrow_mut(|places| places.insert(place, key));
    Some(key)
}
