//! The keys of this database, as this backend knows them: what they are called, who may unseal with them, and, unwrapped when they are first needed, their bits.

use super::key::{self, Pair, Tagging};
use super::person;
use super::provisional::{self, NOBODY};
use super::wrapping::{self, Wrapped};
use crate::error::{Error, Result};
use crate::sys::secret::Secret;
use crate::sys::spi::{self, arg, statements};
use crate::sys::{Oid, extension, lock, random, relation};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use vpd_text::sealed::TAG_BYTES;

statements! {
    KEYS = scanning "sealing/keys.sql";
    WRAPPED = "sealing/wrapped.sql";
}

/// The version under which the key that makes tags is kept. Rotation leaves it alone.
pub const TAGS: i32 = 0;
/// Pairs of a key that are kept ready; with keys of persons there may be very many.
const MAX_PAIRS: usize = 4096;

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

/// Pairs of versions, and of persons.
type Pairs = HashMap<(u32, Option<u64>), Rc<Pair>>;

/// A key.
pub struct Key {
    pub number: u32,
    pub name: String,
    pub is_searchable: bool,
    /// Whether what it seals takes the key of a person as well.
    pub is_per_person: bool,
    /// The privilege that unseals.
    pub privilege: String,
    pub hidden: Hidden,
    pub is_destroyed: bool,
    /// The version that seals.
    pub version: u32,
    pairs: RefCell<Pairs>,
    /// Bits of versions that keys of persons are joined with.
    bits: RefCell<HashMap<u32, Rc<Secret>>>,
    tagging: OnceCell<Tagging>,
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
                is_per_person: row.required(4),
                privilege: row.required(5),
                hidden: match row.required::<String>(6).as_str() {
                    "null" => Hidden::Null,
                    "error" => Hidden::Error,
                    _ => Hidden::Mask(row.required(7)),
                },
                is_destroyed: row.required(8),
                version: row.required::<i32>(9).unsigned_abs(),
                pairs: RefCell::default(),
                bits: RefCell::default(),
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

/// The name of a key.
pub fn key_name(number: u32) -> Option<String> {
    keys().numbered(number).map(|key| key.name.clone())
}

/// Whether equal values of a key can be told.
pub fn is_searchable(name: &str) -> Result<bool> {
    keys().named(name).map(|key| key.is_searchable)
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

    /// Whether one of them is per person.
    pub fn has_persons(&self) -> bool {
        self.keys.iter().any(|key| key.is_per_person)
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

    /// The pair of a version, and of a person.
    pub fn pair(&self, version: u32, person: Option<u64>) -> Result<Rc<Pair>> {
        if version == TAGS.unsigned_abs() {
            return Err(Error::envelope_broken());
        }
        if person == Some(NOBODY) {
            return provisional::pair(self.number, version, &*self.kept_bits(version)?);
        }
        if let Some(known) = self.pairs.borrow().get(&(version, person)) {
            return Ok(Rc::clone(known));
        }
        let pair = Rc::new(match person {
            None => Pair::of(self.unwrapped(version)?.bits(), "column")?,
            Some(number) => {
                let person = person::bits(self.number, number)?;
                Pair::of_person(self.kept_bits(version)?.bits(), person.bits())?
            }
        });
        let mut pairs = self.pairs.borrow_mut();
        if pairs.len() >= MAX_PAIRS {
            pairs.clear();
        }
        pairs.insert((version, person), Rc::clone(&pair));
        Ok(pair)
    }

    /// Whether a version is there, and was not destroyed.
    pub fn has(&self, version: u32) -> bool {
        version == self.version
            || self.pairs.borrow().contains_key(&(version, None))
            || self.bits.borrow().contains_key(&version)
            || self.kept_bits(version).is_ok()
    }

    fn kept_bits(&self, version: u32) -> Result<Rc<Secret>> {
        if let Some(known) = self.bits.borrow().get(&version) {
            return Ok(Rc::clone(known));
        }
        let bits = Rc::new(self.unwrapped(version)?);
        self.bits.borrow_mut().insert(version, Rc::clone(&bits));
        Ok(bits)
    }

    /// The tag of a value.
    pub fn tag(&self, normal: &[u8]) -> Result<[u8; TAG_BYTES]> {
        if !self.is_searchable {
            return Err(Error::not_searchable(&self.name));
        }
        if let Some(known) = self.tagging.get() {
            return Ok(known.tag(normal));
        }
        let tagging = Tagging::of(self.unwrapped(TAGS.unsigned_abs())?.bits())?;
        Ok(self.tagging.get_or_init(|| tagging).tag(normal))
    }

    fn unwrapped(&self, version: u32) -> Result<Secret> {
        if self.is_destroyed {
            return Err(Error::key_destroyed(&self.name));
        }
        let kept = i32::try_from(version).unwrap_or(i32::MAX);
        let found = spi::announced(|| {
            WRAPPED.with(|statement| {
                statement.query_one(&[arg(self.number.cast_signed()), arg(kept)], |row| {
                    Wrapped::read(row, 1)
                })
            })
        });
        match found {
            Some(wrapped) => wrapping::unwrap(&purpose(self.number, kept), &wrapped),
            // A former version that is not there was destroyed.
            None if version < self.version => Err(Error::key_destroyed(&self.name)),
            None => Err(Error::envelope_broken()),
        }
    }
}

/// What the bits of a version are for.
pub fn purpose(number: u32, version: i32) -> String {
    format!("pg_vpd key {number} version {version}")
}

/// Every backend reads the keys again.
pub fn announce() {
    if let Some(table) = lock::table(c"sealing_key") {
        relation::announce_change(table);
    }
}

/// A number for a key or a column that hardly anybody has: 1 up to 2^30, so that those of a restored database meet no others.
pub fn random_number() -> Result<u32> {
    let bytes = random::bytes().ok_or_else(key::no_randomness)?;
    let number = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    Ok((number & 0x3fff_ffff).max(1))
}
