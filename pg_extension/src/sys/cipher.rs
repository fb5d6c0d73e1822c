//! AES-256 in CBC mode (NIST SP 800-38A), by pgcrypto. Its functions are found by what they are and called by their OIDs, so that whoever owns the
//! extension pgcrypto, or a schema, puts none of his own in their place.
//!
//! Invariants: nothing is encrypted or decrypted before a known answer was compared, because ciphers of some versions returned what they were given; no copy of a key stays in memory that
//! a core dump would hold.

use super::secret;
use super::spi::{arg, statements};
use crate::error::{Error, Result};
use pgrx::{IntoDatum, pg_sys};
use std::cell::Cell;
use std::ffi::{c_int, c_void};

// Declared here to be called several within one boundary.
unsafe extern "C-unwind" {
    fn FunctionCall4Coll(
        function: *mut pg_sys::FmgrInfo,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
        third: pg_sys::Datum,
        fourth: pg_sys::Datum,
    ) -> pg_sys::Datum;
    fn MemoryContextAllocExtended(context: pg_sys::MemoryContext, size: usize, flags: c_int) -> *mut c_void;
    fn pfree(place: *mut c_void);
}

statements! {
    /// The functions of pgcrypto, by their names in its library.
    FUNCTION = "sealing/cipher.sql";
}

thread_local! {
    static KNOWN: Cell<Option<Cipher>> = const { Cell::new(None) };
}

#[derive(Clone, Copy)]
struct Cipher {
    encrypt: pg_sys::FmgrInfo,
    decrypt: pg_sys::FmgrInfo,
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
    let [encrypt, decrypt] = [encrypt, decrypt].map(|function| {
        let mut known = pg_sys::FmgrInfo::default();
        // SAFETY: looks a function up, whose library stays loaded; the context lives as long as the process.
        unsafe { pg_sys::fmgr_info_cxt(function, &mut known, pg_sys::TopMemoryContext) };
        known
    });
    let cipher = Cipher { encrypt, decrypt };
    let encrypted = call(encrypt, &KEY, &IV, &PLAIN)?;
    if encrypted.get(..16) != Some(&ENCRYPTED) || call(decrypt, &KEY, &IV, &encrypted)? != PLAIN {
        return Err(Error::cipher_missing("pgcrypto does not encrypt as AES-256 does"));
    }
    KNOWN.set(Some(cipher));
    Ok(cipher)
}

/// A known function is called without a look-up. The copy of the key that it is given is wiped when this returns, after an error too.
fn call(mut function: pg_sys::FmgrInfo, key: &[u8; 32], iv: &[u8; 16], bytes: &[u8]) -> Result<Vec<u8>> {
    let failed = || Error::cipher_missing("pgcrypto returned nothing");
    let mut used = Used {
        data: bytes.into_datum().ok_or_else(failed)?,
        length: bytes.len(),
        key: Value::empty(),
    };
    used.key.bytes.copy_from_slice(key);
    let mut vector = Value::empty();
    vector.bytes = *iv;
    let mut mode = Value::empty();
    mode.bytes = *b"aes-cbc/pad:pkcs";
    // SAFETY: the function takes three byteas and a text, as the look-up demands, and returns a bytea of its own, or raises an error. All live as long as the call.
    unsafe {
        let result = guarded!(FunctionCall4Coll(
            &mut function,
            pg_sys::InvalidOid,
            used.data,
            used.key.datum(),
            vector.datum(),
            mode.datum(),
        ));
        let made = result.cast_mut_ptr::<pg_sys::varlena>();
        let plain_or_not = pgrx::varlena::varlena_to_byte_slice(made).to_vec();
        wipe_value(result, plain_or_not.len());
        guarded!(pfree(made.cast()));
        Ok(plain_or_not)
    }
}

/// A value for the server, of as many bytes as a variable has.
#[repr(C, align(8))]
struct Value<const N: usize> {
    header: [u8; pg_sys::VARHDRSZ],
    bytes: [u8; N],
}

impl<const N: usize> Value<N> {
    fn empty() -> Self {
        Self {
            header: [0; pg_sys::VARHDRSZ],
            bytes: [0; N],
        }
    }

    fn datum(&mut self) -> pg_sys::Datum {
        let start = std::ptr::from_mut(self);
        // SAFETY: a header of four bytes, and N behind it.
        unsafe { pgrx::set_varsize_4b(start.cast(), (pg_sys::VARHDRSZ + N) as i32) };
        pg_sys::Datum::from(start)
    }
}

/// What a call was given. pgcrypto gives its copies of a key back as they are: one of 32 bytes where it was called, one in the memory of the process, with its cipher. Whoever asks for memory
/// of their sizes next gets them: when this goes, after an error too, they are overwritten, and so is what was given.
struct Used {
    data: pg_sys::Datum,
    length: usize,
    key: Value<32>,
}

impl Drop for Used {
    fn drop(&mut self) {
        secret::wipe(&mut self.key.bytes);
        // SAFETY: both contexts are valid as long as the process; memory that is had here is overwritten up to the size that was asked for, and given back. Where
        // there is none, none was freed either. Nothing in the boundary wants to be dropped.
        unsafe {
            wipe_value(self.data, self.length);
            guarded!({
                pfree(self.data.cast_mut_ptr());
                for (context, size) in [
                    (pg_sys::CurrentMemoryContext, 32),
                    (pg_sys::CurrentMemoryContext, 64),
                    (pg_sys::TopMemoryContext, 256),
                ] {
                    let places = [(); 3].map(|()| {
                        MemoryContextAllocExtended(context, size, pg_sys::MCXT_ALLOC_NO_OOM as i32)
                    });
                    for place in places {
                        if !place.is_null() {
                            secret::wipe(std::slice::from_raw_parts_mut(place.cast(), size));
                            pfree(place);
                        }
                    }
                }
            });
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
