//! AES-256 in CBC mode (NIST SP 800-38A), by pgcrypto. Its functions are found by what they are and called by their OIDs, so that whoever owns the
//! extension pgcrypto, or a schema, puts none of his own in their place.
//!
//! Invariants: nothing is encrypted or decrypted before a known answer was compared, because ciphers of some versions returned what they were given; no copy of a key stays in memory that
//! a core dump would hold.

use super::secret;
use super::spi::{arg, statements};
use crate::error::{Error, Result};
use pgrx::{FromDatum, IntoDatum, pg_sys};
use std::cell::Cell;

statements! {
    /// The functions of pgcrypto, by their names in its library.
    FUNCTION = "sealing/cipher.sql";
}

thread_local! {
    static KNOWN: Cell<Option<Cipher>> = const { Cell::new(None) };
}

#[derive(Clone, Copy)]
struct Cipher {
    encrypt: pg_sys::Oid,
    decrypt: pg_sys::Oid,
}

/// NIST SP 800-38A, F.2.5: key, IV, first block, and what it becomes.
const KEY: [u8; 32] = [
    0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae, 0xf0, 0x85, 0x7d, 0x77, 0x81, 0x1f,
    0x35, 0x2c, 0x07, 0x3b, 0x61, 0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4,
];
const IV: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const PLAIN: [u8; 16] = [
    0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
];
const ENCRYPTED: [u8; 16] = [
    0xf5, 0x8c, 0x4c, 0x04, 0xd6, 0xe5, 0xf1, 0xba, 0x77, 0x9e, 0xab, 0xfb, 0x5f, 0x7b, 0xfb, 0xd6,
];

/// Encrypts bytes, which are filled up to whole blocks (RFC 5652, 6.3).
pub fn encrypt(key: &[u8; 32], iv: &[u8; 16], plain: &[u8]) -> Result<Vec<u8>> {
    call(cipher()?.encrypt, key, iv, plain)
}

/// Decrypts what `encrypt` made.
pub fn decrypt(key: &[u8; 32], iv: &[u8; 16], encrypted: &[u8]) -> Result<Vec<u8>> {
    call(cipher()?.decrypt, key, iv, encrypted)
}

/// Some function was made, changed or dropped.
pub(super) fn functions_changed() {
    KNOWN.set(None);
}

fn cipher() -> Result<Cipher> {
    if let Some(known) = KNOWN.get() {
        return Ok(known);
    }
    let [encrypt, decrypt] = ["pg_encrypt_iv", "pg_decrypt_iv"]
        .map(|name| FUNCTION.with(|statement| statement.query_one(&[arg(name)], |row| row.required(1))));
    let (Some(encrypt), Some(decrypt)) = (encrypt, decrypt) else {
        return Err(Error::cipher_missing("the functions of pgcrypto are missing"));
    };
    let cipher = Cipher { encrypt, decrypt };
    let encrypted = call(encrypt, &KEY, &IV, &PLAIN)?;
    if encrypted.get(..16) != Some(&ENCRYPTED) || call(decrypt, &KEY, &IV, &encrypted)? != PLAIN {
        return Err(Error::cipher_missing("pgcrypto does not encrypt as AES-256 does"));
    }
    KNOWN.set(Some(cipher));
    Ok(cipher)
}

fn call(function: pg_sys::Oid, key: &[u8; 32], iv: &[u8; 16], bytes: &[u8]) -> Result<Vec<u8>> {
    let failed = || Error::cipher_missing("pgcrypto returned nothing");
    // SAFETY: the function takes three byteas and a text, as the look-up demands, and returns a bytea. The copy of the key that it is given is wiped
    // before its memory is given back.
    unsafe {
        let data = bytes.into_datum().ok_or_else(failed)?;
        let secret = key.as_slice().into_datum().ok_or_else(failed)?;
        let vector = iv.as_slice().into_datum().ok_or_else(failed)?;
        let kind = "aes-cbc/pad:pkcs".into_datum().ok_or_else(failed)?;
        let freed = Freed;
        let result = pg_sys::OidFunctionCall4Coll(function, pg_sys::InvalidOid, data, secret, vector, kind);
        drop(freed);
        let copied = secret.cast_mut_ptr::<u8>();
        secret::wipe(std::slice::from_raw_parts_mut(
            copied.add(pg_sys::VARHDRSZ),
            key.len(),
        ));
        wipe_value(data, bytes.len());
        let plain_or_not = Vec::<u8>::from_datum(result, false).ok_or_else(failed)?;
        wipe_value(result, plain_or_not.len());
        for given in [data, secret, vector, kind, result] {
            pg_sys::pfree(given.cast_mut_ptr());
        }
        Ok(plain_or_not)
    }
}

/// pgcrypto gives its copies of a key back as they are: one of 32 bytes where it was called, one in the memory of the process, with its cipher. Whoever asks for memory of their sizes next
/// gets them: when this goes, after an error too, they are overwritten.
struct Freed;

impl Drop for Freed {
    fn drop(&mut self) {
        // SAFETY: both contexts are valid as long as the process; memory that is had here is overwritten up to the size that was asked for, and given back. Where
        // there is none, none was freed either.
        unsafe {
            for (context, size) in [
                (pg_sys::CurrentMemoryContext, 32),
                (pg_sys::CurrentMemoryContext, 64),
                (pg_sys::TopMemoryContext, 256),
            ] {
                let places = [(); 3].map(|()| {
                    pg_sys::MemoryContextAllocExtended(context, size, pg_sys::MCXT_ALLOC_NO_OOM as i32)
                        .cast::<u8>()
                });
                for place in places.into_iter().filter(|place| !place.is_null()) {
                    secret::wipe(std::slice::from_raw_parts_mut(place, size));
                    pg_sys::pfree(place.cast());
                }
            }
        }
    }
}

/// Wipes a value that was made here, or for us: one of both directions is open.
unsafe fn wipe_value(value: pg_sys::Datum, length: usize) {
    // SAFETY: a varlena with a header of four bytes and so many behind it.
    unsafe {
        let bytes = value.cast_mut_ptr::<u8>().add(pg_sys::VARHDRSZ);
        secret::wipe(std::slice::from_raw_parts_mut(bytes, length));
    }
}
