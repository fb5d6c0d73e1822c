//! The hash that stands for a value: HMAC-SHA-256 (RFC 2104) with a key of this database, which comes from a random secret and the database's OID and is never shown.

use crate::error::{Error, Result};
use crate::sys::database;
use crate::sys::spi::statements;
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::fmt::Write;

/// Length of a block of SHA-256.
const BLOCK: usize = 64;

statements! {
    KEY = "mask/key.sql";
}

thread_local! {
    static KNOWN: Cell<Option<[u8; 32]>> = const { Cell::new(None) };
}

/// The hash of a value, as hexadecimal digits.
pub fn hash(value: &str) -> Result<String> {
    let digest = hmac(&key()?, value.as_bytes());
    Ok(digest.iter().fold(String::new(), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    }))
}

/// Forgets the key; another extension of the same name would have another.
pub fn forget() {
    KNOWN.set(None);
}

fn key() -> Result<[u8; 32]> {
    if let Some(known) = KNOWN.get() {
        return Ok(known);
    }
    let key = KEY
        .with(|statement| statement.query_one(&[], |row| row.get::<Vec<u8>>(1)))
        .flatten()
        .and_then(|key| <[u8; 32]>::try_from(key).ok())
        .ok_or_else(|| {
            Error::not_ready(
                "the key of vpd.mask_hash is missing",
                "Restore the row of vpd_private.mask_key, or create the extension again.",
            )
        })?;
    // A database that is made from this one as a template has a copy of the secret.
    let key = hmac(&key, &database::oid().to_be_bytes());
    KNOWN.set(Some(key));
    Ok(key)
}

fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let padded = |pad: u8| {
        let mut block = [pad; BLOCK];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_agrees_with_rfc_4231() {
        // Test case 1 has a key of 20 bytes, which HMAC pads with zeros to the block as it does one of 32.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let digest = hmac(&key, b"Hi There");
        assert_eq!(digest[..8], [0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53]);
    }
}
