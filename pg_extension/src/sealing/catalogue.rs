//! The keys of this database, as this backend knows them: what they are called, who may unseal with them, and, unwrapped when they are first needed, their bits.

use super::key::{self, Pair, Tagging};
use crate::error::{Error, Result};
use crate::sys::secret::{self, Secret};
use crate::sys::spi::{self, arg, statements};
use crate::sys::{Oid, database, extension, lock, random, relation};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use vpd_text::sealed::{TAG_BYTES, is_key_name};

statements! {
    KEYS = scanning "sealing/keys.sql";
    WRAPPED = "sealing/wrapped.sql";
    INSERT = "sealing/insert_key.sql";
    INSERT_VERSION = "sealing/insert_version.sql";
    LOCK = "sealing/lock_key.sql";
    LAST_VERSION = "sealing/last_version.sql";
    DESTROY = "sealing/destroy_key.sql";
    DESTROY_VERSIONS = "sealing/destroy_versions.sql";
}

/// The version under which the key that makes tags is kept. Rotation leaves it alone.
const TAGS: i32 = 0;
const PLACE_OF_MAC: usize = 32;
const MAX_MASK_BYTES: usize = 1024;

thread_local! {
    static KNOWN: RefCell<Option<Rc<Keys>>> = const { RefCell::new(None) };
    static TABLE: Cell<Option<Oid>> = const { Cell::new(None) };
    static FORGOTTEN: Cell<u64> = const { Cell::new(0) };
}

/// All of them.
pub struct Keys {
    keys: Vec<Rc<Key>>,
}

/// What stands for a value that a session may not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hidden {
    Mask(String),
    Null,
    Error,
}

/// A key.
pub struct Key {
    pub number: u32,
    pub name: String,
    pub is_searchable: bool,
    /// The privilege that unseals.
    pub privilege: String,
    pub hidden: Hidden,
    pub is_destroyed: bool,
    /// The version that seals.
    pub version: u32,
    versions: RefCell<HashMap<u32, Rc<Pair>>>,
    tagging: OnceCell<Tagging>,
}

/// What a new key is to be.
pub struct Definition {
    pub name: String,
    pub privilege: String,
    pub is_searchable: bool,
    pub hidden: Hidden,
}

/// The keys. Reads the table the first time and after a change.
pub fn keys() -> Rc<Keys> {
    if let Some(known) = KNOWN.with_borrow(Clone::clone) {
        return known;
    }
    let before = FORGOTTEN.get();
    let is_installed = extension::is_installed();
    // The table comes late in CREATE EXTENSION and goes early in DROP.
    let table = if is_installed {
        lock::table(c"sealing_key")
    } else {
        None
    };
    TABLE.set(table);
    let loaded = Rc::new(Keys {
        // Where there is no key the file says so: a read would count as one of every serializable transaction.
        keys: match table {
            Some(table) if !relation::is_without_blocks(table) => spi::announced(load),
            Some(_) | None => Vec::new(),
        },
    });
    if before == FORGOTTEN.get() && is_installed == table.is_some() {
        KNOWN.set(Some(Rc::clone(&loaded)));
    }
    loaded
}

fn load() -> Vec<Rc<Key>> {
    KEYS.with(|statement| {
        statement.query(&[], |row| {
            Rc::new(Key {
                number: row.required::<i32>(1).unsigned_abs(),
                name: row.required(2),
                is_searchable: row.required(3),
                privilege: row.required(4),
                hidden: match row.required::<String>(5).as_str() {
                    "null" => Hidden::Null,
                    "error" => Hidden::Error,
                    _ => Hidden::Mask(row.required(6)),
                },
                is_destroyed: row.required(7),
                version: row.required::<i32>(8).unsigned_abs(),
                versions: RefCell::default(),
                tagging: OnceCell::new(),
            })
        })
    })
}

/// A relation changed, or all: keys are read again when it is theirs.
pub fn relation_changed(changed: Option<Oid>) {
    if changed.is_none() || changed == TABLE.get() {
        forget();
    }
}

/// Whatever was known may be gone with the extension, or come with it.
pub fn forget() {
    FORGOTTEN.set(FORGOTTEN.get().wrapping_add(1));
    let forgotten = KNOWN.take();
    drop(forgotten);
}

/// Whether this database has a key.
pub fn is_any() -> bool {
    !keys().keys.is_empty()
}

/// Rises whenever the keys may have changed.
pub fn state() -> u64 {
    FORGOTTEN.get()
}

impl Keys {
    pub fn named(&self, name: &str) -> Result<&Rc<Key>> {
        self.keys
            .iter()
            .find(|key| key.name == name)
            .ok_or_else(|| Error::key_not_found(name))
    }

    pub fn numbered(&self, number: u32) -> Option<&Rc<Key>> {
        self.keys.iter().find(|key| key.number == number)
    }
}

impl Key {
    /// Whether its bits are here: those of a database that is being restored may come later.
    pub fn has_versions(&self) -> bool {
        self.version != TAGS.unsigned_abs()
    }

