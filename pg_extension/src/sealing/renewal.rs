//! Values that are sealed anew where they are: with the current version of their key, or about the person that their row names. Nobody sees them open.

use super::catalogue::{Key, keys};
use super::column::Modifier;
use super::envelope::{form, key_of, passed, seal, unseal};
use super::permit;
use super::person;
use super::provisional::NOBODY;
use super::visibility::require_open;
use crate::error::{Error, Result};
use crate::sys::{secret, user};
use std::cell::RefCell;
use vpd_text::sealed::Form;

thread_local! {
    /// What is being sealed anew; `None` while nothing is.
    static RENEWING: RefCell<Option<Renewal>> = const { RefCell::new(None) };
}

/// What is sealed anew, by the commands that have its permit.
#[derive(Clone)]
struct Renewal {
    permit: String,
    /// The modifier of the column that values come to, -1 for that in which they are.
    into: i32,
    others: Others,
}

/// What becomes of a value that is about somebody else than its row names.
#[derive(Clone, Copy)]
pub enum Others {
    /// It stays about him.
    Stay,
    /// It becomes about the person of its row: whoever administers keys has said that another column names him.
    Move,
    /// The same, where the session may open it.
    MoveIfOpen,
}

/// While it lives, commands with its permit seal values anew.
pub struct Renewing {
    permit: String,
}

impl Renewing {
    /// Values stay where they are.
    pub fn begin(others: Others) -> Result<Self> {
        Self::with(-1, others)
    }

    /// Values in the clear come to a column.
    pub fn into_column(modifier: i32) -> Result<Self> {
        Self::with(modifier, Others::Stay)
    }

    fn with(into: i32, others: Others) -> Result<Self> {
        let permit = permit::new()?;
        RENEWING.replace(Some(Renewal {
            permit: permit.clone(),
            into,
            others,
        }));
        Ok(Self { permit })
    }

    /// What its commands have, and nobody else.
    pub fn permit(&self) -> &str {
        &self.permit
    }
}

impl Drop for Renewing {
    fn drop(&mut self) {
        RENEWING.take();
    }
}

fn permitted(permit: &str) -> Result<Renewal> {
    let renewal = RENEWING.with_borrow(|renewal| renewal.clone().filter(|renewal| renewal.permit == permit));
    renewal.ok_or_else(|| Error::argument("values are sealed anew by the library alone", "Call vpd.reseal."))
}

/// The version of the key that sealed a value; -1 for one of a former version that nobody can read any more, `None` for what is not sealed.
pub fn version(bytes: &[u8]) -> Result<Option<i32>> {
    let Form::Sealed(envelope) = form(bytes)? else {
        return Ok(None);
    };
    let version = envelope.binding.version.cast_signed();
    // Without its key nobody can tell more.
    let Ok(key) = key_of(&envelope) else {
        return Ok(Some(version));
    };
    let is_former = envelope.binding.version < key.version;
    let is_about_nobody = |person| person::name_of(key.number, person).is_none();
    let is_lost = is_former
        && (envelope.binding.person.is_some_and(is_about_nobody) || !key.has(envelope.binding.version));
    Ok(Some(if is_lost { -1 } else { version }))
}

/// A value sealed with the current version of its key, about a person where the key asks for one. What nobody can open any more stays as it is; what is in the clear yet is sealed for the column that
/// it comes to.
pub fn renewed(bytes: &[u8], name: Option<&str>, permit: &str) -> Result<Vec<u8>> {
    let renewal = permitted(permit)?;
    if let Form::Passing(passing) = form(bytes)? {
        let column = Modifier::of(renewal.into);
        let key = column.key()?.ok_or_else(Error::envelope_broken)?;
        let name = name.ok_or_else(Error::person_missing)?;
        let person = person::number_of(key.number, name)?;
        let mut plain = passed(&passing)?;
        let sealed = seal(passing.kind, &plain, &key, column.place(), Some(person));
        secret::wipe(&mut plain);
        return sealed;
    }
    anew(bytes, name, true, renewal.others).map(|renewed| renewed.unwrap_or_else(|| bytes.to_vec()))
}

/// A value about the person that its row names; `None` where it is already.
pub fn about(bytes: &[u8], name: Option<&str>) -> Result<Option<Vec<u8>>> {
    anew(bytes, name, false, Others::MoveIfOpen)
}

