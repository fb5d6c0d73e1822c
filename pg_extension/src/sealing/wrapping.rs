//! How 256 bits lie in the database: wrapped with a master key that is not in it.

use super::key::{self, Pair};
use crate::error::{Error, Result};
use crate::sys::random;
use crate::sys::secret::{self, Secret};
use crate::sys::spi::Row;
use vpd_text::sealed::Closed;

/// Bits that a master key has wrapped.
pub struct Wrapped {
    /// The name of the master key.
    pub master: String,
    pub bytes: Vec<u8>,
}

impl Wrapped {
    /// Those of a row: the master key in one of its columns, the bytes in the next.
    pub fn read(row: &Row, first: i32) -> Self {
        Self {
            master: row.required(first),
            bytes: row.required(first + 1),
        }
    }
}

/// New random bits, wrapped with the current master key. What they are for is bound to them: they cannot be put in the place of others.
pub fn new_bits(purpose: &str) -> Result<Wrapped> {
    let mut bits = random::bytes().ok_or_else(key::no_randomness)?;
    let wrapped = wrap(purpose, &bits);
    secret::wipe(&mut bits);
    wrapped
}

/// The bits again.
pub fn unwrap(purpose: &str, wrapped: &Wrapped) -> Result<Secret> {
    let closed = Closed::read(&wrapped.bytes).ok_or_else(Error::envelope_broken)?;
    let mut bits = wrapping(&wrapped.master)?.open(purpose.as_bytes(), &closed)?;
    let whole = <&[u8; 32]>::try_from(bits.as_slice()).map_err(|_| Error::envelope_broken());
    let secret = whole.and_then(|whole| Secret::filled(|place| place.copy_from_slice(whole)));
    secret::wipe(&mut bits);
    secret
}

/// Wraps bits that another master key has wrapped with the current one: what they are for, and who writes them down. Returns how many were written.
pub fn rewrap<N: Copy>(
    outdated: Vec<(N, Wrapped)>,
    purpose: impl Fn(N) -> String,
    write: impl Fn(N, Wrapped) -> u64,
) -> Result<u64> {
    let mut count = 0;
    for (number, wrapped) in outdated {
        let purpose = purpose(number);
        let anew = wrap(&purpose, unwrap(&purpose, &wrapped)?.bits())?;
        count += write(number, anew);
    }
    Ok(count)
}

/// The name of the master key that wraps.
pub fn current_master() -> Result<String> {
    secret::master_names()
        .into_iter()
        .next()
        .ok_or_else(Error::master_key_missing)
}

fn wrap(purpose: &str, bits: &[u8; 32]) -> Result<Wrapped> {
    let master = current_master()?;
    let bytes = wrapping(&master)?.close(Vec::new(), purpose.as_bytes(), bits)?;
    Ok(Wrapped { master, bytes })
}

fn wrapping(master: &str) -> Result<Pair> {
    Pair::of(
        secret::master(master).ok_or_else(Error::master_key_missing)?,
        "wrapping",
    )
}
