//! The hash that stands for a value: HMAC-SHA-256 (RFC 2104) with a key of this database, which comes from a random secret and the database's OID and is never shown.

use crate::error::{Error, Result};
use crate::sealing;
use crate::sys::database;
use crate::sys::spi::statements;
use hmac::Mac;
use std::cell::Cell;
use std::fmt::Write;

statements! {
    KEY = "mask/key.sql";
}

thread_local! {
    static KNOWN: Cell<Option<[u8; 32]>> = const { Cell::new(None) };
}

/// The hash of a value, as hexadecimal digits.
pub fn hash(value: &str) -> Result<String> {
    Ok(hexadecimal(&hmac(&key()?, value.as_bytes())))
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
    sealing::hmac(key)
        .chain_update(message)
        .finalize()
        .into_bytes()
        .into()
}

fn hexadecimal(digest: &[u8; 32]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        let _written = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_agrees_with_rfc_4231() {
        let counted: Vec<u8> = (1..=25).collect();
        let cases: [(&[u8], &[u8], &str); 4] = [
            (
                &[0x0b; 20],
                b"Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 20],
                &[0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                &counted,
                &[0xcd; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            ),
        ];
        for (short, message, expected) in cases {
            let mut key = [0; 32];
            key[..short.len()].copy_from_slice(short);
            assert_eq!(hexadecimal(&hmac(&key, message)), expected);
        }
    }
}
