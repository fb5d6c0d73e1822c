//! Keys of persons. What is sealed about somebody takes his key beside the one of the column: whoever destroys it forgets him, in every copy.
//!
//! A person is known by a name within a key, and by a random number in sealed values.

use super::wrapping::{self, Wrapped};
use crate::error::{Error, Result};
use crate::sys::isolation;
use crate::sys::lock::Sealed;
use crate::sys::random;
use crate::sys::secret::Secret;
use crate::sys::spi::{self, arg, statements};
use std::cell::RefCell;
use std::collections::HashMap;

statements! {
    FIND = "sealing/find_person.sql";
    NAME = "sealing/name_of_person.sql";
    WRAPPED = "sealing/wrapped_person.sql";
    INSERT = "sealing/insert_person.sql";
    FORGET = "sealing/forget_person.sql";
    OUTDATED = scanning "sealing/outdated_persons.sql";
    REWRAP = "sealing/rewrap_person.sql";
}

thread_local! {
    /// Names of persons that this backend has met, by key and number.
    static NOTED: RefCell<HashMap<(u32, u64), String>> = RefCell::default();
}

const MAX_NAME_BYTES: usize = 1024;
const MAX_NOTED: usize = 1024;
/// How often a name may be made and taken back by others before we have it.
const ATTEMPTS: usize = 8;

/// The name of a person among those of all kinds.
pub fn full_name(kind: &str, name: &str) -> String {
    format!("{kind}:{name}")
}

/// The number of a person, who gets a key when he has none. Nobody forgets him before the transaction ends.
pub fn number_of(key: u32, name: &str) -> Result<u64> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Error::argument(
            "the name of a person is empty or longer than 1024 bytes",
            "Name persons by a short key, such as the number of a customer.",
        ));
    }
    let number = isolation::as_read_committed(|| find_or_make(key, name))?;
    NOTED.with_borrow_mut(|noted| {
        let known = noted.get(&(key, number));
        if known.is_none_or(|known| known != name) {
            if noted.len() >= MAX_NOTED {
                noted.clear();
            }
            noted.insert((key, number), name.to_owned());
        }
    });
    Ok(number)
}

/// Whether a number is that of a person whom this backend has met under a name. A number is never given to somebody else.
pub fn is_noted(key: u32, number: u64, name: &str) -> bool {
    NOTED.with_borrow(|noted| noted.get(&(key, number)).is_some_and(|known| known == name))
}

/// The name of the person of a number, who was not forgotten.
pub fn name_of(key: u32, number: u64) -> Option<String> {
    NAME.with(|statement| {
        statement.query_one(&[arg(key.cast_signed()), arg(number.cast_signed())], |row| {
            row.required::<String>(1)
        })
    })
}

fn find_or_make(key: u32, name: &str) -> Result<u64> {
    for _ in 0..ATTEMPTS {
        // Locked as a foreign key locks what it points to. Nothing is remembered: a name that was made in a savepoint may be gone.
        let found = FIND.with(|statement| {
            statement
                .modify(&[arg(key.cast_signed()), arg(name)], |row| row.required::<i64>(1))
                .pop()
        });
        if let Some(number) = found {
            return Ok(number.cast_unsigned());
        }
        Sealed::Person(name).hold();
        let number = random_number()?;
        let wrapped = wrapping::new_bits(&purpose(key, number))?;
        INSERT.with(|statement| {
            statement.execute(&[
                arg(key.cast_signed()),
                arg(number.cast_signed()),
                arg(name),
                arg(wrapped.master),
                arg(wrapped.bytes),
            ])
        });
    }
    Err(Error::not_ready(
        "the person is being made and forgotten by others",
        "Try again.",
    ))
}

/// The bits of a person's key; an error for one who was forgotten.
pub fn bits(key: u32, number: u64) -> Result<Secret> {
    let found = spi::announced(|| {
        WRAPPED.with(|statement| {
            statement.query_one(&[arg(key.cast_signed()), arg(number.cast_signed())], |row| {
                Wrapped::read(row, 1)
            })
        })
    });
    wrapping::unwrap(&purpose(key, number), &found.ok_or_else(Error::person_forgotten)?)
}

/// Destroys every key of a person, which nobody is told of here; returns how many there were.
pub fn forget(name: &str) -> Result<u64> {
    let forgotten = FORGET.with(|statement| statement.execute(&[arg(name)]));
    if forgotten == 0 {
        return Err(Error::person_unknown());
    }
    Ok(forgotten)
}

/// Wraps the keys of all persons with the current master key; returns how many it was.
pub fn rewrap() -> Result<u64> {
    let current = wrapping::current_master()?;
    let outdated = OUTDATED.with(|statement| {
        statement.modify(&[arg(current)], |row| {
            (
                (row.required::<i32>(1), row.required::<i64>(2)),
                Wrapped::read(row, 3),
            )
        })
    });
    wrapping::rewrap(
        outdated,
        |(key, number)| purpose(key.cast_unsigned(), number.cast_unsigned()),
        |(key, number), anew| {
            REWRAP.with(|statement| {
                statement.execute(&[arg(key), arg(number), arg(anew.master), arg(anew.bytes)])
            })
        },
    )
}

fn purpose(key: u32, number: u64) -> String {
    format!("pg_vpd key {key} person {number}")
}

fn random_number() -> Result<u64> {
    let bytes = random::bytes().ok_or_else(super::key::no_randomness)?;
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[..8]);
    Ok((u64::from_be_bytes(number) >> 1).max(1))
}