    /// The pair of a version.
    pub fn pair(&self, version: u32) -> Result<Rc<Pair>> {
        if version == TAGS.unsigned_abs() {
            return Err(Error::envelope_broken());
        }
        if let Some(known) = self.versions.borrow().get(&version) {
            return Ok(Rc::clone(known));
        }
        let bits = self.unwrapped(i32::try_from(version).unwrap_or(i32::MAX))?;
        let pair = Rc::new(Pair::of(bits.bits(), "column")?);
        self.versions.borrow_mut().insert(version, Rc::clone(&pair));
        Ok(pair)
    }

    /// The tag of a value.
    pub fn tag(&self, normal: &[u8]) -> Result<[u8; TAG_BYTES]> {
        if !self.is_searchable {
            return Err(Error::not_searchable(&self.name));
        }
        if let Some(known) = self.tagging.get() {
            return Ok(known.tag(normal));
        }
        let tagging = Tagging::of(self.unwrapped(TAGS)?.bits())?;
        Ok(self.tagging.get_or_init(|| tagging).tag(normal))
    }

    fn unwrapped(&self, version: i32) -> Result<Secret> {
        if self.is_destroyed {
            return Err(Error::key_destroyed(&self.name));
        }
        let found = spi::announced(|| {
            WRAPPED.with(|statement| {
                statement.query_one(&[arg(self.number.cast_signed()), arg(version)], |row| {
                    (row.required::<String>(1), row.required::<Vec<u8>>(2))
                })
            })
        });
        let (master, wrapped) = found.ok_or_else(Error::envelope_broken)?;
        unwrap(&master, &beside(self.number, version), &wrapped)
    }
}

/// Makes a key. Nobody is told its bits; they are wrapped with the current master key.
pub fn create(definition: &Definition) -> Result<()> {
    if !is_key_name(&definition.name) {
        return Err(Error::argument(
            "a key is named by lower-case letters, digits and underscores, a letter first, at most 63",
            "The name stands in the types of columns and in dumps.",
        ));
    }
    if !database::is_utf8() {
        return Err(Error::not_ready(
            "sealed columns need a database with the encoding UTF8",
            "Create the database with ENCODING 'UTF8'.",
        ));
    }
    let (kind, mask) = match &definition.hidden {
        Hidden::Mask(mask) if mask.len() > MAX_MASK_BYTES || mask.starts_with("vpd:sealed:") => {
            return Err(Error::argument(
                "the mask is too long, or looks like a sealed value",
                "Give at most 1024 bytes.",
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
    if confirmation != name {
        return Err(Error::argument(
            "destroying a key is confirmed by its name",
            "Give the name of the key once more as confirm. Everything that it sealed is lost for good, backups included.",
        ));
    }
    let (number, _) = living(name)?;
    DESTROY_VERSIONS.with(|statement| statement.execute(&[arg(number)]));
    DESTROY.with(|statement| statement.execute(&[arg(number)]));
    announce();
    Ok(())
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
    let master = secret::master_names()
        .into_iter()
        .next()
        .ok_or_else(Error::master_key_missing)?;
    let mut bits = random::bytes().ok_or_else(key::no_randomness)?;
    let wrapped = wrap(&master, &beside(number.unsigned_abs(), version), &bits);
    secret::wipe(&mut bits);
    INSERT_VERSION.with(|statement| {
        statement.execute(&[arg(number), arg(version), arg(master), arg(wrapped?)]);
        Ok(())
    })
}

/// Every backend reads the keys again.
fn announce() {
    if let Some(table) = lock::table(c"sealing_key") {
        relation::announce_change(table);
    }
}

/// What a wrapped key is bound to: it cannot be put in the place of another.
fn beside(number: u32, version: i32) -> Vec<u8> {
    format!("pg_vpd key {number} version {version}").into_bytes()
}

fn wrapping(master: &str) -> Result<Pair> {
    Pair::of(
        secret::master(master).ok_or_else(Error::master_key_missing)?,
        "wrapping",
    )
}

fn wrap(master: &str, beside: &[u8], bits: &[u8; 32]) -> Result<Vec<u8>> {
    wrapping(master)?.close(Vec::new(), beside, bits)
}

fn unwrap(master: &str, beside: &[u8], wrapped: &[u8]) -> Result<Secret> {
    let parts = wrapped.split_first_chunk::<16>().and_then(|(iv, rest)| {
        rest.split_last_chunk::<PLACE_OF_MAC>()
            .map(|(ciphertext, mac)| (iv, ciphertext, mac))
    });
    let (iv, ciphertext, mac) = parts.ok_or_else(Error::envelope_broken)?;
    let covered = &wrapped[..wrapped.len() - PLACE_OF_MAC];
    let mut bits = wrapping(master)?.open(covered, beside, iv, ciphertext, mac)?;
    let whole = <&[u8; 32]>::try_from(bits.as_slice()).map_err(|_| Error::envelope_broken());
    let secret = whole.and_then(|whole| Secret::filled(|place| place.copy_from_slice(whole)));
    secret::wipe(&mut bits);
    secret
}

/// A number for a key or a column that hardly anybody has: 1 up to 2^30, so that those of a restored database meet no others.
pub fn random_number() -> Result<u32> {
    let bytes = random::bytes().ok_or_else(key::no_randomness)?;
    let number = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    Ok((number & 0x3fff_ffff).max(1))
}
