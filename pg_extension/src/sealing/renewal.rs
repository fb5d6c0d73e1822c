//! Values that are sealed anew where they are: with the current version of their key, or about the person that their row names. Nobody sees them open.

use super::catalogue::{Key, keys};
use super::column::Modifier;
use super::envelope::{form, key_of, seal, unseal};
use super::person;
use crate::error::{Error, Result};
use crate::sys::{secret, user};
use std::cell::Cell;
use vpd_text::sealed::{Envelope, Form};

thread_local! {
    static IS_RENEWING: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, `vpd_private.renewed` answers: what is sealed anew is written by the library alone.
pub struct Renewing(());

impl Renewing {
    pub fn begin() -> Self {
        IS_RENEWING.set(true);
        Self(())
    }
}

impl Drop for Renewing {
    fn drop(&mut self) {
        IS_RENEWING.set(false);
    }
}

/// The version of the key that sealed a value; 0 for one that is to be about a person and is about nobody yet, -1 for one that a former version sealed about somebody who was
/// forgotten, `None` for what is not sealed.
pub fn version(bytes: &[u8]) -> Result<Option<i32>> {
    let Form::Sealed(envelope) = form(bytes)? else {
        return Ok(None);
    };
    let version = envelope.binding.version.cast_signed();
    // Without its key nobody can tell more.
    let Ok(key) = key_of(&envelope) else {
        return Ok(Some(version));
    };
    Ok(Some(match envelope.binding.person {
        None if key.is_per_person => 0,
        Some(person) if envelope.binding.version < key.version && !person::is_known(key.number, person) => -1,
        _ => version,
    }))
}

/// A value sealed with the current version of its key, about a person where the key asks for one. What nobody can open any more stays as it is.
pub fn renewed(bytes: &[u8], name: Option<&str>) -> Result<Vec<u8>> {
    if !IS_RENEWING.get() {
        return Err(Error::argument(
            "values are sealed anew by the library alone",
            "Call vpd.reseal.",
        ));
    }
    anew(bytes, name, true).map(|renewed| renewed.unwrap_or_else(|| bytes.to_vec()))
}

/// A value about the person that its row names; `None` where it is already.
pub fn about(bytes: &[u8], name: Option<&str>) -> Result<Option<Vec<u8>>> {
    anew(bytes, name, false)
}

fn anew(bytes: &[u8], name: Option<&str>, is_current_wanted: bool) -> Result<Option<Vec<u8>>> {
    let Form::Sealed(envelope) = form(bytes)? else {
        return Err(Error::envelope_broken());
    };
    let key = key_of(&envelope)?;
    let person = person_of(&key, &envelope, name)?;
    let is_current = !is_current_wanted || envelope.binding.version == key.version;
    if is_current && person == envelope.binding.person {
        return Ok(None);
    }
    let mut plain = match unseal(&envelope) {
        // Whoever it was about was forgotten.
        Err(error) if error.code() == "person_forgotten" => return Ok(None),
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
    let Some(number) = envelope.binding.person else {
        return Err(Error::person_differs());
    };
    let is_noted = |name| person::is_noted(key.number, number, name);
    if name.is_some_and(is_noted) || !person::is_known(key.number, number) {
        return Ok(());
    }
    match name {
        None => Err(Error::person_missing()),
        // Changes that are applied from elsewhere, and loads, fire no trigger.
        Some(name)
            if (user::fires_no_triggers() || user::is_superuser())
                && person::name_of(key.number, number).is_some_and(|known| known == name) =>
        {
            Ok(())
        }
        Some(_) => Err(Error::person_differs()),
    }
}

fn person_of(key: &Key, envelope: &Envelope<'_>, name: Option<&str>) -> Result<Option<u64>> {
    match name {
        _ if !key.is_per_person => Ok(None),
        Some(name) => person::number_of(key.number, name).map(Some),
        None if envelope.binding.person.is_some() => Ok(envelope.binding.person),
        None => Err(Error::person_missing()),
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