/// Whether a value that is being sealed anew is about somebody else than the person that its row names.
pub fn differs(bytes: &[u8], name: Option<&str>, permit: &str) -> Result<bool> {
    permitted(permit)?;
    let Form::Sealed(envelope) = form(bytes)? else {
        return Err(Error::envelope_broken());
    };
    let key = key_of(&envelope)?;
    let (Some(number), Some(name)) = (envelope.binding.person, name) else {
        return Ok(false);
    };
    Ok(!person::is_noted(key.number, number, name)
        && person::name_of(key.number, number).is_some_and(|known| known != name))
}

fn anew(
    bytes: &[u8],
    name: Option<&str>,
    is_current_wanted: bool,
    others: Others,
) -> Result<Option<Vec<u8>>> {
    let Form::Sealed(envelope) = form(bytes)? else {
        return Err(Error::envelope_broken());
    };
    let key = key_of(&envelope)?;
    let person = match envelope.binding.person {
        Some(number) => match person_of(&key, number, name, others)? {
            Some(person) => Some(person),
            // Whoever it was about was forgotten.
            None => return Ok(None),
        },
        None => None,
    };
    let is_current = !is_current_wanted || envelope.binding.version == key.version;
    if is_current && person == envelope.binding.person {
        return Ok(None);
    }
    let mut plain = match unseal(&envelope) {
        Err(error) if ["person_forgotten", "key_destroyed"].contains(&error.code()) => return Ok(None),
        opened => opened?,
    };
    let sealed = seal(
        envelope.binding.kind,
        &plain,
        &key,
        envelope.binding.place,
        person,
    );
    secret::wipe(&mut plain);
    sealed.map(Some)
}

/// Whom a value is to be about that is about the one of a number, or nobody; `None` where he was forgotten.
fn person_of(key: &Key, number: u64, name: Option<&str>, others: Others) -> Result<Option<u64>> {
    if number == NOBODY {
        return person::number_of(key.number, name.ok_or_else(Error::person_missing)?).map(Some);
    }
    let Some(name) = name.filter(|name| !person::is_noted(key.number, number, name)) else {
        return Ok(Some(number));
    };
    let Some(known) = person::name_of(key.number, number) else {
        return Ok(None);
    };
    if known != name {
        match others {
            Others::Stay => return Ok(Some(number)),
            Others::Move => (),
            Others::MoveIfOpen => require_open(key)?,
        }
    }
    person::number_of(key.number, name).map(Some)
}

/// An error where a value that is to be about a person is not about the one of a name: a check of its table asks, after all triggers. What nobody can open any more is about nobody
/// else.
pub fn require_about(bytes: &[u8], name: Option<&str>) -> Result<()> {
    let Form::Sealed(envelope) = form(bytes)? else {
        return Err(Error::envelope_broken());
    };
    // A dump is restored before its keys.
    let Ok(key) = key_of(&envelope) else { return Ok(()) };
    if !key.is_per_person {
        return Ok(());
    }
    let number = envelope.binding.person.filter(|number| *number != NOBODY);
    let number = number.ok_or_else(Error::person_differs)?;
    let is_noted = |name| person::is_noted(key.number, number, name);
    if name.is_some_and(is_noted) {
        return Ok(());
    }
    match (person::name_of(key.number, number), name) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Error::person_missing()),
        // Changes that are applied from elsewhere, and loads, fire no trigger.
        (Some(known), Some(name)) if known == name && (user::fires_no_triggers() || user::is_superuser()) => {
            Ok(())
        }
        (Some(_), Some(_)) => Err(Error::person_differs()),
    }
}

/// The current version of the key of a modifier; `None` where it is that of no key that lives.
pub fn current_version(modifier: i32) -> Result<Option<i32>> {
    let key = Modifier::of(modifier).key()?;
    Ok(key
        .filter(|key| !key.is_destroyed && key.has_versions())
        .map(|key| key.version.cast_signed()))
}

/// Whether what a modifier seals is about persons.
pub fn is_per_person(modifier: i32) -> Result<bool> {
    Ok(Modifier::of(modifier).key()?.is_some_and(|key| key.is_per_person))
}

/// Whether this database has a key per person.
pub fn has_persons() -> bool {
    keys().has_persons()
}
