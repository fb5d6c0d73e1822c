//! Changes of keys: created, rotated, destroyed, wrapped with another master key.

use super::catalogue::{Hidden, TAGS, announce, purpose, random_number};
use super::person;
use super::wrapping::{self, Wrapped};
use crate::error::{Error, Result};
use crate::sys::database;
use crate::sys::lock::Sealed;
use crate::sys::spi::{arg, statements};
use vpd_text::name::is_name;
use vpd_text::sealed::{PREFIX, is_key_name};

statements! {
    INSERT = "sealing/insert_key.sql";
    INSERT_VERSION = "sealing/insert_version.sql";
    LOCK = "sealing/lock_key.sql";
    LAST_VERSION = "sealing/last_version.sql";
    DESTROY = "sealing/destroy_key.sql";
    DESTROY_VERSION = "sealing/destroy_version.sql";
    DESTROY_VERSIONS = "sealing/destroy_versions.sql";
    DESTROY_PERSONS = "sealing/destroy_persons.sql";
    OUTDATED = scanning "sealing/outdated_versions.sql";
    REWRAP = "sealing/rewrap_version.sql";
}

const MAX_MASK_BYTES: usize = 1024;

/// What a new key is to be.
pub struct Definition {
    pub name: String,
    pub privilege: String,
    pub is_searchable: bool,
    pub is_per_person: bool,
    pub hidden: Hidden,
}

/// Makes a key. Nobody is told its bits; they are wrapped with the current master key.
pub fn create(definition: &Definition) -> Result<()> {
    if !is_key_name(&definition.name) {
        return Err(Error::argument(
            "a key is named by lower-case letters, digits and underscores, a letter first, at most 63",
            "The name stands in the types of columns and in dumps.",
        ));
    }
    if definition.is_searchable && definition.is_per_person {
        return Err(Error::argument(
            "a key per person cannot be searchable",
            "The tags by which equal values are found would outlive the persons. Search by another column.",
        ));
    }
    if !database::is_utf8() {
        return Err(Error::not_ready(
            "sealed columns need a database with the encoding UTF8",
            "Create the database with ENCODING 'UTF8'.",
        ));
    }
    if !is_name(&definition.privilege) {
        return Err(Error::argument(
            "the privilege is not usable",
            "Name one as action or resource:action, with 1 to 256 characters.",
        ));
    }
    let (kind, mask) = match &definition.hidden {
        Hidden::Mask(mask) if mask.len() > MAX_MASK_BYTES || mask.starts_with(PREFIX) => {
            return Err(Error::argument(
                "the mask is too long, or looks like a sealed value",
                "Give at most 1024 bytes, which do not begin with vpd:sealed:.",
            ));
        }
        Hidden::Mask(mask) => ("mask", mask.as_str()),
        Hidden::Null => ("null", ""),
        Hidden::Error => ("error", ""),
    };
    let number = i32::try_from(random_number()?).unwrap_or(i32::MAX);
    let added = INSERT.with(|statement| {
        statement.execute(&[
            arg(number),
            arg(definition.name.as_str()),
            arg(definition.is_searchable),
            arg(definition.is_per_person),
            arg(definition.privilege.as_str()),
            arg(kind),
            arg(mask),
        ])
    });
    if added == 0 {
        return Err(Error::key_exists(&definition.name));
    }
    for version in [TAGS, 1] {
        if version != TAGS || definition.is_searchable {
            add_version(number, version)?;
        }
    }
    announce();
    Ok(())
}

/// Makes another version of a key, which seals from now on; the former ones still unseal. Returns its number.
pub fn rotate(name: &str) -> Result<i32> {
    let (number, version) = living(name)?;
    add_version(number, version + 1)?;
    announce();
    Ok(version + 1)
}

/// Destroys a key in all its versions: what it sealed cannot be read any more, wherever a copy of it lies.
pub fn destroy(name: &str, confirmation: &str) -> Result<()> {
    require_confirmed(name, confirmation)?;
    let (number, _) = living(name)?;
    DESTROY_VERSIONS.with(|statement| statement.execute(&[arg(number)]));
    DESTROY_PERSONS.with(|statement| statement.execute(&[arg(number)]));
    DESTROY.with(|statement| statement.execute(&[arg(number)]));
    announce();
    Ok(())
}

/// Destroys a former version of a key, which `used` found in no column. Nobody makes a column for the key meanwhile.
pub fn destroy_version(
    name: &str,
    confirmation: &str,
    version: i32,
    used: impl FnOnce(u32) -> Result<u64>,
) -> Result<()> {
    require_confirmed(name, confirmation)?;
    let (number, current) = living(name)?;
    if !(1..current).contains(&version) {
        return Err(Error::argument(
            "the version is not a former one of this key",
            "Make another version first, with vpd.rotate_key; see the view vpd.key_usage.",
        ));
    }
    Sealed::Key(number.unsigned_abs()).own();
    let left = used(number.unsigned_abs())?;
    if left > 0 {
        return Err(Error::version_in_use(name, version, left));
    }
    if DESTROY_VERSION.with(|statement| statement.execute(&[arg(number), arg(version)])) == 0 {
        return Err(Error::key_destroyed(name));
    }
    announce();
    Ok(())
}

/// Wraps every key, those of persons too, with the current master key; returns how many were wrapped by another.
pub fn rewrap() -> Result<u64> {
    let current = wrapping::current_master()?;
    let outdated = OUTDATED.with(|statement| {
        statement.modify(&[arg(current)], |row| {
            (
                (row.required::<i32>(1), row.required::<i32>(2)),
                Wrapped::read(row, 3),
            )
        })
    });
    let versions = wrapping::rewrap(
        outdated,
        |(key, version)| purpose(key.cast_unsigned(), version),
        |(key, version), anew| {
            REWRAP.with(|statement| {
                statement.execute(&[arg(key), arg(version), arg(anew.master), arg(anew.bytes)])
            })
        },
    )?;
    Ok(versions + person::rewrap()?)
}

/// Destroys every key of a person; returns how many there were. Before that `check` may refuse it, while nobody begins to write about him.
pub fn forget_person(name: &str, check: impl FnOnce() -> Result<()>) -> Result<u64> {
    Sealed::Person(name).own();
    check()?;
    let forgotten = person::forget(name)?;
    announce();
    Ok(forgotten)
}

fn require_confirmed(name: &str, confirmation: &str) -> Result<()> {
    if confirmation == name {
        return Ok(());
    }
    Err(Error::argument(
        "destroying a key is confirmed by its name",
        "Give the name of the key once more as confirm. Everything that it sealed is lost for good, backups included.",
    ))
}

/// Number and version of a key that was not destroyed. Nobody else changes it until the transaction ends.
fn living(name: &str) -> Result<(i32, i32)> {
    let found = LOCK.with(|statement| {
        statement
            .modify(&[arg(name)], |row| {
                (row.required::<i32>(1), row.required::<bool>(2))
            })
            .pop()
    });
    let (number, is_destroyed) = found.ok_or_else(|| Error::key_not_found(name))?;
    if is_destroyed {
        return Err(Error::key_destroyed(name));
    }
    let version =
        LAST_VERSION.with(|statement| statement.query_one(&[arg(number)], |row| row.required::<i32>(1)));
    Ok((number, version.unwrap_or_default()))
}

fn add_version(number: i32, version: i32) -> Result<()> {
    let wrapped = wrapping::new_bits(&purpose(number.unsigned_abs(), version))?;
    INSERT_VERSION.with(|statement| {
        statement.execute(&[arg(number), arg(version), arg(wrapped.master), arg(wrapped.bytes)])
    });
    Ok(())
}
